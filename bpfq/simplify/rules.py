"""Rules of algebra for tests of one value, Query -> Query; none of them reads more than before.

    x & 2 != 0 or x & 4 != 0     =>    x & 6 != 0
    x & 0x40 = 0 and x & 0x20 = 0x20     =>    x & 0x60 = 0x20
    x = 5 or x > 5               =>    x >= 5
    x != 5 and x >= 5            =>    x > 5

Operands of ``and`` are merged into the first of the two: where the second one failed, the first
fails now, earlier, and where both held nothing is read that was not read.  The same with ``or``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from bpfq import intervals
from bpfq.intervals import Bounds
from bpfq.operators import WORD_MASK, Operator
from bpfq.query import build
from bpfq.query import nodes as q
from bpfq.record import record
from bpfq.source import join

_MODULUS = WORD_MASK + 1


@record
class Masked:
    """``value & mask = bits``, or its opposite; a mask of all ones is the value itself."""

    mask: int
    bits: int
    equal: bool


@record
class Within:
    """The value is in the set."""

    bounds: Bounds


Test: TypeAlias = Masked | Within


def merged(operands: Sequence[q.Query], fixed: Sequence[bool], *, conjunction: bool) -> list[int]:
    """For each operand of ``and`` or ``or`` the index of the one that it merges into, or its own.

    fixed: operands that must stay, and past which nothing is moved.
    """
    into = list(range(len(operands)))
    current = list(operands)
    first: dict[q.Value, list[int]] = {}  # where tests of a value stand
    for number, operand in enumerate(operands):
        if fixed[number]:
            first = {}
            continue
        value = _value(operand)
        if value is None:
            continue
        places = first.setdefault(value, [])
        for place in places:
            made = merge(current[place], operand, conjunction=conjunction)
            if made is not None:
                current[place], into[number] = made, place
                break
        else:
            places.append(number)
    return into


def merge(left: q.Query, right: q.Query, *, conjunction: bool) -> q.Compare | None:
    """One test that is both of two tests of one value, or either of them; None if there is none."""
    value, other = _value(left), _value(right)
    if value is None or value != other:
        return None
    assert isinstance(left, q.Compare) and isinstance(right, q.Compare)
    one, two = _test(left), _test(right)
    if one is None or two is None:
        return None
    made = _merge_tests(one, two, _width(value), conjunction=conjunction)
    for same, test in ((left, one), (right, two)):
        if made == test:
            return same
    written = None if made is None else _written(value, made, _width(value))
    if written is None:
        return None
    relation, tested, constant = written
    span = join(left.span, right.span)
    return build.compare(relation, tested, build.number(constant), span=span)


def _merge_tests(one: Test, two: Test, width: int, *, conjunction: bool) -> Test | None:
    if isinstance(one, Masked) and isinstance(two, Masked):
        return merge_masks(one, two, conjunction=conjunction)
    if isinstance(one, Within) and isinstance(two, Within):
        return Within(merge_sets(one.bounds, two.bounds, width, conjunction=conjunction))
    return None


# ---------------------------------------------------------------- masks


def merge_masks(one: Masked, two: Masked, *, conjunction: bool) -> Masked | None:
    """m = a and n = b  =>  m|n = a|b, where they agree; the opposites with ``or``."""
    one, two = _as(one, conjunction), _as(two, conjunction)
    if one.equal is not conjunction or two.equal is not conjunction:
        return None
    if (one.bits ^ two.bits) & one.mask & two.mask:
        return None  # they exclude each other, or are all there is
    return Masked(one.mask | two.mask, one.bits | two.bits, conjunction)


def _as(test: Masked, equal: bool) -> Masked:
    """x & 4 != 0  =>  x & 4 = 4: a single bit is what it is not otherwise."""
    if test.equal is equal or not _is_single_bit(test.mask):
        return test
    return Masked(test.mask, test.bits ^ test.mask, equal)


def _is_single_bit(mask: int) -> bool:
    return mask > 0 and mask & (mask - 1) == 0


# ---------------------------------------------------------------- sets


def merge_sets(one: Bounds, two: Bounds, width: int, *, conjunction: bool) -> Bounds:
    if conjunction:
        one, two = intervals.complement(one, width), intervals.complement(two, width)
    pieces = [*zip(one[::2], one[1::2], strict=True), *zip(two[::2], two[1::2], strict=True)]
    union = intervals.united(pieces)
    return intervals.complement(union, width) if conjunction else union


# ---------------------------------------------------------------- from and to the tree


def _value(query: q.Query) -> q.Value | None:
    """What a comparison with a constant looks at, without a mask."""
    match query:
        case q.Compare(left=q.Arithmetic(Operator.AND, value, q.Number()), right=q.Number()):
            return value
        case q.Compare(left=value, right=q.Number()) if not isinstance(value, q.Number):
            return value
        case _:
            return None


def _width(value: q.Value) -> int:
    """The value is below it."""
    return 1 << 8 * value.size if isinstance(value, q.Index) else _MODULUS


def _test(query: q.Compare) -> Test | None:
    assert isinstance(query.right, q.Number)
    constant = query.right.value
    match query.left:
        case q.Arithmetic(Operator.AND, _, q.Number(mask)):
            return _masked(query.relation, mask, constant)
        case value:
            return Within(_bounds(query.relation, constant, _width(value)))


def _masked(relation: str, mask: int, constant: int) -> Masked | None:
    if (relation, constant) in ((">", 0), (">=", 1)):
        relation, constant = "!=", 0
    if relation not in ("=", "!=") or constant & ~mask:
        return None
    return Masked(mask, constant, relation == "=")


def _bounds(relation: str, constant: int, width: int) -> Bounds:
    inside: Bounds
    match relation:
        case "=" | "!=":
            inside = (constant, constant + 1)
        case ">" | "<=":
            inside = (constant + 1, width)
        case _:
            inside = (constant, width)
    inside = intervals.clipped(inside, width) if inside[0] < inside[1] else ()
    return intervals.complement(inside, width) if relation in ("!=", "<=", "<") else inside


def _written(value: q.Value, test: Test, width: int) -> tuple[str, q.Value, int] | None:
    """Relation, left side and constant of one comparison; None where it takes more than one."""
    match test:
        case Masked(mask, bits, equal):
            tested = build.arithmetic(Operator.AND, value, build.number(mask))
            if bits == mask and _is_single_bit(mask):
                bits, equal = 0, not equal  # x & 4 = 4  =>  x & 4 != 0: one instruction
            return "=" if equal else "!=", tested, bits
        case Within(bounds):
            return _relation(value, bounds, width)


def _relation(value: q.Value, bounds: Bounds, width: int) -> tuple[str, q.Value, int] | None:
    match bounds:
        case (first, end) if end == first + 1:
            return "=", value, first
        case (0, end) if end < width:
            return "<", value, end
        case (first, end) if first > 0 and end == width:
            return ">=", value, first
        case (0, hole, after, end) if after == hole + 1 and end == width:
            return "!=", value, hole
        case _:
            return None
