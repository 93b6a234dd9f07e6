"""Findings as SARIF 2.1.0: one run, an artifact for each filter, a result for each finding.

https://docs.oasis-open.org/sarif/sarif/v2.1.0.  What is no filter is a notification of the run,
which tells its readers that the run was not a success.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any, Final

from bpfq.analysis.lint.findings import Edit, Finding
from bpfq.analysis.lint.rules import RULES
from bpfq.cli.findings import Report, plain
from bpfq.source import Span
from bpfq.version import __version__

_SCHEMA: Final = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
# Why each rule matters, and what to write: code scanning services ask for both.
_ADVICE: Final = {
    "P01": (
        "'and' and 'or' have equal precedence in pcap-filter and are read from left to right.",
        "Put parentheses around what belongs together.",
    ),
    "P02": (
        "An id without a qualifier inherits the words of the one before it, but not their 'not'.",
        "Write the qualifier again, or 'not (port 22 or port 23)'.",
    ),
    "V01": (
        "Behind vlan, mpls, pppoes or a tunnel every later clause reads behind that header, even "
        "where it stands in another alternative.",
        "Put the alternatives without the tag first, or compile with --through.",
    ),
    "V02": (
        "A frame with a tag has the tag's EtherType, so that a test of another type excludes it.",
        "Put vlan, mpls or pppoes first: 'vlan 10 and ip'.",
    ),
    "V03": (
        "A live socket has the tag in the packet's metadata, not among its bytes.",
        "Use the word vlan, which looks where the tag is.",
    ),
    "S01": (
        "The clauses collide or complete each other, so that the filter decides nothing.",
        "Look at the underlined clauses; one of them was meant otherwise.",
    ),
    "S02": (
        "The clauses of this alternative contradict each other.",
        "Look at the underlined clauses, or leave the alternative out.",
    ),
    "S03": (
        "Other clauses decide this one wherever it is asked.",
        "Leave it out: the filter means the same without it.",
    ),
    "I01": (
        "tcp[...], udp[...] and their kind read IPv4 packets only.",
        "Compile with --tcp6, or read the header's bytes in ip6[...].",
    ),
    "I02": (
        "Ports are looked for in first fragments and directly behind the IPv6 header.",
        "Where such packets matter use protochain, or match fragments as well.",
    ),
    "N01": (
        "DNS or a file of the machine decides what the name is, so that the filter changes.",
        "Write the number or the address.",
    ),
    "L01": (
        "The kernel takes 4096 instructions from a socket.",
        "Put a long list into a set of an eBPF program: --target ebpf:tc with --set.",
    ),
    "L02": (
        "iptables -m bpf takes 64 instructions.",
        "Give the family with -4 or -6, split the rule, or use an ipset.",
    ),
    "L03": (
        "A socket is charged for its program, up to net.core.optmem_max.",
        "Raise net.core.optmem_max, or compile with --optimise-for kernel-size.",
    ),
    "L04": (
        "Some packets run through more than a thousand instructions.",
        "Put what decides most packets first, or the list into a set of an eBPF program.",
    ),
    "T01": (
        "The filter has words that its target or link type does not know.",
        "Compile for the target that has them: --target or -y.",
    ),
    "D01": (
        "Display filters of Wireshark are another language.",
        "Use the translation that is shown.",
    ),
}


def as_sarif(reports: Sequence[Report]) -> str:
    failed = [(index, one) for index, one in enumerate(reports) if one.error is not None]
    results = [
        _result(report, finding, index)
        for index, report in enumerate(reports)
        for finding in report.findings
    ]
    run: dict[str, Any] = {
        "tool": {"driver": _driver()},
        "columnKind": "unicodeCodePoints",
        "artifacts": [_artifact(report) for report in reports],
        "results": results,
    }
    if failed:
        notes = [_notification(report, index) for index, report in failed]
        run["invocations"] = [{"executionSuccessful": False, "toolExecutionNotifications": notes}]
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]})


def _driver() -> dict[str, Any]:
    return {
        "name": "bpfq",
        "version": __version__,
        "rules": [
            {
                "id": code,
                "shortDescription": {"text": rule.summary},
                "fullDescription": {"text": _ADVICE[code][0]},
                "help": {"text": _ADVICE[code][1]},
                "defaultConfiguration": {"level": rule.level},
            }
            for code, rule in RULES.items()
        ],
    }


def _artifact(report: Report) -> dict[str, Any]:
    return {"location": {"uri": _uri(report)}, "contents": {"text": report.text}}


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
        "ruleIndex": list(RULES).index(finding.code),
        "level": finding.severity,
        "message": {"text": plain(finding.message, finding.suggestions)},
        "locations": [_location(report, spans[0], index)],
    }
    if len(spans) > 1:
        result["relatedLocations"] = [_location(report, span, index) for span in spans[1:]]
    if finding.fix is not None:
        result["fixes"] = [_fix(report, finding.fix.edits, index)]
    return result


def _notification(report: Report, index: int) -> dict[str, Any]:
    error = report.error
    assert error is not None
    span = error.span or Span(0, len(report.text))
    return {
        "level": "error",
        "message": {"text": plain(error.message, error.suggestions)},
        "locations": [_location(report, span, index)],
    }


def _location(report: Report, span: Span, index: int) -> dict[str, Any]:
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": _uri(report), "index": index},
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


def _fix(report: Report, edits: Sequence[Edit], index: int) -> dict[str, Any]:
    return {
        "description": {"text": "the same meaning"},
        "artifactChanges": [
            {
                "artifactLocation": {"uri": _uri(report), "index": index},
                "replacements": [
                    {"deletedRegion": _region(report, span), "insertedContent": {"text": text}}
                    for span, text in sorted(edits)
                ],
            }
        ],
    }
