"""Which of several programs is the best, by what it is optimised for.

    balanced      the smallest of those that are nearly as quick as the quickest, or the quickest
                  where the traffic is known; larger than the filter as written only where that
                  saves dozens of executed instructions
    size          the fewest instructions
    speed         the least time over the profile, by the kernel's prices
    kernel-size   the fewest eBPF instructions, which is what a socket pays for

Where a figure is equal the next ones decide: size, executed instructions, time, worst case.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bpfq.backends.cbpf.cost import Cost
from bpfq.record import record, replace

_SLOWER: Final = (11, 10)  # of what the quickest candidate executes on usual traffic
_DEEPER: Final = (13, 10)  # of the shortest worst case
_FEW: Final = 64  # executed instructions; so many more are no matter to a socket
_ANY: Final = 1 << 62

# Equalities in a row at the end of a search for one of many values.
LEAVES: Final = {"balanced": 4, "size": 8, "speed": 2, "kernel-size": 8}


def figures(of: Cost, objective: str) -> tuple[int, ...]:
    """What is compared of a program, the most important first; less is better."""
    others = (of.instructions, of.executed, of.price, of.worst)
    match objective:
        case "speed":
            return of.price, *others
        case "kernel-size":
            return of.converted, *others
        case _:
            return others


@record
class Limits:
    """What a program may cost to be taken: no figure is larger."""

    instructions: int = _ANY
    converted: int = _ANY
    executed: int = _ANY
    worst: int = _ANY

    def allow(self, one: Cost) -> bool:
        return (
            one.instructions <= self.instructions
            and one.converted <= self.converted
            and one.executed <= self.executed
            and one.worst <= self.worst
        )


def limits(costs: Sequence[Cost], objective: str, known: bool = False) -> Limits:
    """The limits of an objective among some programs, which one of them at least keeps.

    costs: the first of them is the filter as written.  known: they are those of the very traffic
    that the filter is for.
    """
    if objective != "balanced":
        return Limits()
    no_larger = Limits(costs[0].instructions, costs[0].converted)
    least = min(one.worst for one in costs)
    shallow = [one for one in costs if _is_shallow(one, least)]
    small = [one for one in shallow if no_larger.allow(one)]
    quick = quickest(small or shallow, objective, known)
    if small:
        return replace(quick, instructions=costs[0].instructions, converted=costs[0].converted)
    return quick


def quickest(costs: Sequence[Cost], objective: str, known: bool = False) -> Limits:
    """The limits of programs that are nearly as quick as the quickest of these."""
    if objective != "balanced":
        return Limits()
    executed = min(one.executed for one in costs)
    if not known:
        executed = executed * _SLOWER[0] // _SLOWER[1]
    worst = min(one.worst for one in costs if one.executed <= executed) * _DEEPER[0] // _DEEPER[1]
    return Limits(executed=executed, worst=worst)


def _is_shallow(one: Cost, least: int) -> bool:
    return one.worst <= max(least + _FEW, least * _DEEPER[0] // _DEEPER[1])
