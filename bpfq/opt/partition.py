"""A field's partition as tests: a search, or a test of masked bits that the filter itself made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from bpfq.graph.nodes import Builder, Node
from bpfq.graph.search import Piece, merged, separate
from bpfq.graph.terms import Term
from bpfq.intervals import masked
from bpfq.operators import WORD_MASK, Operator, Relation

Bits: TypeAlias = tuple[int, int | None]  # a mask, and the value under it; None: any but 0

_ONE_RANGE = 3  # pieces


def part(builder: Builder, term: Term, pieces: Sequence[Piece], bits: Iterable[Bits]) -> Node:
    """The tests that lead to the exit of the piece the term's value is in.

    One masked test where it parts the values just so, and one comparison does not.
    """
    parts = merged(pieces)
    exits = list(dict.fromkeys(piece.exit for piece in parts))
    if len(exits) != 2 or len(parts) == 2:
        return separate(builder, term, parts)
    most = parts[-1].end - 1
    for mask, value in bits:
        if value and len(parts) == _ONE_RANGE:
            continue  # two comparisons take as much as mask and comparison, and keep the field
        inside = masked(mask, (1, WORD_MASK + 1) if value is None else (value, value + 1), most)
        for yes, no in (exits, exits[::-1]):
            held = tuple(edge for p in parts if p.exit is yes for edge in (p.first, p.end))
            if held == inside:
                return _masked_test(builder, term, mask, value, yes, no)
    return separate(builder, term, parts)


def _masked_test(
    builder: Builder, term: Term, mask: int, value: int | None, yes: Node, no: Node
) -> Node:
    constant = builder.constant
    if value is None:
        return builder.test(term, Relation.SET, constant(mask), yes, no)
    if value == 0:
        return builder.test(term, Relation.SET, constant(mask), no, yes)
    under = builder.binary(Operator.AND, term, constant(mask))
    return builder.test(under, Relation.EQ, constant(value), yes, no)
