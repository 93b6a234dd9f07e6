"""One instruction to the fields of its slots: encode.

JumpIf(EQ, R1, 6, 3, 32)    =>    BpfInsn(opcode=0x16, dst=1, src=0, off=3, imm=6)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from bpfq.errors import EncodingError
from bpfq.isa.cbpf.encode import bits
from bpfq.isa.ebpf import opcodes
from bpfq.isa.ebpf.instructions import (
    Access,
    Alu,
    AluRegister,
    Arithmetic,
    Atomic,
    BpfInsn,
    ByteSwap,
    Call,
    CallFunction,
    CallKernel,
    Control,
    Exit,
    Immediate,
    Instruction,
    Jump,
    JumpIf,
    JumpIfRegister,
    JumpLong,
    Load,
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
    Raw,
    StoreImmediate,
    StoreMemory,
    StoreRelease,
)


def signed(value: int, width: int) -> int:
    """The low width bits of value read as two's complement."""
    value &= (1 << width) - 1
    return value - (1 << width) if value >> (width - 1) else value


def encode(instruction: Instruction) -> tuple[BpfInsn, ...]:
    """The slots of one instruction; raises EncodingError for a field out of range."""
    match instruction:
        case Alu() | AluRegister() | Move() | MoveRegister() | MoveSigned() | Negate() | ByteSwap():
            return (_encode_arithmetic(instruction),)
        case (
            LoadMemory()
            | StoreMemory()
            | StoreImmediate()
            | Atomic()
            | LoadAcquire()
            | StoreRelease()
        ):
            return (_encode_memory(instruction),)
        case LoadAbsolute() | LoadIndirect() | LoadImmediate64():
            return _encode_load(instruction)
        case Raw(insn):
            return (_slot(*insn),)
        case _:
            return (_encode_control(instruction),)


def _encode_arithmetic(instruction: Arithmetic) -> BpfInsn:
    match instruction:
        case Alu(operation, dst, value, width):
            code, off = opcodes.OPERATION[operation]
            return _slot(_class(opcodes.ALU, width) | code, dst, 0, off, value)
        case AluRegister(operation, dst, src, width):
            code, off = opcodes.OPERATION[operation]
            return _slot(_class(opcodes.ALU, width) | code | opcodes.REGISTER, dst, src, off)
        case Move(dst, value, width):
            return _slot(_class(opcodes.ALU, width) | opcodes.MOVE, dst, 0, 0, value)
        case MoveRegister(dst, src, width):
            return _slot(_class(opcodes.ALU, width) | opcodes.MOVE | opcodes.REGISTER, dst, src)
        case MoveSigned(dst, src, low, width):
            opcode = _class(opcodes.ALU, width) | opcodes.MOVE | opcodes.REGISTER
            _one_of(low, opcodes.SIGNED_MOVE_BITS[width], "bits")
            return _slot(opcode, dst, src, low)
        case Negate(dst, width):
            return _slot(_class(opcodes.ALU, width) | opcodes.NEGATE, dst)
        case ByteSwap(dst, order, low):
            _one_of(low, opcodes.SWAP_BITS, "bits")
            return _slot(opcodes.BYTE_ORDER[order], dst, 0, 0, low)
        case _:
            assert_never(instruction)


def _encode_memory(instruction: Access) -> BpfInsn:
    match instruction:
        case LoadMemory(dst, base, offset, size, sign):
            mode = opcodes.MEMORY_SIGNED if sign else opcodes.MEMORY
            _one_of(size, {1, 2, 4} if sign else opcodes.SIZE, "size")
            return _slot(opcodes.LDX | mode | opcodes.SIZE[size], dst, base, offset)
        case StoreMemory(base, offset, src, size):
            return _slot(opcodes.STX | opcodes.MEMORY | _size(size), base, src, offset)
        case StoreImmediate(base, offset, value, size):
            return _slot(opcodes.ST | opcodes.MEMORY | _size(size), base, 0, offset, value)
        case Atomic(operation, base, offset, src, size, fetch):
            _one_of(size, {4, 8}, "size")
            if operation in opcodes.ALWAYS_FETCH and not fetch:
                raise EncodingError(f"{operation.value} always fetches")
            code = opcodes.ATOMIC_OPERATION[operation] | (opcodes.FETCH if fetch else 0)
            return _slot(opcodes.STX | opcodes.ATOMIC | opcodes.SIZE[size], base, src, offset, code)
        case LoadAcquire(dst, base, offset, size):
            opcode = opcodes.STX | opcodes.ATOMIC | _size(size)
            return _slot(opcode, dst, base, offset, opcodes.LOAD_ACQUIRE)
        case StoreRelease(base, offset, src, size):
            opcode = opcodes.STX | opcodes.ATOMIC | _size(size)
            return _slot(opcode, base, src, offset, opcodes.STORE_RELEASE)
        case _:
            assert_never(instruction)


def _encode_load(instruction: Load) -> tuple[BpfInsn, ...]:
    match instruction:
        case LoadAbsolute(offset, size):
            _one_of(size, {1, 2, 4}, "size")
            return (_slot(opcodes.LD | opcodes.ABSOLUTE | opcodes.SIZE[size], imm=offset),)
        case LoadIndirect(src, offset, size):
            _one_of(size, {1, 2, 4}, "size")
            opcode = opcodes.LD | opcodes.INDIRECT | opcodes.SIZE[size]
            return (_slot(opcode, src=src, imm=offset),)
        case LoadImmediate64(dst, value, Immediate.PLAIN, extra):
            if extra:
                raise EncodingError(f"extra {extra} is not 0, as of a plain number")
            bits(value, 64, "value")
            low, high = signed(value, 32), signed(value >> 32, 32)
            return (_slot(opcodes.LOAD_IMMEDIATE_64, dst, 0, 0, low), _slot(0, imm=high))
        case LoadImmediate64(dst, value, kind, extra):
            first = _slot(opcodes.LOAD_IMMEDIATE_64, dst, kind, 0, value)
            return (first, _slot(0, imm=extra))
        case _:
            assert_never(instruction)


def _encode_control(instruction: Control) -> BpfInsn:
    match instruction:
        case JumpIf(comparison, dst, value, skip, width):
            opcode = _class(opcodes.JMP, width) | opcodes.COMPARISON[comparison]
            return _slot(opcode, dst, 0, skip, value)
        case JumpIfRegister(comparison, dst, src, skip, width):
            opcode = _class(opcodes.JMP, width) | opcodes.COMPARISON[comparison]
            return _slot(opcode | opcodes.REGISTER, dst, src, skip)
        case Jump(skip):
            return _slot(opcodes.JUMP, off=skip)
        case JumpLong(skip):
            return _slot(opcodes.JUMP_LONG, imm=skip)
        case MayGoto(skip):
            return _slot(opcodes.MAY_GOTO, off=skip)
        case Call(helper):
            return _slot(opcodes.CALL, src=opcodes.CALL_HELPER, imm=helper)
        case CallFunction(skip):
            return _slot(opcodes.CALL, src=opcodes.CALL_FUNCTION, imm=skip)
        case CallKernel(btf_id, module):
            return _slot(opcodes.CALL, src=opcodes.CALL_KERNEL, off=module, imm=btf_id)
        case Exit():
            return _slot(opcodes.EXIT)
        case _:
            assert_never(instruction)


def _slot(opcode: int, dst: int = 0, src: int = 0, off: int = 0, imm: int = 0) -> BpfInsn:
    return BpfInsn(
        bits(opcode, 8, "opcode"),
        bits(int(dst), 4, "dst"),
        bits(int(src), 4, "src"),
        _signed_bits(off, 16, "off"),
        _signed_bits(imm, 32, "imm"),
    )


def _signed_bits(value: int, width: int, name: str) -> int:
    limit = 1 << (width - 1)
    if -limit <= value < limit:
        return value
    raise EncodingError(f"{name} {value} does not fit {width} bits: {-limit} to {limit - 1}")


def _class(classes: dict[int, int], width: int) -> int:
    _one_of(width, classes, "width")
    return classes[width]


def _size(size: int) -> int:
    _one_of(size, opcodes.SIZE, "size")
    return opcodes.SIZE[size]


def _one_of(value: int, allowed: Iterable[int], name: str) -> None:
    if value not in allowed:
        raise EncodingError(f"{name} {value} is not one of {sorted(allowed)}")
