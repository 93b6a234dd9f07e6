"""Findings as text for people, and in the formats that tools read.

text     the words, carets below them, what to write instead
json     an object a filter
sarif    SARIF 2.1.0, in sarif.py
github   workflow commands that become annotations of a pull request
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from bpfq.analysis.lint.findings import SEVERITIES, Edit, Finding
from bpfq.cli.terminal import BOLD, DIM, GREEN, RED, error_fields, paint
from bpfq.errors import BpfqError
from bpfq.record import record
from bpfq.source import Span, Suggestion, render
from bpfq.version import __version__

_STYLES = {"error": RED, "warning": BOLD, "note": DIM}
_FOUND = 1  # exit code with findings
_LONGEST_FIX = 200  # characters of a repaired filter that are shown


class Place(NamedTuple):
    """Lines and columns count from 1; the end is the column behind the last character."""

    line: int
    column: int
    end_line: int
    end_column: int


@record
class Report:
    """What was looked at, and what was found.

    path: None for an expression.  starts: of the lines of the text.  error: why it is no filter,
    where one of several is none.
    """

    text: str
    path: str | None
    target: str
    link: str
    findings: tuple[Finding, ...]
    starts: tuple[int, ...]
    error: BpfqError | None = None

    @property
    def exit_code(self) -> int:
        if self.error is not None:
            return self.error.exit_code
        return _FOUND if self.findings else 0

    def place(self, span: Span) -> Place:
        line, last = (bisect_right(self.starts, at) for at in span)
        column, end = (
            at - self.starts[n - 1] + 1 for at, n in zip(span, (line, last), strict=True)
        )
        return Place(line, column, last, end)

    def counts(self) -> dict[str, int]:
        return {s: sum(f.severity == s for f in self.findings) for s in SEVERITIES}


def report(
    text: str,
    path: str | None,
    target: str,
    link: str,
    findings: tuple[Finding, ...],
    error: BpfqError | None = None,
) -> Report:
    starts = (0, *(at + 1 for at, character in enumerate(text) if character == "\n"))
    return Report(text, path, target, link, findings, starts, error)


# ---------------------------------------------------------------- text


def as_text(reports: Sequence[Report], *, colour: bool = False, named: bool = False) -> str:
    """Findings, and how many.  named: each finding has its file's name."""
    lines: list[str] = []
    for report in reports:
        for finding in report.findings:
            lines += _finding_lines(report, finding, colour, named)
    return "\n".join([*lines, _total(reports)])


def _finding_lines(report: Report, finding: Finding, colour: bool, named: bool) -> Iterator[str]:
    head = paint(f"{finding.severity}[{finding.code}]", _STYLES[finding.severity], colour)
    where = _where(report, finding.span, named)
    shown = render(
        f"{head} {where}{finding.message}", report.text, finding.spans, finding.suggestions
    )
    yield from shown.split("\n")
    if finding.fix is not None:
        text, why = _fixed(report.text, finding.fix.edits)
        yield f"  {paint('fix:', GREEN, colour)}  {text}    {why}"
    if finding.witness is not None:
        yield f"  e.g.  {finding.witness.summary}    {finding.shows}"


def _where(report: Report, span: Span | None, named: bool) -> str:
    """The line in a text of several; with the name, as editors follow it."""
    if named:
        place = "" if span is None else "{0.line}:{0.column}:".format(report.place(span))
        return f"{report.path}:{place} "
    if span is None or "\n" not in report.text.strip():
        return ""
    return f"line {report.place(span).line}: "


def _fixed(text: str, edits: Sequence[Edit]) -> tuple[str, str]:
    """The repaired filter where it is short, else what is done to it."""
    from bpfq.analysis.lint.findings import applied

    whole = applied(text, edits)
    if len(whole) <= _LONGEST_FIX and "#" not in whole:
        return " ".join(whole.split()), "means the same; --fix"
    gone = " ".join(" ".join(text[slice(*span)].split()) for span, _ in sorted(edits))
    if not any(edit.text for edit in edits):
        return f"without '{gone}'", "means the same; --fix"
    return "--fix", "writes the same meaning out"


def _total(reports: Sequence[Report]) -> str:
    read = sum(report.error is None for report in reports)
    of = "" if read == len(reports) else f"{read} of "
    files = f" in {of}{len(reports)} files" if len(reports) > 1 else ""
    many = sum(len(report.findings) for report in reports)
    if not many:
        return f"no findings{files}"
    found = {s: sum(report.counts()[s] for report in reports) for s in SEVERITIES}
    counts = [
        f"{count} {severity}{'s' if count > 1 else ''}"
        for severity, count in found.items()
        if count
    ]
    return f"{many} finding{'s' if many > 1 else ''}{files} ({', '.join(counts)})"


# ---------------------------------------------------------------- json


def as_json(reports: Sequence[Report]) -> str:
    """An object a line, one for each filter."""
    import json

    return "\n".join(json.dumps(report_fields(report)) for report in reports)


def report_fields(report: Report) -> dict[str, Any]:
    """A report as ``--json`` prints it; keys are only ever added."""
    fields: dict[str, Any] = {
        "bpfq": __version__,
        "filter": report.text,
        "file": report.path,
        "target": report.target,
        "link": report.link,
        "counts": report.counts(),
        "findings": [_object(report, finding) for finding in report.findings],
    }
    if report.error is not None:
        fields["error"] = error_fields(report.error)
    return fields


def _object(report: Report, finding: Finding) -> dict[str, Any]:
    fix, witness = finding.fix, finding.witness
    return {
        "code": finding.code,
        "severity": finding.severity,
        "message": finding.message,
        "spans": [_span(report, span) for span in finding.spans],
        "fix": None
        if fix is None
        else {
            "edits": [{"span": list(span), "text": text} for span, text in sorted(fix.edits)],
        },
        "suggestions": [{"text": text, "why": why} for text, why in finding.suggestions],
        "witness": None
        if witness is None
        else {
            "octets": witness.octets.hex(),
            "summary": witness.summary,
            "shows": finding.shows,
        },
    }


def _span(report: Report, span: Span) -> dict[str, Any]:
    place = report.place(span)._asdict()
    return {"start": span.start, "end": span.end, **place, "text": report.text[slice(*span)]}


# ---------------------------------------------------------------- sarif


def _as_sarif(reports: Sequence[Report]) -> str:
    from bpfq.cli.sarif import as_sarif

    return as_sarif(reports)


# ---------------------------------------------------------------- github

_COMMANDS = {"error": "error", "warning": "warning", "note": "notice"}


def plain(message: str, suggestions: Sequence[Suggestion]) -> str:
    """The message with what to write instead, for formats without a place for it."""
    tries = [f"try: {text}" + (f" ({why})" if why else "") for text, why in suggestions]
    return "; ".join([message, *tries])


def as_github(reports: Sequence[Report]) -> str:
    """One ``::warning file=...::message`` a finding.

    Source: "Workflow commands for GitHub Actions"; escapes as in actions/toolkit, command.ts.
    """
    lines = []
    for report in reports:
        lines += [
            _command(report, found.severity, found.span, f"bpfq {found.code}",
                     plain(found.message, found.suggestions))
            for found in report.findings
        ]  # fmt: skip
        if report.error is not None:
            text = plain(report.error.message, report.error.suggestions)
            lines.append(_command(report, "error", report.error.span, "bpfq", text))
    return "\n".join(lines)


def _command(report: Report, severity: str, span: Span | None, title: str, text: str) -> str:
    parameters: dict[str, object] = {}
    if report.path is not None:
        parameters["file"] = report.path
    if span is not None:
        place = report.place(span)
        parameters |= {"line": place.line, "endLine": place.end_line}
        if place.line == place.end_line:  # columns are for one line; the end is the last one
            last = max(place.column, place.end_column - 1)
            parameters |= {"col": place.column, "endColumn": last}
    parameters["title"] = title
    listed = ",".join(f"{key}={_property(str(value))}" for key, value in parameters.items())
    return f"::{_COMMANDS[severity]} {listed}::{_escaped(text)}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")


FORMATS: dict[str, Callable[[Sequence[Report]], str]] = {
    "text": as_text,
    "json": as_json,
    "sarif": _as_sarif,
    "github": as_github,
}
