"""What steering does not find: a packet from the proof engine, or the certainty that there is none.

The engine's packet is made to look like a template: each of the template's bytes is a wish.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bpfq.analysis.decide import Questions, Undecided
from bpfq.analysis.witness.draft import MOST_BYTES, RANDOM, Draft
from bpfq.graph.nodes import Node
from bpfq.record import replace
from bpfq.symbolic.graph import encode
from bpfq.symbolic.propositions import FALSE, Packet, Proposition
from bpfq.symbolic.words import START
from bpfq.targets import Target

if TYPE_CHECKING:
    from bpfq.simplify.smt import Sample

_MOST_WISHES = 128  # bytes of the template


def solved(graph: Node, target: Target, like: Draft) -> Draft | None:
    """A draft that the graph accepts, None where no packet is; raises Undecided."""
    packet = Packet()
    questions = Questions(packet, wire_is_captured=target.metadata)
    left = questions.left(encode(graph, packet))
    if left is FALSE:
        return None
    samples = questions.solve(left, (_wishes(packet, like),))
    if not samples:
        return None
    if len(samples[0].octets) > MOST_BYTES:
        raise Undecided  # there is one, and nobody wants to see it
    return _draft(samples[0], like)


def _wishes(packet: Packet, like: Draft) -> list[Proposition]:
    """To be as long as the template and to have its bytes, those that hold it together last."""
    octets, piece = like.octets[:_MOST_WISHES], like.template.piece
    order = sorted(range(len(octets)), key=lambda at: (at in piece.fixed, at in piece.kept))
    wishes = [packet.captured(START, None, len(octets))]
    for at in order:
        word = packet.words.bytes(START, None, at, 1)
        wishes.append(packet.member(word, (octets[at], octets[at] + 1)))
    return wishes


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
