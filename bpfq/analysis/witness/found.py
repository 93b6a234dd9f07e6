"""A packet for a filter: steered to from a template, else decided exactly; and made presentable."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from bpfq.analysis.decide import Undecided
from bpfq.analysis.subject import traced
from bpfq.analysis.witness.draft import RANDOM, Draft, begun
from bpfq.analysis.witness.exact import solved
from bpfq.analysis.witness.patch import Patching
from bpfq.analysis.witness.repair import Repairs, faults, repaired
from bpfq.analysis.witness.steer import CAREFUL, HASTY, Search, accepts, different_ways
from bpfq.analysis.witness.templates import templates
from bpfq.analysis.witness.wire import Frame, on_wire
from bpfq.capture.summary import summary
from bpfq.graph.nodes import Node
from bpfq.graph.terms import Draw, Metadata
from bpfq.graph.walk import subterms, topological
from bpfq.graphs import decide
from bpfq.isa.cbpf.instructions import SockFilter
from bpfq.query.nodes import Query
from bpfq.query.through import look_through
from bpfq.record import field, record, replace
from bpfq.settings import Settings

UNDECIDED = "no packet was found, and whether there is one could not be decided"
_PLAIN = 0.3  # costs up to here are those of the commonest packets, unchanged
_CHEAP = 1.5  # costs above it make another template worth a look
_PUT_OFF = 60  # ranks
_THOROUGH = (6000, CAREFUL[1])


@record
class Witness:
    """A packet, as the target shows it to a filter.

    octets: captured, from the target's byte 0.  wire_length: bytes on the wire.  summary: a line
    about it.  words: those of the kernel's that the filter reads, by ancillary name.
    network_header: what lies before byte 0, for targets that start behind it.  faults: lengths and
    checksums that are wrong because the filter wants them so.
    """

    octets: bytes
    wire_length: int
    summary: str
    settings: Settings = field(repr=False)
    words: tuple[tuple[str, int], ...] = ()
    network_header: bytes = b""
    faults: tuple[str, ...] = ()

    @property
    def metadata(self) -> dict[str, int]:
        """The kernel's words, as ``Program.matches`` takes them."""
        return dict(self.words)

    @property
    def frame(self) -> Frame:
        """The packet as a capture file holds it, with its link type."""
        return on_wire(
            self.settings, self.octets, self.wire_length, self.metadata, self.network_header
        )

    def scapy(self) -> Any:
        """The packet dissected by scapy; raises BpfqError where that is not installed."""
        from bpfq.analysis.dissect import dissected

        return dissected(self.frame.link, self.frame.octets)


def as_written(query: Query, settings: Settings) -> Node:
    """The graph that accepts exactly what the query does, read from left to right.

    A program may accept more packets that are cut short inside a tested field.
    """
    strict = replace(settings, level=1, strict=True, allow_empty=True)
    return decide(look_through(query, settings.through), strict)


def starts(graph: Node, settings: Settings) -> list[Draft]:
    """A draft of each template, with every word of the kernel that the graph reads."""
    words = _words(graph, settings)
    made = []
    for template in templates(settings.target, settings.link, settings.savefile):
        draft = begun(template)
        made.append(replace(draft, metadata={**words, **draft.metadata}))
    return made


def with_words(draft: Draft, graph: Node, settings: Settings) -> Draft:
    """The draft with every word of the kernel that the graph reads."""
    return replace(draft, metadata={**_words(graph, settings), **draft.metadata})


def _words(graph: Node, settings: Settings) -> dict[str, int]:
    if not settings.target.metadata:
        return {}
    return dict.fromkeys(_names(graph), 0)


def _names(graph: Node) -> Iterator[str]:
    """The kernel's words that the graph reads, in the order of its tests."""
    sides = (side for test in topological(graph) for side in (test.term, test.operand))
    for term in subterms(*sides):
        if isinstance(term, Metadata):
            yield term.name
        elif isinstance(term, Draw):
            yield RANDOM


def nearest(graph: Node, settings: Settings, first: Sequence[Draft] = ()) -> Draft | None:
    """The draft that needs the fewest changes for the graph to accept it; None: no packet will do.

    first: what to begin with before the templates.  Raises Undecided where nobody knows.
    """
    every = [*first, *starts(graph, settings)]
    if first:
        every[len(first) :] = [_put_off(draft) for draft in every[len(first) :]]
    found = steered(graph, settings, every)
    if found is not None:
        return found
    exact = solved(graph, settings.target, every[0])
    if exact is not None and not accepts(graph, exact):
        raise Undecided  # a packet of several random draws
    return exact


def _put_off(draft: Draft) -> Draft:
    """The draft of a template that is worth more than two changed fields."""
    return replace(draft, template=replace(draft.template, rank=draft.template.rank + _PUT_OFF))


def steered(graph: Node, settings: Settings, every: Sequence[Draft]) -> Draft | None:
    """The nearest draft that patching finds."""
    for draft in every:
        if draft.cost > _PLAIN:
            break
        if accepts(graph, draft):
            return draft
    patching = Patching(snapped=not settings.target.metadata)
    ways = different_ways(graph, every)
    found = next(Search(graph, patching).matching(ways), None)
    if found is not None and found.cost < _CHEAP:
        return found
    nearer = next(Search(graph, patching).matching(every, _THOROUGH), None)
    known = [draft for draft in (found, nearer) if draft is not None]
    if known:
        return min(known, key=lambda draft: draft.cost)
    return next(Search(graph, patching).matching(every, HASTY), None)


# ---------------------------------------------------------------- presentable


def finished(draft: Draft, keeps: Callable[[Draft], bool]) -> Draft:
    """The draft with the lengths and checksums right that ``keeps`` lets be right."""

    def kept(whole: bytes) -> bool:
        return keeps(_with_octets(draft, whole))

    return _with_octets(draft, repaired(_repairs(draft), draft.octets, kept))


def _with_octets(draft: Draft, whole: bytes) -> Draft:
    """whole: the network header where it lies before byte 0, then the octets."""
    before = len(draft.network_header)
    octets, cut = whole[before:], draft.length - len(draft.octets)
    return replace(draft, octets=octets, length=len(octets) + cut, network_header=whole[:before])


def _repairs(draft: Draft) -> Repairs:
    cut = draft.length - len(draft.octets)
    return Repairs(draft.template.start, draft.network_header, cut)


def shown(draft: Draft, settings: Settings) -> Witness:
    """The record for users."""
    frame = on_wire(settings, draft.octets, draft.length, draft.metadata, draft.network_header)
    return Witness(
        draft.octets, draft.length, summary(frame.link, frame.octets),
        settings, tuple(draft.metadata.items()), draft.network_header,
        tuple(faults(_repairs(draft), draft.octets)),
    )  # fmt: skip


def verdict(words: Sequence[SockFilter], settings: Settings, draft: Draft) -> bool:
    """Whether the program itself accepts the draft, run where the settings say."""
    ran = traced(
        words, settings, draft.octets, wire_length=draft.length, metadata=draft.metadata,
        network_header=draft.network_header,
    )  # fmt: skip
    return bool(ran.verdict)
