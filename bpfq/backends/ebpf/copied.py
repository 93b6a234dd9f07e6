"""Bytes of the packet copied to the stack, as many at once as all ways on need.

    r1 = r6; r2 = 12; r3 = r10; r3 += -24; r4 = 12; call skb_load_bytes
    if r0 != 0 goto short
    r1 = *(u16 *)(r10 -24)

Numbers that are not aligned are put together from halves or bytes.
"""

from __future__ import annotations

from bpfq.backends.ebpf.access import LARGEST_OFFSET, NoPointers, Read
from bpfq.backends.ebpf.areas import Areas, parts
from bpfq.backends.ebpf.blocks import Goto, Label, Writer
from bpfq.backends.ebpf.frame import Frame
from bpfq.backends.ebpf.hooks import HookFacts
from bpfq.backends.ebpf.plan import Plan
from bpfq.backends.ebpf.reach import Base, Extent, Load
from bpfq.isa.ebpf import instructions as e
from bpfq.isa.ebpf.helpers import HELPERS
from bpfq.isa.ebpf.instructions import (
    Call,
    Comparison,
    LoadMemory,
    Move,
    MoveRegister,
    Operation,
    Register,
)
from bpfq.record import record


def offset_in_r2(
    plan: Plan, writer: Writer, read: Read, base: Base, request: Extent, short: Label
) -> bool:
    """Put into R2 where a request begins; what cannot be there goes to ``short``, False if all."""
    if request.end > LARGEST_OFFSET:
        writer.end(Goto(short))
        writer.start(writer.label())
        return False
    if base is None:
        writer.add(Move(e.R2, request.first, 32))
        return True
    index = read(base, e.R2)
    if plan.most[base] > LARGEST_OFFSET:
        writer.leave_if(Comparison.GT, index, LARGEST_OFFSET, short)
    if index is not e.R2:
        writer.add(MoveRegister(e.R2, index, 32))
    if request.first:
        writer.add(Operation.ADD.imm(e.R2, request.first))
    return True


@record(frozen=False)
class Copied(NoPointers):
    """short: where packets go that end before the bytes that are asked for.

    given: where the context is when the code is entered.
    """

    plan: Plan
    hook: HookFacts
    frame: Frame
    writer: Writer
    short: Label
    read: Read
    areas: Areas
    given: Register = e.R1
    in_machine_order: bool = False

    def enter(self) -> None:
        assert self.frame.context is not None
        if self.given is not self.frame.context:
            self.writer.add(MoveRegister(self.frame.context, self.given))

    def load(self, number: int, load: Load, dst: Register, asks: bool = True) -> None:
        asked = self.plan.asked[number]
        at = self.areas.at(load.base, asked.first)
        if asked.request is not None and asks:
            self._copy(load.base, asked.request, at)
        (start, size), *others = parts(at + load.extent.first - asked.first, load.size)
        self.writer.add(LoadMemory(dst, e.R10, start, size))
        other = next(each for each in self.frame.temporary if each is not dst)
        for begin, size in others:
            self.writer.add(LoadMemory(other, e.R10, begin, size))
            if self.hook.big_endian:
                self.writer.add(Operation.LSH.imm(dst, 8 * size, 32))
            else:
                self.writer.add(Operation.LSH.imm(other, 8 * (begin - start), 32))
            self.writer.add(Operation.OR.reg(dst, other, 32))

    def length(self, number: int, dst: Register) -> None:
        assert self.frame.context is not None and self.hook.length is not None
        self.writer.add(LoadMemory(dst, self.frame.context, self.hook.length, 4))

    def _copy(self, base: Base, request: Extent, area: int) -> None:
        writer = self.writer
        if not offset_in_r2(self.plan, self.writer, self.read, base, request, self.short):
            return
        assert self.frame.context is not None
        writer.add(
            MoveRegister(e.R1, self.frame.context),
            MoveRegister(e.R3, e.R10),
            Operation.ADD.imm(e.R3, area),
            Move(e.R4, request.end - request.first, 32),
            Call(HELPERS["skb_load_bytes"]),
        )
        writer.leave_if(Comparison.NE, e.R0, 0, self.short)
