"""Words with choices inside in decision diagrams: the same outcome on every packet."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from symbolic.concrete import Concrete

import bpfq
from bpfq.operators import Operator, Relation
from bpfq.symbolic.diagram import Diagrams
from bpfq.symbolic.propositions import (
    FALSE,
    FAULT,
    TRUE,
    Every,
    Opposite,
    Outcome,
    Packet,
    Proposition,
    Reaches,
    Some,
)
from bpfq.symbolic.words import START, Word

PROFILE = settings(max_examples=40, deadline=None, derandomize=True, database=None)
OPERATORS = (Operator.ADD, Operator.AND, Operator.MUL, Operator.RSH, Operator.XOR, Operator.SUB)
RELATIONS = (Relation.EQ, Relation.GT, Relation.GE, Relation.SET)
ORDERS = (list(range(10)), [*range(5, 10), *range(5)], list(range(9)))
GENEVE_TWICE = "(geneve or geneve) and (geneve or geneve)"


class Maker:
    """Words and conditions drawn at random, each made of earlier ones."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.packet = Packet()
        words = self.packet.words
        self.words: list[Word] = [words.bytes(START, None, at, 1) for at in range(4)]
        self.words += [words.number(n) for n in (0, 1, 4)]
        self.tests: list[Proposition] = []

    def word(self) -> Word:
        return self.chance.choice(self.words[-6:] if self.chance.random() < 0.7 else self.words)

    def grow(self) -> None:
        words, chance = self.packet.words, self.chance
        relation = chance.choice(RELATIONS)
        test = self.packet.compare(self.word(), relation, words.number(chance.randrange(6)))
        if chance.random() < 0.3:
            test = self.packet.compare(self.word(), relation, self.word())
        self.tests.append(test)
        kind = chance.random()
        if kind < 0.6:
            self.words.append(words.either(test, self.word(), self.word()))
        elif kind < 0.8:
            operator = chance.choice(OPERATORS)
            self.words.append(words.operation(operator, self.word(), self.word()))
        else:
            index = words.operation(Operator.AND, self.word(), words.number(7))
            self.words.append(words.bytes(START, index, chance.randrange(3), 1))
            self.tests.append(self.packet.captured(START, index, 3))

    def proposition(self) -> Proposition:
        last = self.tests[-4:]
        some = Some(tuple(self.chance.sample(last, 2)))
        return Every((some, Opposite(self.chance.choice(last)), self.chance.choice(last)))


@pytest.mark.parametrize("leaves", [1, 2, 8, 64])
@PROFILE
@given(seed=st.integers(0, 10**9))
def test_a_diagram_has_the_outcome_of_its_proposition(leaves: int, seed: int) -> None:
    maker = Maker(seed)
    for _ in range(14):
        maker.grow()
    proposition = maker.proposition()
    diagrams = Diagrams(maker.packet, leaves)
    again = diagrams.proposition(diagrams.of(proposition))
    chance = random.Random(seed)
    packets = [bytes(chance.choices(range(6), k=chance.randrange(12))) for _ in range(30)]
    expected = [Concrete(packet, 12).outcome(proposition) for packet in packets]
    assert [Concrete(packet, 12).outcome(again) for packet in packets] == expected


@pytest.mark.parametrize("negated", [False, True])
def test_words_chosen_between_in_another_order_need_no_solver(negated: bool) -> None:
    text = f"not ({GENEVE_TWICE})" if negated else GENEVE_TWICE
    proof = bpfq.compile(text, link="IEEE802_11_RADIO").prove()
    assert (proof.verdict, proof.solved) == ("proved", 0)


def test_a_word_of_many_leaves_equals_only_itself() -> None:
    packet = Packet()
    words = packet.words
    tests = [packet.compare(words.bytes(START, None, 9, 1), Relation.EQ, words.number(n))
             for n in range(10)]  # fmt: skip
    fields = [words.bytes(START, None, at, 1) for at in range(10)]

    def chosen(order: list[int]) -> Word:
        word: Word = words.number(7)
        for n in order:
            word = words.either(tests[n], fields[n], word)
        return word

    one, same, other = (chosen(order) for order in ORDERS)
    diagrams = Diagrams(packet, 1)
    index = [words.operation(Operator.MUL, word, words.number(4)) for word in (one, same, other)]
    reads = [diagrams.of(packet.captured(START, place, 2)) for place in index]
    assert reads[0] is reads[1]
    assert reads[0] is not reads[2]
    assert not diagrams.is_exact


@pytest.mark.parametrize("short", [FALSE, FAULT])
def test_a_run_of_tests_after_loads_takes_pieces_in_proportion(short: Outcome) -> None:
    """Whether a load past the end is a fault or rejects, and two fields take turns."""
    packet = Packet()
    words = [packet.words.bytes(START, None, at, 4) for at in (26, 30)]
    pieces = []
    for count in (200, 400):
        chain: Proposition = FALSE
        for number in range(count):
            for word, end in zip(words, (30, 34), strict=True):
                same = packet.member(word, (3 * number, 3 * number + 1))
                rest = packet.choose(same, TRUE, chain)
                reaches = Reaches(START, None, end)
                chain = packet.decide(reaches, rest, short)
        diagrams = Diagrams(packet)
        diagrams.of(chain)
        pieces.append(diagrams.pieces)
    assert pieces[1] < 3 * pieces[0]
