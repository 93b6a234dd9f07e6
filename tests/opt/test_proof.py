"""Every pass proved on every filter: what it makes accepts what the filter accepts.

    filter in order, short packets reject  =>  graph after the pass  =>  filter, endless packet

With strict, the graph after the pass equals the left side.
"""

from __future__ import annotations

import pytest
from oracles.corpus import Line, filters
from oracles.sweep import sampled

import bpfq
from bpfq.analysis.decide import Questions
from bpfq.graphs import formula_of
from bpfq.errors import BpfqError
from bpfq.frontend.pcap.parse import parse
from bpfq.graph.build import build
from bpfq.graph.nodes import Builder
from bpfq.opt.pipeline import passes
from bpfq.settings import Settings, link_type
from bpfq.symbolic import formula, graph
from bpfq.symbolic.propositions import Accepts, Every, Opposite, Packet, Proposition
from bpfq.targets import TARGETS

ETHERNET = [line for line in filters() if line.link == "EN10MB" and line.savefile is None]


def compiles(line: Line) -> bool:
    try:
        bpfq.compile(line.text, level=0, allow_empty=True)
    except BpfqError:
        return False
    return True


LINES = [line for line in sampled(ETHERNET, every=4) if compiles(line)]


def outside(questions: Questions, left: Proposition, right: Proposition) -> object:
    """A packet that the left accepts and the right does not."""
    return questions.find(Every((Accepts(left), Opposite(Accepts(right)))))


@pytest.mark.parametrize("strict", [False, True], ids=["", "strict"])
@pytest.mark.parametrize("line", LINES, ids=lambda line: line.text[:60])
def test_each_pass_keeps_the_contract(line: Line, strict: bool) -> None:
    settings = Settings(TARGETS["file"], link_type("EN10MB"), strict=strict, allow_empty=True)
    builder, packet = Builder(keep_loads=strict), Packet()
    meaning = formula_of(parse(line.text), settings, builder, share=True)
    questions = Questions(packet)
    least = formula.encode(meaning, packet, formula.SEQUENTIAL)
    most = least if strict else formula.encode(meaning, packet, formula.TOTAL)
    node = build(meaning, builder)
    stages = [node := run(node, builder) for run in passes(2)]
    for stage in (build(meaning, builder), *stages):
        accepted = graph.encode(stage, packet)
        assert outside(questions, least, accepted) is None
        assert outside(questions, accepted, most) is None
