"""Near misses: packets that fail one clause of a filter and pass all others."""

from __future__ import annotations

from collections.abc import Sequence

from bpfq.analysis.decide import Undecided
from bpfq.analysis.witness.draft import Draft
from bpfq.analysis.witness.found import (
    UNDECIDED,
    Witness,
    as_written,
    finished,
    nearest,
    shown,
    verdict,
    with_words,
)
from bpfq.analysis.witness.steer import accepts
from bpfq.errors import BpfqError, FilterError, UndecidedError
from bpfq.graph.nodes import Node
from bpfq.isa.cbpf.instructions import SockFilter
from bpfq.query import build
from bpfq.query import nodes as q
from bpfq.query.text import to_pcap
from bpfq.record import record, replace
from bpfq.settings import Settings
from bpfq.source import Span


@record
class NearMiss:
    """A packet that fails one clause of a filter and passes all others.

    clause: the one it fails, as text; span: where it stands in the filter.  witness: None where no
    packet fails that clause alone: it follows from the others.
    """

    clause: str
    span: Span | None
    witness: Witness | None


def clauses(query: q.Query) -> list[q.Query]:
    """What must all hold for a packet to match, one by one.

    not (a or b)    =>    not a, not b
    """
    found: list[q.Query] = []
    work = [query]
    while work:
        match work.pop():
            case q.And(operands):
                work.extend(reversed(operands))
            case q.Not(q.Not(inner)):
                work.append(inner)
            case q.Not(q.Or(operands)):
                work.extend(build.negate(each, span=_span(each)) for each in reversed(operands))
            case other:
                found.append(other)
    return found


def near_misses(
    query: q.Query,
    words: Sequence[SockFilter],
    settings: Settings,
    text: str | None = None,
) -> tuple[NearMiss, ...]:
    """One near miss for each clause, as close to a packet that matches as can be.

    text: the filter that spans refer to.  Raises FilterError where no packet matches,
    UndecidedError where nobody knows.
    """
    parts = clauses(query)
    made: list[NearMiss] = []
    try:
        matching = nearest(as_written(query, settings), settings)
        if matching is None:
            raise FilterError(f"matches no packet on {settings.where}")
        for number, part in enumerate(parts):
            others = (*parts[:number], build.negate(part), *parts[number + 1 :])
            aim = as_written(build.all_of(*others), settings)
            missed = nearest(aim, settings, (_as_template(with_words(matching, aim, settings)),))
            witness = None if missed is None else _rejected(missed, aim, words, settings)
            made.append(NearMiss(_text(part, text), _span(part), witness))
    except Undecided:
        raise UndecidedError(UNDECIDED) from None
    return tuple(made)


def _as_template(draft: Draft) -> Draft:
    """The draft as what others are compared with."""
    piece = replace(draft.template.piece, octets=draft.octets)
    itself = replace(
        draft.template, piece=piece, rank=0,
        metadata=tuple(draft.metadata.items()), network_header=draft.network_header,
    )  # fmt: skip
    return replace(draft, template=itself)


def _rejected(draft: Draft, aim: Node, words: Sequence[SockFilter], settings: Settings) -> Witness:
    done = finished(draft, lambda changed: accepts(aim, changed))
    assert not verdict(words, settings, done), "a near miss is accepted"
    return shown(done, settings)


def _span(part: q.Query) -> Span | None:
    span: Span | None = getattr(part, "span", None)
    return span


def _text(part: q.Query, text: str | None) -> str:
    """The clause as it was written; a part of ``not (a or b)`` with its own ``not``."""
    span = _span(part)
    if text is None or span is None:
        try:
            return to_pcap(part)
        except BpfqError:
            return repr(part)
    words = " ".join(text[span.start : span.end].split())
    return (
        f"not {words}" if isinstance(part, q.Not) and not words.startswith(("not", "!")) else words
    )
