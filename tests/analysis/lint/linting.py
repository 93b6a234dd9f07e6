"""Lint a filter with the real oracle, as the facade does."""

from __future__ import annotations

from typing import Any

from bpfq.analysis.lint.findings import Finding
from bpfq.analysis.lint.oracle import Engine
from bpfq.analysis.lint.reading import read_text
from bpfq.analysis.lint.rules import lint
from bpfq.settings import Settings, settings_of


def settings(target: str = "file", link: str = "EN10MB", **options: Any) -> Settings:
    return settings_of(target, link, **{"level": 1, "allow_empty": True, **options})


def findings(
    text: str,
    target: str = "file",
    link: str = "EN10MB",
    *,
    resolver: Any = None,
    optmem: int | None = None,
    **options: Any,
) -> tuple[Finding, ...]:
    where = settings(target, link, **options)
    return lint(read_text(text, resolver), where, Engine(where), optmem)


def codes(text: str, target: str = "file", link: str = "EN10MB", **options: Any) -> list[str]:
    return [finding.code for finding in findings(text, target, link, **options)]


def only(
    code: str, text: str, target: str = "file", link: str = "EN10MB", **options: Any
) -> Finding:
    """The one finding of a code."""
    (found,) = [f for f in findings(text, target, link, **options) if f.code == code]
    return found


def at(text: str, finding: Finding) -> list[str]:
    """The words that a finding points at."""
    return [text[span.start : span.end] for span in finding.spans]


def fixed(text: str, finding: Finding) -> str | None:
    return None if finding.fix is None else finding.fix.apply(text)


def tries(finding: Finding) -> list[str]:
    return [suggestion.text for suggestion in finding.suggestions]
