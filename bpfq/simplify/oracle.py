"""What tests say of each other: diagrams first, then an example, z3 for what is left.

A diagram takes words of the packet as independent; ``related`` knows which share bytes.

Every question is about the total reading: all bytes are there, and no test that can divide by
zero or draws a random number is asked about.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from bpfq.graph import formula as f
from bpfq.graph import terms as t
from bpfq.graph.walk import subterms
from bpfq.operators import Operator
from bpfq.query.nodes import Query, Sample
from bpfq.record import field, record
from bpfq.simplify.example import find
from bpfq.symbolic import propositions as p
from bpfq.symbolic import words as w
from bpfq.symbolic.diagram import MOST_PIECES, Diagram, Diagrams, TooLarge
from bpfq.symbolic.formula import SEQUENTIAL, TOTAL, encode
from bpfq.symbolic.related import related
from bpfq.walk import bottom_up

if TYPE_CHECKING:
    from bpfq.simplify.smt import Solver

Encode = Callable[[Query], f.Formula]

_BUDGET = 40_000  # intervals made for one query, some tens of milliseconds
_MOST_VARIABLES = 100  # of all tests of a query
_MOST_QUESTIONS = 40  # to the solver for one query
_RLIMIT = 1_000_000  # z3 resource units of one question; those that are asked take some 10 000
_MOST_COST = 600  # of one question, in operations on words

_COSTLY = {Operator.MUL: 60, Operator.DIV: 60, Operator.MOD: 60}
_UNEQUAL_EVERY_TIME = "random"  # a metadata word that the kernel draws at each load


@record(frozen=False)
class Oracle:
    """encode: the formula of a query.  questions: those that were asked of the solver."""

    encode: Encode
    questions: int = 0
    diagrams: Diagrams = field(default_factory=lambda: Diagrams(pieces=MOST_PIECES - _BUDGET))
    packet: p.Packet = field(default_factory=p.Packet)
    _leaves: dict[Query, Diagram | None] = field(default_factory=dict)
    _possible: dict[Diagram, bool] = field(default_factory=dict)
    _words: set[object] = field(default_factory=set)
    _solver: Solver | None = None

    # ------------------------------------------------------------ diagrams

    def leaf(self, leaf: Query) -> Diagram | None:
        """Where a primitive holds; None where it can divide by zero or draws a number.

        Raises TooLarge, and whatever lowering raises.
        """
        if leaf not in self._leaves:
            formula = self.encode(leaf)
            fragile = isinstance(leaf, Sample) or is_fragile(formula)
            self._leaves[leaf] = None if fragile else self._diagram(formula)
        return self._leaves[leaf]

    def _diagram(self, formula: f.Formula) -> Diagram:
        proposition = encode(formula, self.packet, TOTAL)
        self._words |= _looked_at(proposition)
        if len(self._words) > _MOST_VARIABLES:
            raise TooLarge
        return self.diagrams.of(proposition)

    def both(self, left: Diagram, right: Diagram) -> Diagram:
        fails = self.diagrams.fails
        return self.diagrams.choose(left, right, fails, fails)

    def either(self, left: Diagram, right: Diagram) -> Diagram:
        return self.diagrams.choose(left, self.diagrams.holds, right, right)

    def opposite(self, diagram: Diagram) -> Diagram:
        fails, holds = self.diagrams.fails, self.diagrams.holds
        return self.diagrams.choose(diagram, fails, holds, holds)

    # ------------------------------------------------------------ questions

    def reads_whenever(self, query: Query, other: Query) -> bool:
        """Whatever packet the first accepts, with the bytes that it has, so does the other.

        Raises TooLarge.
        """
        accepted, also = (
            p.Accepts(encode(self.encode(one), self.packet, SEQUENTIAL)) for one in (query, other)
        )
        outside = self.diagrams.of(p.Every((accepted, p.Opposite(also))))
        return related(self.diagrams, outside, self.packet.words) is p.FALSE

    def impossible(self, diagram: Diagram) -> bool:
        """No packet leads to "holds"; False also where that is not found out."""
        if diagram is self.diagrams.fails or diagram is self.diagrams.holds:
            return diagram is self.diagrams.fails
        possible = self._possible.get(diagram)
        if possible is None:
            possible = find(self.diagrams, diagram) is not None or self._is_solvable(diagram)
            self._possible[diagram] = possible
        return not possible

    def _is_solvable(self, diagram: Diagram) -> bool:
        proposition = related(self.diagrams, diagram, self.packet.words)
        if proposition is p.FALSE:
            return False
        if self.questions >= _MOST_QUESTIONS or _cost(proposition) > _MOST_COST:
            return True
        self.questions += 1
        if self._solver is None:
            from bpfq.simplify.smt import Solver

            self._solver = Solver(self.packet, rlimit=_RLIMIT, wire_is_captured=False)
        return self._solver.check(self._solver.holds(proposition)) != "unsat"


# ---------------------------------------------------------------- what may not be touched


def is_fragile(formula: f.Formula) -> bool:
    """Some test can divide by zero, or draws a random number: it stays where it is."""
    return any(
        _is_unsteady(term) for part in bottom_up((formula,), f.operands) for term in f.terms(part)
    )


def _is_unsteady(term: t.Term) -> bool:
    return t.can_divide_by_zero(term) or any(
        isinstance(part, t.Draw)
        or (isinstance(part, t.Metadata) and part.name == _UNEQUAL_EVERY_TIME)
        for part in subterms(term)
    )


# ---------------------------------------------------------------- how much there is to decide


def _conditions(proposition: p.Proposition) -> list[p.Condition]:
    parts = bottom_up((proposition,), p.operands)
    return [part.condition for part in parts if isinstance(part, p.Decide)]


def _looked_at(proposition: p.Proposition) -> set[object]:
    """The variables that a diagram of the proposition will have."""
    found: set[object] = set()
    for condition in _conditions(proposition):
        match condition:
            case p.Member(word=word):
                found.add(word)
            case p.Order(left=left, right=right):
                found.add((left, right))
            case p.Reaches(base=base, index=index):
                found.add((base, index))
    return found


def _cost(proposition: p.Proposition) -> int:
    """A bound of the work of deciding; a product of two words of the packet is beyond any."""
    conditions = _conditions(proposition)
    total = sum(len(one.bounds) if isinstance(one, p.Member) else 1 for one in conditions)
    words = [word for condition in conditions for word in p.words_of(condition)]
    for word in bottom_up(words, w.operands):
        match word:
            case w.Operation(operator, _, right):
                if operator in _COSTLY and not isinstance(right, w.Number):
                    return _MOST_COST + 1
                total += _COSTLY.get(operator, 1)
            case w.Bytes(index=index) if index is not None:
                total += 4
            case w.Either():
                continue
            case _:
                total += 1
    return total
