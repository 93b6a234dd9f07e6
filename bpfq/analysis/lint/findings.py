"""What a rule reports, and the edits that repair it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple, Protocol, TypeAlias

from bpfq.record import record
from bpfq.source import Span, Suggestion

Severity: TypeAlias = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")


class Edit(NamedTuple):
    """The characters of the span give way to the text; an empty span inserts."""

    span: Span
    text: str


@record
class Fix:
    """Edits that leave the meaning of the filter as it is.

    Only what was checked becomes a Fix: the new text means the same query, or a proved equal one.
    """

    edits: tuple[Edit, ...]

    def apply(self, text: str) -> str:
        """The repaired filter; text is the one that was looked at."""
        return applied(text, self.edits)


class Witness(Protocol):
    """A packet that shows what a finding says."""

    @property
    def octets(self) -> bytes: ...

    @property
    def summary(self) -> str:
        """The packet in one line."""
        ...


@record
class Finding:
    """One thing that is most likely not meant.

    spans: where, the main place first; empty where the whole filter is meant.
    fix: the same meaning, said better.  suggestions: other filters, which may mean something else.
    witness: a packet that shows it, and ``shows`` says what about the packet does.
    """

    code: str
    severity: Severity
    message: str
    spans: tuple[Span, ...] = ()
    fix: Fix | None = None
    suggestions: tuple[Suggestion, ...] = ()
    witness: Witness | None = None
    shows: str = ""

    @property
    def span(self) -> Span | None:
        return self.spans[0] if self.spans else None


def applied(text: str, edits: Iterable[Edit]) -> str:
    """The text after all edits; only deletions may overlap."""
    out: list[str] = []
    at = 0
    for span, replacement in sorted(edits):
        assert span.start >= at or not replacement, "edits overlap"
        out += [text[at : span.start], replacement]
        at = max(at, span.end)
    return "".join([*out, text[at:]])


def compatible(findings: Iterable[Finding]) -> list[Fix]:
    """Fixes that can be applied together, the first ones first; only deletions may overlap."""
    inserted: list[Edit] = []
    deleted: list[Edit] = []
    chosen: list[Fix] = []
    for finding in findings:
        if finding.fix is None:
            continue
        edits = finding.fix.edits
        beside = [
            (edit, other)
            for edit in edits
            for other in (*inserted, *(deleted if edit.text else ()))
        ]
        if not any(_touch(*pair) for pair in beside):
            inserted += [edit for edit in edits if edit.text]
            deleted += [edit for edit in edits if not edit.text]
            chosen.append(finding.fix)
    return chosen


def _touch(one: Edit, other: Edit) -> bool:
    return one.span.start <= other.span.end and other.span.start <= one.span.end
