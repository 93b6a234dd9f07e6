"""Changes that give a test another outcome."""

from __future__ import annotations

import pytest

from bpfq.analysis.witness.draft import Draft, Values, begun
from bpfq.analysis.witness.patch import Patching
from bpfq.analysis.witness.pieces import text
from bpfq.analysis.witness.templates import Template
from bpfq.graph.nodes import ACCEPT, REJECT, Builder, Test
from bpfq.graph.terms import Term
from bpfq.operators import Operator, Relation

B = Builder()
BYTES = bytes(range(16, 48))


def cheapest(term: Term, relation: Relation, operand: Term | int, wanted: bool) -> Draft:
    operand = B.constant(operand) if isinstance(operand, int) else operand
    test = Test(term, relation, operand, ACCEPT, REJECT)
    draft = begun(Template("bytes", text(BYTES)))
    changed = min(Patching(snapped=True).outcomes(test, wanted, draft), key=lambda one: one.cost)
    assert Values(changed).holds(test) is wanted
    return changed


def load(offset: int, size: int, index: Term | None = None) -> Term:
    return B.load(index, offset, size)


def with_bytes(at: int, octets: str) -> bytes:
    new = bytes.fromhex(octets)
    return BYTES[:at] + new + BYTES[at + len(new) :]


@pytest.mark.parametrize(
    ("term", "relation", "operand", "wanted", "octets"),
    [
        (load(4, 1), Relation.EQ, 7, True, with_bytes(4, "07")),
        (load(4, 4), Relation.EQ, 0x01020304, True, with_bytes(4, "01020304")),
        (load(4, 1), Relation.GT, 200, True, with_bytes(4, "c9")),
        (load(4, 1), Relation.GE, 20, False, with_bytes(4, "13")),
        (load(4, 1), Relation.EQ, 20, False, with_bytes(4, "13")),
        (load(4, 1), Relation.SET, 0x82, True, with_bytes(4, "16")),
        (load(4, 1), Relation.SET, 0x14, False, with_bytes(4, "00")),
        (B.binary(Operator.AND, load(4, 4), B.constant(0xFF000000)), Relation.EQ, 0x0A000000,
         True, with_bytes(4, "0a151617")),
        (B.binary(Operator.LSH, B.binary(Operator.AND, load(4, 1), B.constant(15)),
                  B.constant(2)), Relation.GT, 20, True, with_bytes(4, "16")),
        (B.binary(Operator.SUB, load(4, 1), load(5, 1)), Relation.EQ, 3, True,
         with_bytes(4, "18")),
        (B.binary(Operator.MOD, load(4, 1), load(5, 1)), Relation.EQ, 1, True,
         with_bytes(4, "01")),
        (B.binary(Operator.MUL, load(4, 1), B.constant(3)), Relation.EQ, 63, True,
         with_bytes(4, "15")),
        (load(0, 1, load(2, 1)), Relation.EQ, 9, True, with_bytes(18, "09")),
        (B.choose(Relation.EQ, load(0, 1), B.constant(16), load(1, 1), load(2, 1)),
         Relation.EQ, 9, True, with_bytes(1, "09")),
    ],
)  # fmt: skip
def test_the_bytes_that_a_test_reads_are_changed(
    term: Term, relation: Relation, operand: int, wanted: bool, octets: bytes
) -> None:
    assert cheapest(term, relation, operand, wanted).octets == octets


def test_a_length_is_padded_to() -> None:
    changed = cheapest(B.wire_length(), Relation.GT, 100, True)
    assert (changed.octets, changed.length) == (BYTES + bytes(69), 101)


def test_a_length_is_cut_to() -> None:
    changed = cheapest(B.wire_length(), Relation.GT, 9, False)
    assert (changed.octets, changed.length) == (BYTES[:9], 9)


def test_a_word_of_the_kernel_is_set() -> None:
    changed = cheapest(B.metadata("vlan_tci"), Relation.EQ, 7, True)
    assert (changed.octets, changed.metadata) == (BYTES, {"vlan_tci": 7})
