"""Diagrams of the largest size that is allowed."""

from __future__ import annotations

from bpfq.symbolic.diagram import MOST_VARIABLES, Diagrams
from bpfq.symbolic.propositions import Every, Packet
from bpfq.symbolic.words import START


def test_a_diagram_may_be_as_deep_as_it_may_have_variables() -> None:
    packet = Packet()
    tests = [
        packet.member(packet.words.bytes(START, None, at, 1), (7, 8))
        for at in range(MOST_VARIABLES)
    ]
    diagrams = Diagrams()
    conjunction = diagrams.of(Every(tuple(tests)))
    others = diagrams.of(Every(tuple(tests[:-1])))
    same = diagrams.choose(others, conjunction, others, diagrams.faults) is conjunction
    assert same
