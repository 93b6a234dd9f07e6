"""The interpreter beside the kernel: the same slots, the same packet, the same bytes after it."""

from __future__ import annotations

import random
import struct

import pytest

from bpfq.isa.ebpf.encode import assemble
from bpfq.isa.ebpf.environment import skb, xdp
from bpfq.isa.ebpf.helpers import HELPERS
from bpfq.isa.ebpf.instructions import (
    R0,
    R1,
    R2,
    R3,
    R4,
    R5,
    R6,
    R7,
    R10,
    Atomic,
    AtomicOperation,
    BpfInsn,
    ByteOrder,
    ByteSwap,
    Call,
    CallFunction,
    Comparison,
    Exit,
    Immediate,
    Instruction,
    Jump,
    JumpLong,
    LoadAbsolute,
    LoadAcquire,
    LoadImmediate64,
    LoadIndirect,
    LoadMemory,
    Move,
    MoveRegister,
    MoveSigned,
    Negate,
    Operation,
    StoreImmediate,
    StoreMemory,
    StoreRelease,
    slots,
)
from bpfq.isa.ebpf.maps import Map
from bpfq.isa.ebpf.program import MapSpec
from bpfq.isa.ebpf.vm import run
from isa.ebpf import bpf
from isa.ebpf.conftest import Kernel

pytestmark = pytest.mark.oracle

WIDTHS = (32, 64)
SHIFTS = (Operation.LSH, Operation.RSH, Operation.ARSH)
IMMEDIATES = (1, -1, 7, -7, -(1 << 31), (1 << 31) - 1)

Trial = list[Instruction]  # from R1 and R2 to R1


def operations() -> list[Trial]:
    trials: list[Trial] = []
    for operation in Operation:
        for width in WIDTHS:
            trials.append([operation.reg(R1, R2, width)])
            counts = (0, 1, 13, width - 1) if operation in SHIFTS else IMMEDIATES
            trials += [[operation.imm(R1, value, width)] for value in counts]
    return trials


def moves() -> list[Trial]:
    trials: list[Trial] = [[Negate(R1, 32)], [Negate(R1, 64)]]
    trials += [[Move(R1, value, width)] for value in IMMEDIATES for width in WIDTHS]
    trials += [[MoveRegister(R1, R2, width)] for width in WIDTHS]
    trials += [[MoveSigned(R1, R2, bits, 64)] for bits in (8, 16, 32)]
    trials += [[MoveSigned(R1, R2, bits, 32)] for bits in (8, 16)]
    trials += [[ByteSwap(R1, order, bits)] for order in ByteOrder for bits in (16, 32, 64)]
    return trials


def comparisons() -> list[Trial]:
    trials: list[Trial] = []
    for comparison in Comparison:
        for width in WIDTHS:
            jumps: list[Instruction] = [comparison.reg(R1, R2, 1, width)]
            jumps += [comparison.imm(R1, value, 1, width) for value in IMMEDIATES]
            trials += [[Move(R3, 1), jump, Move(R3, 0), MoveRegister(R1, R3)] for jump in jumps]
    return trials


def accesses() -> list[Trial]:
    """Both operands to the stack, a number of theirs to R1."""
    stored: Trial = [StoreMemory(R10, -16, R1, 8), StoreMemory(R10, -8, R2, 8)]
    trials: list[Trial] = []
    for size in (1, 2, 4, 8):
        trials.append([*stored, LoadMemory(R1, R10, -8, size)])
        trials.append([*stored, StoreMemory(R10, -16, R2, size), LoadMemory(R1, R10, -16, 8)])
        trials.append([*stored, StoreImmediate(R10, -16, -3, size), LoadMemory(R1, R10, -16, 8)])
    for size in (1, 2, 4):
        trials.append([*stored, LoadMemory(R1, R10, -8, size, True)])
    for operation in AtomicOperation:
        exchanges = operation in (AtomicOperation.EXCHANGE, AtomicOperation.COMPARE_EXCHANGE)
        for size in (4, 8):
            for fetch in (True,) if exchanges else (False, True):
                atomic = Atomic(operation, R10, -16, R2, size, fetch)
                seen: Trial = [LoadMemory(R1, R10, -16, 8), Operation.MUL.imm(R1, 31)]
                seen += [Operation.XOR.reg(R1, R2), Operation.SUB.reg(R1, R0)]
                trials.append([*stored, MoveRegister(R0, R1), atomic, *seen])
                trials.append([*stored, Move(R0, 5), atomic, *seen])
    return trials


def jumps() -> list[Trial]:
    """One of two ways, which meet again."""
    return [
        [Comparison.GT.imm(R2, 5, 2), Move(R1, 1), way, Operation.ADD.imm(R1, 2)]
        for way in (Jump(1), JumpLong(1))
    ] + [
        [LoadImmediate64(R1, 0xFEDC_BA98_7654_3210)],
        [Comparison.GT.imm(R2, 5, 2), LoadImmediate64(R1, 1 << 40), Operation.ADD.imm(R1, 2)],
    ]


TRIALS = [*operations(), *moves(), *comparisons(), *accesses(), *jumps()]
OPERANDS = 16  # bytes at the start of the packet: R1 and R2


def program(trials: list[Trial]) -> tuple[BpfInsn, ...]:
    """Each trial on the packet's first two numbers, its result behind them."""
    size = OPERANDS + 8 * len(trials)
    body: list[Instruction] = []
    for number, trial in enumerate(trials):
        body += [LoadMemory(R1, R6, 0, 8), LoadMemory(R2, R6, 8, 8), *trial]
        body.append(StoreMemory(R6, OPERANDS + 8 * number, R1, 8))
    ends: Trial = [Move(R0, 2), Exit()]
    return assemble(
        [
            LoadMemory(R6, R1, 0, 4),
            LoadMemory(R7, R1, 4, 4),
            MoveRegister(R3, R6),
            Operation.ADD.imm(R3, size),
            Comparison.GT.reg(R3, R7, sum(map(slots, body))),
            *body,
            *ends,
        ]
    )


def operand_pairs() -> list[tuple[int, int]]:
    chance = random.Random(5)
    edges = [0, 1, 2, 7, 31, 32, 33, 63, 64, 65, 0x7F, 0x80, 0xFFFF, 0x8000_0000, 0x7FFF_FFFF]
    edges += [0xFFFF_FFFF, 1 << 32, 1 << 63, (1 << 63) - 1, (1 << 64) - 1, (1 << 64) - 7]
    pairs = [(left, right) for left in edges for right in edges]
    return pairs + [(chance.getrandbits(64), chance.getrandbits(64)) for _ in range(60)]


@pytest.mark.parametrize("start", range(0, len(TRIALS), 100))
def test_results_are_the_kernels(kernel: Kernel, start: int) -> None:
    trials = TRIALS[start : start + 100]
    words = program(trials)
    loaded = kernel.load(bpf.XDP, words)
    for left, right in operand_pairs():
        packet = struct.pack("<QQ", left, right) + bytes(8 * len(trials))
        value, after = bpf.test_run(loaded, packet)
        environment = xdp(packet)
        assert run(words, environment) == value
        data = environment.memory.load(environment.context, 4)
        ours = environment.memory.read(data, len(packet))
        wrong = [
            (trial, hex(left), hex(right))
            for number, trial in enumerate(trials)
            if ours[OPERANDS + 8 * number :][:8] != after[OPERANDS + 8 * number :][:8]
        ]
        assert wrong == []


ACQUIRED = [
    *[LoadAcquire(R1, R10, -8, size) for size in (1, 2, 4, 8)],
    *[StoreRelease(R10, -8, R1, size) for size in (1, 2, 4, 8)],
]


@pytest.mark.parametrize("access", ACQUIRED, ids=repr)
def test_ordered_accesses_are_the_kernels(kernel: Kernel, access: Instruction) -> None:
    words = assemble(
        [
            LoadImmediate64(R1, 0x8899_AABB_CCDD_EEFF),
            StoreMemory(R10, -8, R1, 8),
            LoadImmediate64(R1, 0x1122_3344_5566_7788),
            access,
            LoadMemory(R0, R10, -8, 8),
            Operation.XOR.reg(R0, R1),
            Exit(),
        ]
    )
    value, _ = kernel.run(bpf.XDP, words, bytes(64))
    assert run(words, xdp(bytes(64))) & 0xFFFF_FFFF == value


NETWORK, LINK = -0x100000, -0x200000  # SKF_NET_OFF, SKF_LL_OFF
PACKET = bytes(range(64, 76)) + b"\x12\x34" + bytes(range(100, 146))  # with its Ethernet header
LEGACY = [
    LoadAbsolute(0, 1),
    LoadAbsolute(12, 2),
    LoadAbsolute(20, 4),
    LoadAbsolute(44, 2),
    LoadAbsolute(45, 2),
    LoadAbsolute(57, 4),
    LoadAbsolute(60, 1),
    LoadAbsolute(NETWORK + 9, 1),
    LoadAbsolute(LINK, 4),
    LoadAbsolute(LINK + 12, 2),
    LoadAbsolute(-1 << 31, 4),
    *[LoadIndirect(R7, offset, 2) for offset in (0, 10, -3, 40, 43, LINK, NETWORK)],
]


@pytest.mark.parametrize("kind", [bpf.SOCKET_FILTER, bpf.SCHED_CLS], ids=["socket", "tc"])
@pytest.mark.parametrize("index", [2, 3, 40, -1])
@pytest.mark.parametrize("load", LEGACY, ids=repr)
def test_legacy_packet_loads_are_the_kernels(
    kernel: Kernel, load: Instruction, index: int, kind: int
) -> None:
    words = assemble(
        [MoveRegister(R6, R1), Move(R7, index), load, Operation.ADD.imm(R0, 5), Exit()]
    )
    value, _ = kernel.run(kind, words, PACKET)
    if kind == bpf.SOCKET_FILTER:  # whose packet starts at the network header
        environment = skb(PACKET[14:], before=PACKET[:14], link_offset=-14)
    else:
        environment = skb(PACKET, network_offset=14)
    assert run(words, environment) & 0xFFFF_FFFF == value


@pytest.mark.parametrize("size", [1, 4, 40])
@pytest.mark.parametrize("offset", [0, 12, 20, 21, 56, 59, 60, -1])
@pytest.mark.parametrize("helper", ["skb_load_bytes", "skb_load_bytes_relative"])
@pytest.mark.parametrize("header", [0, 1])
def test_bytes_of_the_packet_come_to_the_stack_as_from_the_kernel(
    kernel: Kernel, helper: str, header: int, offset: int, size: int
) -> None:
    words = assemble(
        [
            *[StoreImmediate(R10, -8 * slot, 7, 8) for slot in range(1, 6)],
            MoveRegister(R3, R10),
            Operation.ADD.imm(R3, -40),
            Move(R2, offset, 32),
            Move(R4, size),
            Move(R5, header),
            Call(HELPERS[helper]),
            *[LoadMemory(R1, R10, -40, 8), Operation.XOR.reg(R0, R1)],
            *[LoadMemory(R1, R10, -8, 8), Operation.XOR.reg(R0, R1)],
            Exit(),
        ]
    )
    value, _ = kernel.run(bpf.SCHED_CLS, words, PACKET)
    assert run(words, skb(PACKET, network_offset=14)) & 0xFFFF_FFFF == value


TABLES = {
    "hash": (bpf.HASH, 0, {b"\1\0\0\0": 11, b"\2\0\0\0": 12}),
    "array": (bpf.ARRAY, 0, {b"\1\0\0\0": 11, b"\2\0\0\0": 12}),
    "lpm_trie": (bpf.LPM_TRIE, 1, {b"\4\0\0\0\xa0\1": 11, b"\x0c\0\0\0\xab\xc0": 12}),
}
KEYS = [
    *[1, 2, 3, 9],
    0x01A0_0000_0010,  # of a trie: 16 bits of 160.1
    0xC7AB_0000_0010,
    0xC7AB_0000_000C,
    0xC7AB_0000_0008,
    0x00A0_0000_0004,
    0x00A0_0000_0003,
    0x00A0_0000_0000,
    0x00A0_0000_0011,
]


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("kind", TABLES)
def test_values_of_maps_are_the_kernels(kernel: Kernel, kind: str, key: int) -> None:
    number, flags, entries = TABLES[kind]
    size = len(next(iter(entries)))
    table = kernel.map(number, size, 8, 4, flags)
    ours = Map(MapSpec("it", kind, 8 * size, 64, 4, flags))
    for each, value in entries.items():
        bpf.update(table, each, struct.pack("<Q", value))
        ours.update(each, struct.pack("<Q", value))
    words = assemble(
        [
            LoadImmediate64(R1, key),
            StoreMemory(R10, -8, R1, 8),
            MoveRegister(R2, R10),
            Operation.ADD.imm(R2, -8),
            LoadImmediate64(R1, table, Immediate.MAP_FD),
            Call(HELPERS["map_lookup_elem"]),
            Comparison.EQ.imm(R0, 0, 1),
            LoadMemory(R0, R0, 0, 8),
            Exit(),
        ]
    )
    expected, _ = kernel.run(bpf.XDP, words, bytes(64))
    assert run(words, xdp(bytes(64), maps={table: ours})) == expected


def test_functions_of_the_program_keep_the_kernels_registers(kernel: Kernel) -> None:
    words = assemble(
        [
            Move(R6, 5),
            Move(R1, 10),
            CallFunction(2),
            Operation.MUL.reg(R0, R6),
            Exit(),
            MoveRegister(R6, R1),
            StoreMemory(R10, -8, R6, 8),
            LoadMemory(R0, R10, -8, 8),
            Operation.ADD.imm(R0, 1),
            Exit(),
        ]
    )
    value, _ = kernel.run(bpf.XDP, words, bytes(64))
    assert run(words, xdp(bytes(64))) == value == 55
