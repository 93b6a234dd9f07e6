"""Leave out a test where the tests behind it would lead to the same exit without it.

    0: len > 100 ? 1 : reject            0: len > 200 ? accept : reject
    1: len > 200 ? accept : reject   =>

    0: h[12] = 0x86dd ? a : 1            0: h[12] = 0x800 ? b : a
    1: h[12] = 0x800 ? b : a         =>

Only tests of the same term are looked at: what they load, the test that is left out loads too.
"""

from __future__ import annotations

from bpfq.graph.nodes import Builder, Node, Test
from bpfq.graph.terms import Constant, Draw
from bpfq.graph.walk import topological
from bpfq.opt.facts import width

_STEPS = 16  # tests behind one that are looked at


def skip_implied(root: Node, builder: Builder) -> Node:
    """The same decisions without tests that later tests of the same term make again."""
    new: dict[Node, Node] = {}
    for test in reversed(topological(root)):
        yes, no = new.get(test.yes, test.yes), new.get(test.no, test.no)
        if _leads_to(yes, test, False, no):
            new[test] = yes
        elif _leads_to(no, test, True, yes):
            new[test] = no
        else:
            new[test] = builder.test(test.term, test.relation, test.operand, yes, no)
    return new.get(root, root)


def _leads_to(start: Node, test: Test, outcome: bool, exit: Node) -> bool:
    """From the start, packets for which the test comes out so arrive at the exit anyway."""
    if not isinstance(test.operand, Constant) or isinstance(test.term, Draw):
        return False
    if not isinstance(start, Test) or start.term is not test.term:
        return False
    domain = width(test.term).refine(test.relation, test.operand.value, outcome)
    node: Node = start
    for _ in range(_STEPS):
        if node is exit:
            return True
        if (
            not isinstance(node, Test)
            or node.term is not test.term
            or not isinstance(node.operand, Constant)
        ):
            return False
        decided = domain.decide(node.relation, node.operand.value)
        if decided is None:
            return False
        node = node.yes if decided else node.no
    return False
