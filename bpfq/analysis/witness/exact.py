"""What steering does not find: a packet from the proof engine, or the certainty that there is none.

The solver's packet is made to look like a template: each of the template's bytes is a wish, and
those that cannot be had together with the filter are dropped, as few as the solver names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bpfq.analysis.decide import RLIMIT, Questions, Undecided
from bpfq.analysis.witness.draft import MOST_BYTES, RANDOM, Draft
from bpfq.graph.nodes import Node
from bpfq.record import replace
from bpfq.symbolic.graph import encode
from bpfq.symbolic.propositions import Packet, Proposition
from bpfq.symbolic.words import START
from bpfq.targets import Target

if TYPE_CHECKING:
    from bpfq.simplify.smt import Sample

_MOST_WISHES = 128  # bytes of the template


def solved(graph: Node, target: Target, like: Draft) -> Draft | None:
    """A draft that the graph accepts, None where no packet is; raises Undecided."""
    packet = Packet()
    wanted = encode(graph, packet)
    sample = Questions(packet, wire_is_captured=target.metadata).find(wanted)
    if sample is None:
        return None
    sample = _with_wishes(packet, wanted, target, like) or sample
    if len(sample.octets) > MOST_BYTES:
        raise Undecided
    return _draft(sample, like)


def _draft(sample: Sample, like: Draft) -> Draft:
    metadata = {**like.metadata, **sample.metadata}
    if sample.draws:
        metadata[RANDOM] = next(iter(sample.draws.values()))
    before = sample.network_header[: len(like.network_header)]
    return replace(
        like,
        octets=sample.octets,
        length=sample.wire_length,
        metadata=metadata,
        network_header=before + like.network_header[len(before) :],
    )


def _with_wishes(packet: Packet, wanted: Proposition, target: Target, like: Draft) -> Sample | None:
    """A sample that has all bytes of the template that it can have."""
    from bpfq.simplify.smt import Solver

    solver = Solver(packet, rlimit=RLIMIT, wire_is_captured=target.metadata)
    filter = solver.literal(solver.holds(wanted))
    octets = like.octets[:_MOST_WISHES]
    wishes = [packet.captured(START, None, len(octets))]
    for at, value in enumerate(octets):
        word = packet.words.bytes(START, None, at, 1)
        wishes.append(packet.member(word, (value, value + 1)))
    kept = [solver.literal(solver.holds(wish)) for wish in wishes]
    while True:
        match solver.check(filter, *kept):
            case "sat":
                return solver.sample()
            case "unknown":
                return None
        blamed = {wish.get_id() for wish in solver.core()}
        fewer = [wish for wish in kept if wish.get_id() not in blamed]
        if len(fewer) == len(kept):
            return None
        kept = fewer
