"""What a register or a byte of the stack holds, as far as it is known.

    r2 = *(u32 *)(r1 +4)          End()
    r1 = *(u32 *)(r1 +0)          Pointer(None, 0)
    r1 += 24                      Pointer(None, 24)
    r3 = *(u16 *)(r1 -12)         Packed([12:2], 2)       its bytes as they lie in memory
    r3 = be16 r3                  Scalar([12:2])

The machine is little endian.  None is a value of which nothing is known.
"""

from __future__ import annotations

from typing import TypeAlias

from bpfq.operators import WORD_MASK, Operator
from bpfq.record import record, replace
from bpfq.symbolic.classic import either
from bpfq.symbolic.propositions import FALSE, TRUE, Packet, Proposition
from bpfq.symbolic.words import MOST_ALTERNATIVES, Bytes, Either, Number, Word, Words

BYTE = 8  # bits
_MOST_PARTS = 16  # addresses of which a pointer may be one


@record
class Scalar:
    """The number ``word + add`` modulo 2**64."""

    word: Word
    add: int = 0


@record
class Packed:
    """The ``size`` bytes of a word, the highest in the lowest place, moved up by shift bits."""

    word: Word
    size: int
    shift: int = 0


@record
class Pointer:
    """The address of byte index + offset of the packet."""

    index: Word | None
    offset: int


@record
class Split:
    """One of two addresses whose indices are too large for one sum; parts: how many in all."""

    test: Proposition
    then: Pointer | Split
    otherwise: Pointer | Split
    parts: int


@record
class End:
    """The end of what lies in one piece; pulled: so many bytes were asked to, None before.

    turn: how often a program began anew although it had pulled bytes.  slot: where it did so last.
    """

    pulled: Word | None = None
    turn: int = 0
    slot: int | None = None


@record
class Piece:
    """How many bytes lie in one piece, of a packet of which not all do."""


@record
class Context:
    """What R1 holds at the start."""


@record
class Frame:
    """The address of a byte of the stack, from R10."""

    offset: int


@record
class Stored:
    """On the stack: one byte of a register that was stored."""

    value: Value
    byte: int


@record
class Copied:
    """On the stack: byte index + offset of the packet, where ``there`` holds; else a copy failed."""

    index: Word | None
    offset: int
    there: Proposition


@record
class Buffer:
    """The socket buffer that a program at netfilter is given."""


@record
class Dynptr:
    """On the stack: one byte of a dynptr of the packet."""


@record
class Slice:
    """The address of ``size`` bytes from index + offset on where ``there`` holds, else 0."""

    index: Word | None
    offset: int
    size: int
    there: Proposition


@record
class MapOf:
    """A map, by its name."""

    name: str


@record
class Entry:
    """The address of an entry that only counts, or 0."""


@record
class Found:
    """The address of an entry of a set where ``there`` holds, else 0."""

    there: Proposition


@record
class Table:
    """The address index bytes behind the start of the bits of a set."""

    name: str
    index: Word | None = None


@record
class Bits:
    """64 bits of a set at a place in its table, shifted right by the low 6 bits of a number."""

    table: Table
    by: Scalar | Packed | None = None


@record
class Untold:
    """A number of which nothing is known, and which tells nothing."""


Value: TypeAlias = (
    Scalar | Packed | Pointer | Split | End | Piece | Context | Frame | Stored | Copied | Buffer
    | Dynptr | Slice | MapOf | Entry | Found | Table | Bits | Untold
    | None
)  # fmt: skip


# ---------------------------------------------------------------- where ways meet


def choose(packet: Packet, test: Proposition, then: Value, otherwise: Value) -> Value:
    """``then`` where the test holds, else ``otherwise``; None for two that are not alike."""
    if then == otherwise or test is TRUE:
        return then
    if test is FALSE:
        return otherwise
    match then, otherwise:
        case Pointer(), Pointer():
            place = _place(packet, test, then, otherwise)
            return Split(test, then, otherwise, 2) if place is None else Pointer(*place)
        case ((Pointer() | Split()), (Pointer() | Split())):
            parts = sum(one.parts if isinstance(one, Split) else 1 for one in (then, otherwise))
            return Split(test, then, otherwise, parts) if parts <= _MOST_PARTS else None
        case Copied(), Copied():
            place = _place(packet, test, then, otherwise)
            there = packet.choose(test, then.there, otherwise.there)
            return None if place is None else Copied(*place, there)
        case Slice(), Slice() if (then.index, then.offset) == (otherwise.index, otherwise.offset):
            there = packet.choose(test, then.there, otherwise.there)
            return replace(then, size=min(then.size, otherwise.size), there=there)
        case Slice(), Slice() if then.size == otherwise.size:
            place = _place(packet, test, then, otherwise)
            there = packet.choose(test, then.there, otherwise.there)
            return None if place is None else Slice(*place, then.size, there)
        case End(), End():
            return _end(packet, test, then, otherwise)
        case Found(then_there), Found(otherwise_there):
            return Found(packet.choose(test, then_there, otherwise_there))
        case Stored(one, byte), Stored(another, own) if byte == own:
            value = choose(packet, test, one, another)
            return None if value is None else replace(then, value=value)
        case ((Scalar() | Packed()), (Scalar() | Packed())):
            return _number(packet, test, then, otherwise)
        case _:
            return None


def _end(packet: Packet, test: Proposition, then: End, otherwise: End) -> End | None:
    if then.turn != otherwise.turn:
        return None
    slot = then.slot if then.slot == otherwise.slot else None
    match then.pulled, otherwise.pulled:
        case None, None:
            return End(None, then.turn, slot)
        case None, _:
            return None
        case _, None:
            return None
        case first, second:
            return End(either(packet, test, first, second), then.turn, slot)


def _place(
    packet: Packet,
    test: Proposition,
    then: Pointer | Copied | Slice,
    otherwise: Pointer | Copied | Slice,
) -> tuple[Word | None, int] | None:
    """The index and offset of a place that is one of two; None where an index would wrap."""
    least = min(then.offset, otherwise.offset)
    words = packet.words
    indices = []
    for one in (then, otherwise):
        index = words.number(0) if one.index is None else one.index
        further = one.offset - least
        if index.most + further > WORD_MASK:
            return None
        indices.append(words.operation(Operator.ADD, index, words.number(further)))
    return either(packet, test, *indices), least


def _number(
    packet: Packet, test: Proposition, then: Scalar | Packed, otherwise: Scalar | Packed
) -> Value:
    words = packet.words
    for one, other in ((then, otherwise), (otherwise, then)):
        if isinstance(one, Packed) and one.shift == 0:
            alike = packed(words, other, one.size)
            if alike is not None:
                arms = (one.word, alike) if one is then else (alike, one.word)
                return Packed(either(packet, test, *arms), one.size)
    left, right = small(words, then), small(words, otherwise)
    if left is not None and right is not None:
        return Scalar(either(packet, test, left, right))
    if isinstance(then, Scalar) and isinstance(otherwise, Scalar) and then.add == otherwise.add:
        return Scalar(either(packet, test, then.word, otherwise.word), then.add)
    return None


# ---------------------------------------------------------------- numbers as words


def low(words: Words, value: Scalar | Packed) -> Word:
    """The low 32 bits."""
    if isinstance(value, Scalar):
        add = words.number(value.add & WORD_MASK)
        return words.operation(Operator.ADD, value.word, add)
    made = words.number(0)
    for place in range(value.size):
        up = words.number(BYTE * place + value.shift)
        moved = words.operation(Operator.LSH, octet(words, value.word, value.size, place), up)
        made = words.operation(Operator.OR, made, moved)
    return made


def octet(words: Words, word: Word, size: int, place: int) -> Word:
    """One of the bytes of a word, from the highest."""
    match word:
        case Bytes(base, index, offset, own) if own == size:
            return words.bytes(base, index, offset + place, 1)
        case Either(test, then, otherwise) if word.alternatives <= MOST_ALTERNATIVES:
            arms = (octet(words, arm, size, place) for arm in (then, otherwise))
            return words.either(test, *arms)
        case _:
            down = words.number(BYTE * (size - 1 - place))
            moved = words.operation(Operator.RSH, word, down)
            return words.operation(Operator.AND, moved, words.number(0xFF))


def small(words: Words, value: Scalar | Packed) -> Word | None:
    """The number where it is below 2**32 for certain."""
    if isinstance(value, Scalar) and not 0 <= value.add <= WORD_MASK - value.word.most:
        return None
    return low(words, value)


def packed(words: Words, value: Scalar | Packed, size: int) -> Word | None:
    """The word of which the number is the bytes in the packet's order; None: no simple one."""
    match value:
        case Packed(word, other, 0) if other == size:
            return word
        case Scalar(Number(number), 0) if number >> BYTE * size == 0:
            return words.number(swapped(number, size))
        case _:
            return None


def swapped(number: int, size: int) -> int:
    return int.from_bytes(number.to_bytes(size, "little"), "big")


def joined(words: Words, first: Packed, behind: Packed) -> Packed:
    """The bytes of the first and then those of the other."""
    size = first.size + behind.size
    return Packed(_joined(words, first.word, first.size, behind.word, behind.size), size)


def _joined(words: Words, first: Word, size: int, behind: Word, further: int) -> Word:
    match first, behind:
        case Bytes(base, index, offset, one), Bytes(other, place, next, two) if (
            base,
            index,
            offset + size,
        ) == (other, place, next) and (one, two) == (size, further):
            return words.bytes(base, index, offset, size + further)
        case Either(test, one, two), Either(same, three, four) if (
            test is same and first.alternatives <= MOST_ALTERNATIVES
        ):
            return words.either(
                test,
                _joined(words, one, size, three, further),
                _joined(words, two, size, four, further),
            )
        case _:
            up = words.operation(Operator.LSH, first, words.number(BYTE * further))
            return words.operation(Operator.OR, up, behind)
