"""The passes of each level, and the fixpoint over them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from bpfq.graph.nodes import Builder, Node
from bpfq.opt.bits import test_bits
from bpfq.opt.thread import thread_jumps

Pass: TypeAlias = Callable[[Node, Builder], Node]

PASSES: dict[int, tuple[Pass, ...]] = {
    0: (),
    1: (test_bits, thread_jumps),
    2: (test_bits, thread_jumps),
}
_ROUNDS_AT_MOST = 8


def optimise(root: Node, builder: Builder, level: int) -> Node:
    """Run the level's passes until none of them changes the graph."""
    for _ in range(_ROUNDS_AT_MOST):
        before = root
        for run in PASSES[level]:
            root = run(root, builder)
        if root is before:
            break
    return root
