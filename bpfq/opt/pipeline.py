"""The passes of each level, and the fixpoint over them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TypeAlias

from bpfq.graph.nodes import Builder, Node, Test
from bpfq.graph.terms import Choose
from bpfq.graph.walk import subterms, topological
from bpfq.opt.bits import test_bits
from bpfq.opt.thread import thread_jumps
from bpfq.record import record

Pass: TypeAlias = Callable[[Node, Builder], Node]
Watch: TypeAlias = Callable[[str, object], None]  # the name of a stage, and what it made

_ROUNDS_AT_MOST = 8
_MANY = 2000  # tests; graphs of long lists are gone over once


@cache
def passes(level: int) -> tuple[Pass, ...]:
    """The passes in order; those of level 2 are imported when they are first asked for."""
    if level == 0:
        return ()
    if level == 1:
        return (test_bits, thread_jumps)
    from bpfq.opt.algebra import fold_algebra
    from bpfq.opt.coalesce import merge_loads
    from bpfq.opt.hoist import hoist_gates
    from bpfq.opt.implied import skip_implied
    from bpfq.opt.order import order_chains
    from bpfq.opt.share import share_tests

    return (
        test_bits, thread_jumps, fold_algebra, skip_implied, order_chains, merge_loads,
        hoist_gates, share_tests,
    )  # fmt: skip


@record
class Start:
    """A graph before the passes.  how: in which way it was made of the query."""

    how: str
    graph: Node


@record
class Change:
    """One run of a pass that made another graph."""

    by: Callable[..., Node]
    before: Node
    after: Node


def optimise(
    root: Node, builder: Builder, level: int, watch: Watch = lambda stage, value: None
) -> Node:
    """Run the level's passes until none of them changes the graph; "pass" is a Change each."""
    order = topological(root)
    rounds = _ROUNDS_AT_MOST if len(order) < _MANY else 1
    return repeat(applicable(order, level), root, builder, watch, rounds=rounds)


def applicable(order: list[Test], level: int) -> tuple[Pass, ...]:
    """The level's passes that may be run on a graph of these tests."""
    return passes(min(level, 1) if _has_choices(order) else level)


def repeat(
    run: tuple[Pass, ...],
    root: Node,
    builder: Builder,
    watch: Watch = lambda stage, value: None,
    *,
    rounds: int = _ROUNDS_AT_MOST,
) -> Node:
    """Run passes in order until none of them changes the graph."""
    for _ in range(rounds):
        before = root
        for each in run:
            made = each(root, builder)
            if made is not root:
                watch("pass", Change(each, root, made))
            root = made
        if root is before:
            break
    return root


def _has_choices(order: list[Test]) -> bool:
    """The places of its fields depend on the packet in several ways, as behind radio headers."""
    sides = (side for test in order for side in (test.term, test.operand))
    return any(isinstance(term, Choose) for term in subterms(*sides))
