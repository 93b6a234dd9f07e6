"""Each rule of algebra is proved with z3, over every value of the word."""

from __future__ import annotations

import pytest
import z3
from hypothesis import given, settings
from hypothesis import strategies as st

from bpfq.frontend.pcap.parse import parse
from bpfq.intervals import complement, united
from bpfq.operators import WORD_MASK
from bpfq.query import nodes as q
from bpfq.query.text import to_pcap
from bpfq.simplify.rules import (
    Masked,
    merge,
    merge_masks,
    merge_sets,
    merged,
)
from bpfq.simplify.smt_encode import member

WORD = z3.BitVec("word", 32)
NUMBERS = st.one_of(st.integers(0, 15), st.sampled_from([0x40, 0x4000, 0x8000_0000, WORD_MASK]))
RELATIONS = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])


def masked(test: Masked) -> z3.BoolRef:
    equal = WORD & test.mask == test.bits
    return equal if test.equal else z3.Not(equal)


def joined(one: z3.BoolRef, two: z3.BoolRef, conjunction: bool) -> z3.BoolRef:
    return z3.And(one, two) if conjunction else z3.Or(one, two)


def is_proved(claim: z3.BoolRef) -> bool:
    solver = z3.Solver()
    solver.add(z3.Not(claim))
    return bool(solver.check() == z3.unsat)


masks = st.builds(lambda mask, bits, equal: Masked(mask, bits & mask, equal), NUMBERS, NUMBERS,
                  st.booleans())  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(masks, masks, st.booleans())
def test_merged_masks_are_both_tests_or_either(one: Masked, two: Masked, conjunction: bool) -> None:
    made = merge_masks(one, two, conjunction=conjunction)
    if made is not None:
        assert is_proved(masked(made) == joined(masked(one), masked(two), conjunction))


sets = st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=3).map(united).filter(bool)


@settings(max_examples=100, deadline=None)
@given(sets, sets, st.booleans())
def test_merged_sets_are_both_sets_or_either(
    one: tuple[int, ...], two: tuple[int, ...], conjunction: bool
) -> None:
    made = merge_sets(one, two, 1 << 32, conjunction=conjunction)
    inside = member(z3, WORD, made) if made else z3.BoolVal(False)
    both = joined(member(z3, WORD, one), member(z3, WORD, two), conjunction)
    assert is_proved(inside == both)


@settings(max_examples=100, deadline=None)
@given(sets)
def test_a_complement_is_what_is_not_in_the_set(bounds: tuple[int, ...]) -> None:
    outside = member(z3, WORD, complement(bounds, 1 << 32))
    assert is_proved(outside == z3.Not(member(z3, WORD, bounds)))


def compared(query: q.Query) -> z3.BoolRef:
    """A comparison of ``ip[8]``, perhaps masked, with a constant, as it is written."""
    assert isinstance(query, q.Compare) and isinstance(query.right, q.Number)
    left = z3.ZeroExt(24, z3.BitVec("byte", 8))
    if isinstance(query.left, q.Arithmetic):
        assert isinstance(query.left.right, q.Number)
        left &= query.left.right.value
    right = z3.BitVecVal(query.right.value, 32)
    return {
        "=": left == right, "!=": left != right, "<": z3.ULT(left, right),
        "<=": z3.ULE(left, right), ">": z3.UGT(left, right), ">=": z3.UGE(left, right),
    }[query.relation]  # fmt: skip


tests = st.builds(
    lambda mask, relation, number: f"ip[8]{mask} {relation} {number}",
    st.one_of(st.just(""), NUMBERS.map(" & {}".format)),
    RELATIONS,
    NUMBERS,
)


@settings(max_examples=300, deadline=None)
@given(tests, tests, st.booleans())
def test_a_merged_comparison_is_both_comparisons_or_either(
    one: str, two: str, conjunction: bool
) -> None:
    left, right = parse(one), parse(two)
    made = merge(left, right, conjunction=conjunction)
    if made is not None:
        assert is_proved(compared(made) == joined(compared(left), compared(right), conjunction))


@pytest.mark.parametrize(
    "left, word, right, made",
    [
        ("tcp[13] & 2 != 0", "or", "tcp[13] & 4 != 0", "tcp[13] & 6 != 0"),
        ("ip[6] & 0x40 = 0", "and", "ip[6] & 0x20 = 0", "ip[6] & 0x60 = 0"),
        ("ip[6] & 0x40 != 0", "and", "ip[6] & 0x20 = 0", "ip[6] & 0x60 = 64"),
        ("ip[6] & 0x40 > 0", "or", "ip[6] & 0x20 >= 1", "ip[6] & 0x60 != 0"),
        ("ip[8] = 5", "or", "ip[8] > 5", "ip[8] >= 5"),
        ("ip[8] != 5", "and", "ip[8] >= 5", "ip[8] >= 6"),
        ("ip[8] < 5", "or", "ip[8] > 5", "ip[8] != 5"),
        ("ip[8] <= 5", "and", "ip[8] >= 5", "ip[8] = 5"),
        ("ip[8] > 3", "and", "ip[8] > 5", "ip[8] > 5"),
        ("ip[8] > 253", "and", "ip[8] < 255", "ip[8] = 254"),
        ("ip[8] > 3", "and", "ip[8] < 9", None),
        ("ip[8] & 3 = 1", "and", "ip[8] & 1 = 0", None),
        ("ip[8] & 6 != 0", "and", "ip[8] & 1 != 0", None),
        ("ip[8] & 1 = 3", "and", "ip[8] & 2 = 0", None),
        ("ip[8] & 3 < 2", "and", "ip[8] & 4 = 0", None),
        ("ip[8] = 1", "and", "ip[9] = 1", None),
        ("ip[8] = ip[9]", "or", "ip[8] = 1", None),
        ("tcp", "and", "ip[8] = 1", None),
    ],
)
def test_two_comparisons_become(left: str, word: str, right: str, made: str | None) -> None:
    found = merge(parse(left), parse(right), conjunction=word == "and")
    assert (None if found is None else to_pcap(found)) == made


def test_a_merged_comparison_spans_both() -> None:
    query = parse("ip[8] = 5 or ip[8] > 5")
    assert isinstance(query, q.Or)
    made = merge(*query.operands, conjunction=False)
    assert made is not None and made.span == (0, 22)


def test_operands_merge_into_the_first_of_the_same_value() -> None:
    texts = ("ip[8] > 3", "tcp", "ip[9] > 1", "ip[8] != 4", "ip[9] > 5")
    parts = [parse(text) for text in texts]
    assert merged(parts, [False] * 5, conjunction=True) == [0, 1, 2, 0, 2]


def test_nothing_merges_past_an_operand_that_must_stay() -> None:
    parts = [parse(text) for text in ("ip[8] > 3", "tcp", "ip[8] != 4")]
    assert merged(parts, [False, True, False], conjunction=True) == [0, 1, 2]
