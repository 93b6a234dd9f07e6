"""Random programs in the interpreter and in the kernel leave the same registers."""

from __future__ import annotations

import random
import struct

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bpfq.isa.ebpf.encode import assemble
from bpfq.isa.ebpf.environment import xdp
from bpfq.isa.ebpf.instructions import (
    R0,
    R1,
    R2,
    R3,
    R4,
    R5,
    R6,
    R7,
    R8,
    R9,
    R10,
    Atomic,
    AtomicOperation,
    BpfInsn,
    ByteOrder,
    ByteSwap,
    Comparison,
    Exit,
    Instruction,
    LoadImmediate64,
    LoadMemory,
    Move,
    MoveRegister,
    MoveSigned,
    Negate,
    Operation,
    StoreImmediate,
    StoreMemory,
    slots,
)
from bpfq.isa.ebpf.vm import run
from isa.ebpf import bpf
from isa.ebpf.conftest import Kernel

NUMBERS = (R0, R1, R2, R3, R4, R5, R7, R8, R9)  # R6 holds the packet
STACK = 16  # bytes that are written at the start
SHIFTS = (Operation.LSH, Operation.RSH, Operation.ARSH)
DIVISIONS = (Operation.DIV, Operation.MOD, Operation.SDIV, Operation.SMOD)

number = st.sampled_from(NUMBERS)
width = st.sampled_from((32, 64))
value = st.sampled_from((0, 1, -1, 255, 1 << 30, -(1 << 31))) | st.integers(
    -(1 << 31), (1 << 31) - 1
)
place = st.sampled_from([(size, -at) for size in (1, 2, 4, 8) for at in range(size, 17, size)])


def immediate(operation: Operation, dst: object, right: int, bits: int) -> Instruction:
    """The verifier takes no shift by the width and no division by 0."""
    if operation in SHIFTS:
        right %= bits
    if operation in DIVISIONS:
        right = right or 3
    return operation.imm(dst, right, bits)  # type: ignore[arg-type]


computed = st.one_of(
    st.builds(immediate, st.sampled_from(Operation), number, value, width),
    st.builds(lambda op, *rest: op.reg(*rest), st.sampled_from(Operation), number, number, width),
    st.builds(Move, number, value, width),
    st.builds(MoveRegister, number, number, width),
    st.builds(MoveSigned, number, number, st.sampled_from((8, 16)), width),
    st.builds(Negate, number, width),
    st.builds(ByteSwap, number, st.sampled_from(ByteOrder), st.sampled_from((16, 32, 64))),
    st.builds(LoadImmediate64, number, st.integers(0, (1 << 64) - 1)),
)
accessed = st.one_of(
    st.builds(lambda dst, at: LoadMemory(dst, R10, at[1], at[0]), number, place),
    st.builds(lambda dst, at: LoadMemory(dst, R10, at[1], at[0], at[0] < 8), number, place),
    st.builds(lambda src, at: StoreMemory(R10, at[1], src, at[0]), number, place),
    st.builds(lambda imm, at: StoreImmediate(R10, at[1], imm, at[0]), value, place),
    st.builds(
        lambda op, src, size: Atomic(op, R10, -8, src, size, True),
        st.sampled_from(AtomicOperation),
        number,
        st.sampled_from((4, 8)),
    ),
)
# A jump over the statements that stand under it.
conditional = st.one_of(
    st.builds(
        lambda cmp, dst, imm, bits: lambda skip: cmp.imm(dst, imm, skip, bits),
        *(st.sampled_from(Comparison), number, value, width),
    ),
    st.builds(
        lambda cmp, dst, src, bits: lambda skip: cmp.reg(dst, src, skip, bits),
        *(st.sampled_from(Comparison), number, number, width),
    ),
)
straight = st.lists(computed | accessed, min_size=1, max_size=6)
statements = st.lists(st.tuples(conditional, straight), max_size=5)


def program(body: list[tuple[object, list[Instruction]]]) -> tuple[BpfInsn, ...]:
    """Registers and stack from the packet, the body, and all of them back to the packet."""
    size = 8 * len(NUMBERS) + STACK
    into: list[Instruction] = [LoadMemory(each, R6, 8 * at, 8) for at, each in enumerate(NUMBERS)]
    into += [StoreMemory(R10, -8, R1, 8), StoreMemory(R10, -16, R2, 8)]
    for jump, skipped in body:
        into += [jump(sum(map(slots, skipped))), *skipped]  # type: ignore[operator]
    into += [StoreMemory(R6, 8 * at, each, 8) for at, each in enumerate(NUMBERS)]
    for at in (8, 16):
        into += [LoadMemory(R1, R10, -at, 8), StoreMemory(R6, size - at, R1, 8)]
    return assemble(
        [
            LoadMemory(R6, R1, 0, 4),
            LoadMemory(R7, R1, 4, 4),
            MoveRegister(R3, R6),
            Operation.ADD.imm(R3, size),
            Move(R0, 1),
            Comparison.GT.reg(R3, R7, sum(map(slots, into))),
            *into,
            Move(R0, 2),
            Exit(),
        ]
    )


@pytest.mark.oracle
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(statements, st.integers(0, 1 << 32))
def test_random_programs_leave_what_they_leave_in_the_kernel(
    kernel: Kernel, body: list[tuple[object, list[Instruction]]], seed: int
) -> None:
    words = program(body)
    chance = random.Random(seed)
    edges = [0, 1, (1 << 64) - 1, 1 << 63, 1 << 31, 0xFFFF_FFFF, 63]
    numbers = [chance.choice((*edges, chance.getrandbits(64))) for _ in range(len(NUMBERS) + 2)]
    packet = struct.pack(f"<{len(numbers)}Q", *numbers)
    expected, after = kernel.run(bpf.XDP, words, packet)
    environment = xdp(packet)
    assert run(words, environment) == expected == 2
    data = environment.memory.load(environment.context, 4)
    assert environment.memory.read(data, len(packet)) == after
