"""Orders in which graphs and terms are walked; none of them recurses."""

from __future__ import annotations

from collections.abc import Iterator

from bpfq.graph.nodes import Node, Test
from bpfq.graph.terms import Term, operands
from bpfq.walk import bottom_up


def topological(root: Node) -> list[Test]:
    """Every test reachable from the root, each before all tests that it leads to."""
    order: list[Test] = []
    seen: set[Node] = set()
    work: list[tuple[Node, bool]] = [(root, False)]
    while work:
        node, done = work.pop()
        if not isinstance(node, Test):
            continue
        if done:
            order.append(node)
        elif node not in seen:
            seen.add(node)
            work += [(node, True), (node.yes, False), (node.no, False)]
    order.reverse()
    return order


def subterms(*roots: Term) -> Iterator[Term]:
    """The terms and all they are made of, each once and behind its operands."""
    return bottom_up(roots, operands)
