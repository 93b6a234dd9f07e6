"""Arrows beside rows of text: which lane each takes, and the characters of a row.

0  ✓ ↓  ✗ 3  ───╮
1  ✓ ↓  ✗ 3  ───┤      arrows to one row share a lane; what crosses a lane
2  ✓ 4  ✗ 5  ─┬─│─╮    passes below it
3  ✓ 5  ✗ ↓  ◂│─╯─┤
4            ◂╯   │
5            ◂────╯
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from bpfq.record import record

# up, down, right: what a corner leads to beside the text on its left
_CORNERS: Final = {
    (False, True, False): "╮", (True, False, False): "╯", (True, True, False): "┤",
    (False, True, True): "┬", (True, False, True): "┴", (True, True, True): "┼",
}  # fmt: skip


@record
class Lane:
    """Arrows to one row, drawn in a column.  sources: the rows where they begin, ascending."""

    column: int
    sources: tuple[int, ...]
    target: int

    def touches(self, row: int) -> bool:
        return row == self.target or row in self.sources

    def up(self, row: int) -> bool:
        return self.sources[0] < row <= self.target

    def down(self, row: int) -> bool:
        return self.sources[0] <= row < self.target


def lanes(arrows: Mapping[int, Sequence[int]], columns: int) -> tuple[Lane, ...]:
    """arrows: target row -> the rows above that lead there, ascending.

    Short arrows stand next to the text; those for which no column is left are not drawn.
    """
    taken: list[list[tuple[int, int]]] = [[] for _ in range(columns)]
    made = []
    for target, sources in sorted(arrows.items(), key=lambda one: (one[0] - one[1][0], one[0])):
        first = sources[0]
        for column, spans in enumerate(taken):
            if all(end < first or target < start for start, end in spans):
                spans.append((first, target))
                made.append(Lane(column, tuple(sources), target))
                break
    return tuple(made)


def columns_of(arrows: Mapping[int, Sequence[int]], most: int) -> int:
    """How many columns arrows take, up to a number."""
    return max((lane.column + 1 for lane in lanes(arrows, most)), default=0)


def beside(row: int, drawn: Sequence[Lane]) -> str:
    """The characters behind the text of a row, a column each, arrowheads included."""
    here = {lane.column: lane for lane in drawn if lane.up(row) or lane.down(row)}
    if not here:
        return ""
    reach = max((column for column, lane in here.items() if lane.touches(row)), default=-1)
    cells = [_cell(row, column, here.get(column), reach) for column in range(max(here) + 1)]
    if reach < 0:
        return f"  {''.join(cells)}"
    head = "◂" if any(lane.target == row for lane in here.values()) else "─"
    return f"{head}─{''.join(cells)}"


def _cell(row: int, column: int, lane: Lane | None, reach: int) -> str:
    if lane is None:
        return "─" if column < reach else " "
    if not lane.touches(row):
        return "│"
    return _CORNERS[lane.up(row), lane.down(row), column < reach]
