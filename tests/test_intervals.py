"""Every function on sets of numbers against the same set written out."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from bpfq import intervals
from bpfq.intervals import Bounds
from bpfq.operators import WORD_MASK, Operator, Relation, calculate

SMALL = (0, 1, 2, 3, 6, 7, 8, 15, 31, 63, 127)  # greatest words of the domains written out
CONSTANTS = (*range(36), 63, 64, 65, 96, 127, 128, 200, 0x8000_0000, WORD_MASK - 3, WORD_MASK)
UNDOABLE = (
    Operator.ADD, Operator.SUB, Operator.AND, Operator.XOR, Operator.RSH, Operator.LSH,
    Operator.DIV, Operator.MUL, Operator.MOD, Operator.OR,
)  # fmt: skip


def written_out(bounds: Bounds, end: int) -> set[int]:
    pairs = zip(bounds[::2], bounds[1::2], strict=True)
    return {value for first, last in pairs for value in range(first, min(last, end))}


def is_sorted_and_disjoint(bounds: Bounds) -> bool:
    return len(bounds) % 2 == 0 and all(one < other for one, other in pairwise(bounds))


def random_bounds(chance: random.Random, end: int) -> Bounds:
    pieces = chance.choice((0, 1, 1, 1, 2, 2, 3, 5))
    cuts = chance.sample(range(end + 1), min(2 * pieces, (end + 1) // 2 * 2))
    return tuple(sorted(cuts))


def wide_bounds(chance: random.Random) -> Bounds:
    """Some small numbers and some beyond them, as a test of a word may ask for."""
    low = random_bounds(chance, 140)
    high = sorted(chance.sample((*range(2**32 - 150, 2**32 + 1, 7), 2**31, 2**31 + 9), 2))
    return (*low, *high) if chance.random() < 0.4 else low


@pytest.mark.parametrize("seed", range(40))
def test_a_set_contains_what_its_intervals_span(seed: int) -> None:
    bounds = random_bounds(random.Random(seed), 40)
    contained = {value for value in range(45) if intervals.contains(bounds, value)}
    assert contained == written_out(bounds, 45)


@pytest.mark.parametrize("seed", range(40))
def test_a_clipped_set_is_the_part_below_the_end(seed: int) -> None:
    bounds = random_bounds(random.Random(seed), 40)
    for end in range(45):
        clipped = intervals.clipped(bounds, end)
        assert is_sorted_and_disjoint(clipped)
        assert written_out(clipped, 45) == written_out(bounds, end)


@pytest.mark.parametrize("seed", range(200))
def test_the_union_holds_every_piece_in_few_intervals(seed: int) -> None:
    chance = random.Random(seed)
    pieces = [(chance.randrange(30), chance.randrange(33)) for _ in range(chance.randrange(7))]
    united = intervals.united(pieces)
    assert is_sorted_and_disjoint(united)
    assert written_out(united, 40) == {n for first, end in pieces for n in range(first, end)}


@pytest.mark.parametrize("relation", [Relation.EQ, Relation.GT, Relation.GE])
@pytest.mark.parametrize("value", [0, 1, 5, 8, 0xF0, WORD_MASK - 1, WORD_MASK])
def test_an_order_against_a_constant_is_the_set_of_words_it_holds_for(
    relation: intervals.Order, value: int
) -> None:
    below, above = intervals.of(relation, value), intervals.mirrored(relation, value)
    probes = [*range(300), 2**31 - 1, 2**31, value, *range(2**32 - 9, 2**32)]
    assert [intervals.contains(below, n) for n in probes] == [
        relation.holds(n, value) for n in probes
    ]
    assert [intervals.contains(above, n) for n in probes] == [
        relation.holds(value, n) for n in probes
    ]


@pytest.mark.parametrize("bounds", [(), (0, 40), (3, 5), (0, 7, 9, 40), (0, 1, 2, 3, 39, 40)])
def test_the_complement_is_what_is_left_below_the_end(bounds: intervals.Bounds) -> None:
    outside = intervals.complement(bounds, 40)
    assert is_sorted_and_disjoint(outside)
    assert written_out(outside, 40) == {*range(40)} - written_out(bounds, 40)


@pytest.mark.parametrize("operator", UNDOABLE)
@pytest.mark.parametrize("most", SMALL)
def test_the_words_before_an_operation_are_those_that_come_out_inside(
    operator: Operator, most: int
) -> None:
    chance = random.Random(f"{operator} {most}")
    for constant in CONSTANTS:
        bounds = wide_bounds(chance)
        before = intervals.before(operator, constant, bounds, most)
        if before is None:
            continue
        assert is_sorted_and_disjoint(before)
        assert before == () or before[-1] <= most + 1
        inside = {
            word
            for word in range(most + 1)
            if intervals.contains(bounds, calculate(operator, word, constant))
        }
        assert written_out(before, most + 1) == inside


@pytest.mark.parametrize("operator", UNDOABLE)
@pytest.mark.parametrize("most", [0xFF, 0xFFFF, 0xFFF0, WORD_MASK])
def test_the_words_before_an_operation_at_the_edges_of_large_domains(
    operator: Operator, most: int
) -> None:
    chance = random.Random(f"{operator} {most}")
    for _ in range(400):
        constant = chance.choice((*CONSTANTS, chance.randrange(2**32), 1 << chance.randrange(32)))
        bounds = _edges(chance)
        before = intervals.before(operator, constant, bounds, most)
        if before is None:
            continue
        assert is_sorted_and_disjoint(before)
        near = {value + d for value in (*before, *bounds, most) for d in (-1, 0, 1)}
        near |= {chance.randrange(most + 1) for _ in range(20)}
        for word in sorted(value for value in near if 0 <= value <= most):
            inside = intervals.contains(bounds, calculate(operator, word, constant))
            assert intervals.contains(before, word) == inside


def _edges(chance: random.Random) -> Bounds:
    cuts = {chance.choice((chance.randrange(2**32), chance.randrange(300))) for _ in range(4)}
    cuts |= {chance.choice((0, 1, 2**32, 2**31))}
    return tuple(sorted(cuts)[: len(cuts) // 2 * 2])


@pytest.mark.parametrize("operator, constant, bounds, most", [
    (Operator.ADD, 5, (7, 9), 100),
    (Operator.SUB, 5, (7, 9), WORD_MASK),
    (Operator.AND, 0xF0, (0x40, 0x41), 0xFF),
    (Operator.AND, 0x1FFF, (1, 2**32), 0xFFFF),
    (Operator.AND, 0x12, (0x10, 0x11), 0xFF),
    (Operator.AND, 0xFFFF_FF00, (0x0A00_0000, 0x0A00_0001), WORD_MASK),
    (Operator.XOR, 3, (5, 6), WORD_MASK),
    (Operator.RSH, 4, (4, 5), 0xFF),
    (Operator.LSH, 2, (20, 61), 15),
    (Operator.DIV, 3, (2, 3), WORD_MASK),
    (Operator.MUL, 3, (7, 20), 0xFFFF),
])  # fmt: skip
def test_what_filters_compute_is_undone(
    operator: Operator, constant: int, bounds: Bounds, most: int
) -> None:
    assert intervals.before(operator, constant, bounds, most) is not None


@pytest.mark.parametrize("operator, constant, bounds, most", [
    (Operator.AND, 0x5555_5555, (1, 2), WORD_MASK),
    (Operator.AND, 1, (0, 1), 0xFFFF),
    (Operator.AND, 3, (0, 1, 2, 3), 0xFF),
    (Operator.XOR, 1, (1, 2**32), WORD_MASK),
    (Operator.LSH, 2, (20, 61), WORD_MASK),
    (Operator.MUL, 3, (7, 20), WORD_MASK),
    (Operator.OR, 1, (7, 20), 0xFF),
    (Operator.MOD, 10, (7, 8), 0xFF),
    (Operator.DIV, 0, (7, 8), 0xFF),
])  # fmt: skip
def test_what_has_no_few_intervals_is_left_alone(
    operator: Operator, constant: int, bounds: Bounds, most: int
) -> None:
    assert intervals.before(operator, constant, bounds, most) is None
