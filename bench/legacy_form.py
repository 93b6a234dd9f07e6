"""Classic programs as eBPF with the packet loads of old: LD_ABS and LD_IND, one to one.

    ldh [12]                  r0 = *(u16 *)skb[12]
    jeq #0x800   jt 2 jf 5    if w0 != 0x800 goto ...
    ldxb 4*([14]&0xf)         r8 = r0; r0 = *(u8 *)skb[14]; w0 &= 15; w0 <<= 2; w7 = w0; w0 = w8

A is R0, X is R7, the context R6, scratch words are on the stack.  A load past the packet's end ends
the program with 0, as in the classic machine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bpfq.isa.cbpf import instructions as i
from bpfq.isa.cbpf.encode import disassemble
from bpfq.isa.ebpf import instructions as e
from bpfq.isa.ebpf.instructions import Instruction
from bpfq.operators import WORD_MASK, Operator, Relation

A, X, CONTEXT, KEPT = e.R0, e.R7, e.R6, e.R8
_COMPARISONS = {
    Relation.EQ: (e.Comparison.EQ, e.Comparison.NE),
    Relation.GT: (e.Comparison.GT, e.Comparison.LE),
    Relation.GE: (e.Comparison.GE, e.Comparison.LT),
    Relation.SET: (e.Comparison.SET, None),
}
_OPERATIONS = {
    each: e.Operation[each.name] for each in Operator if each.name in e.Operation.__members__
}


def legacy_form(words: Sequence[i.SockFilter]) -> list[Instruction]:
    """The eBPF instructions of a classic program; ``ret`` leaves its value in R0."""
    program = disassemble(words)
    parts = [_translated(each) for each in program]
    lengths = [len(part) + _jumps(each) for part, each in zip(parts, program, strict=True)]
    starts = [3]
    for length in lengths:
        starts.append(starts[-1] + length)
    made: list[Instruction] = [e.MoveRegister(CONTEXT, e.R1), e.Move(A, 0, 32), e.Move(X, 0, 32)]
    for at, (part, each) in enumerate(zip(parts, program, strict=True)):
        made += part
        made += _branch(each, len(made), lambda skip, at=at: starts[at + 1 + skip])
    return made


def _jumps(instruction: i.Instruction) -> int:
    match instruction:
        case i.Jump():
            return 1
        case i.JumpIf(relation, _, yes, no) | i.JumpIfX(relation, yes, no):
            turned = yes == 0 and _COMPARISONS[relation][1] is not None
            return 1 if no == 0 or turned else 2
    return 0


def _branch(
    instruction: i.Instruction, here: int, start: Callable[[int], int]
) -> list[Instruction]:
    match instruction:
        case i.Jump(skip):
            return [e.Jump(start(skip) - here - 1)]
        case i.JumpIf(relation, _, yes, no) | i.JumpIfX(relation, yes, no):
            plain, opposite = _COMPARISONS[relation]
            if no and not yes and opposite is not None:
                return [_compared(opposite, instruction, start(no) - here - 1)]
            test = _compared(plain, instruction, start(yes) - here - 1)
            return [test, e.Jump(start(no) - here - 2)] if no else [test]
    return []


def _compared(
    comparison: e.Comparison, jump: i.JumpIf | i.JumpIfX, skip: int
) -> e.JumpIf | e.JumpIfRegister:
    if isinstance(jump, i.JumpIf):
        return comparison.imm(A, _signed(jump.value), skip, 32)
    return comparison.reg(A, X, skip, 32)


def _translated(instruction: i.Instruction) -> list[Instruction]:
    match instruction:
        case i.LoadAbsolute(offset, size):
            return [e.LoadAbsolute(offset, size)]
        case i.LoadIndirect(offset, size):
            return [e.LoadIndirect(X, offset, size)]
        case i.LoadXHeaderLength(offset):
            return [
                e.MoveRegister(KEPT, A, 32),
                e.LoadAbsolute(offset, 1),
                e.Operation.AND.imm(A, 15, 32),
                e.Operation.LSH.imm(A, 2, 32),
                e.MoveRegister(X, A, 32),
                e.MoveRegister(A, KEPT, 32),
            ]
        case i.LoadImmediate(value):
            return [e.Move(A, _signed(value), 32)]
        case i.LoadXImmediate(value):
            return [e.Move(X, _signed(value), 32)]
        case i.LoadLength():
            return [e.LoadMemory(A, CONTEXT, 0, 4)]
        case i.LoadXLength():
            return [e.LoadMemory(X, CONTEXT, 0, 4)]
        case i.LoadScratch(slot):
            return [e.LoadMemory(A, e.R10, -8 * (slot + 1), 4)]
        case i.LoadXScratch(slot):
            return [e.LoadMemory(X, e.R10, -8 * (slot + 1), 4)]
        case i.StoreA(slot):
            return [e.StoreMemory(e.R10, -8 * (slot + 1), A, 4)]
        case i.StoreX(slot):
            return [e.StoreMemory(e.R10, -8 * (slot + 1), X, 4)]
        case i.Tax():
            return [e.MoveRegister(X, A, 32)]
        case i.Txa():
            return [e.MoveRegister(A, X, 32)]
        case i.Alu(operator, value):
            return [_OPERATIONS[operator].imm(A, _signed(value), 32)]
        case i.AluX(operator):
            return [_OPERATIONS[operator].reg(A, X, 32)]
        case i.Negate():
            return [e.Negate(A, 32)]
        case i.Return(value):
            return [e.Move(A, _signed(value), 32), e.Exit()]
        case i.ReturnA():
            return [e.Exit()]
    return []


def _signed(value: int) -> int:
    return value - (WORD_MASK + 1) if value > WORD_MASK >> 1 else value
