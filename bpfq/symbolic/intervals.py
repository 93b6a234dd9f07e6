"""Sets of unsigned numbers as sorted, disjoint, half-open intervals.

bounds = (first, end, first, end, ...)       {5, 6, 7, 20} is (5, 8, 20, 21)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from bpfq.operators import WORD_MASK, Operator, Relation, wrap

Bounds: TypeAlias = tuple[int, ...]

EMPTY: Bounds = ()
_MODULUS = WORD_MASK + 1
_MOST_PIECES = 64  # of a preimage; beyond, the operation stays as it is


def of(relation: Relation, value: int) -> Bounds | None:
    """The words for which ``word relation value`` holds; None where they are no few intervals."""
    match relation:
        case Relation.EQ:
            return (value, value + 1)
        case Relation.GT:
            return (value + 1, _MODULUS) if value < WORD_MASK else EMPTY
        case Relation.GE:
            return (value, _MODULUS)
        case Relation.SET:
            return masked(value, (1, _MODULUS), WORD_MASK)


def contains(bounds: Bounds, value: int) -> bool:
    return any(first <= value < end for first, end in zip(bounds[::2], bounds[1::2], strict=True))


def clipped(bounds: Bounds, end: int) -> Bounds:
    """The part below end."""
    return united(
        (first, min(last, end))
        for first, last in zip(bounds[::2], bounds[1::2], strict=True)
        if first < end
    )


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
    free = (mask & -mask).bit_length() - 1  # bits below the mask: any
    top = (most.bit_length() - 1) - (mask.bit_length() - 1)  # bits above it: any
    holes = [
        bit for bit in range(free, mask.bit_length()) if not mask >> bit & 1
    ]  # free bits between mask bits
    if holes or 1 << top > _MOST_PIECES:
        return _masked_with_holes(mask, bounds, most)
    inside = _aligned(bounds, free, mask)
    if (len(inside) // 2) << top > _MOST_PIECES and top:
        return None
    step = 1 << mask.bit_length()
    pieces = (
        (first + step * n, end + step * n)
        for n in range(1 << top)
        for first, end in zip(inside[::2], inside[1::2], strict=True)
    )
    return clipped(united(pieces), most + 1)


def _aligned(bounds: Bounds, free: int, mask: int) -> Bounds:
    """Without holes: the numbers below 2**bits of the mask that are in bounds when masked."""
    size = 1 << free
    low = [
        (-(-first // size) * size, -(-end // size) * size)
        for first, end in zip(bounds[::2], bounds[1::2], strict=True)
    ]
    return clipped(united(low), mask + size)


def _masked_with_holes(mask: int, bounds: Bounds, most: int) -> Bounds | None:
    """Bit by bit: the pieces are the runs of words whose masked value is inside."""
    bits = [bit for bit in range(most.bit_length()) if mask >> bit & 1]
    if most.bit_length() - (mask & -mask).bit_length() > 9:
        return None
    low = bits[0]
    pieces = []
    for high in range(0, most + 1, 1 << low):
        if contains(bounds, high & mask):
            pieces.append((high, high + (1 << low)))
            if len(pieces) > 1 << 12:
                return None
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
