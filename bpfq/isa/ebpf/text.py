"""Programs as text: as ``bpftool prog dump xlated`` and as ``llvm-objdump -d`` write it.

    bpftool    3: (69) r2 = *(u16 *)(r1 +12)
    llvm              3:	69 12 0c 00 00 00 00 00	w2 = *(u16 *)(r1 + 0xc)

The kernel's verifier writes as bpftool does.  A slot that is no instruction, for which bpftool
writes BUG and llvm-objdump <unknown>, is the assembler's ``.quad`` in both.

Source: kernel/bpf/disasm.c and tools/bpf/bpftool/xlated_dumper.c of Linux 6.18;
llvm/lib/Target/BPF of LLVM 22, with ``--mcpu=v4``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, assert_never

from bpfq.isa.ebpf.encode import Endian, disassemble, to_bytes
from bpfq.isa.ebpf.fields import encode
from bpfq.isa.ebpf.instructions import (
    Access,
    Alu,
    AluRegister,
    Arithmetic,
    Atomic,
    AtomicOperation,
    BpfInsn,
    ByteSwap,
    Call,
    CallFunction,
    CallKernel,
    Control,
    Exit,
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
from bpfq.isa.ebpf.program import Line
from bpfq.isa.ebpf.spelling import BPFTOOL, LLVM, Spelling, register

_LOCKED: Final = {
    AtomicOperation.ADD: "+=",
    AtomicOperation.OR: "|=",
    AtomicOperation.AND: "&=",
    AtomicOperation.XOR: "^=",
}


def dump_bpftool(words: Iterable[BpfInsn], lines: Iterable[Line] = ()) -> str:
    """One line an instruction with its first slot and opcode, as ``bpftool prog dump xlated``.

    ``lines`` are written above the slots that they belong to, behind a ``;``.
    """
    return _listing(
        words, lines, lambda slot, encoded: f"{slot:4d}: ({encoded[0].opcode:02x}) ", BPFTOOL
    )


def dump_llvm(
    words: Iterable[BpfInsn], lines: Iterable[Line] = (), byteorder: Endian = "little"
) -> str:
    """One line an instruction with its first slot and its bytes, as ``llvm-objdump -dS``.

    ``lines`` are written above the slots that they belong to, behind a ``;``.
    """
    return _listing(
        words,
        lines,
        lambda slot, encoded: f"{slot:8d}:\t{to_bytes(encoded, byteorder).hex(' ')}\t",
        LLVM,
    )


def _listing(
    words: Iterable[BpfInsn],
    lines: Iterable[Line],
    head: Callable[[int, tuple[BpfInsn, ...]], str],
    spelling: Spelling,
) -> str:
    said = {line.insn: line.text for line in lines}
    out: list[str] = []
    slot = 0
    for instruction in disassemble(words):
        encoded = encode(instruction)
        if slot in said:
            out.append(f"; {said[slot]}")
        out.append(head(slot, encoded) + text(instruction, spelling))
        slot += len(encoded)
    return "\n".join(out)


def text(instruction: Instruction, spelling: Spelling) -> str:
    """One instruction as the tool of that spelling writes it."""
    match instruction:
        case Alu() | AluRegister() | Move() | MoveRegister() | MoveSigned() | Negate() | ByteSwap():
            return _arithmetic(instruction, spelling)
        case (
            LoadMemory()
            | StoreMemory()
            | StoreImmediate()
            | Atomic()
            | LoadAcquire()
            | StoreRelease()
        ):
            return _memory(instruction, spelling)
        case LoadAbsolute() | LoadIndirect() | LoadImmediate64():
            return _load(instruction, spelling)
        case Raw():
            value = int.from_bytes(to_bytes(encode(instruction)), "little")
            return f".quad {value:#018x}"
        case _:
            return _control(instruction, spelling)


def _arithmetic(instruction: Arithmetic, spelling: Spelling) -> str:
    match instruction:
        case Alu(operation, dst, value, width):
            return f"{register(dst, width)} {operation.value} {spelling.number(value)}"
        case AluRegister(operation, dst, src, width):
            return f"{register(dst, width)} {operation.value} {register(src, width)}"
        case Move(dst, value, width):
            return f"{register(dst, width)} = {spelling.number(value)}"
        case MoveRegister(dst, src, width):
            return f"{register(dst, width)} = {register(src, width)}"
        case MoveSigned(dst, src, bits, width):
            return f"{register(dst, width)} = (s{bits}){register(src, width)}"
        case Negate(dst, width):
            return f"{register(dst, width)} = -{register(dst, width)}"
        case ByteSwap(dst, order, bits):
            return f"{register(dst)} = {order.value}{bits} {register(dst)}"
        case _:
            assert_never(instruction)


def _memory(instruction: Access, spelling: Spelling) -> str:
    match instruction:
        case LoadMemory(dst, base, offset, size, signed):
            value = register(dst, 64 if signed else _width(size, spelling))
            kind = f"{'s' if signed else 'u'}{8 * size}"
            return f"{value} = *({kind} *)({spelling.address(base, offset)})"
        case StoreMemory(base, offset, src, size):
            address = spelling.address(base, offset)
            return f"*(u{8 * size} *)({address}) = {register(src, _width(size, spelling))}"
        case StoreImmediate(base, offset, value, size):
            address = spelling.address(base, offset)
            return f"*(u{8 * size} *)({address}) = {spelling.number(value)}"
        case Atomic(operation, base, offset, src, size, fetch):
            if fetch:
                return spelling.fetched(instruction)
            address, value = spelling.address(base, offset), register(src, _width(size, spelling))
            return f"lock *(u{8 * size} *)({address}) {_LOCKED[operation]} {value}"
        case LoadAcquire(dst, base, offset, size):
            address, value = spelling.address(base, offset), register(dst, _width(size, spelling))
            return f"{value} = load_acquire((u{8 * size} *)({address}))"
        case StoreRelease(base, offset, src, size):
            address, value = spelling.address(base, offset), register(src, _width(size, spelling))
            return f"store_release((u{8 * size} *)({address}), {value})"
        case _:
            assert_never(instruction)


def _width(size: int, spelling: Spelling) -> int:
    return 32 if spelling.halves and size < 8 else 64


def _load(instruction: Load, spelling: Spelling) -> str:
    match instruction:
        case LoadAbsolute(offset, size):
            return f"r0 = *(u{8 * size} *)skb[{spelling.number(offset)}]"
        case LoadIndirect(src, offset, size):
            return f"r0 = *(u{8 * size} *)skb[{spelling.indexed(src, offset)}]"
        case LoadImmediate64():
            return spelling.immediate(instruction)
        case _:
            assert_never(instruction)


def _control(instruction: Control, spelling: Spelling) -> str:
    match instruction:
        case JumpIf(comparison, dst, value, skip, width):
            condition = f"{register(dst, width)} {comparison.value} {spelling.compared(value)}"
            return f"if {condition} goto {spelling.target(skip)}"
        case JumpIfRegister(comparison, dst, src, skip, width):
            condition = f"{register(dst, width)} {comparison.value} {register(src, width)}"
            return f"if {condition} goto {spelling.target(skip)}"
        case Jump(skip):
            return f"goto {spelling.target(skip)}"
        case JumpLong(skip):
            return f"gotol {spelling.target(skip)}"
        case MayGoto(skip):
            return f"may_goto {spelling.target(skip)}"
        case Call() | CallFunction() | CallKernel():
            return f"call {spelling.called(instruction)}"
        case Exit():
            return "exit"
        case _:
            assert_never(instruction)
