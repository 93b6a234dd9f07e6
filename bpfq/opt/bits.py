"""Test masked bits with one comparison.

[13] & 2 = 0 ? a : b    =>    [13] & 2 set ? b : a      (a jset does not need the mask in A)
"""

from __future__ import annotations

from bpfq.graph.nodes import Builder, Node, Test
from bpfq.graph.terms import Binary, Constant
from bpfq.graph.walk import topological
from bpfq.operators import Operator, Relation


def test_bits(root: Node, builder: Builder) -> Node:
    """The same decisions with ``term & mask = 0`` as a bit test."""
    new: dict[Node, Node] = {}
    for node in reversed(topological(root)):
        yes, no = new.get(node.yes, node.yes), new.get(node.no, node.no)
        match node:
            case Test(Binary(Operator.AND, term, Constant() as mask), Relation.EQ, Constant(0)):
                new[node] = builder.test(term, Relation.SET, mask, no, yes)
            case _:
                new[node] = builder.test(node.term, node.relation, node.operand, yes, no)
    return new.get(root, root)
