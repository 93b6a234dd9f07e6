"""The order of an expression's parts, which is that of the text and decides about short packets.

Unproved orders are not wrong: they may accept a packet that is cut short where the program, which
reads on before it decides, does not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import TypeAlias

from bpfq.analysis.decompile.literals import Expression, Join, Literal, under_of
from bpfq.query import nodes
from bpfq.query.walk import SHIFTING

_Key: TypeAlias = Callable[[Literal], int]

_LAST = 1 << 30


def arrangements(expression: Expression) -> Iterator[Expression]:
    """By the first test of each primitive that no other has, by its last test, and backwards."""
    shared = Counter(place for literal in _literals(expression) for place in set(literal.places))

    def own(literal: Literal) -> int:
        alone = [place for place in literal.places if shared[place] == 1]
        return min(alone or literal.places, default=_LAST)

    yield _ordered(expression, own)
    yield _ordered(expression, lambda literal: literal.place)
    yield _ordered(expression, lambda literal: -literal.place)


def _literals(expression: Expression) -> Iterator[Literal]:
    match expression:
        case Literal():
            yield expression
        case Join(parts=parts):
            for part in parts:
                yield from _literals(part)
        case _:
            return


def _ordered(expression: Expression, key: _Key) -> Expression:
    """What stands behind encapsulations comes last."""
    if not isinstance(expression, Join):
        return expression
    parts = [_ordered(part, key) for part in expression.parts]
    parts.sort(key=lambda part: (_level(part), min(map(key, _literals(part)), default=_LAST)))
    return Join(expression.conjunction, tuple(parts))


def _level(expression: Expression) -> int:
    """How far behind encapsulations it leads; an encapsulation itself, half a step further."""
    match expression:
        case Literal(query):
            shifts = isinstance(query, nodes.Encapsulation) and query.kind in SHIFTING
            return 2 * len(under_of(query)) + shifts
        case Join(parts=parts):
            return max(map(_level, parts), default=0)
        case _:
            return 0
