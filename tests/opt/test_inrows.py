"""Searches as rows: the same exits for every value, in fewer comparisons."""

from __future__ import annotations

from random import Random

import pytest

import bpfq
from bpfq.graph.nodes import ACCEPT, REJECT, Builder, Node, Test
from bpfq.graph.search import Piece, separate
from bpfq.graph.terms import Constant
from bpfq.graph.walk import topological
from bpfq.opt.inrows import in_rows
from bpfq.operators import Relation

MOST = 255


def exit_of(node: Node, value: int, behind: dict[Node, int]) -> Node:
    """Where the search for a value ends."""
    while isinstance(node, Test) and node not in behind:
        assert isinstance(node.operand, Constant)
        node = node.yes if node.relation.holds(value, node.operand.value) else node.no
    return node


@pytest.mark.parametrize("seed", range(60))
def test_every_value_leads_where_it_led(seed: int) -> None:
    draw, builder = Random(seed), Builder()
    other = builder.load(None, 1, 1)
    third = builder.test(other, Relation.EQ, builder.constant(9), ACCEPT, REJECT)
    exits: list[Node] = [ACCEPT, REJECT, third]
    edges = [0, *sorted(draw.sample(range(1, MOST), draw.randrange(6, 30))), MOST + 1]
    if seed % 2:  # single values
        edges = sorted({edge + n for edge in edges[:-1] for n in (0, 1)} | {MOST + 1})
    pieces = [
        Piece(first, end, exits[draw.randrange(3 if seed % 3 else 2)])
        for first, end in zip(edges, edges[1:])
    ]
    root = separate(builder, builder.load(None, 0, 1), pieces)
    made = in_rows(root, builder)
    for value in range(MOST + 1):
        assert exit_of(made, value, {third: 0}) is exit_of(root, value, {third: 0})
    assert len(topological(made)) <= len(topological(root))


def test_a_row_takes_one_comparison_for_each_value() -> None:
    ports = "(88 or 135 or 389 or 445 or 464 or 636 or 3268 or 5722)"
    one = len(bpfq.compile("tcp dst port 88", optimise_for="size"))
    assert len(bpfq.compile(f"tcp dst port {ports}", optimise_for="size")) == one + 7
