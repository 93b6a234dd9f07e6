"""Selections -> eBPF programs, by the ways to read a packet that a hook allows."""

from __future__ import annotations

from collections.abc import Sequence

from bpfq.backends.cbpf.lookups import LookIndirect
from bpfq.backends.cbpf.searches import written_out
from bpfq.backends.cbpf.select import Selection
from bpfq.backends.ebpf.advance import fuse
from bpfq.backends.ebpf.blocks import Counter, Goto, Label, Return, Writer
from bpfq.backends.ebpf.counting import count
from bpfq.backends.ebpf.flow import ACCEPT, Flow, flow
from bpfq.backends.ebpf.hooks import HookFacts, hook_facts
from bpfq.backends.ebpf.layout import Laid, layout
from bpfq.backends.ebpf.plan import plan
from bpfq.backends.ebpf.price import copies_are_cheaper
from bpfq.backends.ebpf.sections import AT_ONCE, Ends, Sections
from bpfq.backends.ebpf.sets import Maps, is_large
from bpfq.backends.ebpf.sink import sink
from bpfq.backends.ebpf.sliced import make_dynptr
from bpfq.backends.loops import LoadChain
from bpfq.graph.membership import LEAF
from bpfq.isa.ebpf import instructions as e
from bpfq.isa.ebpf.fields import signed
from bpfq.operators import WORD_BITS
from bpfq.opt.profile import Profile
from bpfq.record import field, record, replace


@record
class Verdicts:
    """What a program returns for a match and for everything else; unsigned 32 bits."""

    accept: int
    reject: int

    @property
    def signed(self) -> tuple[int, int]:
        """Both as the kernel has them where it counts below 0: TCX_NEXT is -1."""
        return signed(self.accept, WORD_BITS), signed(self.reject, WORD_BITS)


@record
class Written:
    """A selection and how its sets are written out: leaf equalities in a row, at most."""

    selection: Selection
    leaf: int = LEAF


def programs(
    selection: Selection,
    hook: str,
    verdicts: Verdicts,
    leaf: int = LEAF,
    maps: bool = False,
    counted: bool = False,
    traffic: Profile | None = None,
    byteorder: str = "little",
) -> list[Laid]:
    """The programs of a selection for a hook; none only where it asks for loops in vain.

    leaf: equalities in a row, at most, where a set is written out as a search.  maps: large sets
    are maps instead.  counted: matches are counted in the map "matches".  traffic: what a program
    for sockets is quick for, by legacy loads or by copies.  byteorder: of the machine.
    """
    facts, bare = hook_facts(hook, byteorder), _flow(selection, leaf, maps)
    if bare.entry < 0 and not counted:
        return [_constant(verdicts.accept if bare.entry == ACCEPT else verdicts.reject)]
    if any(isinstance(each, LoadChain) for each in bare.operations):
        sections = Sections(facts, Writer(0), Maps(), verdicts.reject, counted)
        if not sections.walks(bare):
            return []
    ways = [False]
    may_load = facts.legacy and facts.packet is None and _has_legacy(bare)
    if may_load and verdicts.reject == 0 and not counted:
        ways = [False, True]
        if traffic is not None:
            ways = [not copies_are_cheaper(plan(bare, facts, AT_ONCE), traffic)]
    return [_Program(facts, verdicts, counted).of((bare,), legacy) for legacy in ways]


def counting(
    filters: Sequence[Written],
    hook: str,
    verdict: int,
    maps: bool = False,
    byteorder: str = "little",
) -> Laid:
    """One program that counts the matches of every filter and returns one verdict for all."""
    flows = tuple(_flow(each.selection, each.leaf, maps) for each in filters)
    return _Program(hook_facts(hook, byteorder), Verdicts(verdict, verdict), True).of(flows)


def _flow(selection: Selection, leaf: int, maps: bool) -> Flow:
    return sink(
        fuse(flow(written_out(selection, leaf, is_large if maps else lambda members: False)))
    )


def _has_legacy(bare: Flow) -> bool:
    """No look-up loads several words at an index, which the first load would lose."""
    return not any(isinstance(each, LookIndirect) and each.size > 4 for each in bare.operations)


def _constant(verdict: int) -> Laid:
    return Laid((e.Move(e.R0, signed(verdict, WORD_BITS), 32), e.Exit()), (None, None))


@record(frozen=False)
class _Program:
    """One program in the making.  counted: R6 keeps the context for the counters."""

    hook: HookFacts
    verdicts: Verdicts
    counted: bool
    writer: Writer = field(default_factory=lambda: Writer(0))
    maps: Maps = field(default_factory=Maps)

    def __post_init__(self) -> None:
        self.maps.big_endian = self.hook.big_endian

    def of(self, flows: Sequence[Flow], legacy: bool = False) -> Laid:
        """Filters one behind the other; only the last may decide about the packet."""
        sections = Sections(
            self.hook, self.writer, self.maps, self.verdicts.reject, self.counted
        )  # fmt: skip
        leave = self.writer.label()
        self.writer.start(leave)
        self.writer.end(Return())
        behind: Label | None = None
        for number in range(len(flows) - 1, -1, -1):
            accept = self._accept(number, len(flows), leave, behind)
            ends = self._ends(accept, leave, behind)
            behind = self._section(sections, flows[number], ends, legacy, number == 0)
        assert behind is not None
        entry = self._entered(behind, leave) if self.counted else behind
        return replace(layout(self.writer.blocks, entry), maps=self.maps.specs)

    def _entered(self, first: Label, leave: Label) -> Label:
        """What counters need comes before all filters: the context in R6, or a dynptr."""
        short = self._return(self.verdicts.reject, leave)
        entry = self.writer.label()
        self.writer.start(entry)
        if self.hook.beyond == "sliced":
            make_dynptr(self.writer, short)
        else:
            self.writer.add(e.MoveRegister(e.R6, e.R1))
        self.writer.end(Goto(first))
        return entry

    def _accept(self, number: int, of: int, leave: Label, behind: Label | None) -> Label:
        """Where a match leads: it is counted, and where no other filter follows, it ends."""
        last = self._return(self.verdicts.accept, leave) if behind is None else behind
        if not self.counted:
            return last
        label = self.writer.label()
        self.writer.start(label)
        self.writer.source = Counter(number)
        count(self.hook, self.writer, self.maps, number, of)
        self.writer.end(Goto(last))
        self.writer.source = None
        return label

    def _ends(self, accept: Label, leave: Label, behind: Label | None) -> Ends:
        made: list[Label] = []

        def ends(early: bool) -> tuple[Label, Label]:
            if behind is not None:
                return accept, behind
            if early:
                return accept, leave
            if not made:
                made.append(self._return(self.verdicts.reject, leave))
            return accept, made[0]

        return ends

    def _section(
        self, sections: Sections, bare: Flow, ends: Ends, legacy: bool, first: bool
    ) -> Label:
        if bare.entry < 0:
            return ends(False)[0 if bare.entry == ACCEPT else 1]
        if self.hook.beyond == "sliced":
            return sections.slicing(bare, ends, not self.counted)
        if self.hook.packet is not None:
            made = sections.in_place(bare, ends)
        elif legacy:
            made = sections.legacy(bare, ends)
        else:
            made = sections.copying(bare, ends)
        if first or not self.counted:
            return made
        label = self.writer.label()
        self.writer.start(label)
        self.writer.add(e.MoveRegister(e.R1, e.R6))
        self.writer.end(Goto(made))
        return label

    def _return(self, verdict: int, leave: Label) -> Label:
        label = self.writer.label()
        self.writer.start(label)
        self.writer.add(e.Move(e.R0, signed(verdict, WORD_BITS), 32))
        self.writer.end(Goto(leave))
        return label
