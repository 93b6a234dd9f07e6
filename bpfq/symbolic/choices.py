"""Words with choices inside, as diagrams whose leaves are words without.

    bytes at either(c, w, either(d, v, w)) + 4    =>    c: [w + 4], else d: [v + 4], else [w + 4]

A condition on such a word becomes conditions on the leaves.  Ways that lead to the same word end
in one leaf, so a word that a program chooses in another order is the same diagram.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import TYPE_CHECKING, assert_never

from bpfq.operators import Relation
from bpfq.record import field, record
from bpfq.symbolic.propositions import (
    TRUE,
    Condition,
    Member,
    Order,
    Packet,
    Proposition,
    Reaches,
    words_of,
)
from bpfq.symbolic.words import Bytes, Either, Held, Operation, Word, operands
from bpfq.walk import bottom_up

if TYPE_CHECKING:
    from bpfq.symbolic.diagram import Diagram, Diagrams


@record(frozen=False)
class Choices:
    """The words with choices of one ``Diagrams``.

    leaves: the most of an operand's diagram; with more it becomes one word that stands for itself,
    the same for all words of the same diagram.
    """

    diagrams: Diagrams
    packet: Packet
    leaves: int
    _parted: dict[Word, bool] = field(default_factory=dict)
    _made: dict[Word, Diagram] = field(default_factory=dict)
    _operands: dict[Word, Diagram] = field(default_factory=dict)
    _leaves: dict[Word, Diagram] = field(default_factory=dict)
    _sealed: dict[Diagram, Word] = field(default_factory=dict)
    _words: dict[Diagram, Word] = field(default_factory=dict)

    @property
    def is_exact(self) -> bool:
        """No word stands for itself."""
        return not self._sealed

    def words_of(self, condition: Condition) -> list[Word]:
        """The words with choices that a condition looks at."""
        return [word for word in words_of(condition) if self._is_parted(word)]

    def below(self, word: Word) -> list[Proposition | Word]:
        """The words with choices that it is made of, and what decides its own choice, last."""
        found: list[Proposition | Word] = [part for part in operands(word) if self._is_parted(part)]
        return [*found, word.condition] if isinstance(word, Either) else found

    def _is_parted(self, word: Word) -> bool:
        """There is a choice inside."""
        known = self._parted
        for part in bottom_up((word,), _fixed_parts, known):
            known[part] = isinstance(part, Either) or any(known[one] for one in operands(part))
        return known[word]

    # ------------------------------------------------------------ words as diagrams

    def make(self, word: Word) -> None:
        """Make the diagram of a word whose operands' and conditions' diagrams are made."""
        self._made[word] = made = self._diagram(word)
        self._operands[word] = self._seal(made, word) if self._has_many_leaves(made) else made

    def _diagram(self, word: Word) -> Diagram:
        make = self.packet.words
        match word:
            case Either(condition, then, otherwise):
                test, faults = self.diagrams.of(condition), self.diagrams.faults
                return self.diagrams.choose(test, self._of(then), self._of(otherwise), faults)
            case Operation(operator, left, right):
                return self._each(
                    left,
                    lambda one: self._each(
                        right, lambda other: self._leaf(make.operation(operator, one, other))
                    ),
                )
            case Bytes(base, index, offset, size):
                assert index is not None
                return self._each(
                    index, lambda place: self._leaf(make.bytes(base, place, offset, size))
                )
            case Held(members, key, size):
                return self._held(members, (), key, size)
            case _:
                raise AssertionError(word)

    def _held(
        self, members: str, before: tuple[Word, ...], behind: tuple[Word, ...], size: int
    ) -> Diagram:
        """Whether a set has a key, of which the first words have no choices; one of five words."""
        if not behind:
            return self._leaf(self.packet.words.held(members, before, size))
        first, *rest = behind
        return self._each(first, lambda one: self._held(members, (*before, one), tuple(rest), size))

    def _has_many_leaves(self, diagram: Diagram) -> bool:
        nodes = bottom_up((diagram,), lambda node: node.children)
        leaves = (node for node in nodes if node in self._words)
        return next(islice(leaves, self.leaves, None), None) is not None

    def _seal(self, diagram: Diagram, word: Word) -> Diagram:
        """One leaf in its place: a word that stands for itself, whatever it was made of."""
        sealed = self._sealed.get(diagram)
        if sealed is None:
            sealed = self._sealed[diagram] = self.packet.words.sealed(word, TRUE)
            self._parted[sealed] = False
        return self._leaf(sealed)

    def _of(self, word: Word) -> Diagram:
        return self._made[word] if self._is_parted(word) else self._leaf(word)

    def _operand(self, word: Word) -> Diagram:
        """The word's diagram, of few leaves."""
        return self._operands[word] if self._is_parted(word) else self._leaf(word)

    def _leaf(self, word: Word) -> Diagram:
        found = self._leaves.get(word)
        if found is None:
            found = self._leaves[word] = self.diagrams.leaf()
            self._words[found] = word
        return found

    def _each(self, word: Word, result: Callable[[Word], Diagram]) -> Diagram:
        """What the result is of the word in each case."""
        return self.diagrams.mapped(self._operand(word), lambda leaf: result(self._words[leaf]))

    # ------------------------------------------------------------ conditions on them

    def condition(self, condition: Condition) -> Diagram:
        """Where a condition on words with choices holds."""
        of, packet = self.diagrams.of, self.packet
        match condition:
            case Member(word, bounds):
                return self._each(word, lambda one: of(packet.member(one, bounds)))
            case Reaches(base, index, end):
                assert index is not None
                return self._each(index, lambda place: self._reaches(base, place, end))
            case Order(left, right, outcomes):
                return self._each(
                    left,
                    lambda one: self._each(right, lambda two: self._ordered(one, two, outcomes)),
                )
            case _:
                assert_never(condition)

    def _reaches(self, base: str, place: Word, end: int) -> Diagram:
        diagrams = self.diagrams
        captured = diagrams.of(self.packet.captured(base, place, end))
        return diagrams.choose(captured, diagrams.holds, diagrams.fails, diagrams.fails)

    def _ordered(self, left: Word, right: Word, outcomes: frozenset[int]) -> Diagram:
        diagrams, compare = self.diagrams, self.packet.compare
        sides = {one: diagrams.holds if one in outcomes else diagrams.fails for one in (-1, 0, 1)}
        equal = diagrams.of(compare(left, Relation.EQ, right))
        greater = diagrams.of(compare(left, Relation.GT, right))
        unequal = diagrams.choose(greater, sides[1], sides[-1], diagrams.faults)
        return diagrams.choose(equal, sides[0], unequal, diagrams.faults)


def _fixed_parts(word: Word) -> tuple[Word, ...]:
    return () if isinstance(word, Either) else operands(word)
