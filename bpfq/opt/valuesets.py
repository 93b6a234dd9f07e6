"""Which set of values a test of one term asks for.

w[26] & 0xffffff00 = 0x0a000000     w[26] in 0x0a000000 .. 0x0a0000ff
h[34] >= 10 and not h[34] > 20      h[34] in 10 .. 20
"""

from __future__ import annotations

from typing import TypeAlias

from bpfq import intervals
from bpfq.graph.bounds import largest
from bpfq.graph.formula import All, Atom, Formula, Negation, Within
from bpfq.graph.terms import Binary, Constant, Term
from bpfq.operators import Operator, Relation

Sets: TypeAlias = dict[Formula, Within | None]  # formulas as sets, where that was asked before


def as_set(formula: Formula, known: Sets) -> Within | None:
    """A test of one term against constants as a test of a set, where that is an interval."""
    if formula not in known:
        known[formula] = _set_of(formula, known)
    return known[formula]


def _set_of(formula: Formula, known: Sets) -> Within | None:
    match formula:
        case Within():
            return formula
        case Atom(term, relation, Constant(value)) if relation is not Relation.SET:
            bounds = intervals.of(relation, value)
            match term:
                case Binary(Operator.AND, left, Constant(mask)):
                    return _prefix(left, mask, bounds)
                case _:
                    return Within(term, intervals.clipped(bounds, largest(term) + 1))
        case Negation(operand):
            inner = as_set(operand, known)
            return None if inner is None else opposite(inner)
        case All((first, second)):
            low, high = as_set(first, known), as_set(second, known)
            if low is None or high is None or low.term is not high.term:
                return None
            return Within(low.term, intervals.common(low.bounds, high.bounds))
        case _:
            return None


def _prefix(term: Term, mask: int, bounds: intervals.Bounds) -> Within | None:
    """The masked test as an interval, where the mask is a prefix of the term."""
    most = largest(term)
    inside = intervals.masked(mask, bounds, most)
    return Within(term, inside) if inside is not None and len(inside) <= 2 else None


def opposite(within: Within) -> Within:
    """The values of the term that are not in the set."""
    return Within(within.term, intervals.complement(within.bounds, largest(within.term) + 1))
