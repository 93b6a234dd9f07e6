"""A decision graph in a terminal: a row each test, arrows where a test is not the next one.

0  [12:2] = 0x86dd  ip6          ✓ ↓       ✗ 4 ───────╮
1  [20] = 6         tcp          ✓ ↓       ✗ reject   │
2  [54:2] = 0x50    src port 80  ✓ accept  ✗ ↓        │
3  [56:2] = 0x50    dst port 80  ✓ accept  ✗ reject   │
4  [12:2] = 0x800   ip           ✓ ↓       ✗ reject ◂─╯
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from bpfq.analysis.decisions.picture import Decision, Exit
from bpfq.analysis.drawing.lanes import beside, columns_of, lanes
from bpfq.analysis.drawing.panel import Panel, grouped, verdicts
from bpfq.analysis.drawing.rows import NO, YES, Row, aligned, defined, tests

_MOST_LANES: Final = 12
_RESERVED: Final = 6  # lanes that tests and meanings are cut for
_SIGNS: Final = {"new": "+", "led": "~"}


def draw(panel: Panel, width: int = 80, most: int = 100) -> Iterator[str]:
    """The lines of a drawing: the first tests of the graph, and how many more there are."""
    picture = panel.picture
    decisions = picture.decisions[:most]
    if not decisions:
        yield f"{picture.start}, whatever the packet holds"
    else:
        yield from _rows(panel, decisions, width)
    left = len(picture.decisions) - len(decisions)
    if left:
        yield f"... and {left} more: --json or -o FILE for all"
    if panel.gone:
        rows = [Row("-", str(one.number), one.test, one.meaning, "", "") for one in panel.gone]
        yield from (line.rstrip() for line in aligned(rows[:most], width))
        if len(rows) > most:
            yield f"... and {tests(len(rows) - most)} more that went"
    yield from (f"    {line}" for line in defined(decisions, picture.definitions))
    if panel.counts is not None:
        yield verdicts(panel.counts)


def _rows(panel: Panel, decisions: Sequence[Decision], width: int) -> Iterator[str]:
    at = {one.number: row for row, one in enumerate(decisions)}
    arrows = _arrows(decisions, at)
    wanted = columns_of(arrows, _RESERVED)
    rows = _texts(panel, decisions, at)
    texts = aligned(rows, width - (wanted + 3 if wanted else 0))
    drawn = lanes(arrows, min(_MOST_LANES, max(width - len(texts[0]) - 3, 0)))
    for number, text in enumerate(texts):
        marks = beside(number, drawn)
        plain = text.rstrip()
        if not marks:
            yield plain
        elif marks[0] == " ":
            yield f"{text} {marks}"
        else:
            yield f"{plain} {marks[0]}{'─' * (len(text) - len(plain))}{marks[1:]}"


def _arrows(decisions: Sequence[Decision], at: Mapping[int, int]) -> dict[int, list[int]]:
    """Row -> the rows that lead there, but for the one right above it."""
    arrows: dict[int, list[int]] = {}
    for row, one in enumerate(decisions):
        for exit in dict.fromkeys((one.yes, one.no)):
            target = at.get(exit, row) if isinstance(exit, int) else row
            if target > row + 1:
                arrows.setdefault(target, []).append(row)
    return arrows


def _texts(panel: Panel, decisions: Sequence[Decision], at: Mapping[int, int]) -> list[Row]:
    """The tests as rows; what packets took an exit stands behind it."""
    passed = panel.passed()
    yes = [_exit(YES, one.yes, row, at) for row, one in enumerate(decisions)]
    no = [_exit(NO, one.no, row, at) for row, one in enumerate(decisions)]
    if passed:
        took = [passed[one.number] for one in decisions]
        yes = _counted(yes, [grouped(one.yes) for one in took])
        no = _counted(no, [grouped(one.no) for one in took])
        no = [f"{text}  ! {grouped(one.short)}" * bool(one.short) or text
              for text, one in zip(no, took, strict=True)]  # fmt: skip
    return [
        Row(_SIGNS.get(panel.mark(one.number), ""), str(one.number), one.test, one.meaning, *ends)
        for one, *ends in zip(decisions, yes, no, strict=True)
    ]


def _exit(sign: str, exit: Exit, row: int, at: Mapping[int, int]) -> str:
    below = isinstance(exit, int) and at.get(exit) == row + 1
    return f"{sign} {'↓' if below else exit}"


def _counted(exits: Sequence[str], counts: Sequence[str]) -> list[str]:
    """Exits with their counts in a column, right-aligned."""
    left, right = max(map(len, exits)), max(map(len, counts))
    return [f"{a:<{left}} {b:>{right}}" for a, b in zip(exits, counts, strict=True)]
