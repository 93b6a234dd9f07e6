"""Searches over the values of one term."""

from __future__ import annotations

import random

import pytest

from bpfq.graph.membership import written_out
from bpfq.graph.nodes import ACCEPT, REJECT, Builder, Node, Test
from bpfq.graph.search import Piece, members, separate
from bpfq.graph.terms import Constant
from bpfq.graph.text import to_text
from bpfq.graph.walk import topological
from bpfq.operators import Relation


def leads_to(node: Node, value: int) -> tuple[Node, int]:
    """Where a value ends, and after how many tests."""
    steps = 0
    while isinstance(node, Test):
        assert isinstance(node.operand, Constant)
        node = node.yes if node.relation.holds(value, node.operand.value) else node.no
        steps += 1
    return node, steps


def some_set(chance: random.Random, most: int) -> set[int]:
    values = set(chance.sample(range(most + 1), chance.randrange(most)))
    for _ in range(chance.randrange(4)):
        start = chance.randrange(most + 1)
        values |= set(range(start, min(most + 1, start + chance.randrange(40))))
    return values


def bounds_of(values: set[int], most: int) -> tuple[int, ...]:
    return tuple(v for v in range(most + 2) if (v in values) != (v - 1 in values))


@pytest.mark.parametrize("seed", range(60))
def test_a_set_is_told_from_the_rest(seed: int) -> None:
    chance = random.Random(seed)
    builder, most = Builder(), chance.choice((15, 255))
    values = some_set(chance, most)
    term = builder.load(None, 0, 1)
    test = members(builder, term, bounds_of(values, most), most, ACCEPT, REJECT)
    node = written_out(test, builder)
    assert {v for v in range(most + 1) if leads_to(node, v)[0] is ACCEPT} == values


@pytest.mark.parametrize("seed", range(30))
def test_pieces_with_many_exits_are_parted(seed: int) -> None:
    chance = random.Random(seed)
    builder = Builder()
    term, other = builder.load(None, 0, 1), builder.load(None, 1, 1)
    exits = [ACCEPT, REJECT] + [
        builder.test(other, Relation.EQ, builder.constant(n), ACCEPT, REJECT) for n in range(3)
    ]
    cuts = [0, *sorted(chance.sample(range(1, 256), chance.randrange(1, 30))), 256]
    pieces = [Piece(a, b, chance.choice(exits)) for a, b in zip(cuts, cuts[1:], strict=False)]
    node = separate(builder, term, pieces)
    for piece in pieces:
        for value in (piece.first, piece.end - 1):
            found = node
            while isinstance(found, Test) and found.term is term:
                assert isinstance(found.operand, Constant)
                found = found.yes if found.relation.holds(value, found.operand.value) else found.no
            assert found is piece.exit


@pytest.mark.parametrize(
    ("bounds", "text"),
    [
        ((5, 6), "0: b[0] = 5 ? accept : reject"),
        ((0, 10), "0: b[0] >= 0xa ? reject : accept"),
        ((200, 256), "0: b[0] >= 0xc8 ? accept : reject"),
        ((5, 6, 7, 8), "0: b[0] = 5 ? accept : 1\n1: b[0] = 7 ? accept : reject"),
        ((5, 10), "0: b[0] >= 5 ? 1 : reject\n1: b[0] >= 0xa ? reject : accept"),
    ],
)
def test_few_values_take_few_tests(bounds: tuple[int, ...], text: str) -> None:
    builder = Builder()
    found = members(builder, builder.load(None, 0, 1), bounds, 255, ACCEPT, REJECT)
    assert to_text(found).replace(" ge ", " >= ") == text


def test_a_thousand_values_take_a_logarithm_of_steps() -> None:
    builder = Builder()
    values = sorted(random.Random(1).sample(range(2**32), 1000))
    bounds = tuple(edge for value in values for edge in (value, value + 1))
    test = members(builder, builder.load(None, 0, 4), bounds, 2**32 - 1, ACCEPT, REJECT)
    node = written_out(test, builder)
    assert len(topological(node)) <= 1260
    assert all(leads_to(node, value)[0] is ACCEPT for value in values)
    assert max(leads_to(node, value + 1)[1] for value in values) <= 13
