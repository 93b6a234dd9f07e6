"""Where pointers point: just behind the bytes that were asked for last, so that asking is short.

    r1 = packet; r1 += 14;  if r1 > r2 goto short          14 bytes are there
    r3 = *(u16 *)(r1 -2)
    r1 += 10;               if r1 > r2 goto short          24 bytes are there
    r4 = *(u8 *)(r1 -1)

A pointer moves only where all ways on from there come by; elsewhere a copy is compared.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import NamedTuple

from bpfq.backends.ebpf.plan import Plan
from bpfq.backends.ebpf.reach import Base
from bpfq.backends.ebpf.webs import X
from bpfq.backends.ebpf.flow import Advance
from bpfq.isa.cbpf import instructions as i
from bpfq.record import field, record


class _Stand(NamedTuple):
    """How far behind its base a pointer is, and the operation that moved it there."""

    ahead: int
    mover: int | None


@record
class Pointers:
    """webs: indices that are kept as pointers.  start: how far ahead the packet's pointer begins.

    ahead: by operation and base, how far the pointer is ahead in front of it.  moves: operations
    that move the pointer they load from.  first: where each is when it is made.  heirs: webs that
    may take the place of the packet's pointer, which nobody reads behind them.
    """

    webs: frozenset[int]
    start: int
    ahead: tuple[Mapping[Base, int], ...]
    moves: frozenset[int]
    first: Mapping[Base, int]
    heirs: frozenset[int]


def pointers(plan: Plan, furthest: int, fixed: Container[int], asks_length: bool) -> Pointers:
    """furthest: the last byte that direct access reaches.  fixed: webs that do not move.

    asks_length: the packet's length is the distance between its pointers.
    """
    webs = pointing(plan, furthest)
    first = _first(plan, webs, furthest)
    moving = {
        number
        for number, asked in plan.asked.items()
        if asked.request is not None and asked.request.end <= furthest
        and ((base := base_of(plan, number)) is None or (base in webs and base not in fixed))
    }  # fmt: skip
    packet_is_read = _packet_is_read(plan, webs, asks_length)
    while True:
        walk = _Walk(plan, webs, first, moving, packet_is_read)
        stands = walk.run()
        if not walk.torn:
            heirs = _heirs(plan, webs, packet_is_read)
            ahead = tuple({base: stand.ahead for base, stand in each.items()} for each in stands)
            return Pointers(webs, first.get(None, 0), ahead, frozenset(moving), first, heirs)
        moving -= walk.torn


def base_of(plan: Plan, number: int) -> Base:
    """What the load of an operation counts from."""
    return plan.webs.read[number].get(X)


def _packet_is_read(plan: Plan, webs: frozenset[int], asks_length: bool) -> list[bool]:
    """Whether an operation or one behind it reads the packet's pointer."""
    found = [False] * len(plan.flow.operations)
    for number in range(len(found) - 1, -1, -1):
        operation = plan.flow.operations[number]
        in_place = number in plan.asked and base_of(plan, number) in webs
        found[number] = (
            (number in plan.asked and not in_place)
            or (plan.webs.written[number] in webs and not _advances(plan, number, webs))
            or (asks_length and isinstance(operation, i.LoadLength | i.LoadXLength))
            or any(n >= 0 and found[n] for n in plan.flow.successors[number])
        )
    return found


def _heirs(plan: Plan, webs: frozenset[int], packet_is_read: list[bool]) -> frozenset[int]:
    found = set(webs)
    for number, web in enumerate(plan.webs.written):
        following = plan.flow.successors[number]
        if web in found and any(each >= 0 and packet_is_read[each] for each in following):
            found.discard(web)
    return frozenset(found)


def _advances(plan: Plan, number: int, webs: Container[int]) -> bool:
    """The operation moves a pointer on."""
    return isinstance(plan.flow.operations[number], Advance) and base_of(plan, number) in webs


def pointing(plan: Plan, furthest: int) -> frozenset[int]:
    """The webs that are read as indices only, and lead to bytes that a pointer may reach."""
    found: dict[int, int] = {}
    others: set[int] = set()
    for number, operation in enumerate(plan.flow.operations):
        for register, web in plan.webs.read[number].items():
            match operation:
                case i.LoadIndirect(offset, size) if register == X:
                    found[web] = max(found.get(web, 0), offset + size)
                case Advance() if register == X:
                    found.setdefault(web, 0)
                case _:
                    others.add(web)
    webs = {
        web for web, end in found.items() if web not in others and plan.most[web] + end <= furthest
    }
    while True:  # what a number is made of is a number
        numbers = {
            plan.webs.read[n][X]
            for n, operation in enumerate(plan.flow.operations)
            if isinstance(operation, Advance) and plan.webs.written[n] not in webs
        }
        if not numbers & webs:
            return frozenset(webs)
        webs -= numbers


def _first(plan: Plan, webs: frozenset[int], furthest: int) -> dict[Base, int]:
    """Where each pointer is when it is made: behind what is asked for first."""
    found: dict[Base, int] = {}
    for number in sorted(plan.asked):
        request, base = plan.asked[number].request, base_of(plan, number)
        if request is not None and request.end <= furthest and (base is None or base in webs):
            found.setdefault(base, request.end)
    return found


@record(frozen=False)
class _Walk:
    """torn: movers behind which ways meet that have the pointer elsewhere."""

    plan: Plan
    webs: frozenset[int]
    first: Mapping[Base, int]
    moving: set[int]
    packet_is_read: list[bool]
    torn: set[int] = field(default_factory=set)

    def run(self) -> list[dict[Base, _Stand]]:
        flow, webs = self.plan.flow, self.plan.webs
        found: list[dict[Base, _Stand]] = [{} for _ in flow.operations]
        found[flow.entry][None] = _Stand(self.first.get(None, 0), None)
        for number in range(len(flow.operations)):
            after = found[number]
            written = webs.written[number]
            asked = self.plan.asked.get(number)
            if number in self.moving and asked is not None and asked.request is not None:
                base = base_of(self.plan, number)
                if after[base].ahead != asked.request.end:
                    after = {**after, base: _Stand(asked.request.end, number)}
            if written is not None and written in self.webs:
                after = {**after, written: _Stand(self.first.get(written, 0), None)}
            left = webs.live[number]
            for successor in flow.successors[number]:
                if successor >= 0:
                    kept = {
                        base: stand
                        for base, stand in after.items()
                        if (self.packet_is_read[successor] if base is None else base in left)
                    }
                    self._meet(found[successor], kept)
        return found

    def _meet(self, held: dict[Base, _Stand], other: Mapping[Base, _Stand]) -> None:
        for base, stand in other.items():
            before = held.setdefault(base, stand)
            if before.ahead != stand.ahead:
                self.torn |= {each for each in (before.mover, stand.mover) if each is not None}
