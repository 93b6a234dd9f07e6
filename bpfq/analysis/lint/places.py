"""Where each part of a query stands: what is certain when it is asked.

tcp and (port 80 or not (vlan and udp))

port 80      certain: tcp
udp          certain: tcp, vlan
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from itertools import islice

from bpfq.query import nodes as q
from bpfq.query.nodes import Query
from bpfq.query.walk import operands
from bpfq.record import record

MOST_SIBLINGS = 32  # operands of a node up to which each is asked about together with the others
_MOST_ASKED = 300  # parts of one filter that are asked about


@record(eq=False)
class Place:
    """One operand of a node; ``parent`` is None for the whole query."""

    node: Query
    parent: Place | None = None
    number: int = 0  # among the parent's operands

    def before(self) -> list[Query]:
        """What holds when this is asked: operands of every ``and`` around it that precede it."""
        found: list[Query] = []
        place: Place | None = self
        while place is not None and place.parent is not None:
            if isinstance(place.parent.node, q.And):
                found += reversed(place.parent.node.operands[: place.number])
            place = place.parent
        return found[::-1]

    def around(self) -> list[Query]:
        """What must hold for this to matter: all other operands of every ``and`` around it."""
        found: list[Query] = []
        place: Place | None = self
        while place is not None and place.parent is not None:
            if isinstance(place.parent.node, q.And):
                at = place.number
                parts = place.parent.node.operands
                found = [*parts[:at], *found, *parts[at + 1 :]]
            place = place.parent
        return found

    def is_inside(self, nodes: Container[int]) -> bool:
        """Whether it is one of the nodes, by id, or part of one."""
        place: Place | None = self
        while place is not None:
            if id(place.node) in nodes:
                return True
            place = place.parent
        return False

    def is_short(self) -> bool:
        """Whether no node around it has so many operands that asking about each costs too much."""
        place = self.parent
        while place is not None:
            if len(operands(place.node)) > MOST_SIBLINGS:
                return False
            place = place.parent
        return True


def places(query: Query) -> Iterator[Place]:
    """Every part of a query, outer before inner, else as written; choices are not entered."""
    work = [Place(query)]
    while work:
        place = work.pop()
        yield place
        if not isinstance(place.node, q.When):
            below = operands(place.node)
            work += [Place(below[n], place, n) for n in range(len(below) - 1, -1, -1)]


def asked(query: Query) -> Iterator[Place]:
    """The parts that are worth a question about all packets each: the first of those in no list."""
    return islice((place for place in places(query) if place.is_short()), _MOST_ASKED)
