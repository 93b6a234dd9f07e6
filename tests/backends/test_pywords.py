"""Instructions as a Python function decide as the interpreters do that they stand for."""

from __future__ import annotations

import random

import pytest
from isa.test_cbpf_vm import PACKET, VERDICTS, random_packets, random_program

import bpfq
from bpfq.backends.pywords import Verdict, source, verdict_function
from bpfq.isa.cbpf.instructions import ANCILLARY, SockFilter
from bpfq.isa.cbpf.read import parse_program
from bpfq.isa.cbpf.vm import Machine, run
from bpfq.program.classic import Program

LIBPCAP, KERNEL = Machine.LIBPCAP, Machine.KERNEL
NETWORK = 14  # bytes before the network header


def function(words: tuple[SockFilter, ...], machine: Machine, offset: int = 0) -> Verdict:
    made = verdict_function(words, machine, offset)
    assert made is not None
    return made


def without_attributes(words: tuple[SockFilter, ...]) -> tuple[SockFilter, ...]:
    """Loads of netlink attributes are loads of the mark."""
    others = {ANCILLARY[name]: ANCILLARY["mark"] for name in ("nla", "nlan")}
    return tuple(word._replace(k=others.get(word.k, word.k)) for word in words)


@pytest.mark.parametrize("text, libpcap, kernel", VERDICTS.values(), ids=VERDICTS)
def test_each_instruction_has_its_verdict(text: str, libpcap: int, kernel: int) -> None:
    words = parse_program(text)
    found = [function(words, each)(PACKET, len(PACKET), {}) for each in (LIBPCAP, KERNEL)]
    assert found == [libpcap, kernel]


@pytest.mark.parametrize("machine", Machine)
@pytest.mark.parametrize("seed", range(10))
def test_random_programs_have_the_interpreters_verdicts(seed: int, machine: Machine) -> None:
    rng = random.Random(seed)
    for _ in range(60):
        words = without_attributes(random_program(rng))
        made = function(words, machine, NETWORK)
        for packet in random_packets(rng):
            metadata = {name: rng.getrandbits(32) for name in ANCILLARY}
            expected = run(
                words, packet, wire_length=len(packet) + 9, machine=machine,
                network_offset=NETWORK, metadata=metadata if machine is KERNEL else None,
            )  # fmt: skip
            assert (words, made(packet, len(packet) + 9, metadata)) == (words, expected)


@pytest.mark.parametrize("target", ("file", "packet"))
@pytest.mark.parametrize("text", ("tcp port 80", "vlan 5 and udp", "len < 9 or arp"))
def test_compiled_programs_have_the_interpreters_verdicts(text: str, target: str) -> None:
    """On each truncation of packets that match and of those that nearly do."""
    program = bpfq.compile(text, target=target, level=0)
    machine = LIBPCAP if target == "file" else KERNEL
    made = function(program.words, machine)
    missed = [one.witness for one in bpfq.near_misses(program) if one.witness is not None]
    for found in (*bpfq.witness(program, 2), *missed):
        for length in range(len(found.octets) + 1):
            packet = found.octets[:length]
            expected = run(
                program.words, packet, wire_length=len(found.octets), machine=machine,
                metadata=found.metadata if machine is KERNEL else None,
            )  # fmt: skip
            assert made(packet, len(found.octets), found.metadata) == expected


@pytest.mark.parametrize(
    "words",
    [
        [(5, 0, 0, 0xFFFFFFFF), (6, 0, 0, 1)],
        [(21, 0, 9, 1), (6, 0, 0, 1)],
        [(0, 0, 0, 1)],
        [(2, 0, 0, 16), (6, 0, 0, 1)],
        [(0xFFFF, 0, 0, 0), (6, 0, 0, 1)],
        [(32, 0, 0, ANCILLARY["nla"]), (6, 0, 0, 1)],
        [],
    ],
    ids=("back", "out", "no return", "no M[16]", "unknown", "netlink", "empty"),
)
def test_what_an_interpreter_has_to_run(words: list[tuple[int, int, int, int]]) -> None:
    program = tuple(SockFilter(*row) for row in words)
    assert source(program, KERNEL, 0) is None


def test_a_random_number_is_drawn_unless_it_is_given() -> None:
    """By each load another one, of 32 bits."""
    words = parse_program("ld [random]\nret")
    made = function(words, KERNEL)
    assert made(b"", 0, {"random": 5}) == 5
    drawn = {made(b"", 0, {}) for _ in range(64)}
    assert len(drawn) > 1 and max(drawn) < 1 << 32


def test_a_long_program_is_run() -> None:
    """4096 instructions, as many as a kernel takes."""
    rows = [(21, 0, 0, number) for number in range(4094)]
    program = Program.of([*rows, (0, 0, 0, 1), (22, 0, 0, 0)])
    assert program.matches(b"")
