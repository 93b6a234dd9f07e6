"""Slots to instructions and back, and slots to bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpfq.errors import EncodingError
from bpfq.isa.ebpf.encode import assemble, disassemble, from_bytes, to_bytes
from bpfq.isa.ebpf.instructions import (
    R0,
    R1,
    R2,
    R3,
    R7,
    R10,
    Alu,
    AluRegister,
    Atomic,
    AtomicOperation,
    BpfInsn,
    ByteOrder,
    ByteSwap,
    Call,
    CallFunction,
    CallKernel,
    Comparison,
    Exit,
    Immediate,
    Instruction,
    Jump,
    JumpIf,
    JumpIfRegister,
    JumpLong,
    LoadAbsolute,
    LoadAcquire,
    LoadImmediate64,
    LoadIndirect,
    LoadMemory,
    MayGoto,
    Move,
    MoveRegister,
    MoveSigned,
    Negate,
    Operation,
    Raw,
    StoreImmediate,
    StoreMemory,
    StoreRelease,
    slots,
)

# By hand from the tables of RFC 9669 and the macros of <linux/filter.h>.
SHAPES: list[tuple[Instruction, tuple[int, int, int, int, int]]] = [
    (Operation.ADD.imm(R2, -14), (0x07, 2, 0, 0, -14)),
    (Operation.ADD.reg(R2, R3), (0x0F, 2, 3, 0, 0)),
    (Operation.SUB.imm(R2, 1, 32), (0x14, 2, 0, 0, 1)),
    (Operation.MUL.reg(R2, R3, 32), (0x2C, 2, 3, 0, 0)),
    (Operation.DIV.imm(R2, 3), (0x37, 2, 0, 0, 3)),
    (Operation.SDIV.imm(R2, 3), (0x37, 2, 0, 1, 3)),
    (Operation.SDIV.reg(R2, R3, 32), (0x3C, 2, 3, 1, 0)),
    (Operation.OR.imm(R2, 3), (0x47, 2, 0, 0, 3)),
    (Operation.AND.imm(R2, 3), (0x57, 2, 0, 0, 3)),
    (Operation.LSH.imm(R2, 3), (0x67, 2, 0, 0, 3)),
    (Operation.RSH.reg(R2, R3), (0x7F, 2, 3, 0, 0)),
    (Operation.MOD.imm(R2, 3), (0x97, 2, 0, 0, 3)),
    (Operation.SMOD.reg(R2, R3), (0x9F, 2, 3, 1, 0)),
    (Operation.XOR.imm(R2, 3), (0xA7, 2, 0, 0, 3)),
    (Operation.ARSH.imm(R2, 3), (0xC7, 2, 0, 0, 3)),
    (Negate(R2), (0x87, 2, 0, 0, 0)),
    (Negate(R2, 32), (0x84, 2, 0, 0, 0)),
    (Move(R0, -1), (0xB7, 0, 0, 0, -1)),
    (Move(R0, 7, 32), (0xB4, 0, 0, 0, 7)),
    (MoveRegister(R7, R1), (0xBF, 7, 1, 0, 0)),
    (MoveSigned(R7, R1, 32), (0xBF, 7, 1, 32, 0)),
    (MoveSigned(R7, R1, 8, 32), (0xBC, 7, 1, 8, 0)),
    (ByteSwap(R1, ByteOrder.LITTLE, 16), (0xD4, 1, 0, 0, 16)),
    (ByteSwap(R1, ByteOrder.BIG, 32), (0xDC, 1, 0, 0, 32)),
    (ByteSwap(R1, ByteOrder.SWAP, 64), (0xD7, 1, 0, 0, 64)),
    (LoadMemory(R0, R3, 12, 1), (0x71, 0, 3, 12, 0)),
    (LoadMemory(R0, R3, 12, 2), (0x69, 0, 3, 12, 0)),
    (LoadMemory(R0, R3, -4, 4), (0x61, 0, 3, -4, 0)),
    (LoadMemory(R0, R10, -8, 8), (0x79, 0, 10, -8, 0)),
    (LoadMemory(R0, R3, 12, 1, True), (0x91, 0, 3, 12, 0)),
    (LoadMemory(R0, R3, 12, 4, True), (0x81, 0, 3, 12, 0)),
    (StoreMemory(R10, -8, R1, 8), (0x7B, 10, 1, -8, 0)),
    (StoreImmediate(R10, -4, 5, 4), (0x62, 10, 0, -4, 5)),
    (Atomic(AtomicOperation.ADD, R1, 8, R2, 8), (0xDB, 1, 2, 8, 0)),
    (Atomic(AtomicOperation.AND, R1, 8, R2, 4, True), (0xC3, 1, 2, 8, 0x51)),
    (Atomic(AtomicOperation.EXCHANGE, R1, 8, R2, 8, True), (0xDB, 1, 2, 8, 0xE1)),
    (Atomic(AtomicOperation.COMPARE_EXCHANGE, R1, 8, R2, 8, True), (0xDB, 1, 2, 8, 0xF1)),
    (LoadAcquire(R1, R2, 8, 1), (0xD3, 1, 2, 8, 0x100)),
    (StoreRelease(R1, 8, R2, 2), (0xCB, 1, 2, 8, 0x110)),
    (LoadAbsolute(12, 2), (0x28, 0, 0, 0, 12)),
    (LoadIndirect(R7, 14, 1), (0x50, 0, 7, 0, 14)),
    (Jump(-3), (0x05, 0, 0, -3, 0)),
    (JumpLong(70000), (0x06, 0, 0, 0, 70000)),
    (Comparison.EQ.imm(R1, 6, 2), (0x15, 1, 0, 2, 6)),
    (Comparison.EQ.imm(R1, 6, 2, 32), (0x16, 1, 0, 2, 6)),
    (Comparison.GT.reg(R1, R2, 2), (0x2D, 1, 2, 2, 0)),
    (Comparison.GE.imm(R1, 6, 2), (0x35, 1, 0, 2, 6)),
    (Comparison.SET.imm(R1, 6, 2), (0x45, 1, 0, 2, 6)),
    (Comparison.NE.reg(R1, R2, 2, 32), (0x5E, 1, 2, 2, 0)),
    (Comparison.SGT.imm(R1, 6, 2), (0x65, 1, 0, 2, 6)),
    (Comparison.SGE.imm(R1, 6, 2), (0x75, 1, 0, 2, 6)),
    (Comparison.LT.imm(R1, 6, 2), (0xA5, 1, 0, 2, 6)),
    (Comparison.LE.imm(R1, 6, 2), (0xB5, 1, 0, 2, 6)),
    (Comparison.SLT.imm(R1, 6, 2), (0xC5, 1, 0, 2, 6)),
    (Comparison.SLE.imm(R1, 6, 2), (0xD5, 1, 0, 2, 6)),
    (MayGoto(4), (0xE5, 0, 0, 4, 0)),
    (Call(26), (0x85, 0, 0, 0, 26)),
    (CallFunction(-9), (0x85, 0, 1, 0, -9)),
    (CallKernel(4711, 2), (0x85, 0, 2, 2, 4711)),
    (Exit(), (0x95, 0, 0, 0, 0)),
    (Raw(BpfInsn(0x0D, 1, 0, 0, 0)), (0x0D, 1, 0, 0, 0)),  # an indirect jump
]

# The two slots of 64-bit immediates.
IMMEDIATES: list[tuple[Instruction, tuple[tuple[int, ...], tuple[int, ...]]]] = [
    (LoadImmediate64(R1, 0x1_FFFF_FFFE), ((0x18, 1, 0, 0, -2), (0, 0, 0, 0, 1))),
    (LoadImmediate64(R1, 5, Immediate.MAP_FD), ((0x18, 1, 1, 0, 5), (0, 0, 0, 0, 0))),
    (LoadImmediate64(R1, 5, Immediate.MAP_VALUE, 24), ((0x18, 1, 2, 0, 5), (0, 0, 0, 0, 24))),
    (LoadImmediate64(R1, -7, Immediate.FUNCTION), ((0x18, 1, 4, 0, -7), (0, 0, 0, 0, 0))),
]

IMMS = st.sampled_from([0, 1, 8, 16, 32, 64, 0xE0, 0xE1, 0xF1, 0x100, 0x110]) | st.integers(
    -(1 << 31), (1 << 31) - 1
)
OFFS = st.sampled_from([0, 1, 8, 16, 32]) | st.integers(-(1 << 15), (1 << 15) - 1)
WORDS = st.builds(
    BpfInsn, st.just(0x18) | st.integers(0, 255), st.integers(0, 15), st.integers(0, 15), OFFS, IMMS
)
SECOND_HALVES = st.builds(BpfInsn, st.just(0), st.just(0), st.just(0), st.just(0), IMMS)


@pytest.mark.parametrize(("instruction", "word"), SHAPES, ids=[repr(i) for i, _ in SHAPES])
def test_each_shape_has_its_slot(instruction: Instruction, word: tuple[int, ...]) -> None:
    assert (assemble([instruction]), disassemble([BpfInsn(*word)])) == ((word,), (instruction,))
    assert slots(instruction) == 1


@pytest.mark.parametrize(("instruction", "words"), IMMEDIATES, ids=[repr(i) for i, _ in IMMEDIATES])
def test_a_64_bit_immediate_has_two_slots(
    instruction: Instruction, words: tuple[tuple[int, ...], ...]
) -> None:
    made = disassemble([BpfInsn(*word) for word in words])
    assert (assemble([instruction]), made) == (words, (instruction,))
    assert slots(instruction) == 2


def test_half_an_immediate_is_raw() -> None:
    first, second = BpfInsn(0x18, 1, 0, 0, 5), BpfInsn(0, 0, 0, 0, 1)
    assert disassemble([first]) == (Raw(first),)
    assert disassemble([second, first]) == (Raw(second), Raw(first))
    assert disassemble([first, first, second]) == (Raw(first), LoadImmediate64(R1, 1 << 32 | 5))


@given(st.lists(WORDS | SECOND_HALVES, max_size=8))
def test_any_slots_survive_disassembly(words: list[BpfInsn]) -> None:
    assert assemble(disassemble(words)) == tuple(words)


def test_every_opcode_survives_disassembly_with_every_field_used_or_not() -> None:
    words = [
        BpfInsn(opcode, dst, src, off, imm)
        for opcode in range(256)
        for dst in (0, 10, 11)
        for src in (0, 1, 2, 3, 11)
        for off in (0, 1, 8, -1)
        for imm in (0, 1, 16, 0xE1, 0x100, 0x110, -1)
    ]
    assert assemble(disassemble(words)) == tuple(words)


def test_the_shaped_opcodes_are_those_of_the_instruction_set() -> None:
    fields = [(0, 0), (1, 0), (8, 0), (0, 16), (0, 0x41), (0, 0x100)]
    shaped = {
        opcode
        for opcode in range(256)
        for off, imm in fields
        if not isinstance(disassemble([BpfInsn(opcode, 0, 0, off, imm)])[0], Raw)
    }
    # 2 x 25 arithmetic and 3 swaps, 2 x 22 comparisons, 2 jumps, may_goto, call, exit,
    # 3 x 4 plain loads and stores, 3 signed and 6 packet loads, 4 sizes of atomics
    assert len(shaped) == 50 + 3 + 44 + 5 + 12 + 9 + 4


@given(st.lists(WORDS))
def test_bytes_are_the_slots_in_either_order(words: list[BpfInsn]) -> None:
    assert from_bytes(to_bytes(words)) == tuple(words)
    assert from_bytes(to_bytes(words, "big"), "big") == tuple(words)


def test_registers_share_a_byte_whose_low_half_is_dst_on_little_endian() -> None:
    word = BpfInsn(0x79, 1, 10, -8, 0x0102_0304)
    assert to_bytes([word]) == bytes.fromhex("79a1f8ff04030201")
    assert to_bytes([word], "big") == bytes.fromhex("791afff801020304")


def test_bytes_that_are_no_slots_are_refused() -> None:
    with pytest.raises(EncodingError) as caught:
        from_bytes(bytes(12))
    assert str(caught.value) == "12 bytes are no multiple of 8"


REFUSED: list[tuple[Instruction, str]] = [
    (Move(R0, 1 << 31), "imm 2147483648 does not fit 32 bits: -2147483648 to 2147483647"),
    (Jump(1 << 15), "off 32768 does not fit 16 bits: -32768 to 32767"),
    (Alu(Operation.ADD, R0, 1, 16), "width 16 is not one of [32, 64]"),
    (AluRegister(Operation.ADD, R0, R0, 8), "width 8 is not one of [32, 64]"),
    (MoveRegister(R0, R0, 1), "width 1 is not one of [32, 64]"),
    (MoveSigned(R0, R0, 32, 32), "bits 32 is not one of [8, 16]"),
    (ByteSwap(R0, ByteOrder.BIG, 8), "bits 8 is not one of [16, 32, 64]"),
    (LoadMemory(R0, R1, 0, 3), "size 3 is not one of [1, 2, 4, 8]"),
    (LoadMemory(R0, R1, 0, 8, True), "size 8 is not one of [1, 2, 4]"),
    (StoreMemory(R0, 0, R1, 16), "size 16 is not one of [1, 2, 4, 8]"),
    (Atomic(AtomicOperation.ADD, R0, 0, R1, 2), "size 2 is not one of [4, 8]"),
    (Atomic(AtomicOperation.EXCHANGE, R0, 0, R1, 8), "xchg always fetches"),
    (LoadAbsolute(0, 8), "size 8 is not one of [1, 2, 4]"),
    (LoadImmediate64(R0, -1), "value -1 does not fit 64 bits: 0 to 18446744073709551615"),
    (LoadImmediate64(R0, 1, extra=2), "extra 2 is not 0, as of a plain number"),
    (JumpIf(Comparison.EQ, R0, 0, 0, 16), "width 16 is not one of [32, 64]"),
    (JumpIfRegister(Comparison.EQ, R0, R0, 0, 0), "width 0 is not one of [32, 64]"),
    (Raw(BpfInsn(256, 0, 0, 0, 0)), "opcode 256 does not fit 8 bits: 0 to 255"),
    (Raw(BpfInsn(0, 16, 0, 0, 0)), "dst 16 does not fit 4 bits: 0 to 15"),
]


@pytest.mark.parametrize(("instruction", "message"), REFUSED, ids=[repr(i) for i, _ in REFUSED])
def test_a_field_out_of_range_is_refused(instruction: Instruction, message: str) -> None:
    with pytest.raises(EncodingError) as caught:
        assemble([instruction])
    assert str(caught.value) == message
