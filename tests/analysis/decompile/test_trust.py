"""Only what is proved is called proved; nothing that a program is made of is a traceback."""

from __future__ import annotations

import random

import pytest

import bpfq
from bpfq.analysis.decompile.decompile import decompile
from bpfq.analysis.prove import prove
from bpfq.isa.cbpf import opcodes
from bpfq.isa.cbpf.check import check
from bpfq.isa.cbpf.instructions import SockFilter
from bpfq.isa.cbpf.read import parse_program
from bpfq.isa.cbpf.vm import run
from bpfq.settings import SNAPLEN, Settings, target_link
from bpfq.targets import target

MUTATED = ("tcp port 80", "host 10.0.0.1 and not port 22", "vlan 100 and arp", "ip6 net 2001::/16")


@pytest.mark.parametrize("text", MUTATED)
def test_a_mutated_program_is_never_the_original_filter(text: str) -> None:
    program = bpfq.compile(text)
    wrong = []
    for pc in range(len(program)):
        mutant = changed(program.words, pc)
        found = decompile(mutant, program.settings)
        equal = prove(program.query, mutant, program.settings).verdict == "proved"
        if found.proved and (found.text == text) is not equal:
            wrong.append((pc, found.text))
    assert wrong == []


def changed(words: tuple[SockFilter, ...], pc: int) -> tuple[SockFilter, ...]:
    """Another number, or for a ret the other verdict."""
    word = words[pc]
    k = 0 if word.code in opcodes.RETURNS and word.k else word.k ^ 1
    return (*words[:pc], word._replace(k=k), *words[pc + 1 :])


@pytest.mark.parametrize("seed", range(60))
def test_random_programs_are_read_within_the_budget(seed: int) -> None:
    chance = random.Random(seed)
    words = random_program(chance)
    check(words)
    where = target(chance.choice(("file", "packet", "raw4", "udp")))
    settings = Settings(where, target_link(where, "EN10MB", None), allow_empty=True)
    found = decompile(words, settings, budget=60_000)
    assert found.verdict in ("proved", "partial", "undecided")
    assert (found.gaps == ()) is found.proved
    if found.proved:
        assert found.query is not None
        assert prove(found.query, words, settings).verdict == "proved"


def random_program(chance: random.Random) -> tuple[SockFilter, ...]:
    """A program that the kernel takes: any instruction, jumps forward, a ret at the end."""
    common = (0x28, 0x30, 0x20, 0x15, 0x45, 0x25, 0x54, 0x07, 0x48, 0x50, 0xB1)
    numbers = (0, 1, 2, 6, 12, 14, 20, 23, 26, 30, 80, 0x800, 0x86DD, 255)
    size = chance.choice((3, 6, 12, 30, 80))
    words = [SockFilter(opcodes.STORE_A, 0, 0, slot) for slot in range(3)]
    for left in range(size - 1, -1, -1):
        pool = common if chance.random() < 0.7 else tuple(sorted(opcodes.KNOWN))
        code, k = chance.choice(pool), chance.choice(numbers)
        ways = (0, 0)
        if code in opcodes.CONDITIONAL_JUMPS:
            ways = (chance.randint(0, min(left, 9)), chance.randint(0, min(left, 9)))
        elif code == opcodes.JUMP:
            k = chance.randint(0, left)
        elif code in opcodes.SCRATCH_LOADS | opcodes.STORES:
            k %= 3
        elif code in opcodes.SHIFTS:
            k %= 32
        elif code in opcodes.DIVISIONS:
            k = k or 1
        words.append(SockFilter(code, *ways, k))
    return (*words, SockFilter(opcodes.RETURN, 0, 0, 1))


def test_the_budget_is_counted_and_its_end_is_said() -> None:
    program = bpfq.compile("host 10.0.0.1 and not port 22")
    found = decompile(program.words, program.settings, budget=500)
    assert (found.text, found.verdict) == ("<0>", "undecided")
    assert str(found.gaps[0]).endswith(": more work than the budget allows")


def test_the_same_program_gives_the_same_answer() -> None:
    words = bpfq.compile("not (host 10.0.0.1 and port 514) and not net 10.10.0.0/16").words
    assert len({bpfq.decompile(words).text for _ in range(3)}) == 1


# ---------------------------------------------------------------- parts that cannot be said


def test_a_word_of_the_kernel_is_a_gap_and_the_rest_is_recovered() -> None:
    words = parse_program(
        "ldh [12]\njeq #0x800 jt 2 jf 5\nld [mark]\njeq #5 jt 4 jf 5\nret #1\nret #0"
    )
    found = bpfq.decompile(words, target="packet")
    assert (found.text, found.query, found.verdict) == ("ip and <0>", None, "partial")
    assert [str(gap) for gap in found.gaps] == [
        "instructions 2-3: filter text has no word for the kernel's mark"
    ]


def test_a_loop_is_not_read() -> None:
    found = bpfq.decompile("ldb [0]\nja 0\nret #1")
    assert (found.text, found.verdict) == ("<0>", "partial")
    assert str(found.gaps[0]) == (
        "instruction 1: jump back to instruction 0: only programs without loops are analysed"
    )


def test_a_program_that_no_machine_takes_is_an_error() -> None:
    with pytest.raises(bpfq.FilterError, match="instruction 0: unknown opcode 0xff"):
        bpfq.decompile([(255, 0, 0, 0)])


# ---------------------------------------------------------------- loads


def test_a_load_without_a_use_is_kept() -> None:
    words = parse_program("ldb [100]\nret #1")
    found = bpfq.decompile(words)
    assert (found.text, found.proved) == ("ether[100] >= 0", True)
    again = bpfq.compile(found.text, level=0, strict=True).words
    packets = [bytes(100), bytes(101)]
    assert [run(again, packet) for packet in packets] == [0, SNAPLEN]


def test_programs_that_do_not_look_at_the_packet() -> None:
    found = [bpfq.decompile([(6, 0, 0, k)]) for k in (0, 1)]
    assert [(one.text, one.proved) for one in found] == [("len < 0", True), ("", True)]


def test_the_byte_of_an_accumulator_that_is_returned_decides() -> None:
    assert bpfq.decompile("ldb [23]\nret").text == "ether[23] > 0"
