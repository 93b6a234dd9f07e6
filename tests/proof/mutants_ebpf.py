"""eBPF programs with one mistake: what a back end may get wrong in one slot."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from bpfq.errors import EncodingError
from bpfq.isa.ebpf import instructions as e
from bpfq.isa.ebpf.encode import assemble, disassemble
from bpfq.isa.ebpf.instructions import BpfInsn, Comparison, Instruction, Register
from bpfq.record import replace

_STEPS = (1, -1, 2, -2, 4, -4, 8, -16)
_MASKED = (e.Operation.AND, e.Operation.OR, e.Operation.XOR)
_NOTHING = e.Jump(0)


class Mutant(NamedTuple):
    """kind: the mistake, and where."""

    kind: str
    words: tuple[BpfInsn, ...]


def mutants(words: Sequence[BpfInsn], seed: int, most: int) -> list[Mutant]:
    """Up to ``most`` programs, each kind of mistake as likely as another."""
    by_kind: dict[str, list[Mutant]] = {}
    chance = random.Random(seed)
    slot = 0
    for instruction in disassemble(words):
        end = slot + e.slots(instruction)
        for kind, changed in _changes(instruction, chance):
            try:
                made = (*words[:slot], *assemble([changed]), *words[end:])
            except EncodingError:  # a field is too small for what was changed
                continue
            if len(made) == len(words):
                by_kind.setdefault(kind, []).append(Mutant(f"{kind} at {slot}", made))
        slot = end
    chosen: list[Mutant] = []
    while by_kind and len(chosen) < most:
        kind = chance.choice(sorted(by_kind))
        of_kind = by_kind[kind]
        chosen.append(of_kind.pop(chance.randrange(len(of_kind))))
        if not of_kind:
            del by_kind[kind]
    return chosen


def _changes(instruction: Instruction, chance: random.Random) -> Iterator[tuple[str, Instruction]]:
    match instruction:
        case e.Exit():
            return
        case e.JumpIf() | e.JumpIfRegister():
            yield from _of_jump(instruction)
        case e.Jump(skip):
            yield "exit moved", e.Jump(skip + 1)
            yield "exit moved", e.Jump(skip - 1)
            return
        case e.LoadMemory(offset=offset, size=size):
            for step in _STEPS:
                yield "offset moved", replace(instruction, offset=offset + step)
            for other in {1, 2, 4} - {size}:
                yield "load size changed", replace(instruction, size=other)
        case e.LoadAbsolute(offset, size) | e.LoadIndirect(offset=offset, size=size):
            for step in _STEPS:
                yield "offset moved", replace(instruction, offset=offset + step)
            for other in {1, 2, 4} - {size}:
                yield "load size changed", replace(instruction, size=other)
        case e.Alu(operation) | e.AluRegister(operation):
            for other_operation in set(_MASKED) | {e.Operation.ADD, e.Operation.LSH}:
                if other_operation is not operation:
                    yield "operator changed", replace(instruction, operation=other_operation)
            yield "width changed", replace(instruction, width=96 - instruction.width)
        case e.StoreMemory(offset=offset):
            yield "offset moved", replace(instruction, offset=offset - 8)
        case e.ByteSwap(bits=bits):
            yield "swap changed", replace(instruction, bits=48 - bits if bits < 64 else 32)
    yield from _constants(instruction, chance)
    yield from _registers(instruction, chance)
    yield "instruction removed", _NOTHING


def _of_jump(jump: e.JumpIf | e.JumpIfRegister) -> Iterator[tuple[str, Instruction]]:
    yield "test dropped", e.Jump(jump.skip)
    for step in (1, -1):
        yield "exit moved", replace(jump, skip=jump.skip + step)
    for comparison in Comparison:
        if comparison is not jump.comparison:
            yield "comparison changed", replace(jump, comparison=comparison)
    yield "width changed", replace(jump, width=96 - jump.width)


def _constants(
    instruction: Instruction, chance: random.Random
) -> Iterator[tuple[str, Instruction]]:
    match instruction:
        case e.Alu(value=value) | e.Move(value=value) | e.JumpIf(value=value):
            for step in (1, -1):
                yield "constant by one", replace(instruction, value=value + step)
            flipped = value ^ 1 << chance.randrange(31)
            yield "constant by a bit", replace(instruction, value=flipped)
            swapped = int.from_bytes((value & 0xFFFF_FFFF).to_bytes(4, "little"), "big")
            yield "constant swapped", replace(instruction, value=swapped)


def _registers(
    instruction: Instruction, chance: random.Random
) -> Iterator[tuple[str, Instruction]]:
    for name in ("dst", "src", "base"):
        now = getattr(instruction, name, None)
        if now is not None:
            other = Register((now + chance.randrange(1, 10)) % 10)
            yield "register changed", replace(instruction, **{name: other})
