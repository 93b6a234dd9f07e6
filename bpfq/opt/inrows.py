"""Searches for one of many values as rows of comparisons: the shortest way to tell them apart.

    >= 110 ? 1 : 2                       = 25 ? accept : 1
    1: = 110 ? accept : 3                1: = 80 ? accept : 2
    2: = 25 ? accept : 4                 2: = 110 ? accept : 3
    3: = 143 ? accept : reject     =>    3: = 143 ? accept : reject
    4: = 80 ? accept : reject

A cut between two values is one comparison more than a row of them has.  Whatever was loaded is
loaded still: only comparisons of one term with constants change places.
"""

from __future__ import annotations

from typing import TypeAlias

from bpfq import intervals
from bpfq.graph.bounds import largest
from bpfq.graph.nodes import Builder, Node, Test
from bpfq.graph.search import Piece, merged, separate
from bpfq.graph.terms import Constant, Term
from bpfq.graph.walk import topological
from bpfq.intervals import Bounds
from bpfq.operators import Relation

_LEAST, _MOST = 4, 64  # comparisons of a search

_Single: TypeAlias = tuple[int, Node]


def in_rows(root: Node, builder: Builder) -> Node:
    """The graph with every search that a row of comparisons is shorter than as such a row."""
    order = topological(root)
    entered: dict[Node, set[Term | None]] = {root: {None}}
    for test in order:
        for exit in (test.yes, test.no):
            entered.setdefault(exit, set()).add(test.term if _compares(test) else None)
    new: dict[Node, Node] = {}
    for test in reversed(order):
        made: Node | None = None
        if _compares(test) and entered[test] != {test.term}:
            made = _row(test, new, builder)
        if made is None:
            yes, no = new.get(test.yes, test.yes), new.get(test.no, test.no)
            made = builder.test(test.term, test.relation, test.operand, yes, no)
        new[test] = made
    return new.get(root, root)


def _compares(test: Test) -> bool:
    return isinstance(test.operand, Constant) and test.relation is not Relation.SET


def _row(entry: Test, new: dict[Node, Node], builder: Builder) -> Node | None:
    """The row in the place of the search that begins with a test, if it is shorter."""
    comparisons, exits = _search(entry)
    if not _LEAST <= comparisons <= _MOST:
        return None
    pieces = [
        Piece(first, end, new.get(exit, exit))
        for exit, inside in exits
        for first, end in zip(inside[::2], inside[1::2], strict=True)
    ]
    singles, rest = _apart(merged(sorted(pieces, key=lambda piece: piece.first)))
    if len(singles) + len(rest) - 1 >= comparisons:
        return None
    made = separate(builder, entry.term, rest)
    for value, exit in reversed(singles):
        made = builder.test(entry.term, Relation.EQ, builder.constant(value), exit, made)
    return made


def _search(entry: Test) -> tuple[int, list[tuple[Node, Bounds]]]:
    """How many comparisons of one term stand together, and for which values each exit is left."""
    end = largest(entry.term) + 1
    work: list[tuple[Node, Bounds]] = [(entry, (0, end))]
    exits: list[tuple[Node, Bounds]] = []
    met: set[Node] = set()
    while work and len(met) <= _MOST:
        node, inside = work.pop()
        if not isinstance(node, Test) or node.term is not entry.term or not _compares(node):
            exits.append((node, inside))
            continue
        met.add(node)
        assert isinstance(node.operand, Constant) and node.relation is not Relation.SET
        holds = intervals.clipped(intervals.of(node.relation, node.operand.value), end)
        for exit, values in ((node.yes, holds), (node.no, intervals.complement(holds, end))):
            left = intervals.common(inside, values)
            if left:
                work.append((exit, left))
    return len(met), exits


def _apart(pieces: tuple[Piece, ...]) -> tuple[list[_Single], list[Piece]]:
    """Single values between pieces of one exit, and the pieces without them."""
    singles: list[_Single] = []
    kept: list[Piece] = []
    for piece in pieces:
        if len(kept) > 1 and kept[-2].exit is piece.exit and kept[-1].end == kept[-1].first + 1:
            single = kept.pop()
            singles.append((single.first, single.exit))
            piece = Piece(kept.pop().first, piece.end, piece.exit)
        kept.append(piece)
    return singles, kept
