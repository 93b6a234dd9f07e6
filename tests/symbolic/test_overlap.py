"""Words that share bits: what diagrams say of them is what all packets say."""

from __future__ import annotations

import random
from itertools import product

import pytest
from symbolic.concrete import Concrete

from bpfq.analysis.decide import Questions
from bpfq.operators import Operator
from bpfq.symbolic.diagram import Diagrams
from bpfq.symbolic.overlap import splits
from bpfq.symbolic.propositions import (
    FALSE,
    TRUE,
    Every,
    Opposite,
    Packet,
    Proposition,
    Some,
)
from bpfq.symbolic.words import START, Word

PLACES = ((0, 1), (0, 2), (0, 3), (1, 1), (1, 2), (2, 1))  # offset and size
USED = (0x918100, 0x0081C3, 0x00F00F, 0x030C81)  # bits of the packet that may be looked at


class Maker:
    """Conditions on random words of three bytes, of which only the bits in ``used`` matter."""

    def __init__(self, used: int, seed: int) -> None:
        self.used, self.chance, self.packet = used, random.Random(seed), Packet()

    def word(self) -> Word:
        words, chance = self.packet.words, self.chance
        offset, size = chance.choice(PLACES)
        mask = self.used >> 8 * (3 - offset - size) & (1 << 8 * size) - 1
        if chance.random() < 0.5:
            mask &= chance.getrandbits(8 * size)
        word = words.bytes(START, None, offset, size)
        word = words.operation(Operator.AND, word, words.number(mask))
        operator = chance.choice((Operator.LSH, Operator.RSH, Operator.AND))
        if operator is Operator.AND:
            return word
        return words.operation(operator, word, words.number(chance.randrange(9)))

    def condition(self) -> Proposition:
        """The word is in some intervals that begin and end at values it can have."""
        word = self.word()
        octets = (bytes(self.chance.choices(range(256), k=3)) for _ in range(4))
        values = {Concrete(one, 3).value(word) + self.chance.randrange(2) for one in octets}
        bounds = sorted(values)[: len(values) // 2 * 2]
        return self.packet.member(word, tuple(bounds)) if bounds else TRUE

    def proposition(self) -> Proposition:
        parts = [self.condition() for _ in range(self.chance.randrange(4, 9))]
        some = Some(tuple(parts[:2]))
        return Every((some, Opposite(parts[2]), *parts[3:]))


def packets(used: int) -> list[bytes]:
    """All packets of three bytes that differ in the bits."""
    bits = [1 << n for n in range(24) if used >> n & 1]
    sums = (sum(chosen) for chosen in product(*((0, bit) for bit in bits)))
    return [value.to_bytes(3, "big") for value in sums]


@pytest.mark.parametrize("used", USED, ids=hex)
def test_what_holds_of_no_packet_is_known_without_the_solver(used: int) -> None:
    """And nothing else is: both answers are those of all packets."""
    every = packets(used)
    counted = {True: 0, False: 0}
    for seed in range(40):
        maker = Maker(used, seed)
        wanted = maker.proposition()
        possible = any(Concrete(octets, 3).outcome(wanted) is TRUE for octets in every)
        known = Questions(maker.packet).left(wanted) is FALSE
        assert known is not possible
        counted[possible] += 1
    assert min(counted.values()) >= 3


@pytest.mark.parametrize("used", USED, ids=hex)
def test_a_diagram_over_parts_has_the_outcome_of_its_proposition(used: int) -> None:
    every = packets(used)
    split_words = 0
    for seed in range(15):
        maker = Maker(used, seed)
        wanted = maker.proposition()
        split = splits(wanted, maker.packet.words)
        split_words += len(split)
        diagrams = Diagrams(splits=split)
        again = diagrams.proposition(diagrams.of(wanted))
        for octets in every:
            concrete = Concrete(octets, 3)
            assert (concrete.outcome(again) is TRUE) == (concrete.outcome(wanted) is TRUE)
    assert split_words > 15


def test_every_value_of_two_bytes_is_a_value_of_each() -> None:
    packet = Packet()
    words = packet.words
    both, high, low = (words.bytes(START, None, at, size) for at, size in ((0, 2), (0, 1), (1, 1)))
    chance = random.Random(5)
    for _ in range(25):
        bounds = tuple(sorted(chance.sample(range(1, 1 << 16), 6)))
        inside = {n for first, end in zip(bounds[::2], bounds[1::2], strict=True)
                  for n in range(first, end)}  # fmt: skip
        firsts = chance.sample(range(256), 40)
        above = packet.member(high, tuple(edge for n in sorted(firsts) for edge in (n, n + 1)))
        below = packet.member(low, (chance.randrange(128), chance.randrange(128, 256)))
        wanted = Every((packet.member(both, bounds), above, below))
        possible = any(Concrete(n.to_bytes(2, "big"), 2).outcome(wanted) is TRUE for n in inside)
        known = Questions(packet).left(wanted) is FALSE
        assert known is not possible


# ---------------------------------------------------------------- places


def index(packet: Packet, at: int) -> Word:
    """A place that the packet says."""
    words = packet.words
    low = words.operation(Operator.AND, words.bytes(START, None, at, 1), words.number(15))
    return words.operation(Operator.MUL, low, words.number(4))


@pytest.mark.parametrize(("other", "known"), [(0, True), (1, False)])
def test_words_at_one_index_are_related_and_those_at_two_are_not(other: int, known: bool) -> None:
    packet = Packet()
    pair = packet.words.bytes(START, index(packet, 0), 2, 4)
    port = packet.words.bytes(START, index(packet, other), 4, 2)
    wanted = Every((packet.member(pair, (0x500050, 0x500051)), packet.member(port, (81, 82))))
    found = Questions(packet).left(wanted) is FALSE
    assert found is known


def test_a_sample_of_related_words_is_a_packet_of_which_it_holds() -> None:
    pytest.importorskip("z3")
    packet = Packet()
    words = packet.words
    parts = [words.bytes(START, None, at, size) for at, size in ((20, 4), (20, 2), (23, 1))]
    parts[0] = words.operation(Operator.AND, parts[0], words.number(0x1FFF00FF))
    bounds = ((6, 18), (0x2000, 0x4001), (7, 0x60))
    wanted = Every(tuple(map(packet.member, parts, bounds)))
    sample = Questions(packet).find(wanted)
    assert sample is not None
    octets = sample.octets + bytes(sample.beyond.get(n, 0) for n in range(len(sample.octets), 24))
    assert Concrete(octets, 24).outcome(wanted) is TRUE


# ---------------------------------------------------------------- sizes


def pairs(packet: Packet, count: int) -> Proposition:
    """A list of pairs of ports as two words, and not as one of both."""
    words, chance = packet.words, random.Random(count)
    left, right, both = (
        words.bytes(START, None, at, size) for at, size in ((0, 2), (2, 2), (0, 4))
    )
    values = sorted(chance.sample(range(1 << 32), count))
    apart = [
        Every(tuple(packet.member(word, (n, n + 1)) for word, n in zip(
            (left, right), divmod(value, 1 << 16), strict=True)))
        for value in values
    ]  # fmt: skip
    joined = packet.member(both, tuple(edge for value in values for edge in (value, value + 1)))
    return Every((Some(tuple(apart)), Opposite(joined)))


def test_a_long_list_of_pairs_in_one_word_takes_pieces_in_proportion() -> None:
    """Four times as many pairs, not sixteen times the work."""
    pieces = []
    for count in (100, 400):
        packet = Packet()
        wanted = pairs(packet, count)
        diagrams = Diagrams(splits=splits(wanted, packet.words))
        impossible = diagrams.of(wanted) is diagrams.fails
        assert impossible
        pieces.append(diagrams.pieces)
    assert pieces[1] < 8 * pieces[0]


def test_words_that_nothing_overlaps_stay_whole() -> None:
    packet = Packet()
    fields = [packet.words.bytes(START, None, at, size) for at, size in ((12, 2), (26, 4), (30, 4))]
    wanted = Some(
        tuple(packet.member(word, (n, n + 1)) for word in fields for n in range(9, 99, 2))
    )
    assert splits(wanted, packet.words) == {}


def test_parts_of_neighbours_begin_and_end_where_their_words_do() -> None:
    packet = Packet()
    fields = [packet.words.bytes(START, None, at, 4) for at in (26, 28, 30, 40)]
    wanted = Every(tuple(packet.member(word, (1, 5)) for word in fields))
    split = splits(wanted, packet.words)
    assert set(split) == set(fields[:3])
    assert {len(one.parts) for one in split.values()} == {2}
    assert len(split[fields[0]].related) == 4
