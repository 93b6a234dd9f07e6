"""A domain never excludes the value that it describes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bpfq.operators import Relation
from bpfq.opt.facts import ANYTHING, Domain

WORDS = st.one_of(
    st.integers(0, 40), st.integers(0, 2**32 - 1), st.sampled_from([2**32 - 1, 2**31])
)
TESTS = st.lists(st.tuples(st.sampled_from(Relation), WORDS), max_size=25)


def learn(value: int, tests: list[tuple[Relation, int]]) -> Domain:
    """The domain after the tests came out as they do for the value."""
    domain = ANYTHING
    for relation, operand in tests:
        domain = domain.refine(relation, operand, relation.holds(value, operand))
    return domain


@given(WORDS, TESTS, st.sampled_from(Relation), WORDS)
def test_a_decision_is_what_the_value_gives(
    value: int, tests: list[tuple[Relation, int]], relation: Relation, operand: int
) -> None:
    assert learn(value, tests).decide(relation, operand) in (None, relation.holds(value, operand))


@given(WORDS, WORDS, TESTS, TESTS, st.sampled_from(Relation), WORDS)
def test_a_join_decides_only_what_holds_on_both_sides(
    one: int,
    other: int,
    first: list[tuple[Relation, int]],
    second: list[tuple[Relation, int]],
    relation: Relation,
    operand: int,
) -> None:
    joined = learn(one, first).join(learn(other, second))
    decided = joined.decide(relation, operand)
    assert decided in (None, relation.holds(one, operand))
    assert decided in (None, relation.holds(other, operand))


def test_every_test_that_was_made_is_decided_afterwards() -> None:
    domain = ANYTHING.refine(Relation.EQ, 0x800, True)
    assert domain.decide(Relation.EQ, 0x800) is True
    assert domain.decide(Relation.EQ, 0x86DD) is False
    assert domain.decide(Relation.GT, 1500) is True
    assert domain.decide(Relation.SET, 0x800) is True


def test_bounds_decide_equalities_outside_them() -> None:
    domain = ANYTHING.refine(Relation.GT, 100, False)
    assert domain.decide(Relation.EQ, 101) is False
    assert domain.decide(Relation.GE, 101) is False
    assert domain.decide(Relation.EQ, 100) is None


def test_cleared_bits_decide_tests_of_those_bits() -> None:
    domain = ANYTHING.refine(Relation.SET, 0x06, False)
    assert domain.decide(Relation.SET, 0x02) is False
    assert domain.decide(Relation.SET, 0x03) is None
    assert domain.decide(Relation.EQ, 0x04) is False


def test_several_bits_of_which_one_is_set_decide_the_same_test() -> None:
    domain = ANYTHING.refine(Relation.SET, 0x1FFF, True)
    assert domain.decide(Relation.SET, 0x1FFF) is True
    assert domain.decide(Relation.SET, 0x3FFF) is True
    assert domain.decide(Relation.SET, 0x0FFF) is None
    assert domain.decide(Relation.EQ, 0x4000) is False
    assert (
        domain.join(ANYTHING.refine(Relation.EQ, 0x2000, True)).decide(Relation.SET, 0x3FFF) is True
    )
