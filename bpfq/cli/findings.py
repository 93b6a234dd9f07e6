"""Findings as text for people, and in the formats that tools read.

text     the words, carets below them, what to write instead
json     one object
sarif    SARIF 2.1.0, https://docs.oasis-open.org/sarif/sarif/v2.1.0
github   workflow commands that become annotations of a pull request
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from pathlib import PurePath
from typing import Any, NamedTuple

from bpfq.analysis.lint.findings import SEVERITIES, Edit, Finding
from bpfq.analysis.lint.rules import RULES
from bpfq.cli.terminal import BOLD, DIM, GREEN, RED, paint
from bpfq.record import record
from bpfq.source import Span, render
from bpfq.version import __version__

_STYLES = {"error": RED, "warning": BOLD, "note": DIM}
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

    path: None for an expression.  starts: of the lines of the text.
    """

    text: str
    path: str | None
    target: str
    link: str
    findings: tuple[Finding, ...]
    starts: tuple[int, ...]

    def place(self, span: Span) -> Place:
        line, last = (bisect_right(self.starts, at) for at in span)
        column, end = (
            at - self.starts[n - 1] + 1 for at, n in zip(span, (line, last), strict=True)
        )
        return Place(line, column, last, end)

    def counts(self) -> dict[str, int]:
        return {s: sum(f.severity == s for f in self.findings) for s in SEVERITIES}


def report(
    text: str, path: str | None, target: str, link: str, findings: tuple[Finding, ...]
) -> Report:
    starts = (0, *(at + 1 for at, character in enumerate(text) if character == "\n"))
    return Report(text, path, target, link, findings, starts)


# ---------------------------------------------------------------- text


def as_text(report: Report, *, colour: bool = False) -> str:
    lines: list[str] = []
    for finding in report.findings:
        lines += _finding_lines(report, finding, colour)
    return "\n".join([*lines, _total(report)])


def _finding_lines(report: Report, finding: Finding, colour: bool) -> Iterator[str]:
    head = paint(f"{finding.severity}[{finding.code}]", _STYLES[finding.severity], colour)
    line = ""
    if finding.span is not None and "\n" in report.text.strip():
        line = f"line {report.place(finding.span).line}: "
    shown = render(
        f"{head} {line}{finding.message}", report.text, finding.spans, finding.suggestions
    )
    yield from shown.split("\n")
    if finding.fix is not None:
        text, why = _fixed(report.text, finding.fix.edits)
        yield f"  {paint('fix:', GREEN, colour)}  {text}    {why}"
    if finding.witness is not None:
        yield f"  e.g.  {finding.witness.summary}    {finding.shows}"


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


def _total(report: Report) -> str:
    if not report.findings:
        return "no findings"
    many = len(report.findings)
    counts = [
        f"{count} {severity}{'s' if count > 1 else ''}"
        for severity, count in report.counts().items()
        if count
    ]
    return f"{many} finding{'s' if many > 1 else ''} ({', '.join(counts)})"


# ---------------------------------------------------------------- json


def as_json(report: Report) -> str:
    import json

    return json.dumps(
        {
            "bpfq": __version__,
            "filter": report.text,
            "file": report.path,
            "target": report.target,
            "link": report.link,
            "counts": report.counts(),
            "findings": [_object(report, finding) for finding in report.findings],
        }
    )


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

_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)


def as_sarif(report: Report) -> str:
    import json

    codes = list(RULES)
    return json.dumps(
        {
            "$schema": _SCHEMA,
            "version": "2.1.0",
            "runs": [
                {
                    "tool": {"driver": _driver()},
                    "columnKind": "unicodeCodePoints",
                    "artifacts": [
                        {"location": {"uri": _uri(report)}, "contents": {"text": report.text}}
                    ],
                    "results": [
                        _result(report, finding, codes.index(finding.code))
                        for finding in report.findings
                    ],
                }
            ],
        }
    )


def _driver() -> dict[str, Any]:
    return {
        "name": "bpfq",
        "version": __version__,
        "rules": [
            {
                "id": code,
                "shortDescription": {"text": rule.summary},
                "defaultConfiguration": {"level": rule.level},
            }
            for code, rule in RULES.items()
        ],
    }


def _uri(report: Report) -> str:
    """A path as a relative reference where it is one; an expression has a name of its own."""
    from urllib.parse import quote

    if report.path is None:
        return "expression"
    path = PurePath(report.path)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())


def _result(report: Report, finding: Finding, index: int) -> dict[str, Any]:
    spans = finding.spans or (Span(0, len(report.text)),)
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": index,
        "level": finding.severity,
        "message": {"text": _plain(finding)},
        "locations": [_location(report, spans[0])],
    }
    if len(spans) > 1:
        result["relatedLocations"] = [_location(report, span) for span in spans[1:]]
    if finding.fix is not None:
        result["fixes"] = [_sarif_fix(report, finding.fix.edits)]
    return result


def _plain(finding: Finding) -> str:
    """The message with what to write instead, for formats without a place for it."""
    tries = [f"try: {text}" + (f" ({why})" if why else "") for text, why in finding.suggestions]
    return "; ".join([finding.message, *tries])


def _location(report: Report, span: Span) -> dict[str, Any]:
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": _uri(report), "index": 0},
            "region": _region(report, span),
        }
    }


def _region(report: Report, span: Span) -> dict[str, int]:
    place = report.place(span)
    return {
        "startLine": place.line,
        "startColumn": place.column,
        "endLine": place.end_line,
        "endColumn": place.end_column,
    }


def _sarif_fix(report: Report, edits: Sequence[Edit]) -> dict[str, Any]:
    return {
        "description": {"text": "the same meaning"},
        "artifactChanges": [
            {
                "artifactLocation": {"uri": _uri(report), "index": 0},
                "replacements": [
                    {"deletedRegion": _region(report, span), "insertedContent": {"text": text}}
                    for span, text in sorted(edits)
                ],
            }
        ],
    }


# ---------------------------------------------------------------- github

_COMMANDS = {"error": "error", "warning": "warning", "note": "notice"}


def as_github(report: Report) -> str:
    """One ``::warning file=...::message`` a finding.

    Source: "Workflow commands for GitHub Actions"; escapes as in actions/toolkit, command.ts.
    """
    return "\n".join(_command(report, finding) for finding in report.findings)


def _command(report: Report, finding: Finding) -> str:
    parameters: dict[str, object] = {}
    if report.path is not None:
        parameters["file"] = report.path
    if finding.span is not None:
        place = report.place(finding.span)
        parameters |= {"line": place.line, "endLine": place.end_line}
        if place.line == place.end_line:  # columns are for one line; the end is the last one
            last = max(place.column, place.end_column - 1)
            parameters |= {"col": place.column, "endColumn": last}
    parameters["title"] = f"bpfq {finding.code}"
    listed = ",".join(f"{key}={_property(str(value))}" for key, value in parameters.items())
    return f"::{_COMMANDS[finding.severity]} {listed}::{_escaped(_plain(finding))}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")


FORMATS: dict[str, Callable[[Report], str]] = {
    "text": as_text,
    "json": as_json,
    "sarif": as_sarif,
    "github": as_github,
}
