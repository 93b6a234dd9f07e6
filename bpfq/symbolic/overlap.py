"""Words that share bits of the packet, split into the parts that all their uses have in common.

    [20:4] & 0x1fff00ff, [20:2], [23:1]    =>    [20:2] >> 13, [20:2] & 0x1fff, [23:1]

A set of values of a word is a condition on its parts, taken as digits of the value from the first
to the last.  Parts share no bit, so to a diagram they are variables that are truly independent.
Only words whose bits are bits of the packet, or 0, are split: loads, masks and shifts of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias, TypeVar

from bpfq.operators import WORD_BITS, Operator
from bpfq.record import record
from bpfq.symbolic.propositions import Decide, Member, Proposition, operands
from bpfq.symbolic.words import Bytes, Number, Operation, Word, Words

_Result = TypeVar("_Result")  # a diagram, or a proposition
Source: TypeAlias = tuple[str, Word | None]  # the base and the index of a load
Place: TypeAlias = int | None
_Bits: TypeAlias = tuple[Place, ...]  # places in the packet, from the lowest; None for 0


@record
class Part:
    """Neighbouring bits of a word; word: what has their value, None where they are 0."""

    word: Word | None
    width: int


@record
class Split:
    """A word's parts from its lowest bits to its highest, and all parts that it is related to.

    related: in the order of their place in the packet, the same for all words that share some.
    """

    parts: tuple[Part, ...]
    related: tuple[Word, ...]


def splits(proposition: Proposition, words: Words) -> dict[Word, Split]:
    """How each word is split that shares bits with another one, or has bits that are always 0."""
    sources: dict[Source, dict[Word, _Bits]] = {}
    for word in _tested(proposition):
        where = placed(word)
        if where is not None:
            source, bits = where
            sources.setdefault(source, {})[word] = bits
    found: dict[Word, Split] = {}
    for source, placed_words in sources.items():
        found |= _split(source, placed_words, words)
    return found


def _tested(proposition: Proposition) -> dict[Word, None]:
    found: dict[Word, None] = {}
    work, seen = [proposition], {proposition}
    while work:
        current = work.pop()
        if isinstance(current, Decide) and isinstance(current.condition, Member):
            found[current.condition.word] = None
        new = [part for part in operands(current) if part not in seen]
        seen.update(new)
        work += new
    return found


# ---------------------------------------------------------------- words as bits


def placed(word: Word) -> tuple[Source, _Bits] | None:
    """Where the bits of a word stand in the packet; None for a word that is computed."""
    steps: list[tuple[Operator, int]] = []
    while True:
        match word:
            case Operation(operator, left, Number(value)) if operator in _MOVES:
                steps.append((operator, value))
                word = left
            case Bytes(base, index, offset, size):
                break
            case _:
                return None
    end = 8 * (offset + size) - 1
    bits: list[int | None] = [end - n for n in range(8 * size)]
    for operator, value in reversed(steps):
        bits = _moved(bits, operator, value)
    while bits and bits[-1] is None:
        bits.pop()
    return (base, index), tuple(bits)


_MOVES = {Operator.AND, Operator.LSH, Operator.RSH}


def _moved(bits: list[int | None], operator: Operator, value: int) -> list[int | None]:
    match operator:
        case Operator.AND:
            return [bit if value >> n & 1 else None for n, bit in enumerate(bits)]
        case Operator.LSH:
            return ([None] * value + bits)[:WORD_BITS]
        case _:
            return bits[value:]


# ---------------------------------------------------------------- parts


def _split(source: Source, placed: Mapping[Word, _Bits], words: Words) -> dict[Word, Split]:
    """The splits of words of one source."""
    users: dict[int, list[Word]] = {}
    for word, bits in placed.items():
        for bit in bits:
            if bit is not None:
                users.setdefault(bit, []).append(word)
    groups = _groups(placed, users)
    found: dict[Word, Split] = {}
    for group in groups:
        if len(group) == 1 and None not in placed[group[0]]:
            continue  # every value up to its most is one of some packet
        runs = _runs(
            {bit: tuple(users[bit]) for word in group for bit in placed[word] if bit is not None}
        )
        parts = {
            last: Part(_word(source, first, last, words), last - first + 1) for first, last in runs
        }
        related = tuple(part.word for part in parts.values() if part.word is not None)
        for word in group:
            found[word] = Split(tuple(_parts(placed[word], parts)), related)
    return found


def _groups(placed: Iterable[Word], users: Mapping[int, Sequence[Word]]) -> list[list[Word]]:
    """Words that share bits, or do so with words that do."""
    group_of = {word: [word] for word in placed}
    for sharing in users.values():
        merged = group_of[sharing[0]]
        for word in sharing[1:]:
            other = group_of[word]
            if other is not merged:
                merged += other
                group_of.update(dict.fromkeys(other, merged))
    return list({id(group): group for group in group_of.values()}.values())


def _runs(users: Mapping[int, tuple[Word, ...]]) -> list[tuple[int, int]]:
    """First and last of neighbouring bits that the same words have."""
    runs: list[tuple[int, int]] = []
    for bit in sorted(users):
        if runs and runs[-1][1] == bit - 1 and users[bit - 1] == users[bit]:
            runs[-1] = runs[-1][0], bit
        else:
            runs.append((bit, bit))
    return runs


def _word(source: Source, first: int, last: int, words: Words) -> Word:
    """What has the value of the bits from first to last."""
    base, index = source
    offset, end = first // 8, last // 8 + 1
    loaded = words.bytes(base, index, offset, end - offset)
    below = 8 * end - 1 - last
    shifted = words.operation(Operator.RSH, loaded, words.number(below))
    return words.operation(Operator.AND, shifted, words.number((1 << last - first + 1) - 1))


def _parts(bits: _Bits, parts: Mapping[int, Part]) -> Iterable[Part]:
    """The parts of a word; parts by their last bit."""
    position = 0
    while position < len(bits):
        bit = bits[position]
        if bit is not None:
            part = parts[bit]
        else:
            part = Part(None, next(n for n, one in enumerate(bits[position:]) if one is not None))
        yield part
        position += part.width


# ---------------------------------------------------------------- values by their digits


def by_parts(
    parts: Sequence[Part],
    cuts: Sequence[int],
    children: Sequence[_Result],
    look: Callable[[Word, Sequence[int], Sequence[_Result]], _Result],
) -> _Result:
    """Where the values of a word lead, as a diagram over its parts, from the lowest upwards.

    look: the diagram that looks at one part.

        a part of 4 bits, cuts (0x35, 0x40)    =>    above it cuts (3, 4), at 3 a look with cut 5
    """
    left = sum(part.width for part in parts)
    for part in parts:
        left -= part.width
        if part.word is None:
            steps = {
                -(-cut >> part.width): child
                for cut, child in zip((0, *cuts), children, strict=True)
            }
        else:
            steps = _above(part.word, part.width, cuts, children, look)
        kept = {cut: child for cut, child in steps.items() if cut < 1 << left}
        cuts, children = list(kept)[1:], list(kept.values())
    return children[0]


def _above(
    word: Word,
    width: int,
    cuts: Sequence[int],
    children: Sequence[_Result],
    look: Callable[[Word, Sequence[int], Sequence[_Result]], _Result],
) -> dict[int, _Result]:
    """What stands above the lowest ``width`` bits, and where it leads from there on."""
    steps = {0: children[0]}
    position = 0
    while position < len(cuts):
        high = cuts[position] >> width
        inside = {0: children[position]}
        while position < len(cuts) and cuts[position] >> width == high:
            inside[cuts[position] - (high << width)] = children[position + 1]
            position += 1
        leads = list(inside.values())
        steps[high] = look(word, list(inside)[1:], leads)
        steps[high + 1] = leads[-1]
    return steps
