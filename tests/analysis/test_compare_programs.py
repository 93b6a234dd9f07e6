"""Random programs of both machines: what is proved of them holds on every packet that is run."""

from __future__ import annotations

import random

import pytest
from oracles.corpus import Line, filters
from symbolic.programs import program

import bpfq
from bpfq.isa.cbpf.instructions import SockFilter
from bpfq.isa.cbpf.vm import Machine, trace

LOADS = {0x20, 0x28, 0x30, 0x40, 0x48, 0x50, 0xB1}  # from the packet; <linux/bpf_common.h>
ABSOLUTE = {0x20, 0x28, 0x30}
WANTED = [(True, False), (False, True), (True, True)]
SEEDS = range(60)
LINES = [line for line in filters() if line.savefile is None]


def mutated(words: tuple[SockFilter, ...], chance: random.Random) -> tuple[SockFilter, ...]:
    """One test or verdict of the program is another."""
    tests = [at for at, word in enumerate(words) if word.code & 7 in (5, 6) and word.code != 5]
    at = chance.choice(tests)
    code, jt, jf, k = words[at]
    if code & 7 == 6:
        changed = SockFilter(code, jt, jf, 0 if k else 1)
    elif chance.random() < 0.5:
        changed = SockFilter(code, jf, jt, k)
    else:
        changed = SockFilter(code, jt, jf, k ^ 1)
    return (*words[:at], changed, *words[at + 1 :])


def verdict(
    words: tuple[SockFilter, ...], target: str, packet: bytes, length: int, metadata: dict[str, int]
) -> bool | None:
    live = target != "file"
    ran = trace(
        words, packet, wire_length=length, metadata=metadata if live else None,
        machine=Machine.KERNEL if live else Machine.LIBPCAP, network_offset=14 if live else 0,
    )  # fmt: skip
    if ran.verdict:
        return True
    last = words[ran.steps[-1].pc]
    nowhere = last.code in ABSOLUTE and last.k >= 2**31 and not live
    return None if last.code in LOADS and not nowhere else False


def packets(chance: random.Random) -> list[bytes]:
    sizes = [chance.choice((0, 1, 8, 14, 20, 34, 60, 90)) for _ in range(100)]
    return [bytes(_octet(chance) for _ in range(size)) for size in sizes]


def _octet(chance: random.Random) -> int:
    return chance.choice((0, 1, 8, 64, 255, chance.randrange(256)))


@pytest.mark.parametrize("target", ["file", "packet"])
@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_proved_of_two_programs_holds(seed: int, target: str) -> None:
    chance = random.Random(seed)
    left = program(seed, chance.randint(4, 16))
    right = mutated(left, chance) if chance.random() < 0.7 else program(seed + 1000, 8)
    found = bpfq.compare(list(left), list(right), target=target)
    seen = {
        tuple(verdict(one, target, packet, len(packet), {}) for one in (left, right))
        for packet in packets(chance)
    }
    shown = (found.only_left, found.only_right, found.both)
    assert found.relation != "undecided"
    none = [pair for pair, one in zip(WANTED, shown, strict=True) if one is None]
    assert seen.isdisjoint(none)
    for pair, one in zip(WANTED, shown, strict=True):
        if one is not None:
            assert pair == tuple(
                verdict(side, target, one.octets, one.wire_length, one.metadata)
                for side in (left, right)
            )


@pytest.mark.parametrize("line", LINES[::25], ids=lambda line: f"{line.link}: {line.text}")
def test_filters_of_the_corpus_are_their_programs(line: Line) -> None:
    try:
        program = bpfq.compile(line.text, link=line.link, allow_empty=True, level=0)
    except (bpfq.FilterError, bpfq.UnsupportedError):
        pytest.skip("the corpus holds filters that are refused")
    found = bpfq.compare(line.text, program, link=line.link)
    assert found.relation == "equal"
    assert found.both is None or program.matches(
        found.both.octets, wire_length=found.both.wire_length
    )


def test_a_filter_of_a_far_byte_is_decided() -> None:
    assert bpfq.compare("ether[1000000] = 1", "ether[1000000] = 1").relation == "equal"
