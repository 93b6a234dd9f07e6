"""S: what can never match, and what always does.

    udp port 53 and tcp              S01   no packet at all
    arp or (len > 100 and less 50)   S02   the second alternative never matches

Every finding is certain: the oracle said so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bpfq.analysis.lint.findings import Finding
from bpfq.analysis.lint.places import Place, asked
from bpfq.analysis.lint.subject import Subject
from bpfq.contradiction import clashing, explain_clash
from bpfq.query import build
from bpfq.query import nodes as q
from bpfq.query.nodes import Query
from bpfq.source import Span

# ---------------------------------------------------------------- S01


def whole(subject: Subject) -> Iterator[Finding]:
    """No packet matches, or every packet does."""
    query = subject.query
    if isinstance(query, q.Constant):
        return  # said in so many words
    if subject.oracle.never(query):
        yield _collision(subject, "S01", query, f"matches no packet on {subject.settings.where}")
    elif subject.oracle.never(build.negate(query)):
        parts = query.operands if isinstance(query, q.Or) else (query,)
        opposite = build.all_of(*(build.negate(part, span=part.span) for part in parts))
        spans = subject.spans(*_clauses(subject, opposite))
        several = "these clauses together" if len(spans) > 1 else "this"
        yield Finding("S01", "warning", f"matches every packet: {several} cannot fail", spans)


def _clauses(subject: Subject, query: Query) -> Sequence[Query]:
    """Which clauses of a query that matches nothing exclude each other."""
    return clashing(query, lambda part: subject.oracle.never(part) is True)


def _collision(subject: Subject, code: str, query: Query, head: str) -> Finding:
    clauses = _clauses(subject, query)
    known = explain_clash(clauses, subject.settings.where)
    last_first = sorted(clauses, key=lambda clause: clause.span or Span(0, 0), reverse=True)
    shown = [subject.quoted(last_first[0]), *map(subject.quoted_at, last_first[1:])]
    if known.suggestions:
        message = known.message
    elif len(shown) == 2:
        message = f"{head}: {shown[0]} contradicts {shown[1]}"
    elif len(shown) == 1:
        message = f"{head}: {shown[0]} cannot hold"
    else:
        message = f"{head}: these {len(shown)} clauses exclude each other"
    return Finding(
        code, "error", message, subject.spans(*last_first), suggestions=known.suggestions
    )


# ---------------------------------------------------------------- S02


def never_here(subject: Subject) -> Iterator[Finding]:
    """An alternative that cannot match, by itself or because of what stands around it."""
    if subject.oracle.never(subject.query):
        return
    dead: set[int] = set()
    for place in asked(subject.query):
        if not _is_alternative(place) or place.is_inside(dead):
            continue
        for query in (place.node, build.all_of(*place.around(), place.node)):
            if subject.oracle.never(query):
                dead.add(id(place.node))
                yield _collision(subject, "S02", query, "can never match")
                break


def _is_alternative(place: Place) -> bool:
    return place.parent is not None and isinstance(place.parent.node, q.Or)
