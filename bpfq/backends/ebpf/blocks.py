"""Straight code and how it ends: what selection writes and layout puts in a row."""

from __future__ import annotations

from typing import NewType, TypeAlias

from bpfq.backends.ebpf.flow import ACCEPT, REJECT
from bpfq.graph.nodes import Test
from bpfq.isa.ebpf.instructions import Comparison, Instruction, Register
from bpfq.record import field, record

Label = NewType("Label", int)

ACCEPTED, REJECTED = Label(ACCEPT), Label(REJECT)


@record
class If:
    """Go to yes where dst compares so with a number or a register, else to no; width in bits.

    rare: few packets go to yes.
    """

    comparison: Comparison
    dst: Register
    operand: int | Register
    yes: Label
    no: Label
    width: int = 64
    rare: bool = False


@record
class Goto:
    target: Label


@record
class Return:
    """End the program with what is in R0."""


End: TypeAlias = If | Goto | Return


@record
class Counter:
    """The number of a filter whose matches are counted."""

    number: int


Source: TypeAlias = Test | Counter | None
"""What code is there for; None for what frames the program."""


@record
class Block:
    """Code without jumps, and how it ends."""

    code: tuple[Instruction, ...]
    end: End
    source: Source = None


def targets(end: End) -> tuple[Label, ...]:
    match end:
        case If(yes=yes, no=no):
            return yes, no
        case Goto(target):
            return (target,)
        case Return():
            return ()


@record(frozen=False)
class Writer:
    """Blocks in the making; the code goes to the one that was started last."""

    next: int
    blocks: dict[Label, Block] = field(default_factory=dict)
    source: Source = None
    _label: Label | None = None
    _code: list[Instruction] = field(default_factory=list)

    def label(self) -> Label:
        """A label that no block has."""
        self.next += 1
        return Label(self.next - 1)

    def start(self, label: Label) -> None:
        assert self._label is None
        self._label, self._code = label, []

    def add(self, *instructions: Instruction) -> None:
        self._code += instructions

    def end(self, end: End) -> None:
        assert self._label is not None
        self.blocks[self._label] = Block(tuple(self._code), end, self.source)
        self._label = None

    def leave_if(
        self,
        comparison: Comparison,
        dst: Register,
        operand: int | Register,
        to: Label,
        width: int = 64,
    ) -> None:
        """Go elsewhere where a comparison holds, and on here where not."""
        here = self.label()
        self.end(If(comparison, dst, operand, to, here, width, rare=True))
        self.start(here)
