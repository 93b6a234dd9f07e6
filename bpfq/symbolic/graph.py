"""The encoder of a decision graph, as every back end reads it."""

from __future__ import annotations

from bpfq.graph.nodes import ACCEPT, REJECT, Node
from bpfq.graph.terms import Members
from bpfq.graph.walk import topological
from bpfq.symbolic.formula import SEQUENTIAL, TermEncoder
from bpfq.symbolic.propositions import (
    FALSE,
    TRUE,
    Cases,
    Packet,
    Proposition,
    every,
)


def encode(graph: Node, packet: Packet, reading: str = SEQUENTIAL) -> Proposition:
    """TRUE where the graph accepts; no recursion."""
    terms = TermEncoder(packet, bounded=reading == SEQUENTIAL)
    made: dict[Node, Proposition] = {ACCEPT: TRUE, REJECT: FALSE}
    for node in reversed(topological(graph)):
        word, needs = terms.word(node.term), terms.needs(node.term)
        if isinstance(node.operand, Members):
            test = packet.member(word, node.operand.bounds)
        else:
            test = packet.compare(word, node.relation, terms.word(node.operand))
            needs = every(needs, terms.needs(node.operand))
        decided = packet.choose(test, made[node.yes], made[node.no])
        made[node] = decided if needs is TRUE else Cases(needs, decided, FALSE)
    return made[graph]
