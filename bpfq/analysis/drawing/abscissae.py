"""Where boxes stand from left to right: near those that they are joined with, and apart.

    wanted 3, 3, 9 with 4 between neighbours    =>    1, 5, 9

Each row is placed at the least squared distance from where its neighbours above and below want it,
which is isotonic regression: pool adjacent violators (Ayer et al., 1955), linear in the row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from bpfq.analysis.drawing.layers import Bend, Key, Layered

_ROUNDS: Final = 10
_ROUNDS_OF_LARGE: Final = 4
_LARGE: Final = 3000  # boxes and bends
_STRAIGHT: Final = 8.0  # how much more two bends want to stand below one another
_GAP: Final = 24.0  # between boxes


def abscissae(made: Layered, widths: Mapping[Key, float]) -> dict[Key, float]:
    """The middle of each box and bend; the leftmost edge is at 0."""
    joined: dict[Key, list[tuple[Key, float]]] = {}
    for upper, lower in made.joints:
        weight = _STRAIGHT if isinstance(upper, Bend) and isinstance(lower, Bend) else 1.0
        joined.setdefault(upper, []).append((lower, weight))
        joined.setdefault(lower, []).append((upper, weight))
    at: dict[Key, float] = {}
    for row in made.levels:
        at.update(zip(row, _packed(row, widths), strict=True))
    large = sum(map(len, made.levels)) > _LARGE
    for number in range(_ROUNDS_OF_LARGE if large else _ROUNDS):
        for row in made.levels if number % 2 else reversed(made.levels):
            at.update(zip(row, _placed(row, widths, joined, at), strict=True))
    least = min((at[key] - widths[key] / 2 for row in made.levels for key in row), default=0.0)
    return {key: place - least for key, place in at.items()}


def _packed(row: Sequence[Key], widths: Mapping[Key, float]) -> list[float]:
    """Side by side, around 0."""
    places = [0.0]
    for left, right in zip(row, row[1:], strict=False):
        places.append(places[-1] + _apart(left, right, widths))
    middle = places[-1] / 2
    return [place - middle for place in places[: len(row)]]


def _apart(left: Key, right: Key, widths: Mapping[Key, float]) -> float:
    return (widths[left] + widths[right]) / 2 + _GAP


def _placed(
    row: Sequence[Key],
    widths: Mapping[Key, float],
    joined: Mapping[Key, Sequence[tuple[Key, float]]],
    at: Mapping[Key, float],
) -> list[float]:
    """The places of a row that are nearest to where each wants to be, in order and apart."""
    packed = _packed(row, widths)
    wanted, weights = [], []
    for key, offset in zip(row, packed, strict=True):
        ends = joined.get(key, ())
        weight = sum(one for _, one in ends)
        middle = sum(at[end] * one for end, one in ends) / weight if ends else at[key]
        wanted.append(middle - offset)
        weights.append(weight or 1.0)
    shifts = increasing(wanted, weights)
    return [offset + shift for offset, shift in zip(packed, shifts, strict=True)]


def increasing(wanted: Sequence[float], weights: Sequence[float]) -> list[float]:
    """The sequence that never falls and is nearest to a wanted one."""
    pools: list[tuple[float, float, int]] = []  # value, weight, how many
    for value, weight in zip(wanted, weights, strict=True):
        many = 1
        while pools and pools[-1][0] > value:
            other, heavy, count = pools.pop()
            value = (value * weight + other * heavy) / (weight + heavy)
            weight, many = weight + heavy, many + count
        pools.append((value, weight, many))
    return [value for value, _, many in pools for _ in range(many)]
