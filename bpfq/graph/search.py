"""One term, many values: the tests that tell in which piece of its range a value lies.

    0..0x7ff a | 0x800 b | 0x801.. a         =>   = 0x800 ? b : a
    0 a | 1..200 b | 201.. a                 =>   >= 201 ? a : (>= 1 ? b : a)
    a thousand single values b, else a       =>   one test, written out later (``membership``)

Few pieces are split in the best way there is; many in the middle, so that a value is found in a
logarithm of steps.  Source: optimal split trees for small ordered sets by dynamic programming,
after D. E. Knuth, "Optimum Binary Search Trees", 1971.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeAlias

from bpfq.graph.membership import MANY, large_set
from bpfq.graph.nodes import Builder, Node
from bpfq.graph.terms import Members, Term
from bpfq.operators import Relation

_LEAF = 4  # equalities in a row at a leaf of a search
_FEW = 7  # pieces split in the best way


class Piece(NamedTuple):
    """Values from first up to, not including, end lead to exit."""

    first: int
    end: int
    exit: Node


_Pieces: TypeAlias = tuple[Piece, ...]


def separate(builder: Builder, term: Term, pieces: Sequence[Piece]) -> Node:
    """The tests of a term that lead to the exit of the piece its value is in.

    pieces: without gaps, from 0 on.
    """
    return _search(builder, term, merged(pieces))


def members(
    builder: Builder, term: Term, bounds: tuple[int, ...], most: int, yes: Node, no: Node
) -> Node:
    """The tests of whether a term, which is at most ``most``, is in a set.

    bounds: (first, end, first, end, ...), ascending.
    """
    if len(bounds) > 2 * MANY:
        return large_set(builder, term, Members(bounds, most), yes, no)
    edges = (0, *bounds, most + 1)
    exits = (no, yes)
    pieces = (
        Piece(first, end, exits[number % 2])
        for number, (first, end) in enumerate(zip(edges, edges[1:], strict=False))
        if first < end
    )
    return separate(builder, term, tuple(pieces))


def merged(pieces: Iterable[Piece]) -> tuple[Piece, ...]:
    """Neighbours with one exit are one piece."""
    kept: list[Piece] = []
    for piece in pieces:
        if kept and kept[-1].exit is piece.exit:
            kept[-1] = Piece(kept[-1].first, piece.end, piece.exit)
        else:
            kept.append(piece)
    return tuple(kept)


def _search(builder: Builder, term: Term, pieces: _Pieces) -> Node:
    """A leaf, the best tree for few pieces, or a cut in the middle; depth is a logarithm."""
    if len(pieces) == 1:
        return pieces[0].exit
    leaf = _leaf(builder, term, pieces)
    if leaf is not None:
        return leaf
    if len(pieces) <= _FEW:
        return _best(builder, term, pieces, {})[1]
    cut = len(pieces) // 2
    below = _search(builder, term, pieces[:cut])
    above = _search(builder, term, pieces[cut:])
    return builder.test(term, Relation.GE, builder.constant(pieces[cut].first), above, below)


def _leaf(builder: Builder, term: Term, pieces: _Pieces) -> Node | None:
    """Equalities one after the other, where all but single values have one exit."""
    wide = Counter(piece.exit for piece in pieces if piece.end - piece.first > 1)
    if len(wide) != 1:
        return None
    (default,) = wide
    single = [piece for piece in pieces if piece.exit is not default]
    if len(single) > _LEAF:
        return None
    node = default
    for piece in reversed(single):
        node = builder.test(term, Relation.EQ, builder.constant(piece.first), piece.exit, node)
    return node


def _best(
    builder: Builder, term: Term, pieces: _Pieces, known: dict[_Pieces, tuple[int, Node]]
) -> tuple[int, Node]:
    """The fewest tests that part few pieces: at a cut, or one single value against the rest."""
    if len(pieces) == 1:
        return 0, pieces[0].exit
    found = known.get(pieces)
    if found is not None:
        return found
    choices = []
    for at in range(1, len(pieces)):
        below, low = _best(builder, term, pieces[:at], known)
        above, high = _best(builder, term, pieces[at:], known)
        cut = builder.constant(pieces[at].first)
        choices.append((below + above + 1, builder.test(term, Relation.GE, cut, high, low)))
    for at, piece in enumerate(pieces):
        if piece.end - piece.first == 1:
            tests, rest = _best(builder, term, _without(pieces, at), known)
            value = builder.constant(piece.first)
            choices.append((tests + 1, builder.test(term, Relation.EQ, value, piece.exit, rest)))
    best = known[pieces] = min(choices, key=lambda choice: choice[0])
    return best


def _without(pieces: _Pieces, at: int) -> _Pieces:
    """The value of a piece is out of question: a neighbour takes its place."""
    first, end, _ = pieces[at]
    if at:
        left = pieces[at - 1]
        return merged((*pieces[: at - 1], Piece(left.first, end, left.exit), *pieces[at + 1 :]))
    right = pieces[1]
    return merged((Piece(first, right.end, right.exit), *pieces[2:]))
