"""Order the equalities of one term so that their tails are those of other terms' tests.

    0: b[20] = 6 ? a : 1               0: b[20] = 0x2c ? 2 : 1
    1: b[20] = 0x2c ? 2 : reject  =>   1: b[20] = 6 ? a : reject
    2: b[54] = 6 ? a : reject          2: b[54] = 6 ? a : reject

What leads where the fewest other tests lead stands first.  The last tests of several terms are then
the same but for the term, and can be shared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from bpfq.graph.nodes import Builder, Node, Test
from bpfq.graph.terms import Term
from bpfq.graph.walk import topological
from bpfq.opt.chains import equalities, is_equality


def order_chains(root: Node, builder: Builder) -> Node:
    """The same decisions; equalities of one term stand in an order common to all terms."""
    order = topological(root)
    entries = Counter(exit for test in order for exit in (test.yes, test.no))
    counts = Counter(_way(test) for test in order if is_equality(test))
    first = {way: number for number, way in enumerate(counts)}  # in the order of the graph
    new: dict[Node, Node] = {}
    inside: set[Node] = set()
    chains = {chain[0]: chain for chain in _chains(order, entries, inside)}
    for test in reversed(order):
        if test in inside:
            continue
        chain = chains.get(test, [test])
        node = new.get(chain[-1].no, chain[-1].no)
        chain.sort(key=lambda link: (counts[_way(link)], first.get(_way(link))))
        for link in reversed(chain):
            yes = new.get(link.yes, link.yes)
            node = builder.test(link.term, link.relation, link.operand, yes, node)
        new[test] = node
    return new.get(root, root)


def _way(test: Test) -> tuple[Term, Node]:
    """For which value, and where to."""
    return test.operand, test.yes


def _chains(order: list[Test], entries: Counter[Node], inside: set[Node]) -> Iterator[list[Test]]:
    """Equalities of one term that can stand in any order.

    inside: receives all but the first test of each.
    """
    for first in order:
        if first not in inside:
            chain = equalities(first, entries)
            inside.update(chain[1:])
            if len(chain) > 1:
                yield list(chain)
