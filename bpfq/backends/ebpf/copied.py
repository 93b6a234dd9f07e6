"""Bytes of the packet copied to the stack, as many at once as all ways on need.

    r1 = r6; r2 = 12; r3 = r10; r3 += -24; r4 = 12; call skb_load_bytes
    if r0 != 0 goto short
    r1 = *(u16 *)(r10 -24)

The stack is read at aligned addresses only: a copy begins where most of its numbers are aligned, and
the others are put together from halves or bytes.
"""

from __future__ import annotations

from bpfq.backends.ebpf.access import LARGEST_OFFSET, Read
from bpfq.backends.ebpf.blocks import Goto, Label, Writer
from bpfq.backends.ebpf.frame import WORD, Frame
from bpfq.backends.ebpf.hooks import HookFacts
from bpfq.backends.ebpf.plan import Plan
from bpfq.backends.ebpf.reach import Base, Extent, Load, load
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


@record
class Areas:
    """start: the lowest offset from the frame pointer of the two areas, for the packet and for
    indices.  pads: by area and first byte, how far into the area its copy begins.
    """

    start: tuple[int, int]
    pads: dict[tuple[bool, int], int]

    @property
    def used(self) -> int:
        """Bytes of the stack."""
        return -self.start[1]

    def at(self, base: Base, first: int) -> int:
        """Where the copy that begins with that byte lies, from the frame pointer."""
        return self.start[base is not None] + self.pads[base is not None, first]


def areas(plan: Plan) -> Areas:
    """Room for the copies of a plan."""
    read: dict[tuple[bool, int], list[Load]] = {}
    longest: dict[tuple[bool, int], int] = {}
    for number, asked in plan.asked.items():
        found = load(plan.flow.operations[number], plan.webs.read[number])
        assert found is not None
        key = (found.base is not None, asked.first)
        read.setdefault(key, []).append(found)
        if asked.request is not None:
            length = asked.request.end - asked.request.first
            longest[key] = max(longest.get(key, 0), length)
    pads = {key: _pad(loads, key[1]) for key, loads in read.items()}
    lengths = [0, 0]
    for key, length in longest.items():
        lengths[key[0]] = max(lengths[key[0]], pads[key] + length)
    rounded = [-(-length // WORD) * WORD for length in lengths]
    return Areas((-rounded[0], -sum(rounded)), pads)


def _pad(loads: list[Load], first: int) -> int:
    def cost(pad: int) -> int:
        return sum(len(_parts(pad + each.extent.first - first, each.size)) - 1 for each in loads)

    return min(range(4), key=cost)


def _parts(at: int, size: int) -> list[tuple[int, int]]:
    """Where the aligned parts of a number begin, and their bytes."""
    if at % size == 0:
        return [(at, size)]
    return _parts(at, size // 2) + _parts(at + size // 2, size // 2)


@record(frozen=False)
class Copied:
    """short: where packets go that end before the bytes that are asked for."""

    plan: Plan
    hook: HookFacts
    frame: Frame
    writer: Writer
    short: Label
    read: Read
    areas: Areas

    def enter(self) -> None:
        assert self.frame.context is not None
        self.writer.add(MoveRegister(self.frame.context, e.R1))

    def load(self, number: int, load: Load, dst: Register) -> None:
        asked = self.plan.asked[number]
        at = self.areas.at(load.base, asked.first)
        if asked.request is not None:
            self._copy(load.base, asked.request, at)
        (start, size), *others = _parts(at + load.extent.first - asked.first, load.size)
        self.writer.add(LoadMemory(dst, e.R10, start, size))
        other = next(each for each in self.frame.temporary if each is not dst)
        for begin, size in others:
            self.writer.add(
                LoadMemory(other, e.R10, begin, size),
                Operation.LSH.imm(other, 8 * (begin - start), 32),
                Operation.OR.reg(dst, other, 32),
            )

    def length(self, number: int, dst: Register) -> None:
        assert self.frame.context is not None and self.hook.length is not None
        self.writer.add(LoadMemory(dst, self.frame.context, self.hook.length, 4))

    def is_pointer(self, web: int) -> bool:
        return False

    def point(self, number: int, web: int, dst: Register, index: Register | int) -> None:
        raise AssertionError("indices are numbers")

    def _copy(self, base: Base, request: Extent, area: int) -> None:
        writer = self.writer
        if request.end > LARGEST_OFFSET:
            writer.end(Goto(self.short))
            writer.start(writer.label())
            return
        if base is None:
            writer.add(Move(e.R2, request.first, 32))
        else:
            index = self.read(base, e.R2)
            if self.plan.most[base] > LARGEST_OFFSET:
                writer.leave_if(Comparison.GT, index, LARGEST_OFFSET, self.short)
            if index is not e.R2:
                writer.add(MoveRegister(e.R2, index, 32))
            if request.first:
                writer.add(Operation.ADD.imm(e.R2, request.first))
        assert self.frame.context is not None
        writer.add(
            MoveRegister(e.R1, self.frame.context),
            MoveRegister(e.R3, e.R10),
            Operation.ADD.imm(e.R3, area),
            Move(e.R4, request.end - request.first, 32),
            Call(HELPERS["skb_load_bytes"]),
        )
        writer.leave_if(Comparison.NE, e.R0, 0, self.short)
