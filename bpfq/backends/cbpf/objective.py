"""Which of several programs is the best, by what it is optimised for.

    balanced      the smallest of those that are nearly as quick as the quickest; longer than the
                  filter as written only where that saves dozens of executed instructions
    size          the fewest instructions
    speed         the least time over the profile, by the kernel's prices
    kernel-size   the fewest eBPF instructions, which is what a socket pays for

Where a figure is equal the next ones decide: size, executed instructions, time, worst case.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bpfq.backends.cbpf.cost import Cost, cost
from bpfq.isa.cbpf.instructions import SockFilter
from bpfq.opt.profile import Profile

_SLOWER: Final = (11, 10)  # of what the quickest candidate executes
_DEEPER: Final = (13, 10)  # of the shortest worst case
_FEW: Final = 64  # executed instructions; so many more are no matter to a socket

# Equalities in a row at the end of a search for one of many values.
LEAVES: Final = {"balanced": 4, "size": 8, "speed": 2, "kernel-size": 8}


def best(
    programs: Sequence[tuple[SockFilter, ...]], objective: str, profile: Profile
) -> tuple[SockFilter, ...]:
    """The program that the objective prefers, the first of equal ones.

    programs: the first of them is the filter as written.
    """
    if len(programs) == 1:
        return programs[0]
    costs = {words: cost(words, profile) for words in programs}
    wanted = list(costs)
    if objective == "balanced":
        short = [words for words in programs if len(words) <= len(programs[0])]
        shallow = min(each.worst for each in costs.values())
        if any(_is_shallow(costs[words], shallow) for words in short):
            wanted = short
        wanted = _quick({words: costs[words] for words in wanted})
    return min(wanted, key=lambda words: _figures(costs[words], objective))


def _is_shallow(one: Cost, least: int) -> bool:
    return one.worst <= least + _FEW or _within(one.worst, least, _DEEPER)


def _quick(costs: dict[tuple[SockFilter, ...], Cost]) -> list[tuple[SockFilter, ...]]:
    """Programs that execute little more than the quickest, and in the worst case not much more."""
    worst = min(each.worst for each in costs.values())
    left = {words: each for words, each in costs.items() if _within(each.worst, worst, _DEEPER)}
    executed = min(each.executed for each in left.values())
    return [words for words, each in left.items() if _within(each.executed, executed, _SLOWER)]


def _within(figure: int, least: int, ratio: tuple[int, int]) -> bool:
    return figure * ratio[1] <= least * ratio[0]


def _figures(of: Cost, objective: str) -> tuple[int, ...]:
    others = (of.instructions, of.executed, of.price, of.worst)
    match objective:
        case "speed":
            return of.price, *others
        case "kernel-size":
            return of.converted, *others
        case _:
            return others
