"""States of a program along its ways, first to last; where ways meet, what differs is a choice.

    4: jeq #0x800, 7, 5         in front of 7 the state is that behind 4 where A = 0x800, else
    5: jeq #0x806, 6, 20        that behind 6: the test of 5 does not matter, its other way ends
    6: ldx #8
    7: ld [x + 30]

Nodes are numbers and come in rising order.  A state is a tuple of values.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import Generic, TypeVar

from bpfq.symbolic.propositions import FALSE, TRUE, Proposition

_V = TypeVar("_V")


class Flow(Generic[_V]):
    """States behind nodes, the tests that part the ways, and the ways taken so far.

    start: in front of node 0.  live: the places of a state that are read from a node on, as bits.
    choose: the first value where a test holds, else the second.
    """

    def __init__(
        self,
        start: tuple[_V, ...],
        live: Callable[[int], int],
        choose: Callable[[Proposition, _V, _V], _V],
    ) -> None:
        self.start, self.live, self.choose = start, live, choose
        self.following: dict[int, tuple[int, ...]] = {}
        self.after: dict[int, tuple[_V, ...]] = {}
        self.tests: dict[int, Proposition] = {}
        self.came_from: dict[int, list[int]] = {}

    def leave(
        self,
        node: int,
        state: tuple[_V, ...],
        test: Proposition,
        following: tuple[int, ...],
        *,
        ends: bool = False,
    ) -> None:
        """Go on behind a node, to the second only where the test may fail, and so on.

        ends: nothing goes on.
        """
        self.after[node], self.tests[node], self.following[node] = state, test, following
        if len(following) == 2 and (test is TRUE or test is FALSE):
            following = following[:1] if test is TRUE else following[1:]
        for target in dict.fromkeys(() if ends else following):
            self.came_from.setdefault(target, []).append(node)

    def state(self, node: int) -> tuple[_V, ...] | None:
        """The values in front of a node; None where no way leads to it."""
        if node == 0:
            return self.start
        sources = self.came_from.get(node)
        if not sources:
            return None
        first = self.after[sources[0]]
        others = {id(after): after for after in map(self.after.__getitem__, sources)}
        parted = [
            place
            for place in bits(self.live(node) if len(others) > 1 else 0)
            if any(other[place] != first[place] for other in others.values())
        ]
        merged = list(first)
        if parted:
            for place, value in zip(parted, self._meet(node, parted), strict=True):
                merged[place] = value
        return tuple(merged)

    def _meet(self, meeting: int, parted: list[int]) -> list[_V]:
        """The values at places in front of a meeting, seen from the last node on every way.

        From the meeting back, the latest node first: once no other is left to go back from, every
        way leads through it.
        """
        seen: dict[int, list[_V]] = {}
        ends = frozenset(self.came_from[meeting])
        known = set(ends)
        waiting = [-source for source in ends]
        heapify(waiting)
        while True:
            node = -heappop(waiting)
            arms = [
                [self.after[node][place] for place in parted] if way == meeting else seen[way]
                for way in self.following[node]
                if (way == meeting and node in ends) or way in seen
            ]
            test = self.tests[node]
            seen[node] = [
                self.choose(test, then, otherwise)
                for then, otherwise in zip(arms[0], arms[-1], strict=True)
            ]
            if not waiting:
                return seen[node]
            for source in self.came_from[node]:
                if source not in known:
                    known.add(source)
                    heappush(waiting, -source)


def bits(number: int) -> list[int]:
    """The places of the bits that are set, the lowest first."""
    found = []
    while number:
        lowest = number & -number
        found.append(lowest.bit_length() - 1)
        number ^= lowest
    return found
