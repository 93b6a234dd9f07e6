"""Loops written out: every slot once for each round, all rounds in front of what follows the loop.

    0: r3 = 20                      0
    1: if r4 == 17 goto 4           1 2 3, and again 1 2 3, and again ...
    2: r3 += 8                      4: what all rounds lead to
    3: goto 1
    4: ...

Source of the nesting: F. Bourdoncle, "Efficient chaotic iteration strategies with widenings", 1993.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final, NamedTuple

from bpfq.errors import UnsupportedError
from bpfq.record import field, record

MOST_ROUNDS: Final = 64  # of one loop


class Nesting(NamedTuple):
    """Where a slot stands: its place in the program, then in each loop around it, and their heads."""

    places: tuple[int, ...]
    heads: tuple[int, ...]


@record(frozen=False)
class Nodes:
    """Numbers for slots in rounds, in the order in which they are to be looked at, 0 is slot 0.

    following: by slot.  order: the slots, each behind those that lead to it but for ways back.
    """

    following: Mapping[int, Sequence[int]]
    order: Sequence[int]
    _nesting: dict[int, Nesting] = field(default_factory=dict)
    _slots: dict[int, tuple[int, tuple[int, ...]]] = field(default_factory=dict)
    _levels: int = 0
    _size: int = 0
    _first: int = 0

    def __post_init__(self) -> None:
        self._nesting.update(_nested(self.following, self.order))
        self._levels = max(len(each.places) for each in self._nesting.values())
        self._size = ((len(self.order) + 1) * MOST_ROUNDS) ** self._levels
        self._first = self._number(0, (0,) * len(self._nesting[0].heads))
        self._slots[0] = 0, (0,) * len(self._nesting[0].heads)

    def slot(self, node: int) -> int:
        return self._slots[node][0]

    def behind(self, node: int, slot: int, phase: int) -> int:
        """The node of a slot that follows a node; raises UnsupportedError for too many rounds.

        phase: all nodes of one stand behind those of the one before.
        """
        origin, before = self._slots[node]
        heads, own = self._nesting[slot].heads, self._nesting[origin].heads
        shared = 0
        while shared < min(len(heads), len(own)) and heads[shared] == own[shared]:
            shared += 1
        rounds = [*before[:shared], *(0 for _ in heads[shared:])]
        if heads and heads[-1] == slot and shared == len(heads):
            rounds[-1] += 1
            if rounds[-1] >= MOST_ROUNDS:
                raise UnsupportedError(f"goes back more than {MOST_ROUNDS - 1} times")
        number = phase * self._size + self._number(slot, tuple(rounds)) - self._first
        self._slots[number] = slot, tuple(rounds)
        return number

    def _number(self, slot: int, rounds: tuple[int, ...]) -> int:
        places = self._nesting[slot].places
        number = 0
        for level in range(self._levels):
            place = places[level] + 1 if level < len(places) else 0
            number = number * (len(self.order) + 1) + place
            number = number * MOST_ROUNDS + (rounds[level] if level < len(rounds) else 0)
        return number


def _nested(following: Mapping[int, Sequence[int]], order: Sequence[int]) -> dict[int, Nesting]:
    found: dict[int, Nesting] = {}
    turn = {slot: number for number, slot in enumerate(order)}
    work: list[tuple[Collection[int], Nesting]] = [(order, Nesting((), ()))]
    while work:
        slots, (places, heads) = work.pop()
        inside = set(slots)
        edges = {
            slot: [to for to in following[slot] if to in inside and to not in heads]
            for slot in slots
        }
        for place, part in enumerate(_parts(edges)):
            head = min(part, key=turn.__getitem__)
            if len(part) == 1 and head not in edges[head]:
                found[head] = Nesting((*places, place), heads)
            else:
                inner = sorted(part, key=turn.__getitem__)
                work.append((inner, Nesting((*places, place), (*heads, head))))
    return found


def _parts(edges: Mapping[int, Sequence[int]]) -> list[list[int]]:
    """Slots that lead to each other together, each part behind those that lead to it.

    Source: R. E. Tarjan, "Depth-first search and linear graph algorithms", 1972.
    """
    index: dict[int, int] = {}
    lowest: dict[int, int] = {}
    held: dict[int, None] = {}
    parts: list[list[int]] = []
    for root in edges:
        work = [(root, 0)] if root not in index else []
        while work:
            slot, at = work.pop()
            if at == 0:
                index[slot] = lowest[slot] = len(index)
                held[slot] = None
            else:
                lowest[slot] = min(lowest[slot], lowest[edges[slot][at - 1]])
            while at < len(edges[slot]):
                to = edges[slot][at]
                at += 1
                if to not in index:
                    work += [(slot, at), (to, 0)]
                    break
                if to in held:
                    lowest[slot] = min(lowest[slot], index[to])
            else:
                if lowest[slot] == index[slot]:
                    part: list[int] = []
                    while not part or part[-1] != slot:
                        part.append(held.popitem()[0])
                    parts.append(part)
    return parts[::-1]
