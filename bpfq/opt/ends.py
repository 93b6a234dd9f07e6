"""How far the packet is read before and behind each test of a graph.

    0: h[12] = 0x800 ? 1 : 2      before 1: up to 14      behind 0: up to 24, on every way to accept
    1: b[23] = 6 ? accept : 2
    2: w[20] & 255 = 3 ? accept : reject

Distances are kept for each index of a load.  A longer load is free where the packet was read as far
already, or is going to be wherever it is accepted: a packet cut short is rejected either way.
"""

from __future__ import annotations

from typing import TypeAlias

from bpfq.graph.bounds import largest
from bpfq.graph.nodes import Node, Test, Verdict
from bpfq.graph.terms import Binary, Choose, Load, Lookup, Term
from bpfq.record import record

Reads: TypeAlias = dict[Term | None, int]  # index -> end of the farthest load; None: absolute
_INDICES_AT_MOST = 8
_FARTHEST = 1 << 31


@record
class Ends:
    """before: what every way to a test has read; behind: what every way on to accept reads.

    Where there is no such way (reject) nothing is missing: ``None``.
    """

    before: dict[Node, Reads]
    behind: dict[Node, Reads | None]

    def covered(self, test: Test, exit: Node, index: Term | None, end: int) -> bool:
        """Reading up to ``end`` in the test loses no packet that is accepted behind the exit."""
        if self.before[test].get(index, 0) >= end:
            return True
        behind = self.behind[exit]
        return behind is None or behind.get(index, 0) >= end

    def covers(self, place: Test, test: Test) -> bool:
        """What the test reads, every packet has that is accepted behind the place."""
        return all(self.covered(place, place, index, end) for index, end in _of_test(test).items())


def ends(order: list[Test]) -> Ends:
    """order: every test of a graph, topologically."""
    own = {test: _of_test(test) for test in order}
    before: dict[Node, Reads] = {}
    for test in order:
        read = farther(before.setdefault(test, {}), own[test])
        for exit in (test.yes, test.no):
            before[exit] = common(before[exit], read) if exit in before else read
    behind: dict[Node, Reads | None] = {}
    for test in reversed(order):
        yes, no = _behind(test.yes, behind), _behind(test.no, behind)
        if yes is not None and no is not None:
            behind[test] = farther(common(yes, no), own[test])
        else:
            rest = yes if no is None else no
            behind[test] = None if rest is None else farther(rest, own[test])
    for verdict in (exit for test in order for exit in (test.yes, test.no)):
        if isinstance(verdict, Verdict):
            behind[verdict] = _behind(verdict, behind)
    return Ends(before, behind)


def _behind(node: Node, known: dict[Node, Reads | None]) -> Reads | None:
    if isinstance(node, Verdict):
        return {} if node.accept else None
    return known[node]


def farther(one: Reads, other: Reads) -> Reads:
    """What was read by both together."""
    if all(one.get(index, 0) >= end for index, end in other.items()):
        return one
    made = dict(one)
    for index, end in other.items():
        made[index] = max(end, made.get(index, 0))
    while len(made) > _INDICES_AT_MOST:
        del made[next(index for index in made if index is not None)]
    return made


def common(one: Reads, other: Reads) -> Reads:
    """What was read by either."""
    if one is other:
        return one
    return {index: min(end, other[index]) for index, end in one.items() if index in other}


def _of_test(test: Test) -> Reads:
    return certain(test.term, test.operand)


def certain(*terms: Term) -> Reads:
    """What computing the terms reads for certain, to which end behind each index.

    An index is not negative, so its loads reach past others.
    """
    found: Reads = {}
    work = list(terms)
    while work:
        term = work.pop()
        match term:
            case (
                Load(index, offset, size) | Lookup(_, index, offset, size)
            ) if offset < _FARTHEST:
                end = offset + size
                found[index] = max(end, found.get(index, 0))
                if index is not None:
                    work.append(index)
                    if largest(index) + end < _FARTHEST:
                        found[None] = max(end, found.get(None, 0))
            case Load(index) | Lookup(_, index) if index is not None:
                work.append(index)
            case Binary(left=left, right=right) | Choose(left=left, right=right):
                work += [left, right]
            case _:
                continue
    return found
