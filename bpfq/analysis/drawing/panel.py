"""What one drawing shows: a graph, what a pass changed in it, and how packets went through it."""

from __future__ import annotations

from collections.abc import Mapping

from bpfq.analysis.decisions.counts import Counts, Passed
from bpfq.analysis.decisions.picture import Decision, Exit, Picture
from bpfq.record import record


@record
class Panel:
    """heading: a line above it, "" for none.

    new, led: the tests that a pass made, and those that it led elsewhere.  gone: those that it
    left out.  leaving: those that the next pass leaves out.  counts: the packets of a capture.
    """

    heading: str
    picture: Picture
    new: frozenset[int] = frozenset()
    led: Mapping[int, tuple[Exit, Exit]] | None = None
    gone: tuple[Decision, ...] = ()
    leaving: frozenset[int] = frozenset()
    counts: Counts | None = None

    def mark(self, number: int) -> str:
        """ "new", "leaving", "led" or ""; the first that is true of a test."""
        if number in self.new:
            return "new"
        if number in self.leaving:
            return "leaving"
        return "led" if self.led and number in self.led else ""

    def passed(self) -> dict[int, Passed]:
        """The packets of each test by its number; empty where none were counted."""
        if self.counts is None:
            return {}
        tests = zip(self.picture.decisions, self.counts.tests, strict=True)
        return {one.number: passed for one, passed in tests}


def verdicts(counts: Counts) -> str:
    """How many packets were accepted and rejected, in a line."""
    rejected = counts.packets - counts.accepted
    short = sum(passed.short for passed in counts.tests)
    cut = f", {grouped(short)} of them cut short" if short else ""
    return (
        f"{grouped(counts.packets)} packet{'s' * (counts.packets != 1)}: "
        f"{grouped(counts.accepted)} accepted, {grouped(rejected)} rejected{cut}"
    )


def grouped(number: int) -> str:
    """Digits in threes."""
    return f"{number:,}".replace(",", " ")
