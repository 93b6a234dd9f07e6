"""How far a packet must reach: the furthest byte that every accepting way needs is asked for once.

    0: ldh [12]                 needs 14; all that accept read on to 24: asked for here
    1: jeq #0x800   2, REJECT
    2: ldb [23]                 known to be there

A packet that is shorter would fail on its way, which rejects it as well.  Absolute loads count from
the start of the packet, others from where their index (a web) leads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

from bpfq.backends.ebpf.flow import REJECT, Advance, Flow, Operation
from bpfq.backends.ebpf.webs import X, Webs
from bpfq.isa.cbpf import instructions as i
from bpfq.record import record

Base: TypeAlias = int | None  # a web that holds an index, None for the start of the packet


class Extent(NamedTuple):
    """Bytes of the packet behind a base; the end is not included."""

    first: int
    end: int


Reach: TypeAlias = Mapping[Base, Extent]
_NOTHING: Final[Reach] = {}


@record
class Asked:
    """What a load needs: request, the bytes to ask for in front of it, None where they are known
    to be there; first: where the bytes that were asked for last begin.
    """

    request: Extent | None
    first: int


@record
class Load:
    """The bytes that an operation reads."""

    base: Base
    extent: Extent

    @property
    def size(self) -> int:
        return self.extent.end - self.extent.first


def pieces(extent: Extent) -> list[Extent]:
    """The words that are loaded one by one, and what is left."""
    firsts = range(extent.first, extent.end, 4)
    return [Extent(first, min(first + 4, extent.end)) for first in firsts]


def load(operation: Operation, read: Mapping[int, int]) -> Load | None:
    """What an operation reads of the packet, if anything."""
    match operation:
        case i.LoadAbsolute(offset, size) if offset < i.LINK_BASE:
            return Load(None, Extent(offset, offset + size))
        case i.LoadXHeaderLength(offset):
            return Load(None, Extent(offset, offset + 1))
        case i.LoadIndirect(offset, size):
            return Load(read[X], Extent(offset, offset + size))
        case _:
            return None


def asked(flow: Flow, webs: Webs, most: int | None) -> dict[int, Asked]:
    """What is to be asked for, by the number of the operation that loads.

    most: bytes that are copied at once and replace those of the same kind of base; None where
    asking is a comparison with the end of the packet.
    """
    loads = [load(operation, read) for operation, read in zip(flow.operations, webs.read)]
    if most is None:
        loads = [each and Load(each.base, Extent(0, each.extent.end)) for each in loads]
    needed = _needed(flow, webs, loads, most)
    known: list[Reach | None] = [None] * len(loads)
    found: dict[int, Asked] = {}
    for number, each in enumerate(loads):
        before = known[number] or _NOTHING
        after = dict(before)
        if each is not None:
            have = before.get(each.base)
            if have is None or not (
                have.first <= each.extent.first and each.extent.end <= have.end
            ):
                have = (needed[number] or _NOTHING)[each.base]
                found[number] = Asked(have, have.first)
                if most is not None and each.base is not None:
                    after = {base: extent for base, extent in after.items() if base is None}
                after[each.base] = have
            else:
                found[number] = Asked(None, have.first)
        written = webs.written[number]
        if written is not None:
            after.pop(written, None)
        for successor in flow.successors[number]:
            if successor >= 0:
                known[successor] = _common(known[successor], after)
    return found


def _needed(
    flow: Flow, webs: Webs, loads: Sequence[Load | None], most: int | None
) -> list[Reach | None]:
    """What all ways from an operation to an accepted packet load; None: there is no such way."""
    found: list[Reach | None] = [None] * len(loads)
    for number in range(len(loads) - 1, -1, -1):
        behind: Reach | None = None
        for successor in flow.successors[number]:
            if successor != REJECT:
                behind = _least(behind, _NOTHING if successor < 0 else found[successor])
        each, written, operation = loads[number], webs.written[number], flow.operations[number]
        if behind is not None and written is not None and written in behind:
            least = operation.value if isinstance(operation, i.LoadXImmediate) else 0
            base = webs.read[number][X] if isinstance(operation, Advance) else None
            behind = _from_base(behind, written, base, least if most is None else None)
        if each is not None:
            behind = {**(behind or {}), each.base: _joined(each.extent, behind, each.base, most)}
        found[number] = behind
    return found


def _from_base(reach: Reach, web: int, base: Base, least: int | None) -> Reach:
    """What is needed in front of where an index is set, ``least`` or further behind a base."""
    found = {each: extent for each, extent in reach.items() if each != web}
    if least is not None:
        end = max(least + reach[web].end, found.get(base, reach[web]).end)
        found[base] = Extent(0, end)
    return found


def _joined(own: Extent, behind: Reach | None, base: Base, most: int | None) -> Extent:
    other = (behind or _NOTHING).get(base)
    if other is None:
        return own
    hull = Extent(min(own.first, other.first), max(own.end, other.end))
    return hull if most is None or hull.end - hull.first <= most else own


def _least(reach: Reach | None, other: Reach | None) -> Reach | None:
    """What both need; whatever one needs that leads nowhere."""
    if reach is None or other is None or reach is other:
        return other if reach is None else reach
    return {
        base: Extent(min(extent.first, other[base].first), min(extent.end, other[base].end))
        for base, extent in reach.items()
        if base in other
    }


def _common(reach: Reach | None, other: Reach) -> Reach:
    """What is known on both ways."""
    if reach is None or reach is other:
        return other
    return {
        base: Extent(extent.first, min(extent.end, other[base].end))
        for base, extent in reach.items()
        if base in other and extent.first == other[base].first
    }
