"""Matches counted in a map, packets and bytes, one entry a filter and a copy for each CPU.

r7 = length                        *(u32 *)(r10 -24) = 0
r2 = r10; r2 += -24; r1 = map; call map_lookup_elem
if r0 == 0 goto done
r1 = 1; lock *(u64 *)(r0 +0) += r1; lock *(u64 *)(r0 +8) += r7
"""

from __future__ import annotations

from typing import Final

from bpfq.backends.ebpf.blocks import Goto, If, Writer
from bpfq.backends.ebpf.hooks import HookFacts
from bpfq.backends.ebpf.sets import Maps
from bpfq.backends.ebpf.sliced import DYNPTR, SIZE
from bpfq.isa.ebpf import instructions as e
from bpfq.isa.ebpf.helpers import HELPERS
from bpfq.isa.ebpf.instructions import (
    Atomic,
    AtomicOperation,
    Call,
    CallKernel,
    Comparison,
    Immediate,
    LoadImmediate64,
    LoadMemory,
    Move,
    MoveRegister,
    Operation,
    StoreImmediate,
)
from bpfq.isa.ebpf.program import Field, Layout, MapSpec

MATCHES: Final = "matches"
_COUNTER: Final = Layout("counter", (Field("packets", 64), Field("bytes", 64)))
_KEY: Final = -DYNPTR - 8  # of the stack, where no web is any more


def count(hook: HookFacts, writer: Writer, maps: Maps, number: int, of: int) -> None:
    """Add the packet to counter ``number`` of so many; R6 holds the context."""
    _length_in_r7(hook, writer)
    found = maps.add(MapSpec(MATCHES, "percpu_array", 32, _COUNTER, of))
    writer.add(
        StoreImmediate(e.R10, _KEY, number, 4),
        MoveRegister(e.R2, e.R10),
        Operation.ADD.imm(e.R2, _KEY),
        LoadImmediate64(e.R1, found, Immediate.MAP_FD),
        Call(HELPERS["map_lookup_elem"]),
    )
    counted, done = writer.label(), writer.label()
    writer.end(If(Comparison.EQ, e.R0, 0, done, counted, rare=True))
    writer.start(counted)
    writer.add(
        Move(e.R1, 1),
        Atomic(AtomicOperation.ADD, e.R0, 0, e.R1, 8),
        Atomic(AtomicOperation.ADD, e.R0, 8, e.R7, 8),
    )
    writer.end(Goto(done))
    writer.start(done)


def _length_in_r7(hook: HookFacts, writer: Writer) -> None:
    if hook.beyond == "sliced":
        writer.add(
            MoveRegister(e.R1, e.R10), Operation.ADD.imm(e.R1, -DYNPTR), CallKernel(SIZE),
            MoveRegister(e.R7, e.R0),
        )  # fmt: skip
    elif hook.length is not None:
        writer.add(LoadMemory(e.R7, e.R6, hook.length, 4))
    else:
        assert hook.packet is not None and hook.end is not None
        writer.add(
            LoadMemory(e.R7, e.R6, hook.end, 4), LoadMemory(e.R1, e.R6, hook.packet, 4),
            Operation.SUB.reg(e.R7, e.R1),
        )  # fmt: skip
