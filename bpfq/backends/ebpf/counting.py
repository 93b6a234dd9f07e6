"""Matches counted in a map, packets and bytes, one entry a filter and a copy for each CPU.

r7 = length                        *(u32 *)(r10 -24) = 0
r2 = r10; r2 += -24; r1 = map; call map_lookup_elem
if r0 == 0 goto done
r1 = *(u64 *)(r0 +0); r1 += 1; *(u64 *)(r0 +0) = r1
r1 = *(u64 *)(r0 +8); r1 += r7; *(u64 *)(r0 +8) = r1

XDP and tc run while no other packet can come on their CPU (net/core/dev.c runs them with bottom
halves off).  Elsewhere one packet may interrupt another, and additions are atomic, which takes six
times as long.
"""

from __future__ import annotations

from typing import Final

from bpfq.backends.ebpf.blocks import Goto, If, Writer
from bpfq.backends.ebpf.counter_map import COUNTER, counter_map
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
    Instruction,
    LoadImmediate64,
    LoadMemory,
    Move,
    MoveRegister,
    Operation,
    StoreImmediate,
    StoreMemory,
)

_PACKETS, _BYTES = COUNTER.offsets
_KEY: Final = -DYNPTR - 8  # of the stack, where no web is any more


def count(hook: HookFacts, writer: Writer, maps: Maps, number: int, of: int) -> None:
    """Add the packet to counter ``number`` of so many; R6 holds the context."""
    _length_in_r7(hook, writer)
    found = maps.add(counter_map(of))
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
    writer.add(*(_plainly() if hook.alone else _atomically()))
    writer.end(Goto(done))
    writer.start(done)


def _plainly() -> tuple[Instruction, ...]:
    return (
        LoadMemory(e.R1, e.R0, _PACKETS, 8), Operation.ADD.imm(e.R1, 1),
        StoreMemory(e.R0, _PACKETS, e.R1, 8),
        LoadMemory(e.R1, e.R0, _BYTES, 8), Operation.ADD.reg(e.R1, e.R7),
        StoreMemory(e.R0, _BYTES, e.R1, 8),
    )  # fmt: skip


def _atomically() -> tuple[Instruction, ...]:
    return (
        Move(e.R1, 1),
        Atomic(AtomicOperation.ADD, e.R0, _PACKETS, e.R1, 8),
        Atomic(AtomicOperation.ADD, e.R0, _BYTES, e.R7, 8),
    )


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
