"""Of several values of one field, ask for the likeliest first.

0: h[12] = 0x86dd ? a : 1             0: h[12] = 0x800 ? b : 1
1: h[12] = 0x800 ? b : reject   =>    1: h[12] = 0x86dd ? a : reject
"""

from __future__ import annotations

from collections import Counter

from bpfq.graph.nodes import Builder, Node, Test
from bpfq.graph.terms import Term
from bpfq.graph.walk import topological
from bpfq.opt.chains import equalities
from bpfq.opt.observed import Observed


def order_values(root: Node, builder: Builder, observed: Observed) -> Node:
    """The same decisions; equalities of one term in the order of how often they hold."""
    order = topological(root)
    entries = Counter(exit for test in order for exit in (test.yes, test.no))
    arriving = observed.arriving(order, root)
    holding: Counter[tuple[Term, Node]] = Counter()  # value and exit, summed over all terms
    for test in order:
        holding[test.operand, test.yes] += observed.weight(
            observed.outcome(test)[0] & arriving.get(test, 0)
        )

    def how_often(test: Test) -> int:
        return -holding[test.operand, test.yes]

    new: dict[Node, Node] = {}
    inside: set[Node] = set()
    chains: dict[Test, tuple[Test, ...]] = {}
    for test in order:
        if test not in inside:
            chains[test] = equalities(test, entries) or (test,)
            inside.update(chains[test][1:])
    ordered = {first: sorted(chain, key=how_often) for first, chain in chains.items()}
    if all(ordered[first] == list(chain) for first, chain in chains.items()):
        return root
    for first in reversed(chains):
        node = new.get(chains[first][-1].no, chains[first][-1].no)
        for test in reversed(ordered[first]):
            node = builder.test(
                test.term, test.relation, test.operand, new.get(test.yes, test.yes), node
            )
        new[first] = node
    return new.get(root, root)
