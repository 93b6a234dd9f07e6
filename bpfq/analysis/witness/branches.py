"""A test suite for a filter: packets that between them take each of its tests both ways."""

from __future__ import annotations

from collections.abc import Sequence

from bpfq.analysis.decide import Undecided
from bpfq.analysis.witness.draft import Draft
from bpfq.analysis.witness.exact import solved
from bpfq.analysis.witness.found import Witness, finished, shown, starts, verdict
from bpfq.analysis.witness.patch import Patching
from bpfq.analysis.witness.steer import HASTY, Edge, Search, walk
from bpfq.graph.membership import written_out
from bpfq.graph.nodes import ACCEPT, REJECT, Builder, Node, Test
from bpfq.graph.text import term_text
from bpfq.graph.walk import topological
from bpfq.isa.cbpf.instructions import SockFilter
from bpfq.record import record
from bpfq.settings import Settings

_MOST_STEPS = 6000  # of the search
_MOST_QUESTIONS = 64  # outcomes that are left to the proof engine


@record
class Case:
    """A packet, whether it matches, and the outcomes that no case before it had.

    An outcome is a test of the program's decision graph and how it turns out: ``h[12] = 0x800:
    no``, with b, h and w for a byte, two and four bytes.
    """

    witness: Witness
    matches: bool
    outcomes: tuple[str, ...]


@record
class Suite:
    """Cases that between them take each test of a filter both ways.

    unreachable: outcomes that no packet has.  undecided: those that nobody knows about.
    """

    cases: tuple[Case, ...]
    unreachable: tuple[str, ...] = ()
    undecided: tuple[str, ...] = ()


@record(frozen=False)
class _Making:
    """A suite being made; missing: the outcomes that no case has so far, in order."""

    words: Sequence[SockFilter]
    graph: Node
    settings: Settings
    missing: dict[Edge, None]
    cases: list[Case]

    def add(self, edge: Edge, draft: Draft) -> None:
        """A case for an outcome; what else it has that was missing is no longer."""
        wanted = walk(self.graph, draft)[1]

        def same(changed: Draft) -> bool:
            taken, end = walk(self.graph, changed)
            return end is wanted and edge in taken

        done = finished(draft, same)
        matches = verdict(self.words, self.settings, done)
        assert matches is (wanted is ACCEPT), "the program and its graph disagree"
        new = [each for each in walk(self.graph, done)[0] if each in self.missing]
        for each in new:
            del self.missing[each]
        outcomes = tuple(_outcome(each) for each in new)
        self.cases.append(Case(shown(done, self.settings), matches, outcomes))


def suite(words: Sequence[SockFilter], graph: Node, settings: Settings) -> Suite:
    """A packet for each outcome of each test that some packet has."""
    graph = written_out(graph, Builder())
    edges = ((test, way) for test in topological(graph) for way in (True, False))
    making = _Making(words, graph, settings, dict.fromkeys(edges), [])
    every = starts(graph, settings)
    patching = Patching(snapped=not settings.target.metadata)
    for edge, draft in Search(graph, patching).edges(every, _MOST_STEPS):
        if edge in making.missing:
            making.add(edge, draft)
    unreachable: list[str] = []
    undecided: list[str] = []
    for asked, edge in enumerate(list(making.missing)):
        if edge not in making.missing:
            continue
        try:
            if asked >= _MOST_QUESTIONS:
                raise Undecided
            aim = _towards(edge, graph)
            hasty = Search(aim, patching).matching(every, HASTY)
            found = next(hasty, None) or solved(aim, settings.target, every[0])
        except Undecided:
            undecided.append(_outcome(edge))
            continue
        if found is None:
            unreachable.append(_outcome(edge))
        else:
            making.add(edge, found)
    return Suite(tuple(making.cases), tuple(unreachable), tuple(undecided))


def _towards(edge: Edge, graph: Node) -> Node:
    """The graph that accepts what takes the edge, and nothing else."""
    wanted, way = edge
    made: dict[Node, Node] = {ACCEPT: REJECT, REJECT: REJECT}
    for test in reversed(topological(graph)):
        yes, no = made[test.yes], made[test.no]
        if test is wanted:
            yes, no = (ACCEPT, REJECT) if way else (REJECT, ACCEPT)
        made[test] = Test(test.term, test.relation, test.operand, yes, no)
    return made[graph]


def _outcome(edge: Edge) -> str:
    test, way = edge
    relation = f"{term_text(test.term)} {test.relation.value} {term_text(test.operand)}"
    return f"{relation}: {'yes' if way else 'no'}"
