"""One pass on one filter: the graph it makes, and whether that graph keeps the contract.

    filter in order, short packets reject  =>  graph after the pass  =>  filter, endless packet

With strict, the graph after the pass equals the left side.
"""

from __future__ import annotations

from bpfq.analysis.decide import Questions
from bpfq.graphs import formula_of
from bpfq.frontend.pcap.parse import parse
from bpfq.graph.build import build
from bpfq.graph.nodes import Builder, Node
from bpfq.opt.bits import test_bits
from bpfq.opt.pipeline import Pass
from bpfq.opt.thread import thread_jumps
from bpfq.settings import Settings, link_type
from bpfq.symbolic import formula, graph
from bpfq.symbolic.propositions import Accepts, Every, Opposite, Packet
from bpfq.targets import TARGETS

from .corpus import FILES, lines

BENCH = tuple((line.text, line.link) for line in lines(FILES[1]))


def filter_name(line: tuple[str, str]) -> str:
    return f"{line[1]}: {line[0][:60]}"


class Graphs:
    """What passes make of a filter whose tests are threaded already, as level 1 leaves them."""

    def __init__(self, text: str, link: str = "EN10MB", *, strict: bool = False) -> None:
        self.settings = Settings(TARGETS["file"], link_type(link), strict=strict, allow_empty=True)
        self.builder = Builder(keep_loads=strict)
        self.formula = formula_of(parse(text), self.settings, self.builder, share=True)

    def after(self, *passes: Pass) -> Node:
        root = build(self.formula, self.builder)
        for run in (test_bits, thread_jumps, test_bits, thread_jumps, *passes):
            root = run(root, self.builder)
        return root

    def broken_by(self, *passes: Pass) -> object:
        """A packet of which the contract does not hold after the passes; None where it does."""
        packet = Packet()
        accepted = graph.encode(self.after(*passes), packet)
        least = formula.encode(self.formula, packet, formula.SEQUENTIAL)
        reading = formula.SEQUENTIAL if self.settings.strict else formula.TOTAL
        most = formula.encode(self.formula, packet, reading)
        questions = Questions(packet)
        for left, right in ((least, accepted), (accepted, most)):
            found = questions.find(Every((Accepts(left), Opposite(Accepts(right)))))
            if found is not None:
                return found
        return None
