"""What is known about the value of a term on one edge of the graph.

A domain is an interval, some values excluded from it, bits known to be zero or one, bits of which
some is known to be one, and, where they are few, the possible values themselves.  All operations
are conservative: a domain always contains every value the term can have there.
"""

from __future__ import annotations

from collections.abc import Set

from bpfq.graph.terms import Binary, Constant, Load, Lookup, Term
from bpfq.operators import WORD_MASK, Operator, Relation
from bpfq.record import record, replace

_EXCLUDED_AT_MOST = 16
_VALUES_AT_MOST = 8


@record
class Domain:
    low: int = 0
    high: int = WORD_MASK
    excluded: frozenset[int] = frozenset()
    zeros: int = 0
    ones: int = 0
    values: frozenset[int] | None = None
    some: int = 0  # one of these bits is set, if there are any

    def decide(self, relation: Relation, value: int) -> bool | None:
        """Whether ``term relation value`` must hold, cannot hold, or may."""
        if self.values is not None:
            outcomes = {relation.holds(each, value) for each in self.values}
            return outcomes.pop() if len(outcomes) == 1 else None
        return self._decide_by_bounds(relation, value)

    def _decide_by_bounds(self, relation: Relation, value: int) -> bool | None:
        match relation:
            case Relation.EQ:
                if self.low == self.high == value:
                    return True
                return None if self._may_be(value) else False
            case Relation.GT:
                return True if self.low > value else (False if self.high <= value else None)
            case Relation.GE:
                return True if self.low >= value else (False if self.high < value else None)
            case Relation.SET:
                if self.low == self.high:
                    return self.low & value != 0
                if self.ones & value or self.some and not self.some & ~value:
                    return True
                return None if value & ~self.zeros else False

    def _may_be(self, value: int) -> bool:
        return (
            self.low <= value <= self.high
            and value not in self.excluded
            and not value & self.zeros
            and not ~value & self.ones
            and (not self.some or value & self.some != 0)
        )

    def refine(self, relation: Relation, value: int, outcome: bool) -> Domain:
        """The domain after ``term relation value`` came out so."""
        if self.values is not None:
            return _among({each for each in self.values if relation.holds(each, value) == outcome})
        match relation, outcome:
            case Relation.EQ, True:
                return _among({value})
            case Relation.EQ, False:
                return self._without(value)
            case Relation.GT, True:
                return replace(self, low=max(self.low, value + 1))
            case Relation.GT, False:
                return replace(self, high=min(self.high, value))
            case Relation.GE, True:
                return replace(self, low=max(self.low, value))
            case Relation.GE, False:
                return replace(self, high=min(self.high, value - 1))
            case Relation.SET, True:
                single = value & (value - 1) == 0
                return replace(self, ones=self.ones | value) if single else self._some(value)
            case _:
                return replace(self, zeros=self.zeros | value)

    def _without(self, value: int) -> Domain:
        if value == self.low:
            return replace(self, low=self.low + 1)
        if value == self.high:
            return replace(self, high=self.high - 1)
        if len(self.excluded) >= _EXCLUDED_AT_MOST:
            return self
        return replace(self, excluded=self.excluded | {value})

    def _marked(self) -> int:
        """Bits of which some is known to be set, or none."""
        return self.some or self.ones

    def _some(self, value: int) -> Domain:
        within = self.some and not self.some & ~value  # what is known already says more
        return self if within else replace(self, some=value)

    def join(self, other: Domain) -> Domain:
        """The domain where two edges meet."""
        if self is other:
            return self
        if self.values is not None and other.values is not None:
            both = self.values | other.values
            if len(both) <= _VALUES_AT_MOST:
                return _among(both)
        some, others = self._marked(), other._marked()
        excluded = {v for v in self.excluded if not other._may_be(v)}
        excluded |= {v for v in other.excluded if not self._may_be(v)}
        return Domain(
            min(self.low, other.low),
            max(self.high, other.high),
            frozenset(sorted(excluded)[:_EXCLUDED_AT_MOST]),
            self.zeros & other.zeros,
            self.ones & other.ones,
            some=some | others if some and others else 0,
        )


def _among(values: Set[int]) -> Domain:
    """The domain of a few values; none at all where an edge is impossible."""
    if not values:
        return _NOWHERE
    zeros, ones = WORD_MASK, WORD_MASK
    for value in values:
        zeros &= ~value
        ones &= value
    return Domain(min(values), max(values), frozenset(), zeros, ones, frozenset(values))


ANYTHING = Domain()
_NOWHERE = Domain(low=1, high=0)
_BYTE, _HALF = Domain(high=0xFF, zeros=0xFFFFFF00), Domain(high=0xFFFF, zeros=0xFFFF0000)


def width(term: Term) -> Domain:
    """What the shape of a term says about its value."""
    match term:
        case Load(size=1):
            return _BYTE
        case Load(size=2):
            return _HALF
        case Lookup():
            return _among({0, 1})
        case Binary(Operator.AND, _, Constant(mask)):
            return Domain(high=mask, zeros=WORD_MASK & ~mask)
        case _:
            return ANYTHING
