"""S03: what another clause has said already.

    net 10.0.0.0/8 or host 10.1.2.3    the host is covered by the network
    tcp port 80 and not udp            what is TCP is not UDP
    tcp and (tcp or arp)               behind tcp, so is this

Lists are compared entry by entry through their prefixes and intervals; short clauses are also
asked about.  Clauses are tried from the last to the first, each against what is left, so that all
of those found may go together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from bpfq.analysis.lint.containment import covered
from bpfq.analysis.lint.edits import removals, without
from bpfq.analysis.lint.findings import Edit, Finding, Fix, applied
from bpfq.analysis.lint.places import MOST_SIBLINGS, Place, asked, places
from bpfq.analysis.lint.subject import Subject
from bpfq.query import build
from bpfq.query import nodes as q
from bpfq.query.nodes import Query
from bpfq.query.walk import leaves, operands
from bpfq.record import record

_CHECKED_ALONE = 30  # fixes up to which each is checked by itself, beyond all of them at once


@record
class _Surplus:
    """A clause that may go; ``because`` are others that make it so."""

    node: Query
    because: tuple[Query, ...]
    covered: bool  # an alternative that others cover; else a condition that always holds


def said_already(subject: Subject) -> Iterator[Finding]:
    """A clause without which the filter would mean the same."""
    query = subject.query
    if subject.oracle.never(query) or subject.oracle.never(build.negate(query)):
        return
    surplus = list(_listed(query))
    surplus += _asked(subject, {id(each.node) for each in surplus})
    for each, fix in zip(surplus, _fixes(subject, surplus), strict=True):
        spans = subject.spans(each.node, *each.because)
        yield Finding("S03", "warning", _message(subject, each), spans, fix)


def _message(subject: Subject, surplus: _Surplus) -> str:
    clause = subject.quoted(surplus.node)
    because = " and ".join(subject.quoted_at(other) for other in surplus.because)
    if surplus.covered:
        return f"{clause} is already covered by {because}"
    return f"{clause} always holds here" + (f", after {because}" if because else "")


# ---------------------------------------------------------------- lists


def _listed(query: Query) -> Iterator[_Surplus]:
    """Entries of ``or`` lists, and of ``not A and not B ...``, that other entries contain."""
    seen: set[int] = set()
    for place in places(query):
        entries = list(_entries(place.node))
        found = covered([entry for _, entry in entries]) if len(entries) > 1 else {}
        for number, cover in found.items():
            whole, entry = entries[number]
            if id(whole) not in seen and not _draws(entry):
                seen.add(id(whole))
                yield _Surplus(whole, (entries[cover][1],), covered=True)


def _entries(node: Query) -> Iterator[tuple[Query, Query]]:
    """The entries of a list, each with the clause that would go with it."""
    match node:
        case q.Or(parts):
            yield from zip(parts, parts, strict=True)
        case q.And(parts):
            for part in parts:
                match part:
                    case q.Not(q.Or(inner)):
                        yield from zip(inner, inner, strict=True)
                    case q.Not(inner):
                        yield part, inner
                    case _:
                        continue
        case _:
            return


def _draws(query: Query) -> bool:
    """Two equal draws of a random number are two draws."""
    return any(isinstance(leaf, q.Sample) for leaf in leaves(query))


# ---------------------------------------------------------------- questions


def _asked(subject: Subject, gone: set[int]) -> Iterator[_Surplus]:
    for place in asked(subject.query):
        if _is_short_list(place.node) and not place.is_inside(gone):
            context = place.before()
            if context and subject.oracle.never(build.all_of(*context)):
                continue
            for number in range(len(operands(place.node)) - 1, -1, -1):
                below = Place(operands(place.node)[number], place, number)
                found = None if id(below.node) in gone else _surplus(subject, below, context, gone)
                if found is not None:
                    gone.add(id(below.node))
                    yield found


def _is_short_list(node: Query) -> bool:
    return isinstance(node, q.And | q.Or) and len(node.operands) <= MOST_SIBLINGS


def _surplus(
    subject: Subject, place: Place, context: Sequence[Query], gone: set[int]
) -> _Surplus | None:
    parent = place.parent
    assert parent is not None
    siblings = operands(parent.node)
    if isinstance(parent.node, q.And):
        return _always(subject, place.node, [*context, *siblings[: place.number]])
    others = [x for n, x in enumerate(siblings) if n != place.number and id(x) not in gone]
    return _covered(subject, place.node, context, others)


def _always(subject: Subject, node: Query, known: Sequence[Query]) -> _Surplus | None:
    """A condition that the clauses before it imply."""
    if known and subject.oracle.never(build.all_of(*known)):
        return None
    if not _implied(subject, known, node):
        return None
    return _Surplus(node, _needed(subject, known, node), covered=False)


def _covered(
    subject: Subject, node: Query, context: Sequence[Query], others: Sequence[Query]
) -> _Surplus | None:
    """An alternative that the others cover, where it is asked at all."""
    known = [*context, node]
    if not others or subject.oracle.never(build.all_of(*known)):
        return None
    if not _implied(subject, known, build.any_of(*others)):
        return None
    alone = next((other for other in others if _implied(subject, known, other)), None)
    return _Surplus(node, tuple(others) if alone is None else (alone,), covered=True)


def _implied(subject: Subject, known: Sequence[Query], query: Query) -> bool:
    return subject.oracle.implies(build.all_of(*known), query) is True


def _needed(subject: Subject, known: Sequence[Query], query: Query) -> tuple[Query, ...]:
    """The clause among those known that implies the query alone, else all of them."""
    if subject.oracle.implies(build.everything(), query):
        return ()
    alone = (one for one in known if _implied(subject, [one], query))
    first = next(alone, None)
    return tuple(known) if first is None else (first,)


# ---------------------------------------------------------------- fixes


def _fixes(subject: Subject, surplus: Sequence[_Surplus]) -> list[Fix | None]:
    """Each clause taken out of the text, where the text then means the query without it."""
    written = subject.written
    if written is None:
        return [None] * len(surplus)
    edits = removals(written, [each.node for each in surplus])
    if len(surplus) <= _CHECKED_ALONE:
        return [
            subject.fix(edit, without(subject.query, {id(each.node)}))
            for each, edit in zip(surplus, edits, strict=True)
        ]
    gone = {id(each.node) for each in surplus}
    together = subject.read(applied(subject.text, _merged(edits)))
    if together != without(subject.query, gone):
        return [None] * len(surplus)
    return [Fix(tuple(edit)) if edit else None for edit in edits]


def _merged(edits: Iterable[Sequence[Edit]]) -> list[Edit]:
    return sorted({edit for several in edits for edit in several})
