"""Words of a packet as index expressions, and sets of their values as comparisons.

bytes 2 at 4*(b[14] & 0xf) + 16        tcp[2:2]
word in {0..1023}                      word < 1024
word in {w: w & 0x1fff = 0}            word & 0x1fff = 0
"""

from __future__ import annotations

from typing import TypeAlias, assert_never

from bpfq.errors import BpfqError
from bpfq.intervals import Bounds
from bpfq.operators import WORD_MASK, Operator
from bpfq.query import build
from bpfq.query.nodes import Query, Under, Value
from bpfq.record import record
from bpfq.symbolic.propositions import Condition, Member, Order
from bpfq.symbolic.words import (
    START,
    Bytes,
    Draw,
    Either,
    Held,
    Length,
    Metadata,
    Number,
    Operation,
    Word,
)

_MOST_PIECES = 8  # intervals that are listed one by one
_MOST_DEPTH = 40  # of a computation that is written out
_ROUNDER = 3  # bits
_HIGH = 1 << 31  # what is added from here on was subtracted


@record
class Header:
    """Where ``name[0]`` is: index + offset, from ``base``."""

    name: str
    base: str
    index: Word | None
    offset: int
    under: Under = ()


Headers: TypeAlias = tuple[Header, ...]


# ---------------------------------------------------------------- words


def value_of(word: Word, headers: Headers) -> Value | None:
    """The word as filter text reads it, from the first header that fits; None: it cannot."""
    try:
        return _value(word, headers, _MOST_DEPTH)
    except BpfqError:
        return None


def _value(word: Word, headers: Headers, depth: int) -> Value | None:
    if depth == 0:
        return None
    match word:
        case Number(value=value):
            return build.number(value)
        case Length():
            return build.length()
        case Bytes():
            return _index(word, headers, depth)
        case Operation(operator, left, right):
            first = _value(left, headers, depth - 1)
            if operator is Operator.ADD and isinstance(right, Number) and right.value >= _HIGH:
                operator, right = Operator.SUB, Number(WORD_MASK + 1 - right.value)
            second = _value(right, headers, depth - 1)
            if first is None or second is None:
                return None
            return build.arithmetic(operator, first, second)
        case Metadata() | Draw() | Held() | Either():
            return None
        case _:
            assert_never(word)


def _index(word: Bytes, headers: Headers, depth: int) -> Value | None:
    for header in headers:
        if header.base != word.base or word.offset < header.offset:
            continue
        rest = _behind(word.index, header.index)
        if rest is _ELSEWHERE:
            continue
        offset: Value | None = build.number(word.offset - header.offset)
        if rest is not None:
            offset = _sum(_value(rest, headers, depth - 1), word.offset - header.offset)
        if offset is not None:
            return build.index(header.name, offset, word.size, header.under)
    return None


_ELSEWHERE = Number(-1)


def _behind(index: Word | None, start: Word | None) -> Word | None:
    """What the index adds to the start; _ELSEWHERE where it does not begin with it."""
    if index is start:
        return None
    if start is None:
        return index
    match index:
        case Operation(Operator.ADD, left, right) if left is start:
            return right
        case Operation(Operator.ADD, left, right) if right is start:
            return left
        case _:
            return _ELSEWHERE


def _sum(value: Value | None, constant: int) -> Value | None:
    if value is None or constant == 0:
        return value
    return build.arithmetic(Operator.ADD, value, build.number(constant))


def leaf_words(*words: Word) -> tuple[Word, ...]:
    """What words are computed from: bytes, metadata, draws, the length and choices."""
    found: dict[Word, None] = {}
    work = list(words)
    while work:
        word = work.pop()
        match word:
            case Operation(left=left, right=right):
                work += [left, right]
            case Bytes(index=Number() | None):
                found[word] = None
            case Bytes(index=index) if index is not None:
                found[word] = None
                work.append(index)
            case Either(then=then, otherwise=otherwise):
                found[word] = None
                work += [then, otherwise]
            case Number():
                continue
            case _:
                found[word] = None
    return tuple(found)


# ---------------------------------------------------------------- sets of values


def masked(bounds: Bounds, most: int) -> tuple[int, int] | None:
    """(mask, value) where the set is all words up to most whose masked bits are the value."""
    first, last = bounds[0], bounds[-1] - 1
    whole = (1 << most.bit_length()) - 1
    if whole != most:
        return None
    same = whole  # bits that have one value all over the set
    size = 0
    for low, end in zip(bounds[::2], bounds[1::2], strict=True):
        size += end - low
        spread = (low ^ (end - 1)).bit_length()
        same &= ~((1 << spread) - 1)
        same &= ~(low ^ first)
    if size != 1 << (whole & ~same).bit_count() or last > most:
        return None
    return same, first & same


def outside(bounds: Bounds, most: int) -> Bounds:
    """The words up to most that are not in the set."""
    edges = [0, *bounds, most + 1]
    pieces = zip(edges[::2], edges[1::2], strict=True)
    return tuple(edge for first, end in pieces if first < end for edge in (first, end))


def comparisons(condition: Condition, headers: Headers) -> tuple[Query, Query] | None:
    """The condition and its opposite as comparisons; None where they cannot be written."""
    match condition:
        case Member(word, bounds):
            value = value_of(word, headers)
            if value is None:
                return None
            return _in_set(value, bounds, word.most), _in_set(
                value, outside(bounds, word.most), word.most
            )
        case Order(left, right, outcomes):
            if _is_later(left, right):
                left, right, outcomes = right, left, frozenset(-one for one in outcomes)
            first, second = value_of(left, headers), value_of(right, headers)
            if first is None or second is None:
                return None
            relation = _RELATIONS[outcomes]
            opposite = _RELATIONS[frozenset((-1, 0, 1)) - outcomes]
            return build.compare(relation, first, second), build.compare(opposite, first, second)
        case _:
            return None


def _is_later(left: Word, right: Word) -> bool:
    """Both are bytes of one header, which are written in its order."""
    return isinstance(left, Bytes) and isinstance(right, Bytes) and left.offset > right.offset


_RELATIONS = {
    frozenset((0,)): "=", frozenset((1,)): ">", frozenset((-1,)): "<",
    frozenset((0, 1)): ">=", frozenset((-1, 0)): "<=", frozenset((-1, 1)): "!=",
}  # fmt: skip


def _in_set(value: Value, bounds: Bounds, most: int) -> Query:
    """The value is in the set, as few comparisons as there are."""
    if not bounds:
        return build.compare("<", value, build.number(0))
    found = _one_comparison(value, bounds, most)
    if found is not None:
        return found
    rest = outside(bounds, most)
    opposite = masked(rest, most)
    if opposite is not None:
        mask, wanted = opposite
        return build.compare("!=", _and(value, mask), build.number(wanted))
    if len(rest) < len(bounds):
        return build.negate(_in_set(value, rest, most))
    return build.any_of(
        *(
            _between(value, first, end, most)
            for first, end in zip(bounds[::2], bounds[1::2], strict=True)
        )
    )


def _one_comparison(value: Value, bounds: Bounds, most: int) -> Query | None:
    if len(bounds) == 2:
        if _plain(bounds, most):
            return _between(value, *bounds, most)
    elif len(bounds) == 4 and bounds[0] == 0 and bounds[-1] > most and bounds[2] == bounds[1] + 1:
        return build.compare("!=", value, build.number(bounds[1]))
    found = masked(bounds, most)
    if found is None:
        return None
    mask, wanted = found
    return build.compare("=", _and(value, mask), build.number(wanted))


def _plain(bounds: Bounds, most: int) -> bool:
    return bounds[1] == bounds[0] + 1 or bounds[0] == 0 or bounds[1] > most


def _and(value: Value, mask: int) -> Value:
    return build.arithmetic(Operator.AND, value, build.number(mask))


def _between(value: Value, first: int, end: int, most: int) -> Query:
    if end == first + 1:
        return build.compare("=", value, build.number(first))
    above = build.compare(">=", value, build.number(first))
    if not first or not _rounder(first, first - 1):
        above = build.compare(">", value, build.number(max(first - 1, 0)))
    below = build.compare("<=", value, build.number(end - 1))
    if end <= WORD_MASK and not _rounder(end - 1, end):
        below = build.compare("<", value, build.number(end))
    if end > most:
        return above
    return below if first == 0 else build.all_of(above, below)


def _rounder(this: int, other: int) -> bool:
    """Whether of two neighbours a filter is likelier to name this; else the shorter text wins."""
    return _roundness(this) >= _roundness(other) + _ROUNDER


def _roundness(value: int) -> int:
    tens = len(str(value)) - len(str(value).rstrip("0"))
    return max((value & -value).bit_length(), 4 * tens)


def is_short(condition: Condition) -> bool:
    """The condition takes no more comparisons than a reader bears with."""
    if not isinstance(condition, Member) or len(condition.bounds) <= 2 * _MOST_PIECES:
        return True
    most = condition.word.most
    return bool(masked(condition.bounds, most) or masked(outside(condition.bounds, most), most))


def starts_of(condition: Condition) -> tuple[str, Word | None, int] | None:
    """Where the one byte is that a probe compares."""
    match condition:
        case Member(Bytes(base, index, offset, 1), _) if base == START or index is None:
            return base, index, offset
        case _:
            return None
