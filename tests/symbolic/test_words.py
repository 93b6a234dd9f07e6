"""Words and tests of them, whatever shape they were brought to, against plain arithmetic."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TypeAlias

import pytest

from bpfq.operators import WORD_MASK, DivisionByZero, Operator, Relation, calculate
from bpfq.symbolic.propositions import FALSE, FAULT, TRUE, Packet, Proposition
from bpfq.symbolic.words import START, Bytes, Either, Number, Operation, Word

from .concrete import Concrete

NUMBERS = (
    0, 1, 2, 3, 4, 5, 7, 8, 10, 15, 16, 31, 32, 33, 60, 0xF0, 0xFF, 0x1FFF, 0x0A00, 0xFF00_FF00,
    0x8000_0000, WORD_MASK - 3, WORD_MASK,
)  # fmt: skip
METADATA = {"type": 4, "vlanp": 1, "vlan_tci": 0xE123, "mark": 0xDEAD_BEEF}


@dataclass(frozen=True)
class Load:
    index: Expression | None
    offset: int
    size: int


@dataclass(frozen=True)
class Choice:
    left: Expression
    relation: Relation
    right: Expression
    then: Expression
    otherwise: Expression


@dataclass(frozen=True)
class Sum:
    operator: Operator
    left: Expression
    right: Expression


Expression: TypeAlias = int | str | Load | Choice | Sum  # a text: metadata, or "len"


def expression(chance: random.Random, depth: int) -> Expression:
    pick = chance.random()
    if depth == 0 or pick < 0.15:
        if chance.random() < 0.4:
            return chance.choice(NUMBERS)
        if chance.random() < 0.3:
            return chance.choice((*METADATA, "len"))
        return Load(None, chance.randrange(12), chance.choice((1, 2, 4)))
    if pick < 0.25:
        index = expression(chance, depth - 1)
        return Load(Sum(Operator.AND, index, 31), chance.randrange(12), chance.choice((1, 2)))
    if pick < 0.45:
        left, right, then, otherwise = (expression(chance, depth - 1) for _ in range(4))
        return Choice(left, chance.choice(tuple(Relation)), right, then, otherwise)
    right = chance.choice(NUMBERS) if chance.random() < 0.7 else expression(chance, depth - 1)
    return Sum(chance.choice(tuple(Operator)), expression(chance, depth - 1), right)


def computed(one: Expression, packet: Concrete) -> int:
    """Raises DivisionByZero; bytes past the end are what the packet is filled with."""
    match one:
        case int():
            return one
        case "len":
            return packet.length
        case str():
            return packet.metadata[one]
        case Load(index, offset, size):
            first = offset + (0 if index is None else computed(index, packet))
            octets = packet.captured + bytes(map(packet.fill, range(len(packet.captured), 60)))
            return int.from_bytes(octets[first : first + size], "big")
        case Choice(left, relation, right, then, otherwise):
            holds = relation.holds(computed(left, packet), computed(right, packet))
            return computed(then if holds else otherwise, packet)
        case Sum(operator, left, right):
            return calculate(operator, computed(left, packet), computed(right, packet))


def made(one: Expression, packet: Packet) -> Word:
    make = packet.words
    match one:
        case int():
            return make.number(one)
        case "len":
            return make.length()
        case str():
            return make.metadata(one)
        case Load(index, offset, size):
            return make.bytes(START, None if index is None else made(index, packet), offset, size)
        case Choice(left, relation, right, then, otherwise):
            condition = packet.compare(made(left, packet), relation, made(right, packet))
            then_word, otherwise_word = made(then, packet), made(otherwise, packet)
            if condition is TRUE or condition is FALSE:
                return then_word if condition is TRUE else otherwise_word
            return make.either(condition, then_word, otherwise_word)
        case Sum(operator, left, right):
            return make.operation(operator, made(left, packet), made(right, packet))


def concrete(chance: random.Random) -> Concrete:
    octets = bytes(chance.choices((0, 1, 2, 8, 0x45, 0xFF, chance.randrange(256)), k=20))
    return Concrete(
        octets[: chance.choice((0, 7, 20))], chance.choice((20, 60, 1514)), METADATA,
        fill=lambda address: address * 167 + 13 & 0xFF,
    )  # fmt: skip


def outcome_of(value: bool) -> Proposition:
    return TRUE if value else FALSE


@pytest.mark.parametrize("seed", range(400))
def test_a_word_has_the_value_of_the_expression_it_was_made_from(seed: int) -> None:
    chance = random.Random(seed)
    one = expression(chance, 4)
    word = made(one, Packet())
    compared = []
    for _ in range(12):
        packet = concrete(chance)
        try:
            compared.append((packet.value(word), computed(one, packet)))
        except DivisionByZero:
            continue
    assert [ours for ours, _ in compared] == [plain for _, plain in compared]


@pytest.mark.parametrize("relation", Relation)
@pytest.mark.parametrize("seed", range(150))
def test_a_comparison_holds_where_the_relation_of_the_values_does(
    seed: int, relation: Relation
) -> None:
    chance = random.Random(f"{seed} {relation}")
    left, right = expression(chance, 3), expression(chance, chance.choice((0, 0, 3)))
    symbolic = Packet()
    test = symbolic.compare(made(left, symbolic), relation, made(right, symbolic))
    compared = []
    for _ in range(12):
        packet = concrete(chance)
        try:
            values = computed(left, packet), computed(right, packet)
        except DivisionByZero:
            continue
        compared.append((packet.outcome(test), outcome_of(relation.holds(*values))))
    assert [ours for ours, _ in compared] == [plain for _, plain in compared]


@pytest.mark.parametrize("seed", range(100))
def test_a_divisor_is_needed_to_be_other_than_zero(seed: int) -> None:
    chance = random.Random(seed)
    divisor = Sum(Operator.AND, expression(chance, 2), 3)
    symbolic = Packet()
    needs = symbolic.nonzero(made(divisor, symbolic))
    compared = []
    for _ in range(12):
        packet = concrete(chance)
        try:
            plain = TRUE if computed(divisor, packet) else FAULT
        except DivisionByZero:
            continue
        compared.append((packet.outcome(needs), plain))
    assert [ours for ours, _ in compared] == [plain for _, plain in compared]


@pytest.mark.parametrize("seed", range(100))
def test_bytes_are_captured_up_to_the_captured_length(seed: int) -> None:
    chance = random.Random(seed)
    index, end = Sum(Operator.AND, expression(chance, 3), 15), chance.randrange(1, 14)
    symbolic = Packet()
    needs = symbolic.captured(START, made(index, symbolic), end)
    compared = []
    for _ in range(12):
        packet = concrete(chance)
        try:
            first = computed(index, packet)
        except DivisionByZero:
            continue
        fits = first + end <= len(packet.captured)
        compared.append((packet.outcome(needs), TRUE if fits else FAULT))
    assert [ours for ours, _ in compared] == [plain for _, plain in compared]


# ---------------------------------------------------------------- one shape for equal computations


def b(offset: int, size: int = 1) -> Load:
    return Load(None, offset, size)


def op(left: Expression, operator: str, right: Expression) -> Sum:
    return Sum(Operator(operator), left, right)


@pytest.mark.parametrize("one, other", [
    (op(b(0), "*", 4), op(b(0), "<<", 2)),
    (op(b(0), "/", 8), op(b(0), ">>", 3)),
    (op(b(0), "%", 16), op(b(0), "&", 15)),
    (op(b(0), "-", 3), op(b(0), "+", WORD_MASK - 2)),
    (op(op(b(0), "+", 5), "-", 5), b(0)),
    (op(op(b(0), "&", 0xF0), "&", 0x3F), op(b(0), "&", 0x30)),
    (op(op(b(0), "&", 15), "<<", 2), op(op(b(0), "<<", 2), "&", 60)),
    (op(op(b(0), ">>", 4), "<<", 4), op(b(0), "&", 0xF0)),
    (op(b(0), "&", 0xFFFF), b(0)),
    (op(b(0), "&", 0xFF00), 0),
    (op(b(0), "<<", 32), 0),
    (op(b(0), "+", b(1)), op(b(1), "+", b(0))),
    (op(3, "^", b(1)), op(b(1), "^", 3)),
    (op(6, "*", 7), 42),
    (Load(op(b(0), "+", 2), 3, 2), Load(b(0), 5, 2)),
    (Load(op(7, "+", 7), 9, 1), b(23)),
    (Choice(b(0), Relation.EQ, 1, b(2), b(2)), b(2)),
    (
        Load(Choice(b(0), Relation.EQ, 1, 4, 8), 1, 1),
        Choice(b(0), Relation.EQ, 1, b(5), b(9)),
    ),
    (
        op(Choice(b(0), Relation.EQ, 1, 4, 8), "+", 1),
        Choice(b(0), Relation.EQ, 1, 5, 9),
    ),
])  # fmt: skip
def test_equal_computations_are_one_word(one: Expression, other: Expression) -> None:
    packet = Packet()
    assert made(one, packet) is made(other, packet)


@pytest.mark.parametrize("index, offset", [
    (op(b(0, 4), "+", 2), 3), (op(b(0), "-", 2), 3), (op(b(0, 4), "*", 4), 0),
])  # fmt: skip
def test_an_index_that_may_wrap_keeps_its_constant(index: Expression, offset: int) -> None:
    packet = Packet()
    word = made(Load(index, offset, 1), packet)
    assert isinstance(word, Bytes)
    assert (word.index, word.offset) == (made(index, packet), offset)


@pytest.mark.parametrize("one, other", [
    ((op(b(0), "&", 15), Relation.EQ, 5), (op(op(b(0), "&", 15), "<<", 2), Relation.EQ, 20)),
    ((b(12, 2), Relation.EQ, 0x800), (op(b(12, 2), "-", 0x800), Relation.EQ, 0)),
    ((b(12, 2), Relation.GE, 0x600), (b(12, 2), Relation.GT, 0x5FF)),
    ((b(6, 2), Relation.SET, 0x1FFF), (op(b(6, 2), "&", 0x1FFF), Relation.GT, 0)),
    ((5, Relation.GT, b(0)), (b(0), Relation.GT, 4)),
])  # fmt: skip
def test_tests_of_one_word_are_decided_on_the_same_word(
    one: tuple[Expression, Relation, Expression], other: tuple[Expression, Relation, Expression]
) -> None:
    packet = Packet()
    words = []
    for left, relation, right in (one, other):
        test = packet.compare(made(left, packet), relation, made(right, packet))
        words.append(getattr(getattr(test, "condition", None), "word", test))
    assert isinstance(words[0], Bytes)
    assert words[0] is words[1]


@pytest.mark.parametrize("left, relation, right, decided", [
    (b(0), Relation.GE, 0, TRUE), (b(0), Relation.GT, 255, FALSE), (b(0), Relation.EQ, 256, FALSE),
    (op(b(0), "&", 15), Relation.GT, 15, FALSE), (b(0), Relation.SET, 0, FALSE),
    (b(0), Relation.EQ, b(0), TRUE), (b(0), Relation.GT, b(0), FALSE), (5, Relation.EQ, 5, TRUE),
    (256, Relation.GT, b(0), TRUE), ("type", Relation.GT, 7, FALSE),
])  # fmt: skip
def test_a_test_that_every_packet_passes_or_fails_is_decided(
    left: Expression, relation: Relation, right: Expression, decided: Proposition
) -> None:
    packet = Packet()
    assert packet.compare(made(left, packet), relation, made(right, packet)) is decided


# ---------------------------------------------------------------- large choices


def one_of(count: int, packet: Packet) -> Word:
    word = packet.words.number(0)
    for case in range(1, count):
        test = packet.compare(
            packet.words.bytes(START, None, 0, 2), Relation.EQ, made(case, packet)
        )
        word = packet.words.either(test, packet.words.number(case), word)
    return word


@pytest.mark.parametrize("cases", [10, 60, 70, 5000])
def test_a_switch_of_any_size_is_tested_without_deep_recursion(cases: int) -> None:
    symbolic = Packet()
    test = symbolic.compare(one_of(cases, symbolic), Relation.EQ, symbolic.words.number(7))
    chosen = Concrete((7).to_bytes(2, "big"), 2), Concrete((8).to_bytes(2, "big"), 2)
    assert [packet.outcome(test) for packet in chosen] == [TRUE, FALSE]


def test_the_ways_through_nested_sums_of_choices_are_not_all_written_down() -> None:
    symbolic = Packet()
    words, chance = symbolic.words, random.Random(0)
    word: Word = words.bytes(START, None, 0, 1)
    for level in range(60):
        test = symbolic.compare(
            words.bytes(START, None, level % 20, 1), Relation.EQ, words.number(1)
        )
        word = words.either(
            test, words.operation(Operator.ADD, word, words.number(1 << level % 28)), word
        )
    compared = symbolic.compare(word, Relation.GT, words.number(1000))
    assert len(words._made) < 1000
    for _ in range(50):
        packet = concrete(chance)
        assert packet.outcome(compared) is outcome_of(packet.value(word) > 1000)


def test_a_choice_among_few_is_decided_case_by_case() -> None:
    symbolic = Packet()
    word = one_of(20, symbolic)
    assert isinstance(word, Either)
    test = symbolic.compare(word, Relation.GT, symbolic.words.number(25))
    assert test is FALSE


def test_an_operation_on_a_choice_among_many_stays_outside() -> None:
    symbolic = Packet()
    nine = one_of(9, symbolic)
    word = symbolic.words.operation(Operator.ADD, nine, symbolic.words.number(1))
    assert isinstance(word, Operation) and isinstance(word.right, Number)
    assert word.left is nine
