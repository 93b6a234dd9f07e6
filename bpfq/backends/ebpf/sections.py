"""The code of one filter between two ends: where a match leads, and where the rest does.

xdp                  in place
tc                   in place; what lies elsewhere is pulled there, to begin again
cgroup_skb           in place; packets with a part elsewhere go through code behind it that copies
socket               by the legacy loads, or by copies
netfilter            by slices
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TypeAlias

from bpfq.backends.cbpf.lookups import LookAbsolute, LookIndirect
from bpfq.backends.ebpf import frame as frames
from bpfq.backends.ebpf import live
from bpfq.backends.ebpf.areas import areas
from bpfq.backends.ebpf.blocks import Goto, If, Label, Writer
from bpfq.backends.ebpf.chains import REGISTERS
from bpfq.backends.ebpf.copied import Copied
from bpfq.backends.ebpf.direct import FURTHEST, Direct
from bpfq.backends.ebpf.flow import Branch, Flow
from bpfq.backends.ebpf.frame import Frame
from bpfq.backends.ebpf.hooks import NAMES, HookFacts
from bpfq.backends.ebpf.legacy import Legacy
from bpfq.backends.ebpf.plan import Plan, plan
from bpfq.backends.ebpf.pointers import pointers, pointing
from bpfq.backends.ebpf.registers import Places, places
from bpfq.backends.ebpf.select import Selector
from bpfq.backends.ebpf.sets import KEY, Maps, kind
from bpfq.backends.ebpf.sliced import DYNPTR, Sliced
from bpfq.backends.loops import LoadChain
from bpfq.graph.terms import Members
from bpfq.isa.cbpf import instructions as i
from bpfq.isa.ebpf import instructions as e
from bpfq.isa.ebpf.fields import signed
from bpfq.isa.ebpf.helpers import HELPERS
from bpfq.isa.ebpf.instructions import Register
from bpfq.operators import WORD_BITS
from bpfq.record import record, replace

AT_ONCE = 64  # bytes; a copy of so many takes little longer than one of 2

# Where a match leads and where the rest does.  Asked with True where R0 holds the verdict of the
# rest from the beginning.
Ends: TypeAlias = Callable[[bool], tuple[Label, Label]]


@record(frozen=False)
class Sections:
    """keeps_context: R6 holds the context from before the first section to the end of the last.

    rest: the verdict for what does not match, unsigned.
    """

    hook: HookFacts
    writer: Writer
    maps: Maps
    rest: int
    keeps_context: bool = False

    def in_place(self, bare: Flow, ends: Ends) -> Label:
        made = plan(bare, self.hook, None)
        frame, found = self._direct(made)
        found_at = pointers(made, FURTHEST, found.spilled, self.hook.length is None)
        assert frame.packet is not None
        taken = {web: frame.packet for web in found_at.heirs if web in found.registers}
        found = replace(found, registers={**found.registers, **taken})
        asks_bits = any(kind(each) == "array" for each in _sets(made))
        early = frame is not frames.DIRECT_CALLING and not found.spilled and not asks_bits
        accept, reject = ends(early)
        entry, short = self.writer.label(), reject
        pulled = self.hook.beyond == "pulled" and frame is not frames.DIRECT_CALLING
        if pulled:
            short = self.writer.label()
        elif self.hook.beyond is not None:
            kept = self.keeps_context or frame is frames.DIRECT_CALLING  # calls lose R1
            short = self.copying(bare, lambda _: (accept, ends(False)[1]), e.R6 if kept else e.R1)
        self.writer.start(entry)
        self._begin(early)
        selector = self._selector(made, frame, found, accept, reject, 0)
        access = Direct(made, self.hook, frame, self.writer, short, selector.read, found_at)
        selector.select(access)
        if pulled:
            self._pull(access, short, reject, early)
            self.writer.end(Goto(selector.entry))
        return entry

    def walks(self, bare: Flow) -> bool:
        """Whether the code can walk over headers in a loop."""
        made = plan(bare, self.hook, None)
        frame, _ = self._direct(made)
        in_place = self.hook.beyond in (None, "pulled") and self.hook.packet is not None
        calls = frame is frames.DIRECT_CALLING
        return in_place and not calls and len(frame.free) > REGISTERS + 1

    def slicing(self, bare: Flow, ends: Ends, first: bool = True) -> Label:
        """first: the dynptr is still to be made."""
        accept, reject = ends(False)
        made = plan(bare, self.hook, AT_ONCE)
        calls = _asking(made) + _measuring(made) + _calling(made, self.hook)
        found = _places(made, frames.SLICED, calls)
        room = areas(made, DYNPTR)
        entry = self.writer.label()
        self.writer.start(entry)
        selector = self._selector(made, frames.SLICED, found, accept, reject, -room.used)
        selector.select(
            Sliced(made, frames.SLICED, self.writer, reject, selector.read, room, first)
        )
        return entry

    def legacy(self, bare: Flow, ends: Ends) -> Label:
        accept, reject = ends(False)
        made = plan(bare, self.hook, None, host_order=True)
        found = _places(made, frames.LEGACY, [*made.asked, *_calling(made, self.hook)])
        entry = self.writer.label()
        self.writer.start(entry)
        selector = self._selector(made, frames.LEGACY, found, accept, reject, 0)
        selector.select(Legacy(made, self.hook, frames.LEGACY, self.writer, reject, selector.read))
        return entry

    def copying(self, bare: Flow, ends: Ends, context: Register = e.R1) -> Label:
        """Code that reads by copies, entered with the context given."""
        accept, reject = ends(False)
        made = plan(bare, self.hook, AT_ONCE)
        found = _places(made, frames.COPIED, _asking(made) + _calling(made, self.hook))
        room = areas(made)
        entry = self.writer.label()
        self.writer.start(entry)
        selector = self._selector(made, frames.COPIED, found, accept, reject, -room.used)
        selector.select(
            Copied(
                made, self.hook, frames.COPIED, self.writer, reject, selector.read, room, context
            )
        )
        return entry

    def _begin(self, early: bool) -> None:
        if early:
            self.writer.add(e.Move(e.R0, signed(self.rest, WORD_BITS), 32))

    def _pull(self, access: Direct, short: Label, reject: Label, early: bool) -> None:
        """Bring into reach what any way may read, to begin again: once, R1 is 0 from then on.

        Short packets, of which nothing lies elsewhere, do not pay for it.
        """
        writer, hook = self.writer, self.hook
        assert hook.length is not None and hook.packet is not None
        assert access.frame.end is not None
        start, end = e.R4, access.frame.end
        writer.start(short)
        writer.leave_if(e.Comparison.EQ, e.R1, 0, reject)
        writer.add(e.MoveRegister(e.R6, e.R1), e.LoadMemory(e.R2, e.R1, hook.length, 4))
        writer.add(e.LoadMemory(start, e.R1, hook.packet, 4), e.Operation.SUB.reg(end, start))
        writer.leave_if(e.Comparison.GE, end, e.R2, reject)  # all of it is in reach
        enough, more = writer.label(), writer.label()
        writer.end(If(e.Comparison.LE, e.R2, access.furthest, enough, more))
        writer.start(more)
        writer.add(e.Move(e.R2, access.furthest, 32))
        writer.end(Goto(enough))
        writer.start(enough)
        writer.add(e.Call(HELPERS["skb_pull_data"]))
        self._begin(early)
        access.begin(e.R6)
        writer.add(e.Move(e.R1, 0, 32))

    def _selector(
        self, made: Plan, frame: Frame, found: Places, accept: Label, reject: Label, spills: int
    ) -> Selector:
        first = self.writer.next
        self.writer.next += len(made.flow.operations)
        below = spills - _room(made)
        return Selector(
            made, self.hook, found, frame, self.writer, first, accept, reject, below, self.maps
        )  # fmt: skip

    def _direct(self, made: Plan) -> tuple[Frame, Places]:
        hook = self.hook
        operations, calling = made.flow.operations, _calling(made, hook)
        indices = pointing(made, FURTHEST)
        if calling:
            frame = frames.DIRECT_CALLING
            return frame, _places(made, frame, calling, indices)
        asks = any(_asks_context(each, hook) for each in operations)
        frame = frames.direct(asks or hook.beyond == "copied", hook.beyond == "pulled")
        if self.keeps_context:
            frame = replace(frame, free=tuple(each for each in frame.free if each is not e.R6))
        walks = [n for n, each in enumerate(operations) if isinstance(each, LoadChain)]
        return frame, _places(made, frame, walks, indices)


def _places(
    made: Plan, frame: Frame, calls: Sequence[int], pointers: Collection[int] = ()
) -> Places:
    return places(made.flow, made.webs, frame.free, frame.kept, calls, pointers)


def _asking(made: Plan) -> list[int]:
    """The operations in front of which bytes are asked for."""
    return [number for number, each in made.asked.items() if each.request is not None]


def _measuring(made: Plan) -> list[int]:
    """The operations that read the packet's length."""
    operations = enumerate(made.flow.operations)
    return [n for n, each in operations if isinstance(each, i.LoadLength | i.LoadXLength)]


def _calling(made: Plan, hook: HookFacts) -> list[int]:
    """The operations that call: they look into a map or take a metadata word from a helper."""
    found: list[int] = []
    for number, operation in enumerate(made.flow.operations):
        match operation:
            case i.LoadAbsolute(offset, _) if offset in NAMES:
                word = hook.metadata.get(NAMES[offset])
                if word is not None and word.helper is not None:
                    found.append(number)
            case Branch(_, Members() as members) if kind(members) != "array":
                found.append(number)
            case LookAbsolute() | LookIndirect():
                found.append(number)
    return found


def _room(made: Plan) -> int:
    """Bytes of the stack for the key of a look-up."""
    if any(isinstance(each, LookAbsolute | LookIndirect) for each in made.flow.operations):
        return live.KEY
    return KEY if _sets(made) else 0


def _sets(made: Plan) -> list[Members]:
    """The sets that are maps."""
    values = (each.value for each in made.flow.operations if isinstance(each, Branch))
    return [value for value in values if isinstance(value, Members)]


def _asks_context(operation: object, hook: HookFacts) -> bool:
    match operation:
        case i.LoadAbsolute(offset, _):
            return offset in NAMES
        case i.LoadLength() | i.LoadXLength():
            return hook.length is not None
        case _:
            return False
