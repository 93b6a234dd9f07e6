"""Selection -> eBPF programs, by the ways to read a packet that a hook allows.

xdp                  in place
tc                   in place; what lies elsewhere is pulled there, to begin again
cgroup_skb           in place; packets with a part elsewhere go through a second program, behind
                     the first, that copies
socket               by the legacy loads, or by copies
netfilter            by slices
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from bpfq.backends.cbpf.searches import written_out
from bpfq.backends.cbpf.select import Selection
from bpfq.backends.ebpf import frame as frames
from bpfq.backends.ebpf.areas import areas
from bpfq.backends.ebpf.blocks import Goto, If, Label, Return, Writer
from bpfq.backends.ebpf.copied import Copied
from bpfq.backends.ebpf.direct import FURTHEST, Direct
from bpfq.backends.ebpf.flow import ACCEPT, Branch, Flow, flow
from bpfq.backends.ebpf.frame import Frame
from bpfq.backends.ebpf.hooks import HOOKS, NAMES, HookFacts
from bpfq.backends.ebpf.layout import Laid, layout
from bpfq.backends.ebpf.legacy import Legacy
from bpfq.backends.ebpf.plan import Plan, plan
from bpfq.backends.ebpf.pointers import pointers, pointing
from bpfq.backends.ebpf.registers import Places, places
from bpfq.backends.ebpf.select import Selector, signed
from bpfq.backends.ebpf.sets import KEY, Maps, is_large, kind
from bpfq.backends.ebpf.sink import sink
from bpfq.backends.ebpf.sliced import DYNPTR, Sliced
from bpfq.graph.membership import LEAF
from bpfq.graph.terms import Members
from bpfq.isa.cbpf import instructions as i
from bpfq.isa.ebpf import instructions as e
from bpfq.isa.ebpf.helpers import HELPERS
from bpfq.isa.ebpf.instructions import Register
from bpfq.record import field, record, replace

_AT_ONCE = 64  # bytes; a copy of so many takes little longer than one of 2


@record
class Verdicts:
    """What a program returns for a match and for everything else; unsigned 32 bits."""

    accept: int
    reject: int

    @property
    def signed(self) -> tuple[int, int]:
        """Both as the kernel has them where it counts below 0: TCX_NEXT is -1."""
        return signed(self.accept), signed(self.reject)


def programs(
    selection: Selection,
    hook: str,
    verdicts: Verdicts,
    leaf: int = LEAF,
    maps: bool = False,
) -> list[Laid]:
    """The programs of a selection for a hook; there is at least one.

    leaf: equalities in a row, at most, where a set is written out as a search.  maps: large sets
    are maps instead.
    """
    written = written_out(selection, leaf, is_large if maps else lambda members: False)
    facts, bare = HOOKS[hook], sink(flow(written))
    if bare.entry < 0:
        return [_constant(verdicts.accept if bare.entry == ACCEPT else verdicts.reject)]
    if facts.packet is not None:
        return [_Program(facts, verdicts).in_place(bare)]
    if facts.beyond == "sliced":
        return [_Program(facts, verdicts).slicing(bare)]
    made = [_Program(facts, verdicts).copying(bare)]
    if facts.legacy and verdicts.reject == 0:
        made.append(_Program(facts, verdicts).legacy(bare))
    return made


def _constant(verdict: int) -> Laid:
    return Laid((e.Move(e.R0, signed(verdict), 32), e.Exit()), (None, None))


@record(frozen=False)
class _Program:
    """One program in the making."""

    hook: HookFacts
    verdicts: Verdicts
    writer: Writer = field(default_factory=lambda: Writer(0))
    maps: Maps = field(default_factory=Maps)

    def in_place(self, bare: Flow) -> Laid:
        made = plan(bare, self.hook, None)
        frame, found = _direct(made, self.hook)
        found_at = pointers(made, FURTHEST, found.spilled, self.hook.length is None)
        assert frame.packet is not None
        taken = {web: frame.packet for web in found_at.heirs if web in found.registers}
        found = replace(found, registers={**found.registers, **taken})
        asks_bits = any(kind(each) == "array" for each in _sets(made))
        early = frame is not frames.DIRECT_CALLING and not found.spilled and not asks_bits
        accept, reject = self._verdicts(early)
        entry, short = self.writer.label(), reject
        pulled = self.hook.beyond == "pulled" and frame is not frames.DIRECT_CALLING
        if pulled:
            short = self.writer.label()
        elif self.hook.beyond is not None:
            kept = frame is frames.DIRECT_CALLING  # calls lose R1
            short = self._copying_section(bare, accept, e.R6 if kept else e.R1)
        self.writer.start(entry)
        self._begin(early)
        selector = self._selector(made, frame, found, accept, reject, 0)
        access = Direct(made, self.hook, frame, self.writer, short, selector.read, found_at)
        selector.select(access)
        if pulled:
            self._pull(access, short, reject, early)
            self.writer.end(Goto(selector.entry))
        return self._laid(entry)

    def _begin(self, early: bool) -> None:
        if early:
            self.writer.add(e.Move(e.R0, signed(self.verdicts.reject), 32))

    def _pull(self, access: Direct, short: Label, reject: Label, early: bool) -> None:
        """Bring into reach what any way may read, to begin again: once, R1 is 0 from then on."""
        writer, hook = self.writer, self.hook
        assert hook.length is not None
        writer.start(short)
        writer.leave_if(e.Comparison.EQ, e.R1, 0, reject)
        writer.add(e.MoveRegister(e.R6, e.R1), e.LoadMemory(e.R2, e.R1, hook.length, 4))
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

    def _laid(self, entry: Label) -> Laid:
        return replace(layout(self.writer.blocks, entry), maps=self.maps.specs)

    def copying(self, bare: Flow) -> Laid:
        accept, _ = self._verdicts(early=False)
        return self._laid(self._copying_section(bare, accept))

    def slicing(self, bare: Flow) -> Laid:
        accept, reject = self._verdicts(early=False)
        made = plan(bare, self.hook, _AT_ONCE)
        calls = _asking(made) + _measuring(made) + _calling(made, self.hook)
        found = _places(made, frames.SLICED, calls)
        room = areas(made, DYNPTR)
        entry = self.writer.label()
        self.writer.start(entry)
        selector = self._selector(made, frames.SLICED, found, accept, reject, -room.used)
        selector.select(
            Sliced(made, frames.SLICED, self.writer, reject, selector.read, room)
        )
        return self._laid(entry)

    def legacy(self, bare: Flow) -> Laid:
        accept, reject = self._verdicts(early=False)
        made = plan(bare, self.hook, None, host_order=True)
        found = _places(made, frames.LEGACY, [*made.asked, *_calling(made, self.hook)])
        entry = self.writer.label()
        self.writer.start(entry)
        selector = self._selector(made, frames.LEGACY, found, accept, reject, 0)
        selector.select(Legacy(made, self.hook, frames.LEGACY, self.writer, reject, selector.read))
        return self._laid(entry)

    def _copying_section(self, bare: Flow, accept: Label, context: Register = e.R1) -> Label:
        """Code that reads by copies; returns where it is entered, with the context given."""
        reject = self._return(self.verdicts.reject)
        made = plan(bare, self.hook, _AT_ONCE)
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

    def _selector(
        self, made: Plan, frame: Frame, found: Places, accept: Label, reject: Label, spills: int
    ) -> Selector:
        first = self.writer.next
        self.writer.next += len(made.flow.operations)
        below = spills - KEY if _sets(made) else spills
        return Selector(
            made, self.hook, found, frame, self.writer, first, accept, reject, below, self.maps
        )  # fmt: skip

    def _verdicts(self, early: bool) -> tuple[Label, Label]:
        """Where a match leads, and the rest; early: R0 holds the verdict for the rest."""
        leave = self.writer.label()
        self.writer.start(leave)
        self.writer.end(Return())
        accept = self._return(self.verdicts.accept, leave)
        return accept, leave if early else self._return(self.verdicts.reject, leave)

    def _return(self, verdict: int, leave: Label | None = None) -> Label:
        label = self.writer.label()
        self.writer.start(label)
        self.writer.add(e.Move(e.R0, signed(verdict), 32))
        self.writer.end(Return() if leave is None else Goto(leave))
        return label


def _direct(made: Plan, hook: HookFacts) -> tuple[Frame, Places]:
    operations, calling = made.flow.operations, _calling(made, hook)
    indices = pointing(made, FURTHEST)
    if calling:
        return frames.DIRECT_CALLING, _places(made, frames.DIRECT_CALLING, calling, indices)
    asks = any(_asks_context(each, hook) for each in operations)
    frame = frames.direct(asks or hook.beyond == "copied", hook.beyond == "pulled")
    return frame, _places(made, frame, (), indices)


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
    return found


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
