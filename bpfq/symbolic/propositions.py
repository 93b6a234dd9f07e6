"""Propositions: what holds of one symbolic packet, with a third outcome.

    TRUE, FALSE      the test holds, or not
    FAULT            the filter ends here and rejects: a load past the captured bytes, a division
                     by zero

Operands are evaluated from left to right and stop early, so ``Every((FALSE, FAULT))`` is FALSE.
A whole filter accepts where its proposition is TRUE.
"""

from __future__ import annotations

from typing import TypeAlias, assert_never

from bpfq import intervals
from bpfq.intervals import Bounds
from bpfq.operators import WORD_MASK, Operator, Relation
from bpfq.record import field, record
from bpfq.symbolic.words import MOST_ALTERNATIVES, Either, Number, Operation, Word, Words

_MOST_TESTS = 64  # a test of a choice is moved into its arms up to here

MOST_CAPTURED = 1 << 31  # bytes; a packet's length is a signed int in every kernel


# ---------------------------------------------------------------- conditions: two outcomes


@record(eq=False)
class Member:
    """The word is in the set."""

    word: Word
    bounds: Bounds


@record(eq=False)
class Order:
    """How two words compare is one of ``outcomes``: -1, 0, 1 for less, equal, greater."""

    left: Word
    right: Word
    outcomes: frozenset[int]


@record(eq=False)
class Reaches:
    """At least ``index + end`` bytes from ``base`` were captured; the sum does not wrap."""

    base: str
    index: Word | None
    end: int


Condition: TypeAlias = Member | Order | Reaches


def words_of(condition: Condition) -> tuple[Word, ...]:
    """The words that a condition looks at."""
    match condition:
        case Member(word=word):
            return (word,)
        case Order(left=left, right=right):
            return (left, right)
        case Reaches(index=index):
            return () if index is None else (index,)
        case _:
            assert_never(condition)


# ---------------------------------------------------------------- propositions: three outcomes


@record(eq=False)
class Outcome:
    name: str

    def __reduce__(self) -> str:
        return self.name


TRUE, FALSE, FAULT = Outcome("TRUE"), Outcome("FALSE"), Outcome("FAULT")


@record(eq=False)
class Decide:
    condition: Condition
    then: Proposition
    otherwise: Proposition


@record(eq=False)
class Opposite:
    """TRUE and FALSE swapped; FAULT stays."""

    operand: Proposition


@record(eq=False)
class Every:
    operands: tuple[Proposition, ...]


@record(eq=False)
class Some:
    operands: tuple[Proposition, ...]


@record(eq=False)
class Cases:
    condition: Proposition
    then: Proposition
    otherwise: Proposition


@record(eq=False)
class Accepts:
    """TRUE where the operand is TRUE, else FALSE: the filter's verdict."""

    operand: Proposition


Proposition: TypeAlias = Outcome | Decide | Opposite | Every | Some | Cases | Accepts


def operands(proposition: Proposition) -> tuple[Proposition, ...]:
    match proposition:
        case Decide(then=then, otherwise=otherwise):
            return (then, otherwise)
        case Opposite(operand) | Accepts(operand):
            return (operand,)
        case Every(parts) | Some(parts):
            return parts
        case Cases(condition, then, otherwise):
            return (condition, then, otherwise)
        case _:
            return ()


# ---------------------------------------------------------------- the packet


@record(frozen=False)
class Packet:
    """Makes words and propositions of one packet; equal conditions are the same object."""

    words: Words = field(default_factory=Words)
    _conditions: dict[tuple[object, ...], Condition] = field(default_factory=dict)
    _decisions: dict[tuple[object, ...], Decide] = field(default_factory=dict)

    def decide(
        self, condition: Condition, then: Proposition, otherwise: Proposition
    ) -> Proposition:
        """``then`` where the condition holds; an arm that asks for it again is told."""
        if isinstance(then, Decide) and then.condition is condition:
            then = then.then
        if isinstance(otherwise, Decide) and otherwise.condition is condition:
            otherwise = otherwise.otherwise
        if then is otherwise:
            return then
        key = (condition, then, otherwise)
        found = self._decisions.get(key)
        if found is None:
            found = self._decisions[key] = Decide(condition, then, otherwise)
        return found

    def choose(
        self, condition: Proposition, then: Proposition, otherwise: Proposition
    ) -> Proposition:
        """Without a fault in the condition: ``then`` where it is TRUE, else ``otherwise``."""
        match condition:
            case Outcome():
                return otherwise if condition is FALSE else then
            case _ if then is otherwise:
                return then
            case _ if then is TRUE and otherwise is FALSE:
                return condition
            case Decide(test, TRUE_, FALSE_) if TRUE_ is TRUE and FALSE_ is FALSE:
                return self.decide(test, then, otherwise)
            case Decide(test, FALSE_, TRUE_) if TRUE_ is TRUE and FALSE_ is FALSE:
                return self.decide(test, otherwise, then)
            case _:
                return Cases(condition, then, otherwise)

    # ------------------------------------------------------------ comparisons of words

    def compare(self, left: Word, relation: Relation, right: Word) -> Proposition:
        """TRUE or FALSE: whether the relation holds; unsigned."""
        if relation is Relation.SET:
            common = self.words.operation(Operator.AND, left, right)
            return self.member(common, (1, WORD_MASK + 1))
        if isinstance(right, Number):
            return self.member(left, intervals.of(relation, right.value))
        if isinstance(left, Number):
            return self.member(right, intervals.mirrored(relation, left.value))
        if left is right:
            return FALSE if relation is Relation.GT else TRUE
        for this, that, swapped in ((left, right, False), (right, left, True)):
            many = this.alternatives * that.alternatives
            if isinstance(this, Either) and many <= MOST_ALTERNATIVES:
                return self.choose(
                    this.condition,
                    self._compared(this.then, relation, that, swapped),
                    self._compared(this.otherwise, relation, that, swapped),
                )
        return self._order(left, relation, right)

    def _compared(self, left: Word, relation: Relation, right: Word, swapped: bool) -> Proposition:
        return (
            self.compare(right, relation, left) if swapped else self.compare(left, relation, right)
        )

    def _order(self, left: Word, relation: Relation, right: Word) -> Proposition:
        outcomes = {
            Relation.EQ: frozenset((0,)), Relation.GT: frozenset((1,)),
            Relation.GE: frozenset((0, 1)),
        }[relation]  # fmt: skip
        if right.number < left.number:
            left, right, outcomes = right, left, frozenset(-one for one in outcomes)
        key = ("order", left, right, outcomes)
        found = self._conditions.get(key)
        if found is None:
            found = self._conditions[key] = Order(left, right, outcomes)
        return self.decide(found, TRUE, FALSE)

    def member(self, word: Word, bounds: Bounds) -> Proposition:
        """Whether the word is in the set, brought to a test of what the word is computed from."""
        while True:
            bounds = intervals.clipped(bounds, word.most + 1)
            if not bounds:
                return FALSE
            if bounds == (0, word.most + 1):
                return TRUE
            match word:
                case Number(value=value):
                    return TRUE if intervals.contains(bounds, value) else FALSE
                case Either(condition, then, otherwise) if word.alternatives <= _MOST_TESTS:
                    return self.choose(
                        condition, self.member(then, bounds), self.member(otherwise, bounds)
                    )
                case Operation(operator, left, Number(value=value)):
                    earlier = intervals.before(operator, value, bounds, left.most)
                    if earlier is None:
                        break
                    word, bounds = left, earlier
                case _:
                    break
        key = ("member", word, bounds)
        found = self._conditions.get(key)
        if found is None:
            found = self._conditions[key] = Member(word, bounds)
        return self.decide(found, TRUE, FALSE)

    # ------------------------------------------------------------ what a computation needs

    def captured(self, base: str, index: Word | None, end: int) -> Proposition:
        """TRUE where index + end bytes from base were captured, else FAULT."""
        if isinstance(index, Either) and index.alternatives <= MOST_ALTERNATIVES:
            return self.choose(
                index.condition,
                self.captured(base, index.then, end),
                self.captured(base, index.otherwise, end),
            )
        index, end = self.words.address(index, end)
        if index is None and end > MOST_CAPTURED:
            return FAULT
        key = ("reaches", base, index, end)
        found = self._conditions.get(key)
        if found is None:
            found = self._conditions[key] = Reaches(base, index, end)
        return self.decide(found, TRUE, FAULT)

    def nonzero(self, divisor: Word) -> Proposition:
        """TRUE where the divisor is not zero, else FAULT."""
        return self.choose(self.member(divisor, (0, 1)), FAULT, TRUE)


def every(*parts: Proposition) -> Proposition:
    kept = []
    for part in parts:
        if part is TRUE:
            continue
        kept.append(part)
        if part is FALSE or part is FAULT:
            break
    return TRUE if not kept else kept[0] if len(kept) == 1 else Every(tuple(kept))
