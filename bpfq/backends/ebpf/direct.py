"""Bytes of the packet read in place, between the two pointers of the context.

r1 += 24; if r1 > r2 goto short                 asked for
r3 = *(u16 *)(r1 -12)                           loaded
"""

from __future__ import annotations

from typing import Final

from bpfq.backends.ebpf.access import Read
from bpfq.backends.ebpf.blocks import Goto, Label, Writer
from bpfq.backends.ebpf.chains import CHAIN_BYTES, Walker
from bpfq.backends.ebpf.frame import Frame
from bpfq.backends.ebpf.hooks import HookFacts
from bpfq.backends.ebpf.plan import Plan
from bpfq.backends.ebpf.pointers import Pointers
from bpfq.backends.ebpf.reach import Load
from bpfq.backends.ebpf.webs import X
from bpfq.graph.chains import Chain
from bpfq.isa.ebpf import instructions as e
from bpfq.isa.ebpf.instructions import Comparison, LoadMemory, MoveRegister, Operation, Register
from bpfq.record import record

FURTHEST: Final = 0xFFFF  # MAX_PACKET_OFF of kernel/bpf/verifier.c: where direct access ends
_SHORTEST, _LONGEST = -(1 << 15), (1 << 15) - 1  # offsets in an instruction


@record(frozen=False)
class Direct:
    """short: where packets go that end before the bytes that are asked for."""

    plan: Plan
    hook: HookFacts
    frame: Frame
    writer: Writer
    short: Label
    read: Read
    pointers: Pointers
    in_machine_order: bool = False

    def enter(self) -> None:
        frame = self.frame
        if frame.context is not None and frame.context is not e.R1:
            self.writer.add(MoveRegister(frame.context, e.R1))
        self.begin(e.R1)

    def begin(self, context: Register) -> None:
        """Set the two pointers."""
        frame, hook = self.frame, self.hook
        assert frame.packet is not None and frame.end is not None
        assert hook.packet is not None and hook.end is not None
        self.writer.add(
            LoadMemory(frame.end, context, hook.end, 4),
            LoadMemory(frame.packet, context, hook.packet, 4),
        )
        self._add(frame.packet, self.pointers.start)

    @property
    def furthest(self) -> int:
        """The end of what any way may ask for, as far as the packet's pointer goes."""
        most, webs = 0, self.plan.webs
        for number, asked in self.plan.asked.items():
            web = webs.read[number].get(X)
            index = 0 if web is None else self.plan.most[web]
            most = max(most, index + (0 if asked.request is None else asked.request.end))
        return min(most, FURTHEST)

    def load(self, number: int, load: Load, dst: Register, asks: bool = True) -> None:
        base, (offset, end) = load.base, load.extent
        if base is not None and base not in self.pointers.webs:
            self._load_at(number, base, load, dst)
            return
        pointer = self.frame.packet if base is None else self.read(base, self.frame.temporary[1])
        assert pointer is not None
        ahead = self.pointers.ahead[number][base]
        request = self.plan.asked[number].request
        if request is not None:
            moves = number in self.pointers.moves
            if asks:
                self._ask(pointer, request.end - ahead, request.end, moves)
            ahead = request.end if moves else ahead
        if end <= FURTHEST:
            self._take(dst, pointer, offset - ahead, load.size)

    def length(self, number: int, dst: Register) -> None:
        frame = self.frame
        assert frame.packet is not None and frame.end is not None
        if self.hook.length is not None:
            assert frame.context is not None
            self.writer.add(LoadMemory(dst, frame.context, self.hook.length, 4))
            return
        self.writer.add(MoveRegister(dst, frame.end), Operation.SUB.reg(dst, frame.packet))
        self._add(dst, self.pointers.ahead[number][None])

    def chain(self, number: int, chain: Chain, dst: Register) -> None:
        """No web has a register at this place but the one that is written."""
        frame = self.frame
        assert frame.packet is not None and frame.end is not None
        free = [each for each in frame.free if each is not dst]
        found = free.pop() if dst is frame.temporary[0] else dst
        Walker(
            self.writer, frame.packet, self.pointers.ahead[number][None], frame.end,
            frame.temporary[0], self.short, FURTHEST - CHAIN_BYTES,
        ).walk(chain, found, free)  # fmt: skip
        if found is not dst:
            self.writer.add(MoveRegister(dst, found, 32))

    def is_pointer(self, web: int) -> bool:
        return web in self.pointers.webs

    def point(self, number: int, web: int, dst: Register, index: Register | int) -> None:
        packet = self.frame.packet
        assert packet is not None
        further = self.pointers.first.get(web, 0) - self._ahead_behind(number)
        if dst is packet:  # nobody reads it any more
            if isinstance(index, Register):
                self.writer.add(Operation.ADD.reg(packet, index))
            self._add(packet, further if isinstance(index, Register) else further + index)
        elif isinstance(index, Register):
            if index is not dst:
                self.writer.add(MoveRegister(dst, index, 32))
            self.writer.add(Operation.ADD.reg(dst, packet))
            self._add(dst, further)
        else:
            self.writer.add(MoveRegister(dst, packet))
            self._add(dst, index + further)

    def moved(self, number: int, web: int, dst: Register, before: int) -> None:
        self._add(dst, self.pointers.first.get(web, 0) - self.pointers.ahead[number][before])

    def _ahead_behind(self, number: int) -> int:
        """How far ahead the packet's pointer is once the operation has made its own load."""
        asked = self.plan.asked.get(number)
        if number in self.pointers.moves and asked is not None and asked.request is not None:
            return asked.request.end
        return self.pointers.ahead[number][None]

    def _add(self, dst: Register, value: int) -> None:
        if value:
            self.writer.add(Operation.ADD.imm(dst, value))

    def _ask(self, pointer: Register, further: int, end: int, moves: bool) -> None:
        """Go to ``short`` unless the bytes up to the end of a request are there."""
        assert self.frame.end is not None
        if end > FURTHEST:
            self._give_up()
            return
        if further and not moves:
            temporary = self.frame.temporary[0]
            self.writer.add(MoveRegister(temporary, pointer))
            pointer = temporary
        self._add(pointer, further)
        self.writer.leave_if(Comparison.GT, pointer, self.frame.end, self.short)

    def _give_up(self) -> None:
        self.writer.end(Goto(self.short))
        self.writer.start(self.writer.label())

    def _take(self, dst: Register, pointer: Register, offset: int, size: int) -> None:
        if not _SHORTEST <= offset <= _LONGEST:
            temporary = self.frame.temporary[0]
            self.writer.add(MoveRegister(temporary, pointer))
            self._add(temporary, offset)
            pointer, offset = temporary, 0
        self.writer.add(LoadMemory(dst, pointer, offset, size))

    def _load_at(self, number: int, web: int, load: Load, dst: Register) -> None:
        """A load at an index that is used as a number too, or that has no bound."""
        assert self.frame.packet is not None and self.frame.end is not None
        temporary = self.frame.temporary[0]
        index = self.read(web, temporary)
        (offset, end), most = load.extent, self.plan.most[web]
        if end > FURTHEST:
            self._give_up()
            return
        if index is not temporary:
            self.writer.add(MoveRegister(temporary, index, 32))
        if most > FURTHEST - end:
            self.writer.leave_if(Comparison.GT, temporary, FURTHEST - end, self.short)
        self.writer.add(Operation.ADD.reg(temporary, self.frame.packet))
        self._add(temporary, end - self.pointers.ahead[number][None])
        self.writer.leave_if(Comparison.GT, temporary, self.frame.end, self.short)
        self.writer.add(LoadMemory(dst, temporary, offset - end, load.size))
