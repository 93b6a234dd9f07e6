"""Large sets: the comparisons that decide membership, and the test that stands for them."""

from __future__ import annotations

import random
from itertools import chain

import pytest

from bpfq.graph.membership import (
    INSIDE,
    MANY,
    OUTSIDE,
    Comparison,
    comparisons,
    large_set,
    weight,
    written_out,
)
from bpfq.graph.nodes import ACCEPT, REJECT, Builder, Node, Test
from bpfq.graph.terms import Binary, Constant, Load, Members
from bpfq.graph.text import to_text
from bpfq.graph.walk import topological
from bpfq.operators import Operator, Relation


def points(values: list[int], most: int = 2**32 - 1) -> Members:
    return Members(tuple(chain.from_iterable((v, v + 1) for v in sorted(values))), most)


def found(made: list[Comparison], value: int) -> tuple[int, int]:
    """Where a value ends, and after how many comparisons."""
    at, steps = len(made) - 1, 0
    while at >= 0:
        relation, operand, yes, no = made[at]
        at = yes if relation.holds(value, operand) else no
        steps += 1
    return at, steps


def some_members(seed: int, most: int) -> tuple[set[int], Members]:
    chance = random.Random(seed)
    values = set(chance.sample(range(most + 1), chance.randrange(1, 40)))
    for _ in range(chance.randrange(4)):
        start = chance.randrange(most)
        values |= set(range(start, min(most, start + chance.randrange(40))))
    bounds = tuple(v for v in range(most + 2) if (v in values) != (v - 1 in values))
    return values, Members(bounds, most)


@pytest.mark.parametrize("leaf", [1, 2, 4, 9, 100])
@pytest.mark.parametrize("seed", range(20))
def test_exactly_the_members_are_inside(seed: int, leaf: int) -> None:
    values, members = some_members(seed, 255)
    made = comparisons(members, leaf)
    inside = {v for v in range(256) if found(made, v)[0] == INSIDE}
    assert inside == values


@pytest.mark.parametrize("seed", range(20))
def test_one_row_takes_as_many_comparisons_as_the_set_weighs(seed: int) -> None:
    values = random.Random(seed).sample(range(2**32), 200)
    members = points(values)
    assert len(comparisons(members, leaf=200)) == weight(members) == 200


@pytest.mark.parametrize(("leaf", "most", "worst"), [(1, 1999, 11), (2, 1499, 11), (4, 1249, 12),
                                                     (8, 1124, 15), (16, 1062, 22)])  # fmt: skip
def test_leaves_trade_length_for_steps(leaf: int, most: int, worst: int) -> None:
    values = sorted(random.Random(5).sample(range(0, 2**32, 2), 1000))
    made = comparisons(points(values), leaf)
    assert len(made) == most
    assert all(found(made, v)[0] == INSIDE for v in values)
    assert all(found(made, v + 1)[0] == OUTSIDE for v in values)
    assert max(found(made, v + 1)[1] for v in values) == worst


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("leaf", [4, 1000])
def test_ranges_are_found_in_a_logarithm_of_steps(seed: int, leaf: int) -> None:
    cuts = sorted(random.Random(seed).sample(range(0, 2**32, 2), 1000))
    made = comparisons(Members(tuple(cuts), 2**32 - 1), leaf)
    assert len(made) <= 1000
    assert max(found(made, cut - 1)[1] for cut in cuts) <= 12


def masked_test(bounds: tuple[int, ...], size: int = 4) -> Test:
    builder = Builder()
    term = builder.load(None, 26, size)
    members = Members(bounds, (1 << 8 * size) - 1)
    node = large_set(builder, term, members, ACCEPT, REJECT)
    assert isinstance(node, Test)
    return node


def nets(count: int, bits: int) -> tuple[int, ...]:
    """Networks that do not touch, with so many bits of host number."""
    draw = random.Random(count + bits)
    starts = sorted(draw.sample(range(0, 1 << 32 - bits, 2), count))
    return tuple(chain.from_iterable((s << bits, s + 1 << bits) for s in starts))


def test_networks_of_one_length_are_single_values_under_a_mask() -> None:
    node = masked_test(nets(100, 8))
    match node.term, node.operand:
        case Binary(Operator.AND, Load(None, 26, 4), Constant(mask)), Members(bounds, most):
            assert (mask, most, len(bounds)) == (0xFFFFFF00, 0xFFFFFF00, 200)
            assert weight(node.operand) == 100
        case _:
            raise AssertionError(to_text(node))


def test_the_first_bytes_are_loaded_alone_where_the_others_do_not_matter() -> None:
    assert to_text(masked_test(nets(100, 16))).startswith("0: h[26] = {")
    assert to_text(masked_test(nets(20, 24))).startswith("0: b[26] = {")
    assert to_text(masked_test(nets(100, 20))).startswith("0: (h[26] & 0xfff0) = {")


def test_a_mask_that_saves_nothing_is_left_out() -> None:
    wide = nets(20, 10)
    ranges = tuple(edge - (1 << 8) * (n % 2) for n, edge in enumerate(wide))  # three of four
    assert to_text(masked_test(ranges)).startswith("0: w[26] = {")


@pytest.mark.parametrize("bits", [0, 4, 8, 12, 16, 20, 24])
def test_masking_keeps_the_members(bits: int) -> None:
    bounds = nets(MANY + 4, bits)
    node = masked_test(bounds)
    assert isinstance(node.operand, Members)
    assert isinstance(node.operand, Members)
    made = comparisons(node.operand)
    for edge in bounds:
        for value in (edge - 1, edge, edge + (1 << bits) - 1):
            expected = any(a <= value < b for a, b in zip(bounds[::2], bounds[1::2], strict=True))
            seen = value
            match node.term:
                case Load(size=size):
                    seen = value >> 32 - 8 * size
                case Binary(Operator.AND, Load(size=size), Constant(mask)):
                    seen = value >> 32 - 8 * size & mask
            assert (found(made, seen)[0] == INSIDE) is expected


def end_of(node: Node, values: dict[int, int]) -> Node:
    """Where a packet ends, given its loads by offset."""
    while isinstance(node, Test):
        assert isinstance(node.term, Load) and isinstance(node.operand, Constant)
        node = node.yes if node.relation.holds(values[node.term.offset], node.operand.value) else (
            node.no
        )  # fmt: skip
    return node


def test_sets_are_written_out_where_they_stand() -> None:
    builder = Builder()
    first, second = builder.load(None, 0, 4), builder.load(None, 4, 4)
    chance = random.Random(3)
    ones, others = (sorted(chance.sample(range(1000), 100)) for _ in range(2))
    inner = large_set(builder, second, points(others), REJECT, ACCEPT)
    root = large_set(builder, first, points(ones), inner, REJECT)
    plain = written_out(root, builder)
    assert all(isinstance(test.operand, Constant) for test in topological(plain))
    for _ in range(300):
        values = {0: chance.randrange(1000), 4: chance.randrange(1000)}
        matches = values[0] in ones and values[4] not in others
        assert (end_of(plain, values) is ACCEPT) is matches


def test_a_graph_without_sets_stays_itself() -> None:
    builder = Builder()
    root = builder.test(builder.load(None, 0, 1), Relation.EQ, builder.constant(1), ACCEPT, REJECT)
    assert written_out(root, builder) is root
