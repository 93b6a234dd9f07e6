"""The values of a flow: what is computed at several places and read at one is one variable.

    0: ldxb 4*([14]&0xf)    X0        1: ldx #40    X0       both lead to 2
    2: ldh [x + 16]         reads X0, writes A1

A variable (a web) is live from where it is computed to where it is last read.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from bpfq.backends.ebpf.flow import Advance, Branch, Flow, Operation
from bpfq.isa.cbpf import instructions as i
from bpfq.record import field, record

A: Final = 0
X: Final = 1
_SCRATCH: Final = 2  # M[0], and the others behind it

Registers: TypeAlias = dict[int, int]  # of the packet machine, to webs


def reads(operation: Operation) -> tuple[int, ...]:
    """The registers of the packet machine that an operation reads."""
    match operation:
        case i.Alu() | i.Negate() | i.Tax() | i.StoreA():
            return (A,)
        case i.AluX() | Advance():
            return (A, X)
        case i.Txa() | i.StoreX() | i.LoadIndirect():
            return (X,)
        case i.LoadScratch(slot) | i.LoadXScratch(slot):
            return (_SCRATCH + slot,)
        case Branch(value=None):
            return (A, X)
        case Branch():
            return (A,)
        case _:
            return ()


def writes(operation: Operation) -> int | None:
    match operation:
        case Branch():
            return None
        case i.StoreA(slot) | i.StoreX(slot):
            return _SCRATCH + slot
        case Advance() | i.Tax() | i.LoadXHeaderLength() | i.LoadXImmediate() | i.LoadXLength():
            return X
        case i.LoadXScratch():
            return X
        case _:
            return A


@record
class Webs:
    """written: the web that each operation writes, None for none or one that nobody reads.
    read: for each, register -> web.  live: the webs that each operation leaves to its successors.
    count: how many webs there are.
    """

    written: tuple[int | None, ...]
    read: tuple[dict[int, int], ...]
    live: tuple[frozenset[int], ...]
    count: int


def with_start(flow: Flow) -> Flow:
    """The flow with 0 put into A and X at the start, where they are read before they are set."""
    if flow.entry < 0:
        return flow
    bits = needed(flow)[0]
    first: list[Operation] = []
    if bits >> A & 1:
        first.append(i.LoadImmediate(0))
    if bits >> X & 1:
        first.append(i.LoadXImmediate(0))
    by = len(first)
    if not by:
        return flow
    moved = (tuple(t + by if t >= 0 else t for t in each) for each in flow.successors)
    return Flow(
        (*first, *flow.operations),
        (*((n + 1,) for n in range(by)), *moved),
        flow.entry,
        (*(None for _ in first), *flow.tests),
    )


def webs(flow: Flow) -> Webs:
    """The webs of a flow that reads nothing before it is set."""
    later = needed(flow)
    same = _Same()
    held: list[Registers] = [{} for _ in flow.operations]
    written: list[int | None] = []
    for number, operation in enumerate(flow.operations):
        target, after = writes(operation), held[number]
        left = [each for each in flow.successors[number] if each >= 0]
        web = None
        if target is not None and any(later[each] >> target & 1 for each in left):
            web = same.new()
            after = {**after, target: web}
        written.append(web)
        for each in left:
            same.meet(held[each], after, later[each])
    return Webs(
        tuple(None if web is None else same.name(web) for web in written),
        tuple(
            {register: same.name(held[number][register]) for register in reads(operation)}
            for number, operation in enumerate(flow.operations)
        ),
        tuple(
            frozenset(
                same.name(web) for each in following if each >= 0 for web in held[each].values()
            )
            for following in flow.successors
        ),
        same.count,
    )


def needed(flow: Flow) -> list[int]:
    """The registers that are read at each operation or behind it, as bits."""
    found = [0] * len(flow.operations)
    for number in range(len(found) - 1, -1, -1):
        operation = flow.operations[number]
        bits = 0
        for each in flow.successors[number]:
            bits |= found[each] if each >= 0 else 0
        target = writes(operation)
        if target is not None:
            bits &= ~(1 << target)
        for register in reads(operation):
            bits |= 1 << register
        found[number] = bits
    return found


@record(frozen=False)
class _Same:
    """Webs that meet are one; the names count those that are left."""

    _parents: list[int] = field(default_factory=list)
    _names: dict[int, int] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return len(self._names)

    def new(self) -> int:
        self._parents.append(len(self._parents))
        return len(self._parents) - 1

    def name(self, web: int) -> int:
        return self._names.setdefault(self._first(web), len(self._names))

    def meet(self, held: Registers, other: Registers, needed: int) -> None:
        """One more way to a place that holds these webs and needs these registers."""
        for register, web in other.items():
            if needed >> register & 1:
                before = self._first(held.setdefault(register, web))
                self._parents[self._first(web)] = before

    def _first(self, web: int) -> int:
        parents = self._parents
        while parents[web] != web:
            parents[web] = parents[parents[web]]
            web = parents[web]
        return web
