"""Which test of one graph is which of another."""

from __future__ import annotations

from bpfq.analysis.decisions.changes import same_tests
from bpfq.graph import nodes
from bpfq.graph.nodes import ACCEPT, REJECT, Builder, Node
from bpfq.graph.walk import topological
from bpfq.operators import Relation

BUILDER = Builder()


def asks(offset: int, value: int, yes: Node, no: Node) -> nodes.Test:
    load = BUILDER.load(None, offset, 2)
    made = BUILDER.test(load, Relation.EQ, BUILDER.constant(value), yes, no)
    assert isinstance(made, nodes.Test)
    return made


def test_a_graph_is_itself() -> None:
    graph = asks(12, 1, asks(14, 2, ACCEPT, REJECT), asks(14, 3, ACCEPT, REJECT))
    order = topological(graph)
    assert same_tests(order, order) == {node: node for node in order}


def test_a_test_stays_itself_when_what_is_behind_it_changes() -> None:
    last = asks(16, 9, ACCEPT, REJECT)
    before = asks(12, 1, asks(14, 2, last, REJECT), REJECT)
    after = asks(12, 1, asks(14, 2, ACCEPT, REJECT), REJECT)
    same = same_tests(topological(before), topological(after))
    assert same == {after: before, after.yes: before.yes}


def test_of_equal_questions_the_one_with_the_same_exits_is_meant() -> None:
    first, second = asks(14, 2, ACCEPT, REJECT), asks(14, 2, REJECT, ACCEPT)
    before = asks(12, 1, first, second)
    after = asks(13, 7, second, first)
    same = same_tests(topological(before), topological(after))
    assert same == {first: first, second: second}


def test_each_test_before_is_one_test_after_at_most() -> None:
    one = asks(14, 2, ACCEPT, REJECT)
    before = asks(12, 1, one, REJECT)
    after = asks(12, 5, asks(14, 2, REJECT, REJECT_OR_ACCEPT), one)
    same = same_tests(topological(before), topological(after))
    assert len(set(same.values())) == len(same) == 1


REJECT_OR_ACCEPT = asks(99, 1, REJECT, ACCEPT)
