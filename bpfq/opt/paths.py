"""What every packet was read for that comes out of a small graph at accept.

    0: w[26] = a ? 1 : 2                 both ways read up to 34: where 0 holds, 3 does not
    1: h[54] = 80 ? reject : 3
    2: w[30] = a ? 1 : 3
    3: w[26] = b ? reject : 4
    4: w[30] = b ? reject : accept

Unlike ``ends``, paths that contradict themselves do not count; so the graph has to have few.
"""

from __future__ import annotations

from bpfq.graph.nodes import ACCEPT, Node, Test
from bpfq.graph.terms import Constant, Term
from bpfq.opt.ends import Reads, certain, common, farther
from bpfq.opt.facts import Domain, width

_MOST_STEPS = 4000


def read_before_accept(root: Node) -> Reads:
    """The farthest end behind each index that is read in any case; nothing if that takes long."""
    found: Reads | None = None
    nothing: Reads = {}
    work: list[tuple[Node, dict[Term, Domain], Reads]] = [(root, {}, nothing)]
    for _ in range(_MOST_STEPS):
        if not work:
            return found or nothing
        node, facts, read = work.pop()
        if isinstance(node, Test):
            read = farther(read, certain(node.term, node.operand))
            for outcome, exit in ((True, node.yes), (False, node.no)):
                learned = _learned(facts, node, outcome)
                if learned is not None:
                    work.append((exit, learned, read))
        elif node is ACCEPT:
            found = read if found is None else common(found, read)
    return nothing


def _learned(facts: dict[Term, Domain], test: Test, outcome: bool) -> dict[Term, Domain] | None:
    """What is known behind the test; None where it cannot come out so."""
    if not isinstance(test.operand, Constant):
        return facts
    domain = facts.get(test.term) or width(test.term)
    decided = domain.decide(test.relation, test.operand.value)
    if decided is not None and decided is not outcome:
        return None
    return {**facts, test.term: domain.refine(test.relation, test.operand.value, outcome)}
