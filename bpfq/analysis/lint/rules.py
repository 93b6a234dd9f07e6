"""The table of rules, and the one walk through it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from bpfq.analysis.lint import (
    encapsulation,
    families,
    limits,
    portability,
    precedence,
    redundant,
    semantic,
)
from bpfq.analysis.lint.findings import Finding, Severity
from bpfq.analysis.lint.oracle import Oracle
from bpfq.analysis.lint.reading import Reading
from bpfq.analysis.lint.subject import Subject
from bpfq.choice import Compiled
from bpfq.compiler import compile_query
from bpfq.errors import LimitError, UnsupportedError
from bpfq.record import record, replace
from bpfq.settings import Settings


@record
class Rule:
    """check: what looks for it.  level: how bad it is at most.

    about: "text", "packets" and "program", which need the addresses of all names, or "language".
    """

    summary: str
    about: str
    level: Severity
    check: Callable[[Subject], Iterator[Finding]]


RULES: dict[str, Rule] = {
    "P01": Rule("'and' and 'or' mixed without parentheses", "text", "warning", precedence.mixed),
    "P02": Rule(
        "'not' does not cover the ids that inherit its words",
        "text",
        "warning",
        precedence.inherited_negation,
    ),
    "V01": Rule(
        "a clause reads behind a tag that need not be there",
        "packets",
        "warning",
        encapsulation.behind_alternative,
    ),
    "V02": Rule(
        "a test of the frame's type stands before the tag",
        "packets",
        "error",
        encapsulation.shim_too_late,
    ),
    "V03": Rule(
        "bytes of a tag that a live socket gets as metadata",
        "text",
        "warning",
        encapsulation.tag_in_metadata,
    ),
    "S01": Rule("matches no packet, or every packet", "packets", "error", semantic.whole),
    "S02": Rule("an alternative that can never match", "packets", "error", semantic.never_here),
    "S03": Rule(
        "a clause that another one makes superfluous",
        "packets",
        "warning",
        redundant.said_already,
    ),
    "I01": Rule(
        "tcp[...] and its kind read IPv4 only, beside IPv6",
        "packets",
        "warning",
        families.ipv4_only,
    ),
    "I02": Rule(
        "not found behind extension headers, or in later fragments",
        "packets",
        "note",
        families.first_header_only,
    ),
    "N01": Rule(
        "a name that DNS or a file of the machine decides", "text", "error", portability.looked_up
    ),
    "L01": Rule("more than 4096 instructions", "program", "error", limits.classic_size),
    "L02": Rule(
        "more than the 64 instructions of xt_bpf", "program", "error", limits.iptables_size
    ),
    "L03": Rule("more than the socket's option memory", "program", "error", limits.option_memory),
    "L04": Rule(
        f"a path of more than {limits.DEEPEST_PATH} instructions",
        "program",
        "warning",
        limits.deep_path,
    ),
    "T01": Rule("for another target or link type", "text", "error", portability.other_target),
    "D01": Rule("a Wireshark display filter", "language", "error", portability.display_filter),
}


def lint(
    reading: Reading, settings: Settings, oracle: Oracle, optmem: int | None = None
) -> tuple[Finding, ...]:
    """Everything that the rules find, in the order of the text; what has no place comes last.

    optmem: bytes of option memory that a socket has, None if not known.  Raises FilterError for a
    filter that is wrong on any target.
    """
    subject = Subject(reading, replace(settings, allow_empty=True), oracle, optmem=optmem)
    if reading.mistaken is None and not reading.unresolved:
        compiled, refusal = _program(subject)
        subject = replace(subject, compiled=compiled, refusal=refusal)
    abouts = _abouts(reading)
    found = [f for rule in RULES.values() if rule.about in abouts for f in rule.check(subject)]
    return tuple(sorted(_without_echoes(found), key=_order))


def _abouts(reading: Reading) -> tuple[str, ...]:
    if reading.mistaken is not None:
        return ("language",)
    return ("text",) if reading.unresolved else ("text", "packets", "program")


def _program(subject: Subject) -> tuple[Compiled | None, UnsupportedError | LimitError | None]:
    settings = subject.settings
    unlimited = replace(settings, target=replace(settings.target, limit=None))
    try:
        return compile_query(subject.query, unlimited), None
    except (UnsupportedError, LimitError) as error:
        return None, error


def _without_echoes(found: Sequence[Finding]) -> Iterator[Finding]:
    """What a more special rule has said of the same clauses is not said again."""
    special = [set(finding.spans) for finding in found if finding.code in ("V02", "I01")]
    for finding in found:
        echo = finding.code in ("S01", "S02") and finding.spans
        if not (echo and any(set(finding.spans) <= spans for spans in special)):
            yield finding


def _order(finding: Finding) -> tuple[bool, int, str]:
    return finding.span is None, finding.span.start if finding.span else 0, finding.code
