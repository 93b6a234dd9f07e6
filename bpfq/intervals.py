"""Sets of unsigned numbers as sorted, disjoint, half-open intervals.

bounds = (first, end, first, end, ...)       {5, 6, 7, 20} is (5, 8, 20, 21)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal, TypeAlias, assert_never

from bpfq.operators import WORD_MASK, Operator, Relation, wrap

Bounds: TypeAlias = tuple[int, ...]
Order: TypeAlias = Literal[Relation.EQ, Relation.GT, Relation.GE]

EMPTY: Bounds = ()
_MODULUS = WORD_MASK + 1
_MOST_PIECES = 64  # of a preimage; beyond, the operation stays as it is
_MOST_STEPS = 1024  # looked at for one preimage


def of(relation: Order, value: int) -> Bounds:
    """The words for which ``word relation value`` holds."""
    match relation:
        case Relation.EQ:
            return (value, value + 1)
        case Relation.GT:
            return (value + 1, _MODULUS) if value < WORD_MASK else EMPTY
        case Relation.GE:
            return (value, _MODULUS)
        case _:
            assert_never(relation)


def mirrored(relation: Order, value: int) -> Bounds:
    """The words for which ``value relation word`` holds."""
    match relation:
        case Relation.EQ:
            return (value, value + 1)
        case Relation.GT:
            return (0, value) if value else EMPTY
        case Relation.GE:
            return (0, value + 1)
        case _:
            assert_never(relation)


def contains(bounds: Bounds, value: int) -> bool:
    return any(first <= value < end for first, end in zip(bounds[::2], bounds[1::2], strict=True))


def clipped(bounds: Bounds, end: int) -> Bounds:
    """The part below end."""
    return united(
        (first, min(last, end))
        for first, last in zip(bounds[::2], bounds[1::2], strict=True)
        if first < end
    )


def complement(bounds: Bounds, end: int) -> Bounds:
    """What is below end and not in the set."""
    edges = (0, *bounds, end)
    return united(zip(edges[::2], edges[1::2], strict=True))


def common(left: Bounds, right: Bounds) -> Bounds:
    """What is in both."""
    found: list[int] = []
    one = other = 0
    while one < len(left) and other < len(right):
        first = max(left[one], right[other])
        end = min(left[one + 1], right[other + 1])
        if first < end:
            found += (first, end)
        if left[one + 1] < right[other + 1]:
            one += 2
        else:
            other += 2
    return tuple(found)


def united(pieces: Iterable[tuple[int, int]]) -> Bounds:
    """The union of intervals in any order."""
    made: list[int] = []
    for first, end in sorted(pieces):
        if first >= end:
            continue
        if made and first <= made[-1]:
            made[-1] = max(made[-1], end)
        else:
            made += [first, end]
    return tuple(made)


def before(operator: Operator, constant: int, bounds: Bounds, most: int) -> Bounds | None:
    """The words up to most for which ``word operator constant`` is in bounds.

    None where the operation is not undone exactly, or not in few intervals.
    """
    match operator:
        case Operator.ADD:
            return _shifted(bounds, -constant, most)
        case Operator.SUB:
            return _shifted(bounds, constant, most)
        case Operator.AND:
            return masked(constant, bounds, most)
        case Operator.XOR:
            return _points(bounds, lambda value: value ^ constant, most)
        case Operator.RSH if constant < 32:
            return _scaled_up(bounds, 1 << constant, most)
        case Operator.DIV if constant:
            return _scaled_up(bounds, constant, most)
        case Operator.LSH if constant < 32 and most << constant <= WORD_MASK:
            return _scaled_down(bounds, 1 << constant, most)
        case Operator.MUL if constant and most * constant <= WORD_MASK:
            return _scaled_down(bounds, constant, most)
        case _:
            return None


def masked(mask: int, bounds: Bounds, most: int) -> Bounds | None:
    """The words up to most whose bits under the mask form a number in bounds."""
    mask &= (1 << most.bit_length()) - 1
    if mask == 0:
        return (0, most + 1) if contains(bounds, 0) else EMPTY
    step = mask & -mask  # words that differ below it have the same bits under the mask
    above = most.bit_length() - mask.bit_length()  # bits above the mask: any
    if mask + step & mask or 1 << above > _MOST_PIECES:
        return _step_by_step(mask, step, bounds, most)
    inside = _aligned(bounds, step, mask)
    if above and len(inside) // 2 << above > _MOST_PIECES:
        return None
    period = 1 << mask.bit_length()
    pieces = (
        (first + period * n, end + period * n)
        for n in range(1 << above)
        for first, end in zip(inside[::2], inside[1::2], strict=True)
    )
    return clipped(united(pieces), most + 1)


def _aligned(bounds: Bounds, step: int, mask: int) -> Bounds:
    """For a mask of neighbouring bits: the words not above it that are in bounds when masked."""
    low = (
        (-(-first // step) * step, -(-end // step) * step)
        for first, end in zip(bounds[::2], bounds[1::2], strict=True)
    )
    return clipped(united(low), mask + step)


def _step_by_step(mask: int, step: int, bounds: Bounds, most: int) -> Bounds | None:
    """For any mask: every run of words that are the same when masked; None where those are many."""
    if most // step >= _MOST_STEPS:
        return None
    pieces = (
        (first, first + step)
        for first in range(0, most + 1, step)
        if contains(bounds, first & mask)
    )
    made = clipped(united(pieces), most + 1)
    return made if len(made) <= 2 * _MOST_PIECES else None


def _shifted(bounds: Bounds, by: int, most: int) -> Bounds:
    pieces = []
    for first, end in zip(bounds[::2], bounds[1::2], strict=True):
        if end - first >= _MODULUS:
            return (0, most + 1)
        start, stop = wrap(first + by), wrap(end - 1 + by) + 1
        pieces += [(start, stop)] if start < stop else [(start, _MODULUS), (0, stop)]
    return clipped(united(pieces), most + 1)


def _points(bounds: Bounds, change: Callable[[int], int], most: int) -> Bounds | None:
    total = sum(end - first for first, end in zip(bounds[::2], bounds[1::2], strict=True))
    if total > _MOST_PIECES:
        return None
    values = [
        change(value)
        for first, end in zip(bounds[::2], bounds[1::2], strict=True)
        for value in range(first, end)
    ]
    return clipped(united((value, value + 1) for value in values), most + 1)


def _scaled_up(bounds: Bounds, factor: int, most: int) -> Bounds:
    return clipped(tuple(value * factor for value in bounds), most + 1)


def _scaled_down(bounds: Bounds, factor: int, most: int) -> Bounds:
    scaled = (
        (-(-first // factor), -(-end // factor))
        for first, end in zip(bounds[::2], bounds[1::2], strict=True)
    )
    return clipped(united(scaled), most + 1)
