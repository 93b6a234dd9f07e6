"""Bytes of the packet by the loads that classic programs had: LD_ABS and LD_IND.

r0 = *(u16 *)skb[12]            in the machine's order; a packet that is shorter ends with 0
"""

from __future__ import annotations

from bpfq.backends.ebpf.access import LARGEST_OFFSET, NoPointers, Read
from bpfq.backends.ebpf.blocks import Goto, Label, Writer
from bpfq.backends.ebpf.frame import Frame
from bpfq.backends.ebpf.hooks import HookFacts
from bpfq.backends.ebpf.plan import Plan
from bpfq.backends.ebpf.reach import Load
from bpfq.isa.ebpf import instructions as e
from bpfq.isa.ebpf.instructions import (
    Comparison,
    LoadAbsolute,
    LoadIndirect,
    LoadMemory,
    MoveRegister,
    Register,
)
from bpfq.record import record


@record(frozen=False)
class Legacy(NoPointers):
    """Packets that are too short end the program with 0, which has to be the verdict for them."""

    plan: Plan
    hook: HookFacts
    frame: Frame
    writer: Writer
    short: Label
    read: Read
    in_machine_order: bool = True

    def enter(self) -> None:
        self.writer.add(MoveRegister(e.R6, e.R1))

    def load(self, number: int, load: Load, dst: Register, asks: bool = True) -> None:
        offset, base = load.extent.first, load.base
        if offset > LARGEST_OFFSET:
            self.writer.end(Goto(self.short))
            self.writer.start(self.writer.label())
            return
        if base is None:
            self.writer.add(LoadAbsolute(offset, load.size))
        else:
            index = self.read(base, self.frame.temporary[0])
            if self.plan.most[base] > LARGEST_OFFSET - offset:
                self.writer.leave_if(Comparison.GT, index, LARGEST_OFFSET - offset, self.short)
            self.writer.add(LoadIndirect(index, offset, load.size))
        if dst is not e.R0:
            self.writer.add(MoveRegister(dst, e.R0, 32))

    def length(self, number: int, dst: Register) -> None:
        assert self.hook.length is not None
        self.writer.add(LoadMemory(dst, e.R6, self.hook.length, 4))
