"""Sets of packets: what a program accepts and what queries say, as diagrams of one symbolic packet.

Everything is in the total reading, where no load fails: a query that equals a program there differs
from it at most on packets that are cut short, and the proof of the whole looks at those.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise

from bpfq.analysis.subject import program_of
from bpfq.errors import BpfqError
from bpfq.graph.nodes import Builder
from bpfq.headers.linktype import captured_80211
from bpfq.headers.places import Headers
from bpfq.isa.cbpf.instructions import SockFilter
from bpfq.lower.context import Context
from bpfq.lower.lower import lower
from bpfq.operators import WORD_MASK, Operator, Relation
from bpfq.query.nodes import Query
from bpfq.record import field, record
from bpfq.settings import Settings
from bpfq.symbolic import formula
from bpfq.symbolic.diagram import Diagram, Diagrams
from bpfq.symbolic.propositions import (
    FALSE,
    FAULT,
    TRUE,
    Accepts,
    Cases,
    Condition,
    Decide,
    Every,
    Member,
    Opposite,
    Outcome,
    Packet,
    Proposition,
    Reaches,
    Some,
    operands,
)
from bpfq.symbolic.variables import Variable
from bpfq.symbolic.words import Bytes, Operation
from bpfq.walk import bottom_up

_MOST_SAMPLES = 400
_OPERATION = 3  # intervals


class Exhausted(Exception):
    """The work that one program may take is spent."""


@record(frozen=False)
class Space:
    """limit: intervals that diagrams may be made of; work is counted in them, never in seconds.

    Operations count as well, some intervals each.
    """

    settings: Settings
    context: Context
    limit: int
    packet: Packet = field(default_factory=Packet)
    diagrams: Diagrams = field(default_factory=Diagrams)
    operations: int = 0
    _lowered: dict[Query, Proposition | None] = field(default_factory=dict)
    _density: dict[Diagram, float] = field(default_factory=dict)

    # ------------------------------------------------------------ what is compared

    def program(self, words: Sequence[SockFilter]) -> Proposition:
        """What the program decides, with every load taken to succeed."""
        return without_ends(program_of(words, self.settings, self.packet), self.packet)

    def taken_for_granted(self) -> Diagram:
        """What every filter on this link type tests, whatever it says."""
        granted = captured_80211(self.context.headers)
        return self.of(formula.encode(granted, self.packet, formula.TOTAL))

    def proposition(self, query: Query) -> Proposition | None:
        """What a query says; None where the target or the link type cannot see it."""
        if query not in self._lowered:
            try:
                lowered = lower(query, self.context)
                made = formula.encode(lowered, self.packet, formula.TOTAL)
            except BpfqError:
                self._lowered[query] = None
            else:
                self._lowered[query] = without_ends(made, self.packet)
        return self._lowered[query]

    def of(self, proposition: Proposition) -> Diagram:
        """Raises TooLarge."""
        return self.diagrams.of(Accepts(proposition))

    # ------------------------------------------------------------ algebra

    @property
    def all(self) -> Diagram:
        return self.diagrams.holds

    @property
    def none(self) -> Diagram:
        return self.diagrams.fails

    def both(self, left: Diagram, right: Diagram) -> Diagram:
        return self._choose(left, right, self.none)

    def either(self, left: Diagram, right: Diagram) -> Diagram:
        return self._choose(left, self.all, right)

    def opposite(self, one: Diagram) -> Diagram:
        return self._choose(one, self.none, self.all)

    def without(self, left: Diagram, right: Diagram) -> Diagram:
        """Left and not right."""
        return self._choose(right, self.none, left)

    def implies(self, left: Diagram, right: Diagram) -> bool:
        return self.without(left, right) is self.none

    def _choose(self, condition: Diagram, then: Diagram, otherwise: Diagram) -> Diagram:
        self.operations += 1
        if self.diagrams.pieces + _OPERATION * self.operations > self.limit:
            raise Exhausted
        return self.diagrams.choose(condition, then, otherwise, self.none)

    # ------------------------------------------------------------ members

    def density(self, diagram: Diagram) -> float:
        """The share of all packets that are in the set, were all values equally likely."""
        known = self._density
        known.update({self.all: 1.0, self.none: 0.0})
        for node in bottom_up((diagram,), lambda node: node.children, known):
            known[node] = sum(
                share * known[child]
                for share, child in zip(self._shares(node), node.children, strict=True)
            )
        return known[diagram]

    def _shares(self, node: Diagram) -> Iterator[float]:
        first, end = self.domain(self.diagrams.variables[node.level])
        edges = (first, *node.cuts, end)
        return ((after - before) / (end - first) for before, after in pairwise(edges))

    @staticmethod
    def domain(variable: Variable) -> tuple[int, int]:
        """The least value and the end of the values of a variable."""
        return (-1, 2) if isinstance(variable, tuple) else (0, variable.most + 1)

    def member(self, diagram: Diagram) -> dict[int, int]:
        """Values by level of some packet in a set that is not empty; the rarest values first."""
        values: dict[int, int] = {}
        while diagram.children:
            first, end = self.domain(self.diagrams.variables[diagram.level])
            edges = (first, *diagram.cuts, end)
            _, value, below = min(
                (edges[n + 1] - edges[n], edges[n], n)
                for n, child in enumerate(diagram.children)
                if child is not self.none
            )
            values[diagram.level] = value
            diagram = diagram.children[below]
        return values

    def contains(self, diagram: Diagram, values: Mapping[int, int]) -> bool:
        """Whether the packet is in the set; values that are not given are 0."""
        while diagram.children:
            value = values.get(diagram.level, 0)
            diagram = diagram.children[bisect_right(diagram.cuts, value)]
        return diagram is self.all


@record(frozen=False)
class Samples:
    """Packets that tell sets apart without making a diagram; a set's members are bits."""

    space: Space
    packets: list[dict[int, int]] = field(default_factory=list)
    _members: dict[Diagram, tuple[int, int]] = field(default_factory=dict)  # bits, of how many

    def add(self, diagram: Diagram) -> None:
        """Some member of a set that is not empty."""
        if len(self.packets) < _MOST_SAMPLES:
            self.packets.append(self.space.member(diagram))

    def members(self, diagram: Diagram) -> int:
        bits, known = self._members.get(diagram, (0, 0))
        if known < len(self.packets):
            for n in range(known, len(self.packets)):
                bits |= self.space.contains(diagram, self.packets[n]) << n
            self._members[diagram] = bits, len(self.packets)
        return bits


def space_of(settings: Settings, limit: int) -> Space:
    headers = Headers(Builder(), settings.target, settings.link, settings.savefile, frozenset())
    return Space(settings, Context(headers, settings.options), limit)


def conditions(proposition: Proposition) -> tuple[Condition, ...]:
    """Every condition that is tested, each before those that may be tested after it."""
    # backwards, so that what is evaluated first is finished last
    finished = list(bottom_up((proposition,), lambda part: operands(part)[::-1]))
    found = (part.condition for part in reversed(finished) if isinstance(part, Decide))
    return tuple(dict.fromkeys(found))


def without_ends(proposition: Proposition, packet: Packet) -> Proposition:
    """The same with every byte captured: a test whether bytes were captured always holds."""
    return rewritten(proposition, lambda condition: _plain(condition, packet), packet)


def rewritten(
    proposition: Proposition,
    write: Callable[[Condition], Proposition | None],
    packet: Packet,
) -> Proposition:
    """The same over other conditions; None for one that stays as it is."""
    made: dict[Proposition, Proposition] = {}
    for part in bottom_up((proposition,), operands):
        made[part] = _remade(part, made, write, packet)
    return made[proposition]


def _remade(
    current: Proposition,
    made: Mapping[Proposition, Proposition],
    write: Callable[[Condition], Proposition | None],
    packet: Packet,
) -> Proposition:
    below = tuple(made[part] for part in operands(current))
    match current:
        case Decide(condition):
            if below[0] is below[1]:
                return below[0]
            instead = write(condition)
            if instead is None:
                return packet.decide(condition, *below)
            return packet.choose(instead, *below)
        case Cases():
            return _cases(*below)
        case Every():
            return Every(below)
        case Some():
            return Some(below)
        case Opposite():
            return Opposite(*below)
        case Accepts():
            return Accepts(*below)
        case Outcome():
            return current


def _plain(condition: Condition, packet: Packet) -> Proposition:
    """The condition in the one form that programs and queries share.

    bytes 4 at 14 & 0xffff  ->  bytes 2 at 16
    a - b = 0               ->  a = b
    """
    match condition:
        case Reaches():
            return TRUE
        case Member(Operation(Operator.AND, Bytes(base, index, offset, size), mask), bounds) if (
            mask.most <= 0xFFFF and size > (short := 1 if mask.most <= 0xFF else 2)
        ):
            low = packet.words.bytes(base, index, offset + size - short, short)
            return packet.member(packet.words.operation(Operator.AND, low, mask), bounds)
        case Member(Operation(Operator.SUB, left, right), (0, 1)):
            return packet.compare(left, Relation.EQ, right)
        case Member(Operation(Operator.SUB, left, right), (1, end)) if end > WORD_MASK:
            return packet.choose(packet.compare(left, Relation.EQ, right), FALSE, TRUE)
        case _:
            return packet.decide(condition, TRUE, FALSE)


def _cases(condition: Proposition, then: Proposition, otherwise: Proposition) -> Proposition:
    if isinstance(condition, Every):
        parts = [part for part in condition.operands if part is not TRUE]
        condition = TRUE if not parts else Every(tuple(parts))
    if condition is TRUE:
        return then
    return FALSE if condition is FAULT else Cases(condition, then, otherwise)
