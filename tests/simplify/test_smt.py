"""z3's view of a packet agrees with a concrete one, and its samples are what was asked for."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bpfq.analysis.decide import Questions, Undecided
from bpfq.operators import WORD_MASK, Operator, Relation
from bpfq.simplify.smt import Sample, Solver, TooLong
from bpfq import intervals
from bpfq.symbolic import propositions as p
from bpfq.symbolic.words import NETWORK, START, Word

from .concrete import condition, outcome

RLIMIT = 2_000_000
SIZE = 24  # bytes that the generated words can read
OPERATORS = tuple(op for op in Operator if op not in (Operator.DIV, Operator.MOD, Operator.MUL))
NUMBERS = (0, 1, 2, 3, 7, 15, 31, 32, 40, 0x80, 0xFF, 0x1234, 0xFFFF, 0x8000_0000, WORD_MASK)


class Maker:
    """Random words and propositions of one packet."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        self.packet = p.Packet()

    def word(self, depth: int = 3) -> Word:
        make, chance = self.packet.words, self.chance
        kind = chance.randrange(3 if depth == 0 else 8)
        if kind == 0:
            return make.number(chance.choice(NUMBERS))
        if kind == 1:
            return chance.choice((make.length(), make.metadata("vlan_tci"), make.draw(1)))
        if kind < 5:
            size = chance.choice((1, 2, 4))
            index = None
            if kind == 3 and depth:
                index = make.operation(Operator.AND, self.word(depth - 1), make.number(7))
            return make.bytes(START, index, chance.randrange(SIZE - 7 - size), size)
        if kind == 5:
            condition = self.packet.compare(self.word(0), Relation.GT, self.word(0))
            return make.either(condition, self.word(depth - 1), self.word(depth - 1))
        right = self.word(depth - 1)
        if chance.randrange(9) == 0:
            return make.operation(Operator.DIV, self.word(depth - 1), right)
        return make.operation(chance.choice(OPERATORS), self.word(depth - 1), right)

    def proposition(self, depth: int = 3) -> p.Proposition:
        chance = self.chance
        kind = chance.randrange(3 if depth == 0 else 9)
        below = [self.proposition(depth - 1) for _ in range(3)] if kind > 2 else []
        match kind:
            case 0:
                return self.packet.compare(self.word(), chance.choice(tuple(Relation)), self.word())
            case 1:
                points = sorted(chance.sample(range(300), 2 * chance.randrange(1, 40)))
                return self.packet.member(self.word(), tuple(points))
            case 2:
                index = None if chance.randrange(2) else self.word()
                return self.packet.captured(START, index, chance.randrange(SIZE))
            case 3:
                return p.Opposite(below[0])
            case 4 | 5:
                return p.Every(tuple(below))
            case 6:
                return p.Some(tuple(below))
            case 7:
                return p.Accepts(below[0])
            case _:
                return p.Cases(*below)

    def sample(self) -> Sample:
        octets = self.chance.randbytes(SIZE)
        size = self.chance.choice((SIZE, SIZE, self.chance.randrange(SIZE)))
        beyond = dict(zip(range(size, SIZE), octets[size:], strict=True))
        length = self.chance.choice((size, size + 9))
        return Sample(octets[:size], length, beyond, {"vlan_tci": 9}, {1: 0x8000_0000})

    def pinned(self, solver: Solver, sample: Sample) -> list[object]:
        """Constraints that only the sample satisfies, as far as generated words read it."""
        import z3

        words = self.packet.words
        size = len(sample.octets)
        values = [(words.length(), sample.wire_length), (words.metadata("vlan_tci"), 9)]
        values.append((words.draw(1), sample.draws[1]))
        octets = [*sample.octets, *(sample.beyond[at] for at in range(size, SIZE))]
        values += [(words.bytes(START, None, at, 1), value) for at, value in enumerate(octets)]
        pins: list[object] = [
            solver.holds(self.packet.member(word, (value, value + 1))) for word, value in values
        ]
        pins.append(solver.condition(p.Reaches(START, None, size)))
        pins.append(z3.Not(solver.condition(p.Reaches(START, None, size + 1))))
        return pins


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32))
def test_every_sample_satisfies_the_proposition_it_was_found_for(seed: int) -> None:
    maker = Maker(seed)
    proposition = maker.proposition()
    solver = Solver(maker.packet, rlimit=RLIMIT, wire_is_captured=False)
    wanted = ((solver.holds(proposition), p.TRUE), (solver.fails(proposition), p.FALSE))
    for constraint, expected in wanted:
        if solver.check(constraint) == "sat":
            try:
                sample = solver.sample()
            except TooLong:
                continue  # nobody could hold it
            assert outcome(proposition, sample) is expected


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32))
def test_a_concrete_packet_has_the_outcome_that_z3_gives_it(seed: int) -> None:
    maker = Maker(seed)
    proposition, sample = maker.proposition(), maker.sample()
    solver = Solver(maker.packet, rlimit=RLIMIT, wire_is_captured=False)
    pins = maker.pinned(solver, sample)
    answers = [
        solver.check(solver.holds(proposition), *pins) == "sat",
        solver.check(solver.fails(proposition), *pins) == "sat",
    ]
    now = outcome(proposition, sample)
    assert answers == [now is p.TRUE, now is p.FALSE]


@pytest.mark.parametrize("outcomes", [{-1}, {0}, {1}, {-1, 0}, {-1, 1}, {0, 1}, {-1, 0, 1}, ()])
def test_an_order_is_what_its_outcomes_say(outcomes: set[int]) -> None:
    packet = p.Packet()
    left, right = (packet.words.bytes(START, None, at, 1) for at in (0, 1))
    test = p.Order(left, right, frozenset(outcomes))
    solver = Solver(packet, rlimit=RLIMIT, wire_is_captured=False)
    found = set()
    for way, bounds in ((-1, (0, 5)), (0, (5, 6)), (1, (6, 256))):
        near = solver.holds(packet.member(left, bounds))
        five = solver.holds(packet.member(right, (5, 6)))
        if solver.check(solver.condition(test), near, five) == "sat":
            assert condition(test, solver.sample())
            found.add(way)
    assert found == set(outcomes)


def test_a_large_set_has_the_members_that_it_lists() -> None:
    packet = p.Packet()
    word = packet.words.bytes(START, None, 0, 2)
    bounds = tuple(
        bound for first in range(0, 6000, 20) for bound in (first, first + first // 999 + 1)
    )
    solver = Solver(packet, rlimit=RLIMIT, wire_is_captured=False)
    inside = solver.condition(p.Member(word, bounds))
    value = [solver.condition(p.Member(word, (n, n + 1))) for n in range(990, 1030)]
    found = [n for n, pin in enumerate(value, 990) if solver.check(pin, inside) == "sat"]
    assert found == [n for n in range(990, 1030) if intervals.contains(bounds, n)]


def test_literals_give_a_core_without_what_has_no_part_in_it() -> None:
    packet = p.Packet()
    first, second, third = (
        packet.words.bytes(START, None, at, size) for at, size in ((0, 2), (1, 1), (9, 1))
    )
    solver = Solver(packet, rlimit=RLIMIT, wire_is_captured=False)
    literals = [
        solver.literal(solver.holds(packet.member(word, bounds)))
        for word, bounds in ((first, (0x800, 0x801)), (third, (1, 9)), (second, (7, 8)))
    ]
    assert solver.check(literals[0], literals[1]) == "sat"
    sample = solver.sample()
    assert condition(p.Member(first, (0x800, 0x801)), sample)
    assert condition(p.Member(third, (1, 9)), sample)
    assert solver.check(*literals) == "unsat"
    assert {str(one) for one in solver.core()} == {str(literals[0]), str(literals[2])}


def test_bytes_past_the_captured_ones_are_told_apart() -> None:
    packet = p.Packet()
    word = packet.words.bytes(START, None, 6, 4)
    solver = Solver(packet, rlimit=RLIMIT, wire_is_captured=True)
    near = solver.holds(packet.member(word, (0x01020304, 0x01020305)))
    far = [solver.condition(p.Reaches(START, None, n)) for n in (7, 8)]
    import z3

    assert solver.check(near, far[0], z3.Not(far[1])) == "sat"
    assert solver.sample() == Sample(bytes(6) + b"\x01", 7, {7: 2, 8: 3, 9: 4})


def test_a_kernel_packet_is_as_long_as_what_was_captured() -> None:
    packet = p.Packet()
    long = packet.member(packet.words.length(), (60, 2**32))
    short = p.Every((long, p.Opposite(packet.member(packet.words.length(), (90, 2**32)))))
    solver = Solver(packet, rlimit=RLIMIT, wire_is_captured=True)
    assert solver.check(solver.holds(short)) == "sat"
    sample = solver.sample()
    assert 60 <= len(sample.octets) == sample.wire_length < 90


def test_the_network_header_reaches_at_least_as_far_as_byte_0() -> None:
    packet = p.Packet()
    solver = Solver(packet, rlimit=RLIMIT, wire_is_captured=True)
    next_header = packet.member(packet.words.bytes(NETWORK, None, 6, 1), (58, 59))
    there = solver.condition(p.Reaches(START, None, 30))
    before = solver.condition(p.Reaches(NETWORK, None, 30))
    import z3

    assert solver.check(there, z3.Not(before)) == "unsat"
    assert solver.check(z3.Not(there), before, solver.holds(next_header)) == "sat"
    assert solver.sample().network_header[:7] == bytes(6) + b"\x3a"


def test_a_question_past_its_limit_is_unknown() -> None:
    packet = p.Packet()
    make = packet.words
    left, right = (make.bytes(START, None, at, 4) for at in (0, 4))
    product = packet.member(make.operation(Operator.MUL, left, right), (0xFFFFFFFB, 0xFFFFFFFC))
    parts = [product, packet.member(left, (2, 1 << 16)), packet.member(right, (2, 1 << 16))]
    solver = Solver(packet, rlimit=20_000, wire_is_captured=False)
    assert solver.check(*(solver.holds(part) for part in parts)) == "unknown"


def test_deep_propositions_are_encoded_without_recursion() -> None:
    packet = p.Packet()
    word = packet.words.bytes(START, None, 0, 1)
    deep: p.Proposition = packet.member(word, (5, 6))
    for _ in range(5_000):
        deep = p.Opposite(p.Every((deep, packet.captured(START, None, 1))))
    solver = Solver(packet, rlimit=RLIMIT, wire_is_captured=False)
    assert solver.check(solver.holds(deep), solver.fails(packet.member(word, (5, 6)))) == "unsat"


def test_a_packet_that_nobody_could_hold_is_not_made() -> None:
    packet = p.Packet()
    with pytest.raises(Undecided):
        Questions(packet).find(packet.captured("start", None, 1 << 28))
