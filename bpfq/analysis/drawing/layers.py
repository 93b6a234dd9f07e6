"""Layers of a drawing: on which level each box stands, and in which order.

    0        root                boxes stand below all that lead to them
    1      a      |
    2     b  c    |              | is a bend: where a long edge passes a level
    3   accept  reject           all long edges to one box share their bends

Source: the layered method of K. Sugiyama, S. Tagawa, M. Toda, "Methods for Visual Understanding of
Hierarchical System Structures", 1981.  Shared bends keep their number linear where many edges go a
long way to one box, as to a verdict.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Final, TypeAlias

from bpfq.record import record

Key: TypeAlias = Hashable
_SWEEPS: Final = 12
_SWEEPS_OF_LARGE: Final = 3
_LARGE: Final = 3000  # boxes and bends
_BENDS_A_BOX: Final = 12  # on average; of more, the longest edges are drawn straight
_SWAPS: Final = 400  # boxes and bends of a drawing in which neighbours are tried the other way


@record
class Bend:
    """Where the edges to a box pass a level."""

    target: Key
    level: int


@record
class Layered:
    """levels: boxes and bends from left to right, from the top.

    joints: from one level to the next, upper and lower end, each once.  straight: edges over
    several levels without bends.
    """

    levels: tuple[tuple[Key, ...], ...]
    joints: tuple[tuple[Key, Key], ...]
    straight: tuple[tuple[Key, Key], ...]


def layered(
    boxes: Sequence[Key], edges: Sequence[tuple[Key, Key]], bottom: Sequence[Key]
) -> Layered:
    """boxes: each before all that it leads to.  edges: upper and lower end, each once.

    bottom: the boxes that stand on the last level.
    """
    level = _levels(boxes, edges, bottom)
    joints, straight = _joints(edges, level)
    rows: list[list[Key]] = [[] for _ in range(max(level.values(), default=0) + 1)]
    seen: dict[Key, int] = dict(level)
    for upper, lower in joints:
        for end in (upper, lower):
            if isinstance(end, Bend):
                seen.setdefault(end, end.level)
    for key in _from_the_left(boxes, joints, seen):
        rows[seen[key]].append(key)
    return Layered(tuple(map(tuple, _ordered(rows, joints))), tuple(joints), tuple(straight))


def _levels(
    boxes: Sequence[Key], edges: Sequence[tuple[Key, Key]], bottom: Sequence[Key]
) -> dict[Key, int]:
    """One more than the lowest box that leads there."""
    leaving: dict[Key, list[Key]] = {}
    for upper, lower in edges:
        leaving.setdefault(upper, []).append(lower)
    level = dict.fromkeys(boxes, 0)
    for box in boxes:
        for lower in leaving.get(box, ()):
            level[lower] = max(level[lower], level[box] + 1)
    last = max(level.values(), default=0)
    lonely = {box for box in level if box not in bottom and level[box] == last}
    level.update(dict.fromkeys(bottom, last + bool(lonely)))
    return level


def _joints(
    edges: Sequence[tuple[Key, Key]], level: Mapping[Key, int]
) -> tuple[list[tuple[Key, Key]], list[tuple[Key, Key]]]:
    """The edges in pieces from level to level, the shortest first, and those left whole."""
    above: dict[Key, list[Key]] = {}
    for upper, lower in edges:
        above.setdefault(lower, []).append(upper)
    spans = {low: level[low] - min(level[one] for one in ups) for low, ups in above.items()}
    left = _BENDS_A_BOX * len(level)
    joints: list[tuple[Key, Key]] = []
    straight = []
    for lower in sorted(above, key=lambda key: spans[key]):
        left -= spans[lower] - 1
        bends = {number: Bend(lower, number) for number in _passed(lower, spans, level)}
        if left < 0:
            straight += [(one, lower) for one in above[lower] if level[one] + 1 < level[lower]]
            joints += [(one, lower) for one in above[lower] if level[one] + 1 == level[lower]]
            continue
        joints += [(one, bends.get(level[one] + 1, lower)) for one in above[lower]]
        joints += [(bend, bends.get(number + 1, lower)) for number, bend in bends.items()]
    return joints, straight


def _passed(lower: Key, spans: Mapping[Key, int], level: Mapping[Key, int]) -> range:
    """The levels between a box and the highest one that leads there."""
    return range(level[lower] - spans[lower] + 1, level[lower])


def _from_the_left(
    boxes: Sequence[Key], joints: Sequence[tuple[Key, Key]], level: Mapping[Key, int]
) -> list[Key]:
    """Depth first, so that what belongs together starts together."""
    below: dict[Key, list[Key]] = {}
    for upper, lower in joints:
        below.setdefault(upper, []).append(lower)
    found: dict[Key, None] = {}
    for box in boxes:
        work = [box]
        while work:
            key = work.pop()
            if key not in found:
                found[key] = None
                work += reversed(below.get(key, []))
    return [*found, *(key for key in level if key not in found)]


# ---------------------------------------------------------------- order


def _ordered(rows: list[list[Key]], joints: Sequence[tuple[Key, Key]]) -> list[list[Key]]:
    """Rows in which few joints cross: each box near the middle of those it is joined with."""
    above: dict[Key, list[Key]] = {}
    below: dict[Key, list[Key]] = {}
    for upper, lower in joints:
        above.setdefault(lower, []).append(upper)
        below.setdefault(upper, []).append(lower)
    size = sum(map(len, rows))
    best, least = rows, crossings(rows, below)
    rows = [list(row) for row in rows]
    for sweep in range(_SWEEPS if size <= _LARGE else _SWEEPS_OF_LARGE):
        if not least:
            break
        downwards = sweep % 2 == 0
        numbers = range(1, len(rows)) if downwards else range(len(rows) - 2, -1, -1)
        for number in numbers:
            beside = rows[number - 1] if downwards else rows[number + 1]
            _by_middles(rows[number], beside, above if downwards else below)
        if size <= _SWAPS:
            _swapped(rows, above, below)
        count = crossings(rows, below)
        if count < least:
            best, least = [list(row) for row in rows], count
    return best


def _by_middles(row: list[Key], beside: list[Key], joined: Mapping[Key, list[Key]]) -> None:
    """Sort a row by where those it is joined with stand; what is not joined keeps its place."""
    at = {key: place for place, key in enumerate(beside)}
    middles = {}
    for place, key in enumerate(row):
        ends = [at[one] for one in joined.get(key, ()) if one in at]
        middles[key] = sum(ends) / len(ends) if ends else place
    row.sort(key=middles.__getitem__)


def _swapped(
    rows: list[list[Key]], above: Mapping[Key, list[Key]], below: Mapping[Key, list[Key]]
) -> None:
    """Neighbours change places where fewer joints cross then."""
    at = {key: place for row in rows for place, key in enumerate(row)}
    for row in rows:
        for left in range(len(row) - 1):
            first, second = row[left], row[left + 1]
            gain = 0
            for joined in (above, below):
                ends = [[at[one] for one in joined.get(key, ())] for key in (first, second)]
                gain += sum((a > b) - (a < b) for a in ends[0] for b in ends[1])
            if gain > 0:
                row[left], row[left + 1] = second, first
                at[first], at[second] = left + 1, left


def crossings(rows: Sequence[Sequence[Key]], below: Mapping[Key, Sequence[Key]]) -> int:
    """How many pairs of joints cross."""
    count = 0
    for row, following in zip(rows, rows[1:], strict=False):
        at = {key: place for place, key in enumerate(following)}
        ends = [end for key in row for end in sorted(at[one] for one in below.get(key, ()))]
        count += _inversions(ends, len(following))
    return count


def _inversions(ends: Sequence[int], size: int) -> int:
    """Pairs that are in the wrong order, by a Fenwick tree."""
    tree = [0] * (size + 1)
    count = 0
    for seen, end in enumerate(ends):
        place, before = end + 1, 0  # how many earlier ends are not beyond this one
        while place:
            before += tree[place]
            place &= place - 1
        count += seen - before
        place = end + 1
        while place <= size:
            tree[place] += 1
            place += place & -place
    return count
