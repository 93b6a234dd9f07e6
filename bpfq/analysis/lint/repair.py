"""All fixes of a filter, in rounds: what overlaps waits for the next one."""

from __future__ import annotations

from collections.abc import Callable

from bpfq.analysis.lint.findings import Edit, Finding, applied, compatible
from bpfq.errors import FilterError
from bpfq.record import record

_MOST_ROUNDS = 20


@record
class Repaired:
    """edits: those of each round, for the text after the round before."""

    text: str
    edits: tuple[tuple[Edit, ...], ...]
    left: tuple[Finding, ...]


def repaired(text: str, lint: Callable[[str], tuple[Finding, ...]]) -> Repaired:
    """The filter after all fixes, and what ``lint`` still finds; raises what ``lint`` raises."""
    rounds: list[tuple[Edit, ...]] = []
    left = lint(text)
    while len(rounds) < _MOST_ROUNDS:
        fixes = compatible(left)
        if not fixes:
            break
        edits = tuple(edit for fix in fixes for edit in fix.edits)
        try:
            left = lint(applied(text, edits))
        except FilterError:  # each is right by itself: parentheses around nothing, say
            edits = fixes[0].edits
            left = lint(applied(text, edits))
        text = applied(text, edits)
        rounds.append(edits)
    return Repaired(text, tuple(rounds), left)
