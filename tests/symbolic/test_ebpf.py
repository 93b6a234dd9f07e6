"""eBPF programs as propositions against the interpreter, at every hook."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from oracles.directed import bases, search, truncations

import bpfq
from bpfq.ebpf.simulate import verdict
from bpfq.errors import BpfqError, FilterError, UnsupportedError
from bpfq.isa.ebpf import instructions as e
from bpfq.isa.ebpf.encode import assemble
from bpfq.isa.ebpf.helpers import HELPERS
from bpfq.isa.ebpf.instructions import (
    R0,
    R1,
    R2,
    R3,
    R4,
    R5,
    R6,
    R10,
    Comparison,
    Instruction,
    Operation,
    Register,
)
from bpfq.isa.ebpf.program import Function, Hook, Module
from bpfq.program.ebpf import EbpfProgram
from bpfq.symbolic.ebpf.encode import encode, packet_at
from bpfq.symbolic.propositions import FALSE, FAULT, TRUE, Outcome, Proposition

from .concrete import Concrete

ACCEPT, REJECT = 1, 2
PACKETS = 40  # of each filter
SEEDS = 300  # random programs
TEXTS = (
    "tcp port 80", "net 10.0.0.0/8 and not udp dst port 53", "ip6 and icmp6", "len > 100",
    "ip[6:2] & 0x1fff = 0 and ip[ip[0] & 15] = 1", "portrange 7-2000 or ip[2:2] + ip[4:2] = 70",
    "ip[2:2] / ip[5] = 3", "host 1.2.3.4 or host 5.6.7.8 or net 10.1.0.0/16",
    "ip protochain 51", "udp[0:4] - udp[4:2] > 100",
)  # fmt: skip
ETHERNET = (
    "ether[ip[2:2]] / ip[5] = 3",
    "vlan 5 and tcp port 80",
    "arp or vlan",
    "inbound and ether[2:4] = 0x01020304",
    "mpls",
)
HOOKS = ("xdp", "tc", "socket", "cgroup_skb")


def outcome(proposition: Proposition, octets: bytes, metadata: dict[str, int]) -> Proposition:
    return Concrete(
        octets, len(octets), metadata, fill=lambda address: address * 7 + 3 & 0xFF
    ).outcome(proposition)


def compiled(text: str, hook: str) -> EbpfProgram:
    action = {} if hook == "socket" else {"action": "drop"}
    program = bpfq.compile(text, target=f"ebpf:{hook}", allow_empty=True, **action)
    assert isinstance(program, EbpfProgram)
    return program


def _packets(program: EbpfProgram, seed: int) -> list[tuple[bytes, dict[str, int]]]:
    found = search(program.words, bases(seed), PACKETS)
    cut = [short for sample in found.new[-2:] for short in truncations(program.words, sample)]
    samples = [*found.samples, *cut[:: len(cut) // PACKETS + 1]]
    chance = random.Random(seed)
    return [
        (one.packet, {"vlanp": chance.randrange(2), "vlan_tci": chance.choice((0, 5)),
                      "type": chance.randrange(5), "vlan_tpid": 0x8100})
        for one in samples
    ]  # fmt: skip


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("text", TEXTS + ETHERNET)
def test_programs_of_the_compiler_return_what_the_interpreter_returns(text: str, hook: str) -> None:
    try:
        program = compiled(text, hook)
    except UnsupportedError:
        assert text in ETHERNET  # there is no such word at this hook
        return
    verdicts = program.verdicts
    whole, *anew = encode(list(program), packet_at(hook), hook, verdicts.accept, verdicts.reject)
    says = {TRUE: verdicts.accept, FALSE: verdicts.reject}
    for octets, metadata in _packets(program, len(text)):
        returned = verdict(program.module, octets, metadata)
        assert says.get(outcome(whole, octets, metadata)) == returned, (octets, metadata)
        if anew:
            returned = verdict(program.module, octets, metadata, linear=0)
            rest = {says.get(outcome(each, octets, metadata)) for each in (whole, *anew)}
            assert rest == {returned}, (octets, metadata)


# ---------------------------------------------------------------- random programs

_LOADED = 40  # bytes that a random program asks for
_MODELLED = [one for one in Operation if one.name not in ("ARSH", "SDIV", "SMOD")]


def _random_program(chance: random.Random) -> list[Instruction]:
    """Loads of several sizes, arithmetic and tests on what they left, all ways lead on."""
    registers = (R3, R4, R5)
    body: list[Instruction] = [
        e.LoadMemory(R2, R1, 4, 4), e.LoadMemory(R1, R1, 0, 4), Operation.ADD.imm(R1, _LOADED),
    ]  # fmt: skip
    size = chance.randrange(6, 20)
    body.append(Comparison.GT.reg(R1, R2, 4 + size))
    for register in registers:
        body.append(_random_load(chance, register))
    for at in range(size):
        room = size - 1 - at
        dst, src = chance.choice(registers), chance.choice(registers)
        width = 32 if chance.random() < 0.85 else 64
        value = chance.choice((1, 2, 4, 8, 16, 24, 15, 0x800, 0xFF00, -1, -256, 0x01020304))
        match chance.randrange(9):
            case 0:
                body.append(_random_load(chance, dst))
            case 1 | 2:
                body.append(chance.choice(_MODELLED).imm(dst, value, width))
            case 3:
                body.append(chance.choice(_MODELLED).reg(dst, src, width))
            case 4:
                order = chance.choice(list(e.ByteOrder))
                body.append(e.ByteSwap(dst, order, chance.choice((16, 32))))
            case 5:
                body.append(e.MoveRegister(dst, src, width))
            case 6:
                skip = chance.randrange(room + 1)
                body.append(chance.choice(list(Comparison)).imm(dst, value, skip, width))
            case 7:
                skip = chance.randrange(room + 1)
                body.append(chance.choice(list(Comparison)).reg(dst, src, skip, width))
            case _:
                body.append(e.Move(dst, value, 32))
    last = chance.choice(list(Comparison)[:4]).imm(R3, chance.choice((0, 8, 255, 0x100)), 2, 32)
    return [*body, last, e.Move(R0, REJECT, 32), e.Exit(), e.Move(R0, ACCEPT, 32), e.Exit()]


def _random_load(chance: random.Random, register: Register) -> Instruction:
    size = chance.choice((1, 2, 4))
    return e.LoadMemory(register, R1, chance.randrange(8) - _LOADED, size)


def test_random_programs_return_what_the_interpreter_returns() -> None:
    compared = accepted = 0
    for seed in range(SEEDS):
        chance = random.Random(seed)
        words = assemble(_random_program(chance))
        try:
            (whole,) = encode(words, packet_at("xdp"), "xdp", ACCEPT, REJECT)
        except UnsupportedError:
            continue
        module = Module("xdp", Function("f", words))
        for _ in range(10):
            length = chance.choice((_LOADED, _LOADED, _LOADED + 1, _LOADED - 1))
            octets = bytes(chance.choices((0, 1, 2, 8, 255, 69), k=length))
            try:
                returned = verdict(module, octets, {})
            except FilterError:  # a shift or a division of the interpreter's own
                continue
            found = outcome(whole, octets, {})
            assert found is (TRUE if returned == ACCEPT else FALSE), (seed, octets)
            compared += 1
            accepted += returned == ACCEPT
    assert compared > SEEDS * 5
    assert compared // 5 < accepted < compared * 4 // 5


# ---------------------------------------------------------------- shapes

POINTERS = (e.LoadMemory(R2, R1, 4, 4), e.LoadMemory(R1, R1, 0, 4))
TAKE = (e.Move(R0, ACCEPT, 32), e.Exit())
LEAVE = (e.Move(R0, REJECT, 32), e.Exit())
SKB_END = (e.LoadMemory(R3, R1, 80, 4), e.LoadMemory(R2, R1, 76, 4))


def encoded(hook: Hook, *body: Instruction) -> tuple[Proposition, ...]:
    return encode(assemble(body), packet_at(hook), hook, ACCEPT, REJECT)


def _asked(needed: int, load: Instruction) -> tuple[Instruction, ...]:
    """Load behind a comparison with the packet's end; accept if the result is 8."""
    return (
        *POINTERS, Operation.ADD.imm(R1, needed), Comparison.GT.reg(R1, R2, 4), load,
        Comparison.NE.imm(R3, 8, 2, 32), *TAKE, *LEAVE,
    )  # fmt: skip


@pytest.mark.parametrize("needed, length, found", [
    (14, 14, TRUE), (14, 13, FALSE), (16, 14, FALSE), (13, 14, TRUE), (13, 13, FAULT),
])  # fmt: skip
def test_a_load_behind_what_was_asked_for_is_a_fault(
    needed: int, length: int, found: Outcome
) -> None:
    (whole,) = encoded("xdp", *_asked(needed, e.LoadMemory(R3, R1, 12 - needed, 2)))
    octets = bytes(12) + b"\x08\x00"
    assert outcome(whole, octets[:length], {}) is found


def test_the_copy_of_a_packet_counts_where_its_success_was_asked_for() -> None:
    def copying(test: Instruction) -> Proposition:
        (whole,) = encoded(
            "socket", e.MoveRegister(R6, R1), e.Move(R2, 12, 32), e.MoveRegister(R3, R10),
            Operation.ADD.imm(R3, -8), e.Move(R4, 2, 32), e.Call(HELPERS["skb_load_bytes"]), test,
            e.LoadMemory(R1, R10, -8, 2), Comparison.NE.imm(R1, 8, 2, 32), *TAKE, *LEAVE,
        )  # fmt: skip
        return whole

    asked, unasked = copying(Comparison.NE.imm(R0, 0, 4)), copying(e.Jump(0))
    octets = bytes(12) + b"\x08\x00"
    assert [outcome(one, octets, {}) for one in (asked, unasked)] == [TRUE, TRUE]
    assert [outcome(one, octets[:13], {}) for one in (asked, unasked)] == [FALSE, FAULT]


def test_another_verdict_is_a_fault_and_an_unset_one_is_refused() -> None:
    assert encoded("xdp", e.Move(R0, 7, 32), e.Exit()) == (FAULT,)
    with pytest.raises(UnsupportedError, match="^slot 0: it is not known that this is a number$"):
        encoded("xdp", e.Exit())


def test_where_a_first_piece_ends_the_program_has_to_begin_anew() -> None:
    guarded = (Operation.ADD.imm(R2, 14), Comparison.GT.reg(R2, R3, 2))
    whole, anew = encoded("tc", *SKB_END, *guarded, *TAKE, *LEAVE)
    assert outcome(whole, bytes(14), {}) is TRUE
    assert anew is FALSE  # a packet of 14 bytes in two pieces is rejected: no filter says that


def test_what_was_computed_in_front_of_the_end_of_a_piece_is_not_read_behind_it() -> None:
    computed = (
        *SKB_END, e.LoadMemory(R4, R1, 0, 4), Operation.ADD.imm(R2, 14),
        Comparison.GT.reg(R2, R3, 2), *TAKE, Comparison.GT.imm(R4, 9, 2, 32), *TAKE, *LEAVE,
    )  # fmt: skip
    with pytest.raises(UnsupportedError, match="^slot 7: it is not known that this is a number$"):
        encoded("tc", *computed)


def _pulling(amount: int, needed: int) -> tuple[Instruction, ...]:
    """Pull amount bytes, then ask for needed bytes; accept if they are there."""
    return (
        e.MoveRegister(R6, R1), e.LoadMemory(R2, R1, 0, 4),
        Comparison.LE.imm(R2, amount, 1), e.Move(R2, amount, 32),
        e.Call(HELPERS["skb_pull_data"]), e.LoadMemory(R3, R6, 80, 4), e.LoadMemory(R2, R6, 76, 4),
        Operation.ADD.imm(R2, needed), Comparison.GT.reg(R2, R3, 2), *TAKE, *LEAVE,
    )  # fmt: skip


@pytest.mark.parametrize("length, needed, found", [
    (14, 14, TRUE), (13, 14, FALSE), (60, 20, TRUE), (60, 21, FAULT), (20, 21, FALSE),
])  # fmt: skip
def test_what_was_pulled_is_there_and_what_was_not_is_uncertain(
    length: int, needed: int, found: Outcome
) -> None:
    (whole,) = encoded("tc", *_pulling(20, needed))
    assert outcome(whole, bytes(length), {}) is found


REFUSED: dict[str, tuple[str, Sequence[Instruction]]] = {
    "slot 2: what r2 points to is not known": ("xdp", (*POINTERS, e.LoadMemory(R3, R2, 0, 1))),
    "slot 0: the field at 8 of the context is not known": ("xdp", (e.LoadMemory(R3, R1, 8, 4),)),
    "slot 0: the helper ktime_get_ns is not analysed": (
        "xdp", (e.Call(HELPERS["ktime_get_ns"]),)
    ),
    "slot 0: r10-520 is outside of the stack": ("xdp", (e.LoadMemory(R3, R10, -520, 8),)),
    "slot 0: what lies there on the stack is not known": ("xdp", (e.LoadMemory(R3, R10, -8, 8),)),
    "slot 2: this lies in front of the packet": ("xdp", (*POINTERS, e.LoadMemory(R3, R1, -1, 1))),
    "slot 0: goes back more than 63 times": ("xdp", (e.Jump(-1),)),
    "slot 0: a legacy load needs a socket buffer in r6": ("socket", (e.LoadAbsolute(0, 1),)),
    "slot 0: the kernel function of no name is not analysed": ("xdp", (e.CallKernel(7),)),
    "slot 0: it is not known that this is a number": (  # the lower half of an address
        "tc", (Comparison.EQ.imm(R1, 0, 0, 32),)
    ),
    "slot 2: it is not known that this is a number": (
        "xdp", (*POINTERS, Comparison.GT.reg(R1, R2, 0, 32))
    ),
    "slot 0: r10 is only read": ("xdp", (e.Move(R10, 0),)),
}  # fmt: skip


@pytest.mark.parametrize("message", REFUSED)
def test_what_is_not_analysed_is_refused_with_its_slot(message: str) -> None:
    hook, body = REFUSED[message]
    with pytest.raises(UnsupportedError) as caught:
        encode(assemble([*body, *TAKE]), packet_at(hook), hook, ACCEPT, REJECT)
    assert caught.value.message == message


@pytest.mark.parametrize("body, message", [
    ([e.Move(R0, 1)], "slot 0: goes on to slot 1, where nothing starts"),
    ([e.Jump(5), e.Exit()], "slot 0: goes on to slot 6, where nothing starts"),
    ([e.Jump(1), e.LoadImmediate64(R0, 1), e.Exit()],
     "slot 0: goes on to slot 2, where nothing starts"),
])  # fmt: skip
def test_a_way_out_of_the_program_is_an_error(body: list[Instruction], message: str) -> None:
    with pytest.raises(FilterError) as caught:
        encode(assemble(body), packet_at("xdp"), "xdp", ACCEPT, REJECT)
    assert caught.value.message == message


def test_a_hook_that_is_not_known_is_an_error() -> None:
    with pytest.raises(BpfqError, match="^programs at the hook 'lsm' are not analysed$"):
        packet_at("lsm")
