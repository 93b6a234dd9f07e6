"""Arrows beside rows: what is drawn leads where it should, read back from the characters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bpfq.analysis.drawing.lanes import Lane, beside, lanes

DRAWN = {
    "one arrow": ({2: [0]}, ["──╮", "  │", "◂─╯"]),
    "two to one row": ({3: [0, 1]}, ["──╮", "──┤", "  │", "◂─╯"]),
    "short ones stand inside": ({2: [1], 3: [0]}, ["───╮", "──╮│", "◂─╯│", "◂──╯"]),
    "a lane is used again": ({2: [0], 5: [3]}, ["──╮", "  │", "◂─╯", "──╮", "  │", "◂─╯"]),
    "one passes below another": ({3: [0], 4: [1]}, ["──╮", "──│╮", "  ││", "◂─╯│", "◂──╯"]),
}


@pytest.mark.parametrize("arrows, expected", DRAWN.values(), ids=DRAWN)
def test_arrows_are_drawn(arrows: dict[int, list[int]], expected: list[str]) -> None:
    drawn = lanes(arrows, 9)
    assert [beside(row, drawn) for row in range(len(expected))] == expected


@st.composite
def graphs(draw: st.DrawFn) -> dict[int, list[int]]:
    """Arrows that skip a row at least, at most two from each row."""
    arrows: dict[int, set[int]] = {}
    rows = draw(st.integers(3, 14))
    for row in range(rows - 2):
        for target in draw(st.sets(st.integers(row + 2, rows - 1), max_size=2)):
            arrows.setdefault(target, set()).add(row)
    return {target: sorted(sources) for target, sources in arrows.items()}


@settings(max_examples=300, deadline=None)
@given(graphs())
def test_every_arrow_can_be_followed(arrows: dict[int, list[int]]) -> None:
    drawn = lanes(arrows, 40)
    rows = 1 + max(arrows, default=0)
    lines = [beside(row, drawn) for row in range(rows)]
    found: dict[int, list[int]] = {}
    for row in range(rows):
        for target in followed(lines, row):
            found.setdefault(target, []).append(row)
    assert found == arrows
    assert all(lines[target].startswith("◂") for target in arrows)


def followed(lines: Sequence[str], row: int) -> set[int]:
    """Where the arrows lead that start in a row."""
    ends = set()
    reach = max((at for at, sign in enumerate(lines[row]) if sign in "╮╯┤┬┴┼"), default=-1)
    for at, sign in enumerate(lines[row][: reach + 1]):
        if sign in "╮┤┬┼":
            below = row + 1
            while lines[below][at] not in "╯┴":
                assert lines[below][at] in "│┤┼"
                below += 1
            ends.add(below)
    return ends


@pytest.mark.parametrize("columns", [0, 1, 2])
def test_arrows_without_room_are_left_out_the_longest_first(columns: int) -> None:
    arrows: Mapping[int, Sequence[int]] = {3: [1], 4: [0], 9: [2]}
    assert lanes(arrows, columns) == (Lane(0, (1,), 3), Lane(1, (0,), 4))[:columns]
