"""How many packets take each exit of each test.

0: 100 packets arrive, 60 leave by yes, 39 by no, 1 is cut short before the byte that is read
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from random import getrandbits
from typing import Final

from bpfq.backends.pyfunc import SHORT, Outcome, outcomes
from bpfq.graph.nodes import Node, Test, Verdict
from bpfq.graph.terms import Draw
from bpfq.graph.walk import subterms, topological
from bpfq.record import field, record

_NO_DRAWS: Final[Mapping[object, int]] = {}


@record
class Passed:
    """Of one test.  short: packets that it rejects because they end before what it reads."""

    yes: int
    no: int
    short: int


@record
class Counts:
    """packets: all that were counted, accepted ones among them.

    tests: by their place in the graph's order; what arrives at a test is the sum of its three.
    """

    packets: int
    accepted: int
    tests: tuple[Passed, ...]


@record(frozen=False, eq=False)
class Counter:
    """Runs packets through a graph, test by test."""

    root: Node
    accepted: int = 0
    packets: int = 0
    _order: list[Test] = field(default_factory=list)
    _outcomes: list[Outcome] = field(default_factory=list)
    _exits: list[tuple[int, int]] = field(default_factory=list)  # no, yes; -1 reject, -2 accept
    _taken: list[list[int]] = field(default_factory=list)  # no, yes, short
    _start: int = 0
    _draws: bool = False

    def __post_init__(self) -> None:
        self._order = topological(self.root)
        draws = _draws_of(self._order)
        self._draws = bool(draws)
        self._outcomes = outcomes(self._order, draws)
        places = {test: place for place, test in enumerate(self._order)}

        def place(node: Node) -> int:
            return (-2 if node.accept else -1) if isinstance(node, Verdict) else places[node]

        self._start = place(self.root)
        self._exits = [(place(test.no), place(test.yes)) for test in self._order]
        self._taken = [[0, 0, 0] for _ in self._order]

    def count(self, packet: bytes, wire_length: int) -> bool:
        """One packet, captured bytes and length on the wire; whether it was accepted."""
        self.packets += 1
        at = self._start
        metadata = defaultdict(lambda: getrandbits(32)) if self._draws else _NO_DRAWS
        while at >= 0:
            try:
                way = 1 if self._outcomes[at](packet, wire_length, metadata) else 0
            except SHORT:
                self._taken[at][2] += 1
                return False
            self._taken[at][way] += 1
            at = self._exits[at][way]
        self.accepted += at == -2
        return at == -2

    def counts(self) -> Counts:
        tests = tuple(Passed(yes, no, short) for no, yes, short in self._taken)
        return Counts(self.packets, self.accepted, tests)


def _draws_of(order: list[Test]) -> list[Draw]:
    terms = subterms(*(side for test in order for side in (test.term, test.operand)))
    return [term for term in terms if isinstance(term, Draw)]
