"""Upper bounds of terms."""

from __future__ import annotations

import pytest

from bpfq.graph.bounds import largest
from bpfq.graph.nodes import Builder
from bpfq.graph.terms import Term
from bpfq.operators import WORD_MASK, Operator, Relation, calculate

B = Builder()
BYTE = B.load(None, 0, 1)


def of(operator: Operator, left: Term, right: int | Term) -> Term:
    return B.binary(operator, left, B.constant(right) if isinstance(right, int) else right)


LENGTH = of(Operator.LSH, of(Operator.AND, BYTE, 15), 2)


@pytest.mark.parametrize(
    ("term", "bound"),
    [
        (BYTE, 255),
        (B.load(None, 0, 2), 65535),
        (B.load(None, 0, 4), WORD_MASK),
        (LENGTH, 60),
        (of(Operator.ADD, LENGTH, 14), 74),
        (of(Operator.ADD, B.load(None, 0, 4), 1), WORD_MASK),
        (of(Operator.SUB, BYTE, 1), WORD_MASK),
        (of(Operator.MUL, BYTE, 4), 1020),
        (of(Operator.DIV, BYTE, 4), 63),
        (of(Operator.MOD, BYTE, 10), 9),
        (of(Operator.RSH, BYTE, 3), 31),
        (of(Operator.RSH, BYTE, BYTE), 255),
        (of(Operator.LSH, BYTE, BYTE), WORD_MASK),
        (of(Operator.OR, BYTE, 256), 511),
        (B.choose(Relation.GT, BYTE, B.constant(3), LENGTH, BYTE), 255),
        (B.metadata("vlan_tci"), 65535),
        (B.wire_length(), WORD_MASK),
    ],
)
def test_the_largest_value_of_a_term(term: Term, bound: int) -> None:
    assert largest(term) == bound


@pytest.mark.parametrize("operator", Operator)
@pytest.mark.parametrize("right", [1, 3, 7, 31, 200])
def test_no_byte_gives_more(operator: Operator, right: int) -> None:
    bound = largest(of(operator, BYTE, right))
    assert all(calculate(operator, byte, right) <= bound for byte in range(256))


def test_a_deep_term_does_not_recurse() -> None:
    term = BYTE
    for _ in range(20_000):
        term = of(Operator.XOR, of(Operator.ADD, term, 1), BYTE)
    assert largest(term) == WORD_MASK
