"""One slot to its instruction: decode.

    BpfInsn(opcode=0x16, dst=1, src=0, off=3, imm=6)    =>    JumpIf(EQ, R1, 6, 3, 32)

Every opcode proposes the instruction that reads its fields; it stands if it encodes to the same
slot, so a value in a field that the machine does not read gives Raw.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Final, TypeAlias

from bpfq.isa.ebpf import opcodes
from bpfq.isa.ebpf.fields import encode
from bpfq.isa.ebpf.instructions import (
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
    Register,
    StoreImmediate,
    StoreMemory,
    StoreRelease,
)

_Decoder: TypeAlias = Callable[[Register, Register, int, int], Instruction | None]
_WORD: Final = 0xFFFF_FFFF


def decode(word: BpfInsn, following: BpfInsn | None = None) -> Instruction:
    """The instruction of the slot; with the second slot a 64-bit immediate, without it Raw."""
    if word.dst >= len(Register) or word.src >= len(Register):
        return Raw(word)
    if word.opcode == opcodes.LOAD_IMMEDIATE_64:
        return _immediate(word, following)
    decoder = _decoders().get(word.opcode)
    if decoder is None:
        return Raw(word)
    proposed = decoder(Register(word.dst), Register(word.src), word.off, word.imm)
    return proposed if proposed is not None and encode(proposed) == (word,) else Raw(word)


def _immediate(word: BpfInsn, following: BpfInsn | None) -> Instruction:
    if following is None or word.src >= len(Immediate):
        return Raw(word)
    kind, dst = Immediate(word.src), Register(word.dst)
    if kind is Immediate.PLAIN:
        value = (following.imm & _WORD) << 32 | word.imm & _WORD
        proposed = LoadImmediate64(dst, value)
    else:
        proposed = LoadImmediate64(dst, word.imm, kind, following.imm)
    return proposed if encode(proposed) == (word, following) else Raw(word)


@cache
def _decoders() -> dict[int, _Decoder]:
    """What each opcode proposes from dst, src, off and imm."""
    return {
        **_alu_decoders(32),
        **_alu_decoders(64),
        **_memory_decoders(),
        **_jump_decoders(32),
        **_jump_decoders(64),
        opcodes.JUMP: lambda dst, src, off, imm: Jump(off),
        opcodes.JUMP_LONG: lambda dst, src, off, imm: JumpLong(imm),
        opcodes.MAY_GOTO: lambda dst, src, off, imm: MayGoto(off),
        opcodes.CALL: _call,
        opcodes.EXIT: lambda dst, src, off, imm: Exit(),
    }


def _alu_decoders(width: int) -> dict[int, _Decoder]:
    base = opcodes.ALU[width]
    decoders: dict[int, _Decoder] = {
        base | opcodes.MOVE: lambda dst, src, off, imm: Move(dst, imm, width),
        base | opcodes.MOVE | opcodes.REGISTER: lambda dst, src, off, imm: _move(
            dst, src, off, width
        ),
        base | opcodes.NEGATE: lambda dst, src, off, imm: Negate(dst, width),
    }
    by_code: dict[int, dict[int, Operation]] = {}
    for operation, (code, off) in opcodes.OPERATION.items():
        by_code.setdefault(code, {})[off] = operation
    for code, by_off in by_code.items():
        decoders |= _operation_decoders(base | code, by_off, width)
    for order, opcode in opcodes.BYTE_ORDER.items():
        if opcode & opcodes.CLASS_MASK == base:
            decoders |= _swap_decoder(opcode, order)
    return decoders


def _operation_decoders(
    opcode: int, by_off: dict[int, Operation], width: int
) -> dict[int, _Decoder]:
    def immediate(dst: Register, src: Register, off: int, imm: int) -> Instruction | None:
        return Alu(by_off[off], dst, imm, width) if off in by_off else None

    def register(dst: Register, src: Register, off: int, imm: int) -> Instruction | None:
        return AluRegister(by_off[off], dst, src, width) if off in by_off else None

    return {opcode: immediate, opcode | opcodes.REGISTER: register}


def _move(dst: Register, src: Register, off: int, width: int) -> Instruction | None:
    if off == 0:
        return MoveRegister(dst, src, width)
    return MoveSigned(dst, src, off, width) if off in opcodes.SIGNED_MOVE_BITS[width] else None


def _swap_decoder(opcode: int, order: ByteOrder) -> dict[int, _Decoder]:
    def swap(dst: Register, src: Register, off: int, imm: int) -> Instruction | None:
        return ByteSwap(dst, order, imm) if imm in opcodes.SWAP_BITS else None

    return {opcode: swap}


def _memory_decoders() -> dict[int, _Decoder]:
    decoders: dict[int, _Decoder] = {}
    for size, code in opcodes.SIZE.items():
        decoders |= _plain_decoders(size, code)
        decoders[opcodes.STX | opcodes.ATOMIC | code] = _atomic_decoder(size)
        if size < 8:
            decoders |= _small_decoders(size, code)
    return decoders


def _plain_decoders(size: int, code: int) -> dict[int, _Decoder]:
    mode = opcodes.MEMORY | code
    return {
        opcodes.LDX | mode: lambda dst, src, off, imm: LoadMemory(dst, src, off, size),
        opcodes.ST | mode: lambda dst, src, off, imm: StoreImmediate(dst, off, imm, size),
        opcodes.STX | mode: lambda dst, src, off, imm: StoreMemory(dst, off, src, size),
    }


def _small_decoders(size: int, code: int) -> dict[int, _Decoder]:
    signed = opcodes.LDX | opcodes.MEMORY_SIGNED | code
    return {
        signed: lambda dst, src, off, imm: LoadMemory(dst, src, off, size, True),
        opcodes.LD | opcodes.ABSOLUTE | code: lambda dst, src, off, imm: LoadAbsolute(imm, size),
        opcodes.LD | opcodes.INDIRECT | code: lambda dst, src, off, imm: LoadIndirect(
            src, imm, size
        ),
    }


@cache
def _atomic_operations() -> dict[int, tuple[AtomicOperation, bool]]:
    return {
        code | fetch: (operation, bool(fetch))
        for operation, code in opcodes.ATOMIC_OPERATION.items()
        for fetch in (0, opcodes.FETCH)
        if fetch or operation not in opcodes.ALWAYS_FETCH
    }


def _atomic_decoder(size: int) -> _Decoder:
    def atomic(dst: Register, src: Register, off: int, imm: int) -> Instruction | None:
        if imm == opcodes.LOAD_ACQUIRE:
            return LoadAcquire(dst, src, off, size)
        if imm == opcodes.STORE_RELEASE:
            return StoreRelease(dst, off, src, size)
        if imm not in _atomic_operations() or size < 4:
            return None
        operation, fetch = _atomic_operations()[imm]
        return Atomic(operation, dst, off, src, size, fetch)

    return atomic


def _jump_decoders(width: int) -> dict[int, _Decoder]:
    decoders: dict[int, _Decoder] = {}
    for comparison, code in opcodes.COMPARISON.items():
        decoders |= _comparison_decoders(opcodes.JMP[width] | code, comparison, width)
    return decoders


def _comparison_decoders(opcode: int, comparison: Comparison, width: int) -> dict[int, _Decoder]:
    return {
        opcode: lambda dst, src, off, imm: JumpIf(comparison, dst, imm, off, width),
        opcode | opcodes.REGISTER: lambda dst, src, off, imm: JumpIfRegister(
            comparison, dst, src, off, width
        ),
    }


def _call(dst: Register, src: Register, off: int, imm: int) -> Instruction | None:
    match int(src):
        case opcodes.CALL_HELPER:
            return Call(imm)
        case opcodes.CALL_FUNCTION:
            return CallFunction(imm)
        case opcodes.CALL_KERNEL:
            return CallKernel(imm, off)
        case _:
            return None
