"""The edges of a panel with their words, in every form of picture."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap
from typing import Final

from bpfq.analysis.decisions.picture import Decision, Exit
from bpfq.analysis.drawing.panel import Panel, grouped
from bpfq.analysis.drawing.rows import defined
from bpfq.record import record

_WIDTH: Final = 100  # characters of a legend's line


@record
class Edge:
    """yes: the test holds on it.  label: "yes" or "no", and how many packets took it.

    led: a pass led it here.  packets: None where none were counted.
    """

    source: int
    target: Exit
    yes: bool
    label: str
    led: bool
    packets: int | None


def edges(panel: Panel) -> Iterator[Edge]:
    """Two for each test, in order."""
    passed = panel.passed()
    for one in panel.picture.decisions:
        took = passed.get(one.number)
        before = (panel.led or {}).get(one.number, (one.yes, one.no))
        for place, (word, exit) in enumerate((("yes", one.yes), ("no", one.no))):
            packets = None if took is None else (took.yes, took.no)[place]
            label = word if packets is None else f"{word} {grouped(packets)}"
            yield Edge(one.number, exit, not place, label, exit != before[place], packets)


def lines_of(panel: Panel, one: Decision) -> tuple[str, ...]:
    """What stands in the box of a test: its meaning, the test itself, packets cut short there."""
    passed = panel.passed().get(one.number)
    short = "" if passed is None or not passed.short else f"{grouped(passed.short)} cut short"
    return tuple(line for line in (one.meaning, one.test, short) if line)


def verdict_lines(panel: Panel, verdict: str) -> tuple[str, ...]:
    """What stands in the box of a verdict."""
    if panel.counts is None:
        return (verdict,)
    accepted = panel.counts.accepted
    count = accepted if verdict == "accept" else panel.counts.packets - accepted
    return (verdict, f"{grouped(count)} packets")


def legend(panel: Panel) -> tuple[str, ...]:
    """What the letters in the tests stand for, in lines."""
    picture = panel.picture
    return tuple(wrap("; ".join(defined(picture.decisions, picture.definitions)), _WIDTH))


def caption(title: str) -> str:
    """A filter's text on one line that is not too long."""
    text = " ".join(title.split()) or "every packet"
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}…"
