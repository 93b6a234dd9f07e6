"""A classic program without loops: what its instructions lead to, read and write.

Only what can be reached is looked at.
"""

from __future__ import annotations

from typing import Final, assert_never

from bpfq.errors import FilterError, UnsupportedError
from bpfq.isa.cbpf import instructions as i
from bpfq.record import field, record

# Registers by number: M[0] to M[15], then A and X.
A: Final = i.SCRATCH_WORDS
X: Final = i.SCRATCH_WORDS + 1
REGISTERS: Final = i.SCRATCH_WORDS + 2

METADATA: Final = {offset: name for name, offset in i.ANCILLARY.items()}


@record(frozen=False)
class Code:
    """following: the instructions that may come next, for a test first the one where it holds.

    Both, and ``live``, a set of register bits, are there for instructions that can be reached.
    """

    instructions: tuple[i.Instruction, ...]
    following: dict[int, tuple[int, ...]] = field(default_factory=dict)
    live: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.instructions:
            raise FilterError("the program is empty: it needs at least a ret")
        reached = {0}
        for pc, instruction in enumerate(self.instructions):
            if pc in reached:
                self.following[pc] = _following(pc, instruction, len(self.instructions))
                reached.update(self.following[pc])
        for pc in reversed(self.following):
            live = 0
            for target in self.following[pc]:
                live |= self.live[target]
            read, written = _accesses(self.instructions[pc])
            self.live[pc] = live & ~written | read


def _following(pc: int, instruction: i.Instruction, size: int) -> tuple[int, ...]:
    match instruction:
        case i.Return() | i.ReturnA():
            return ()
        case i.JumpIf(skip_true=yes, skip_false=no) | i.JumpIfX(skip_true=yes, skip_false=no):
            skips: tuple[int, ...] = (yes, no)
        case i.Jump(skip):
            skips = (skip,)
            if skip < 0:
                raise UnsupportedError(
                    f"instruction {pc}: jump back to instruction {pc + 1 + skip}: "
                    "only programs without loops are analysed"
                )
        case i.Raw(code):
            raise FilterError(f"instruction {pc}: unknown opcode 0x{code:x}")
        case i.LoadScratch(slot) | i.LoadXScratch(slot) | i.StoreA(slot) | i.StoreX(slot):
            skips = (0,)
            if slot >= i.SCRATCH_WORDS:
                raise FilterError(
                    f"instruction {pc}: no scratch word M[{slot}]: "
                    f"the last is M[{i.SCRATCH_WORDS - 1}]"
                )
        case _:
            skips = (0,)
    if pc + 1 + max(skips) >= size:
        raise FilterError(
            f"instruction {pc}: goes on to instruction {pc + 1 + max(skips)}: "
            f"the program has {size}, 0 up, and must end with a ret"
        )
    return tuple(pc + 1 + skip for skip in skips)


def _accesses(instruction: i.Instruction) -> tuple[int, int]:
    """The registers that an instruction reads, and those that it writes, as sets of bits."""
    a, x = 1 << A, 1 << X
    match instruction:
        case i.LoadAbsolute(offset):
            return (a | x if METADATA.get(offset) == "xor_x" else 0), a
        case i.LoadIndirect():
            return x, a
        case i.LoadImmediate() | i.LoadLength():
            return 0, a
        case i.LoadScratch(slot):
            return 1 << slot, a
        case i.LoadXImmediate() | i.LoadXLength() | i.LoadXHeaderLength():
            return 0, x
        case i.LoadXScratch(slot):
            return 1 << slot, x
        case i.StoreA(slot):
            return a, 1 << slot
        case i.StoreX(slot):
            return x, 1 << slot
        case i.Alu() | i.Negate():
            return a, a
        case i.AluX():
            return a | x, a
        case i.Tax():
            return a, x
        case i.Txa():
            return x, a
        case i.JumpIf() | i.ReturnA():
            return a, 0
        case i.JumpIfX():
            return a | x, 0
        case i.Jump() | i.Return() | i.Raw():
            return 0, 0
        case _:
            assert_never(instruction)
