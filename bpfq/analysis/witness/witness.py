"""Packets that match a filter: the nearest one, and others that differ from it in kind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from bpfq.analysis.decide import Undecided
from bpfq.analysis.witness.draft import Draft
from bpfq.analysis.witness.found import (
    UNDECIDED,
    Witness,
    as_written,
    finished,
    nearest,
    shown,
    starts,
    verdict,
)
from bpfq.analysis.witness.patch import Patching
from bpfq.analysis.witness.steer import Edge, Search, accepts, walk
from bpfq.errors import FilterError, UndecidedError
from bpfq.graph.nodes import Node
from bpfq.isa.cbpf.instructions import SockFilter
from bpfq.query.nodes import Query
from bpfq.settings import Settings

_MOST_DRAFTS = 400  # looked at for several witnesses
_MOST_STEPS = 8000
_FAR = 15.0  # costs above it change bytes that hold a packet together


def witnesses(
    query: Query, words: Sequence[SockFilter], settings: Settings, n: int, *, checksums: bool
) -> tuple[Witness, ...]:
    """Up to n packets that a query and its program accept, each of another kind.

    Those whose lengths and checksums are right come first; checksums: only those.  Raises
    FilterError where no packet matches, UndecidedError where nobody knows.
    """
    if n < 1:
        raise FilterError(f"{n} is not a number of packets")
    graph = as_written(query, settings)
    right: list[Witness] = []
    wrong: list[Witness] = []
    for draft in _kinds(graph, settings):
        done = finished(draft, lambda changed: accepts(graph, changed))
        assert verdict(words, settings, done), "the program rejects what its filter accepts"
        found = shown(done, settings)
        if found not in right and found not in wrong:
            (wrong if found.faults else right).append(found)
        if len(right) == n:
            break
    if checksums and not right:
        raise FilterError(f"the filter wants a wrong packet: {wrong[0].faults[0]}")
    return tuple(right if checksums else [*right, *wrong][:n])


def _kinds(graph: Node, settings: Settings) -> Iterator[Draft]:
    """Drafts that the graph accepts, the nearest first, then what differs most."""
    try:
        first = nearest(graph, settings)
    except Undecided:
        raise UndecidedError(UNDECIDED) from None
    if first is None:
        raise FilterError(f"matches no packet on {settings.where}")
    yield first
    search = Search(graph, Patching(snapped=not settings.target.metadata))
    found = search.matching(starts(graph, settings), (_MOST_STEPS, 0.02))
    near = [draft for draft in islice(found, _MOST_DRAFTS) if draft.cost < max(first.cost, _FAR)]
    yield from _varied(graph, first, near)


def _varied(graph: Node, first: Draft, drafts: Sequence[Draft]) -> Iterator[Draft]:
    """Another way through the filter with another kind of packet, then one of the two."""
    ways: list[tuple[tuple[Edge, ...], str]] = [
        (tuple(walk(graph, draft)[0]), draft.template.kind) for draft in drafts
    ]
    seen_ways, seen_kinds = {tuple(walk(graph, first)[0])}, {first.template.kind}
    for differs in (all, any):
        for draft, (way, kind) in zip(drafts, ways, strict=True):
            if differs((way not in seen_ways, kind not in seen_kinds)):
                seen_ways.add(way)
                seen_kinds.add(kind)
                yield draft
