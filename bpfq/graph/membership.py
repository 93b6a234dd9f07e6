"""Is a value in a large set: the comparisons of a search.

    {3, 7, 20-29, 41}, two equalities a leaf

    0: = 41 ? inside : outside           3: = 7 ? inside : outside
    1: >= 30 ? 0 : inside                4: = 3 ? inside : 3
    2: >= 20 ? 1 : 4, the entry          (every comparison leads to earlier ones)

A leaf is a row of equalities.  Long ones make the program short, short ones make it quick: of n
single values, n / leaf comparisons more than n, and a logarithm of n / leaf before the row.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from bpfq.graph.nodes import ACCEPT, REJECT, Builder, Node, Test
from bpfq.graph.terms import Load, Members, Term
from bpfq.graph.walk import topological
from bpfq.operators import Operator, Relation
from bpfq.record import field, record

LEAF = 4  # equalities in a row
MANY = 16  # intervals; sets with fewer are written out at once
_MASKING = 3  # comparisons that are worth another instruction before the search
OUTSIDE, INSIDE = -1, -2  # of the intervals; other exits have numbers below


class Comparison(NamedTuple):
    """With a constant; yes and no are numbers of comparisons, or exits."""

    relation: Relation
    value: int
    yes: int
    no: int


def comparisons(members: Members, leaf: int = LEAF) -> list[Comparison]:
    """The search, its entry last; leaf: at most so many equalities in a row.

    members: not empty, and not all there is.
    """
    return search(members, [INSIDE] * (len(members.bounds) // 2), leaf)


def search(members: Members, exits: Sequence[int], leaf: int = LEAF) -> list[Comparison]:
    """The search for intervals that lead to different exits, its entry last."""
    finding = _Search(members, exits, leaf)
    finding.part(0, len(exits), 0, members.most + 1)
    return finding.made


def weight(members: Members) -> int:
    """Comparisons of the shortest search, a row of equalities and bounds."""
    pairs = zip(members.bounds[::2], members.bounds[1::2], strict=True)
    return sum(1 if end == first + 1 else 2 for first, end in pairs)


@record(frozen=False)
class _Search:
    members: Members
    exits: Sequence[int]
    leaf: int
    made: list[Comparison] = field(default_factory=list)
    first: tuple[int, ...] = ()
    end: tuple[int, ...] = ()
    weights: tuple[int, ...] = ()  # of the intervals before each

    def __post_init__(self) -> None:
        self.first, self.end = self.members.bounds[::2], self.members.bounds[1::2]
        pairs = zip(self.first, self.end, strict=True)
        self.weights = (0, *accumulate(1 if end == first + 1 else 2 for first, end in pairs))

    def part(self, at: int, to: int, low: int, high: int) -> int:
        """Tell the intervals from at up to to, for values from low up to high; the entry.

        Recursion as deep as the search.
        """
        count, load = to - at, self.weights[to] - self.weights[at]
        if count == load <= self.leaf:
            return self._row(at, to)
        if count == 1:
            return self._interval(at, low, high)
        leaves = max(2, -(-load // self.leaf))  # of which one half are below, full ones
        half = self.weights[at] + load * (leaves // 2) // leaves
        middle = bisect_left(self.weights, half, at + 1, to - 1)
        cut = self.first[middle]
        below = self.part(at, middle, low, cut)
        above = self.part(middle, to, cut, high)
        return self._add(Relation.GE, cut, above, below)

    def _row(self, at: int, to: int) -> int:
        entry = OUTSIDE
        for number in range(to - 1, at - 1, -1):
            entry = self._add(Relation.EQ, self.first[number], self.exits[number], entry)
        return entry

    def _interval(self, number: int, low: int, high: int) -> int:
        entry = self.exits[number]
        if self.end[number] < high:
            entry = self._add(Relation.GE, self.end[number], OUTSIDE, entry)
        if self.first[number] > low:
            entry = self._add(Relation.GE, self.first[number], entry, OUTSIDE)
        return entry

    def _add(self, relation: Relation, value: int, yes: int, no: int) -> int:
        self.made.append(Comparison(relation, value, yes, no))
        return len(self.made) - 1


def large_set(builder: Builder, term: Term, members: Members, yes: Node, no: Node) -> Node:
    """One test of membership."""
    term, members = _narrowed(builder, term, members)
    operand = builder.members(members.bounds, members.most)
    return builder.test(term, Relation.EQ, operand, yes, no)


def switch(
    builder: Builder, term: Term, members: Members, exits: Sequence[Node], default: Node
) -> Node:
    """The tests that lead to the exit of the interval the term is in, or to the default."""
    numbers = {node: INSIDE - at for at, node in enumerate(dict.fromkeys(exits))}
    term, members = _narrowed(builder, term, members)
    found = search(members, [numbers[node] for node in exits])
    places = {number: node for node, number in numbers.items()}
    return _built(builder, term, found, {**places, OUTSIDE: default})


def _narrowed(builder: Builder, term: Term, members: Members) -> tuple[Term, Members]:
    """Without the low bits of the term where that makes single values of intervals."""
    zeros = min((edge & -edge).bit_length() - 1 for edge in members.bounds if edge)
    if zeros >= 16 and isinstance(term, Load) and term.size == 4 and not builder.keep_loads:
        size = 1 if zeros >= 24 else 2
        shift = 32 - 8 * size
        term = builder.load(term.index, term.offset, size)
        members = Members(tuple(edge >> shift for edge in members.bounds), members.most >> shift)
        zeros -= shift
    if zeros:
        masked = _without_low_bits(members, zeros)
        if weight(masked) + _MASKING < weight(members):
            term = builder.binary(Operator.AND, term, builder.constant(masked.most))
            members = masked
    return term, members


def _without_low_bits(members: Members, count: int) -> Members:
    """The members with their low bits 0; an interval of values that differ there is one value."""
    bounds: list[int] = []
    for first, end in zip(members.bounds[::2], members.bounds[1::2], strict=True):
        bounds += (first, first + 1 if end == first + (1 << count) else end)
    return Members(tuple(bounds), members.most >> count << count)


def written_out(root: Node, builder: Builder) -> Node:
    """The graph with every test of a large set as the comparisons of a search."""
    order = topological(root)
    if not any(isinstance(test.operand, Members) for test in order):
        return root
    new: dict[Node, Node] = {ACCEPT: ACCEPT, REJECT: REJECT}
    for test in reversed(order):
        yes, no = new[test.yes], new[test.no]
        if isinstance(test.operand, Members):
            new[test] = _searched(test, test.operand, yes, no, builder)
        else:
            new[test] = builder.test(test.term, test.relation, test.operand, yes, no)
    return new[root]


def _searched(test: Test, members: Members, yes: Node, no: Node, builder: Builder) -> Node:
    return _built(builder, test.term, comparisons(members), {INSIDE: yes, OUTSIDE: no})


def _built(
    builder: Builder, term: Term, found: Sequence[Comparison], places: dict[int, Node]
) -> Node:
    """places: the exits by number."""
    entry = places[OUTSIDE]
    for number, (relation, value, yes, no) in enumerate(found):
        entry = places[number] = builder.test(
            term, relation, builder.constant(value), places[yes], places[no]
        )
    return entry
