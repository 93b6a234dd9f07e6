"""How tests come out on the samples of a profile.

    b[23] = 6       holds on 454 of 1004, does not on 540, and 10 end before byte 23

Sets of samples are the bits of a number: sample n is bit n.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from bpfq.graph.nodes import Node, Test
from bpfq.graph.terms import (
    Binary,
    Choose,
    Constant,
    Draw,
    Load,
    Lookup,
    Members,
    Metadata,
    Term,
    WireLength,
    operands,
)
from bpfq.operators import DivisionByZero, Operator, Relation, calculate, wrap
from bpfq.opt.profile import Column, Profile
from bpfq.record import field, record


@record(eq=False, frozen=False)
class Observed:
    """The outcomes of the tests of one builder."""

    profile: Profile
    _values: dict[Term, Column] = field(default_factory=dict)
    _outcomes: dict[tuple[Term, Relation, Term], tuple[int, int]] = field(default_factory=dict)
    _planes: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        weights = self.profile.weights
        self._planes = tuple(
            sum(1 << number for number, weight in enumerate(weights) if weight >> plane & 1)
            for plane in range(max(weights, default=0).bit_length())
        )

    @property
    def everything(self) -> int:
        return (1 << len(self.profile.samples)) - 1

    def weight(self, samples: int) -> int:
        """The summed weight of some samples."""
        return sum(
            [(samples & plane).bit_count() << place for place, plane in enumerate(self._planes)]
        )

    def outcome(self, test: Test) -> tuple[int, int]:
        """The samples on which a test holds, and those on which it does not; short ones neither."""
        key = (test.term, test.relation, test.operand)
        found = self._outcomes.get(key)
        if found is None:
            found = self._outcomes[key] = self._compared(*key)
        return found

    def arriving(self, order: Sequence[Test], root: Node) -> dict[Node, int]:
        """The samples that reach each node; order: all tests, topologically."""
        reached: dict[Node, int] = {root: self.everything}
        for test in order:
            here = reached.get(test, 0)
            for outcome, exit in zip(self.outcome(test), (test.yes, test.no), strict=True):
                reached[exit] = reached.get(exit, 0) | outcome & here
        return reached

    def _compared(self, term: Term, relation: Relation, operand: Term) -> tuple[int, int]:
        yes, no, bit = 0, 0, 1
        left = self._column(term)
        if isinstance(operand, Members):
            inside = operand.bounds
            left = [None if value is None else bisect_right(inside, value) & 1 for value in left]
        right = self._column(operand)
        holds = relation.holds
        for one, other in zip(left, right, strict=True):
            if one is not None and other is not None:
                if one == other if relation is Relation.EQ else holds(one, other):
                    yes |= bit
                else:
                    no |= bit
            bit <<= 1
        return yes, no

    def _column(self, term: Term) -> Column:
        work = [term]
        while work:
            current = work[-1]
            waiting = [part for part in operands(current) if part not in self._values]
            if waiting:
                work += waiting
                continue
            work.pop()
            if current not in self._values:
                self._values[current] = self._computed(current)
        return self._values[term]

    def _computed(self, term: Term) -> Column:
        """The values of a term whose parts are done."""
        samples, values = self.profile.samples, self._values
        match term:
            case Constant(value):
                return [value] * len(samples)
            case Members():
                return [1] * len(samples)
            case WireLength():
                return [sample.length for sample in samples]
            case Metadata(name):
                return self.profile.words(name)
            case Draw():
                return self.profile.words("random")
            case Load(None | Constant(), offset, size):
                start = term.index.value if isinstance(term.index, Constant) else 0
                return self.profile.column(wrap(start + offset), size)
            case Load(index, offset, size) if index is not None:
                places = zip(samples, values[index], strict=True)
                return [
                    None if at is None else sample.load(wrap(at + offset), size)
                    for sample, at in places
                ]
            case Lookup(_, index, offset, size):
                indices: Column = [0] * len(samples)
                if isinstance(index, Constant):
                    indices = [index.value] * len(samples)
                elif index is not None:
                    indices = values[index]
                return [
                    None if at is None or sample.load(wrap(at + offset), 1) is None else 0
                    for sample, at in zip(samples, indices, strict=True)
                ]
            case Binary(operator, left, right):
                pairs = zip(values[left], values[right], strict=True)
                return [_calculated(operator, one, other) for one, other in pairs]
            case Choose():
                return self._chosen(term)
            case _:
                raise AssertionError(term)

    def _chosen(self, term: Choose) -> Column:
        found: Column = []
        parts = (term.left, term.right, term.then, term.otherwise)
        for left, right, then, otherwise in zip(*(self._values[p] for p in parts), strict=True):
            if left is None or right is None:
                found.append(None)
            else:
                found.append(then if term.relation.holds(left, right) else otherwise)
        return found


def _calculated(operator: Operator, left: int | None, right: int | None) -> int | None:
    if left is None or right is None:
        return None
    try:
        return calculate(operator, left, right)
    except DivisionByZero:
        return None
