"""Webs -> registers: those that are live at the same time are apart, copies share one if they can.

What no register is left for lies on the stack.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from bpfq.backends.ebpf.flow import Advance, Flow
from bpfq.backends.ebpf.webs import A, X, Webs
from bpfq.isa.cbpf import instructions as i
from bpfq.isa.ebpf.instructions import Register
from bpfq.record import record

_COPIES = i.StoreA | i.StoreX | i.LoadScratch | i.LoadXScratch | i.Tax | i.Txa
_IN_PLACE = i.Alu | i.AluX | i.Negate  # the first web that they read is the one for A


@record
class Places:
    """Where webs are: in a register, or in a word of the stack by its number."""

    registers: Mapping[int, Register]
    spilled: Mapping[int, int]


def places(
    flow: Flow,
    webs: Webs,
    free: Sequence[Register],
    kept: Collection[Register],
    calls: Collection[int],
    pointers: Collection[int] = (),
) -> Places:
    """free: registers, the first is preferred.  kept: those of them that calls leave alone.

    calls: the operations that call something before they write their result.  pointers: webs that
    hold a pointer where what is copied to them is an index.
    """
    apart = _interference(flow, webs, pointers)
    crossing = {web for number in calls for web in webs.live[number] if web != webs.written[number]}
    related = _related(flow, webs)
    registers: dict[int, Register] = {}
    spilled: dict[int, int] = {}
    for web in _in_order(webs):
        taken = {registers[each] for each in apart[web] if each in registers}
        fitting = [
            each for each in free if each not in taken and (web not in crossing or each in kept)
        ]
        wished = [registers[each] for each in related[web] if each in registers]
        if fitting:
            registers[web] = next((each for each in wished if each in fitting), fitting[0])
        else:
            words = {spilled[each] for each in apart[web] if each in spilled}
            spilled[web] = next(n for n in range(len(words) + 1) if n not in words)
    return Places(registers, spilled)


def _in_order(webs: Webs) -> list[int]:
    return list(dict.fromkeys(web for web in webs.written if web is not None))


def _interference(flow: Flow, webs: Webs, pointers: Collection[int]) -> list[set[int]]:
    """The webs that each web must not share a place with."""
    apart: list[set[int]] = [set() for _ in range(webs.count)]
    for number, operation in enumerate(flow.operations):
        web, read = webs.written[number], webs.read[number]
        if web is None:
            continue
        others = set(webs.live[number])
        if isinstance(operation, i.AluX):  # A is copied before X is read
            others.add(read[X])
        elif isinstance(operation, Advance):  # X is copied before A is read
            others.add(read[A])
        elif isinstance(operation, _COPIES) and web not in pointers:
            others -= set(read.values())
        for other in others - {web}:
            apart[web].add(other)
            apart[other].add(web)
    return apart


def _related(flow: Flow, webs: Webs) -> list[list[int]]:
    """The webs that a web is copied or computed in place from, or the other way."""
    found: list[list[int]] = [[] for _ in range(webs.count)]
    for number, operation in enumerate(flow.operations):
        web = webs.written[number]
        if web is not None and isinstance(operation, _COPIES | _IN_PLACE | Advance):
            read = webs.read[number]
            source = read[X] if isinstance(operation, Advance) else next(iter(read.values()))
            found[web].append(source)
            found[source].append(web)
    return found
