"""Bytes of the packet where a dynptr's slice says that they are: the only way at netfilter.

    r1 = r10; r1 += -16; r2 = 0; r3 = r10; r3 += -40; r4 = 24; call bpf_dynptr_slice
    if r0 == 0 goto short
    r6 = r0
    r1 = *(u8 *)(r6 +9)

The kernel copies to the buffer in R3 what does not lie in one piece.
"""

from __future__ import annotations

from typing import Final

from bpfq.backends.ebpf.access import NoPointers, Read
from bpfq.backends.ebpf.areas import Areas
from bpfq.backends.ebpf.blocks import Label, Writer
from bpfq.backends.ebpf.copied import offset_in_r2
from bpfq.backends.ebpf.frame import WORD, Frame
from bpfq.backends.ebpf.plan import Plan
from bpfq.backends.ebpf.reach import Base, Extent, Load
from bpfq.isa.ebpf import instructions as e
from bpfq.isa.ebpf.instructions import (
    CallKernel,
    Comparison,
    LoadMemory,
    Move,
    MoveRegister,
    Operation,
    Register,
    StoreImmediate,
)
from bpfq.record import record

DYNPTR: Final = 16  # bytes of struct bpf_dynptr, <linux/bpf.h>
FROM_SKB, SLICE, SIZE = range(3)  # what stands for their BTF ids until the program is loaded
KERNEL_FUNCTIONS: Final = ("bpf_dynptr_from_skb", "bpf_dynptr_slice", "bpf_dynptr_size")
_POINTERS: Final = (e.R6, e.R7)  # to the slice of the packet's start and to that of an index
_SKB: Final = 8  # where struct bpf_nf_ctx has the skb, bytes


def make_dynptr(writer: Writer, short: Label) -> None:
    """Of the packet, from the context in R1; short: where it leads when there is none."""
    writer.add(
        LoadMemory(e.R1, e.R1, _SKB, 8),
        Move(e.R2, 0, 32),
        MoveRegister(e.R3, e.R10),
        Operation.ADD.imm(e.R3, -DYNPTR),
        CallKernel(FROM_SKB),
    )
    writer.leave_if(Comparison.NE, e.R0, 0, short)


@record(frozen=False)
class Sliced(NoPointers):
    """short: where packets go that end before the bytes that are asked for.

    first: the dynptr is still to be made.
    """

    plan: Plan
    frame: Frame
    writer: Writer
    short: Label
    read: Read
    areas: Areas
    first: bool = True
    in_machine_order: bool = False

    def enter(self) -> None:
        """Make the dynptr; the verifier wants the buffers written."""
        if self.first:
            make_dynptr(self.writer, self.short)
        lowest = -self.areas.used
        self.writer.add(*(StoreImmediate(e.R10, at, 0, 8) for at in range(lowest, -DYNPTR, WORD)))

    def load(self, number: int, load: Load, dst: Register, asks: bool = True) -> None:
        asked = self.plan.asked[number]
        pointer = _POINTERS[load.base is not None]
        if asked.request is not None and asks:
            self._slice(load.base, asked.request, pointer)
        self.writer.add(LoadMemory(dst, pointer, load.extent.first - asked.first, load.size))

    def length(self, number: int, dst: Register) -> None:
        self._dynptr()
        self.writer.add(CallKernel(SIZE))
        if dst is not e.R0:
            self.writer.add(MoveRegister(dst, e.R0, 32))

    def _slice(self, base: Base, request: Extent, pointer: Register) -> None:
        if not offset_in_r2(self.plan, self.writer, self.read, base, request, self.short):
            return
        self._dynptr()
        self.writer.add(
            MoveRegister(e.R3, e.R10),
            Operation.ADD.imm(e.R3, self.areas.start[base is not None]),
            Move(e.R4, request.end - request.first, 32),
            CallKernel(SLICE),
        )
        self.writer.leave_if(Comparison.EQ, e.R0, 0, self.short)
        self.writer.add(MoveRegister(pointer, e.R0))

    def _dynptr(self) -> None:
        self.writer.add(MoveRegister(e.R1, e.R10), Operation.ADD.imm(e.R1, -DYNPTR))
