"""N, T, D: words that mean something else, or nothing, in another place.

port http, host example.com     N01   /etc/services and DNS decide
inbound                         T01   on a capture file
ip.addr == 10.0.0.1             D01   Wireshark's other language
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bpfq.analysis.lint.edits import heirs_by_head, spelled
from bpfq.analysis.lint.findings import Edit, Finding
from bpfq.analysis.lint.subject import Subject, brief
from bpfq.errors import BpfqError, UnsupportedError
from bpfq.frontend.pcap.written import Heir, Name, Written
from bpfq.graphs import decide
from bpfq.query import nodes as q
from bpfq.query.nodes import Query
from bpfq.query.text import to_pcap
from bpfq.query.walk import leaves, map_unders, operands
from bpfq.record import replace
from bpfq.source import Span, Suggestion

_MOST_REPAIRED = 50  # names with a fix: each reads the whole filter again
_MOST_REFUSED = 200  # different primitives that are tried on the target one by one

# ---------------------------------------------------------------- N01

_LOOKED_UP = {  # type word -> where its names come from
    "host": "DNS",
    "net": "/etc/networks",
    "gateway": "DNS and /etc/ethers",
    "port": "/etc/services",
    "portrange": "/etc/services",
    "proto": "/etc/protocols",
    "protochain": "/etc/protocols",
}


def looked_up(subject: Subject) -> Iterator[Finding]:
    """A name that is not part of the language: what it means is up to the machine."""
    written = subject.written
    if written is None or not written.names:
        return
    nodes = _by_span(subject.query)
    heirs = heirs_by_head(written)
    repaired = 0
    for name in written.names:
        if name.protocol in ("link", "iso", "isis") and name.type == "proto":
            continue  # these are part of the language
        word = written.text[name.span.start : name.span.end]
        if re.fullmatch("[0-9]+-[0-9]+", word):
            continue  # an interval, not a name
        found = _named(subject, written, name, nodes.get(name.whole))
        if found.severity == "note" and repaired < _MOST_REPAIRED:
            repaired += 1
            edits = _by_number(written, name, nodes.get(name.whole), heirs)
            found = replace(found, fix=subject.fix(edits))
        yield found


def _by_span(query: Query) -> dict[Span, Query]:
    found: dict[Span, Query] = {}
    work = [query]
    while work:
        node = work.pop()
        if node.span is not None:
            found.setdefault(node.span, node)
        work += operands(node)
    return found


def _named(subject: Subject, written: Written, name: Name, node: Query | None) -> Finding:
    shown = f"'{brief(subject.words(name.span))}'"
    source = "/etc/ethers" if name.protocol == "link" else _LOOKED_UP[name.type]
    if written.text[name.span.start : name.span.end] in subject.reading.unresolved:
        return Finding(
            "N01",
            "error",
            f"{shown} is a name that only {source} can tell: no program without --resolve",
            (name.span,),
        )
    if name.type in ("host", "net", "gateway"):
        now = _as_text(node)
        return Finding(
            "N01",
            "warning",
            f"{shown} is looked up in {source} when the filter is compiled",
            (name.span,),
            suggestions=(Suggestion(now, "what it is now"),) if now else (),
        )
    return Finding(
        "N01",
        "note",
        f"{shown} is a name from {source}, which may be missing or differ where libpcap reads it",
        (name.span,),
    )


def _as_text(node: Query | None) -> str:
    try:
        return "" if node is None else to_pcap(map_unders(node, lambda under: ()))
    except BpfqError:
        return ""


def _by_number(
    written: Written, name: Name, node: Query | None, heirs: dict[Span, list[Heir]]
) -> list[Edit]:
    """The number instead of the name, and its protocol where the name brought one along."""
    match node:
        case q.ProtocolNumber(_, number) | q.ProtocolChain(_, number):
            return [Edit(name.span, str(number))]
        case q.Port(protocol, _, low, high) if protocol == name.protocol:
            return [Edit(name.span, str(low) if name.type == "port" else f"{low}-{high}")]
        case q.Port():
            changed = Edit(name.whole, _as_text(node))
            return [changed, *(spelled(written, heir) for heir in _after(name, heirs))]
        case _:
            return []


def _after(name: Name, heirs: dict[Span, list[Heir]]) -> Iterator[Heir]:
    """The ids behind this one that take over the same words."""
    for head, several in heirs.items():
        own = name.whole.start <= head.start < name.whole.end
        if own or any(heir.span == name.whole for heir in several):
            yield from (heir for heir in several if heir.span.start > name.span.start)


# ---------------------------------------------------------------- T01


def other_target(subject: Subject) -> Iterator[Finding]:
    """Primitives that the target or the link type cannot see."""
    if not isinstance(subject.refusal, UnsupportedError):
        return
    refused = []
    for leaf in list(dict.fromkeys(leaves(subject.query)))[:_MOST_REFUSED]:
        try:
            decide(leaf, subject.settings)
        except UnsupportedError as error:
            refused.append(error)
        except BpfqError:
            continue
    for each in refused or [subject.refusal]:
        spans = () if each.span is None else (each.span, *each.other_spans)
        yield Finding("T01", "error", each.message, spans, suggestions=each.suggestions)


# ---------------------------------------------------------------- D01


def display_filter(subject: Subject) -> Iterator[Finding]:
    """Wireshark's other language, with its translation where there is one."""
    error = subject.reading.mistaken
    if error is not None:
        spans = () if error.span is None else (error.span,)
        yield Finding("D01", "error", error.message, spans, suggestions=error.suggestions)
