"""An expression made shorter without a change of what it says.

    ip and tcp port 80 and not arp    ->  ip and tcp port 80
    ip host A and tcp port 80         ->  host A and tcp port 80      (where the rest implies ip)

Each part may be anything between two sets of packets, given what stands beside it: what the rest of
a conjunction refuses anyway, it may accept.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from bpfq.analysis.decompile.literals import (
    Expression,
    Join,
    Literal,
    cost,
    diagram_of,
    join,
)
from bpfq.analysis.decompile.space import Space
from bpfq.record import record
from bpfq.symbolic.diagram import Diagram

_MOST_ROUNDS = 4
_MOST_PAIRED = 8  # parts of a join
_JOIN = 4  # what a join of two costs beyond them


@record
class Tidy:
    space: Space
    literals: tuple[Literal, ...]  # the cheapest first

    def tidied(self, expression: Expression, least: Diagram, most: Diagram) -> Expression:
        """A shorter expression that is at least ``least`` and at most ``most``, as it is itself."""
        for _ in range(_MOST_ROUNDS):
            shorter = self._part(expression, least, most)
            if cost(shorter) >= cost(expression):
                break
            expression = shorter
        return expression

    def _part(self, expression: Expression, least: Diagram, most: Diagram) -> Expression:
        space = self.space
        for p in self.literals:
            if p.cost >= cost(expression):
                break
            if space.implies(least, p.diagram) and space.implies(p.diagram, most):
                return p
        if not isinstance(expression, Join):
            return expression
        return self._join(expression, least, most)

    def _join(self, expression: Join, least: Diagram, most: Diagram) -> Expression:
        """Each part in turn, the most expensive first; the others as they are by then."""
        space, conjunction = self.space, expression.conjunction
        parts: list[Expression | None] = list(expression.parts)
        for n in sorted(range(len(parts)), key=lambda n: -cost(expression.parts[n])):
            others = [part for m, part in enumerate(parts) if m != n and part is not None]
            low, high = self._between(conjunction, others, least, most)
            if (high is space.all) if conjunction else (low is space.none):
                parts[n] = None
            else:
                parts[n] = self._part(expression.parts[n], low, high)
        return self._paired(
            join(conjunction, [part for part in parts if part is not None]), least, most
        )

    def _paired(self, expression: Expression, least: Diagram, most: Diagram) -> Expression:
        """One literal in place of two: ip and host A -> ip host A."""
        if not isinstance(expression, Join) or len(expression.parts) > _MOST_PAIRED:
            return expression
        for one, other in combinations(expression.parts, 2):
            others = [part for part in expression.parts if part not in (one, other)]
            low, high = self._between(expression.conjunction, others, least, most)
            for p in self.literals:
                if p.cost > cost(one) + cost(other) + _JOIN:
                    break
                if self.space.implies(low, p.diagram) and self.space.implies(p.diagram, high):
                    return join(expression.conjunction, [*others, p])
        return expression

    def _between(
        self, conjunction: bool, others: Sequence[Expression], least: Diagram, most: Diagram
    ) -> tuple[Diagram, Diagram]:
        """What a part may be beside others, so that the join is what it should be."""
        rest = diagram_of(Join(conjunction, tuple(others)), self.space, widest=conjunction)
        if conjunction:
            return least, self.space.either(most, self.space.opposite(rest))
        return self.space.without(least, rest), most
