"""Orders in which a graph is walked; none of them recurses."""

from __future__ import annotations

from bpfq.graph.nodes import Node, Test


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
