"""A few instructions with one way in and few ways out, replaced by fewer.

    ldh [x + 14]; jeq #80                     ld [x + 14]; jeq #0x5001bb
    ldh [x + 16]; jeq #443 -> A, R     =>     jeq #0x1bb0050 -> A, R
    jeq #443; ldh [x + 16]; jeq #80 -> A, R

What the exits need of the registers, and what is known of the packets that come in, is not worked
out: the cases go on behind each exit, and whether the whole program is right is proved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from bpfq.superopt.alphabet import SCRATCH, alphabet
from bpfq.superopt.budget import Part
from bpfq.superopt.cases import Case
from bpfq.superopt.fill import fillings
from bpfq.superopt.flow import Flow, Node, canonical
from bpfq.superopt.groups import Region, Slot
from bpfq.superopt.progress import Progress
from bpfq.superopt.traffic import Arrival, Traffic

_LARGEST = 6  # instructions of a window
_MOST_EXITS = 3
_SHARE = 8  # a window may take this part of the budget


class Window(NamedTuple):
    """Nodes of a program: all edges into them but those into the first come from among them."""

    first: int
    nodes: frozenset[int]
    exits: tuple[int, ...]


def windows(flow: Flow) -> list[Window]:
    """The small ones first."""
    sources: list[set[int]] = [set() for _ in flow]
    for number, node in enumerate(flow):
        for to in (node.yes, node.no):
            if to >= 0:
                sources[to].add(number)
    found: dict[Window, None] = {}
    work = [frozenset((first,)) for first in range(len(flow))]
    while work:
        nodes = work.pop()
        window = _window(flow, nodes)
        if window in found:
            continue
        found[window] = None
        if len(nodes) < _LARGEST:
            work += [nodes | {to} for to in window.exits if to >= 0 and sources[to] <= nodes]
    fit = (w for w in found if len(w.nodes) > 1 and len(w.exits) <= _MOST_EXITS)
    return sorted(fit, key=lambda w: (len(w.nodes), w.first, sorted(w.nodes)))


def _window(flow: Flow, nodes: frozenset[int]) -> Window:
    exits = {to for at in nodes for to in (flow[at].yes, flow[at].no) if to not in nodes}
    return Window(max(nodes), nodes, tuple(sorted(exits)))


def shorten(progress: Progress) -> bool:
    """Make the best program better by one window; False where none was found in the budget."""
    return any(progress.is_right(flow) and progress.improves(flow) for flow in _replaced(progress))


def _replaced(progress: Progress) -> Iterator[Flow]:
    """Programs with a shorter window, right for all cases."""
    flow, cases = progress.best, tuple(progress.cases)
    traffic = Traffic(flow, cases)
    for window in windows(flow):
        arrivals = traffic.arriving[window.first]
        nodes = [flow[at] for at in sorted(window.nodes)]
        if not arrivals or any(node.code in SCRATCH for node in nodes):
            continue
        exits = window.exits
        region = Region(cases, len(exits), _right(traffic, exits), alphabet(nodes))
        few = differing(arrivals, cases)
        part = Part(progress.budget, progress.budget.limit // _SHARE)
        for slots in range(1, len(nodes)):
            for found in fillings(region, arrivals, slots, part, few):
                yield with_slots(flow, window.first, exits, found)


def _right(traffic: Traffic, exits: Sequence[int]) -> Callable[[int, Arrival], bool]:
    return lambda exit, arrival: traffic.is_right(exits[exit], arrival)


def differing(arrivals: Sequence[Arrival], cases: Sequence[Case]) -> list[int]:
    """One arrival of each kind that is wanted, by number."""
    kinds: dict[bool | None, int] = {}
    for place, (number, _) in enumerate(arrivals):
        kinds.setdefault(cases[number].wanted, place)
    return list(kinds.values())


def with_slots(flow: Flow, first: int, exits: Sequence[int], slots: Sequence[Slot]) -> Flow:
    """The program with the slots in the place of a node and what only it led to."""
    base = len(flow)

    def place(to: int) -> int:
        return base + to if to >= 0 else exits[-1 - to]

    nodes = [
        Node(code, k, base if yes == first else yes, base if no == first else no)
        for code, k, yes, no in flow
    ]
    nodes += [Node(code, k, place(yes), place(no)) for code, k, yes, no in slots]
    return canonical(nodes, base if first == base - 1 else base - 1)
