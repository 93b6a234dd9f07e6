"""A packet made by trying: cheaper than asking a solver, where one is easily found.

A diagram is walked from its root; at each variable a few values are written to the bytes it
depends on, and what was looked at stays as it is.  A packet that leads to "holds" is one; that
none was found says nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from bpfq.operators import WORD_MASK, Operator, calculate
from bpfq.record import field, record
from bpfq.symbolic.diagram import Diagram, Diagrams
from bpfq.symbolic.variables import Variable
from bpfq.symbolic.words import Bytes, Either, Number, Operation, Word, operands
from bpfq.walk import bottom_up

_MOST_STEPS = 150  # nodes visited
_MOST_TRIES = 2  # of one exit of a node
_MOST_CUTS = 12  # of a variable, that values are taken from

Place = tuple[str, int] | Word  # a byte: its base and address; or a word of its own


@record(frozen=False)
class Attempt:
    """What is written so far; the rest is 0.  fixed: what a variable has been tested with."""

    written: dict[Place, int] = field(default_factory=dict)
    fixed: frozenset[Place] = frozenset()

    def value(self, word: Word) -> int | None:
        """The word; None where it depends on a choice of its own, or divides by zero."""
        values: dict[Word, int] = {}
        for part in bottom_up((word,), _parts):
            made = self._one(part, values)
            if made is None:
                return None
            values[part] = made
        return values[word]

    def _one(self, word: Word, values: dict[Word, int]) -> int | None:
        match word:
            case Number(value):
                return value
            case Bytes(base, index, offset, size):
                first = offset if index is None else values[index] + offset
                octets = (self.written.get((base, first + n), 0) for n in range(size))
                return int.from_bytes(bytes(octets), "big")
            case Operation(operator, left, right):
                if operator in (Operator.DIV, Operator.MOD) and not values[right]:
                    return None
                return calculate(operator, values[left], values[right])
            case Either():
                return None
            case _:
                return self.written.get(word, 0)

    def places(self, word: Word) -> list[Place]:
        """What the word is computed from, now."""
        found: list[Place] = []
        work = [word]
        while work:
            current = work.pop()
            work += _parts(current)
            if isinstance(current, Bytes):
                found += self._bytes(current)
            elif not isinstance(current, Number | Operation | Either):
                found.append(current)
        return found

    def _bytes(self, word: Bytes) -> list[Place]:
        index = 0 if word.index is None else self.value(word.index) or 0
        return [(word.base, index + word.offset + n) for n in range(word.size)]

    def with_value(self, word: Word, value: int) -> Attempt:
        """The value written to a load or a word of its own, but for bytes that are fixed."""
        places = self._bytes(word) if isinstance(word, Bytes) else [word]
        octets: list[int] = [value]
        if isinstance(word, Bytes):
            octets = list((value & word.most).to_bytes(word.size, "big"))
        written = dict(self.written)
        for place, octet in zip(places, octets, strict=True):
            if place not in self.fixed:
                written[place] = octet
        return Attempt(written, self.fixed)

    def fixing(self, words: tuple[Word, ...]) -> Attempt:
        new = [place for word in words for place in self.places(word)]
        return Attempt(self.written, self.fixed | frozenset(new))


def _parts(word: Word) -> tuple[Word, ...]:
    """The words that it is computed from, but for those that a choice of its own decides about."""
    return () if isinstance(word, Either) else operands(word)


def find(diagrams: Diagrams, diagram: Diagram) -> Attempt | None:
    """A packet that leads to "holds", if trying finds one."""
    ways: list[Iterator[tuple[Diagram, Attempt]]] = [iter([(diagram, Attempt())])]
    for _ in range(_MOST_STEPS):
        node, attempt = next(ways[-1], (None, None))
        if node is None or attempt is None:
            ways.pop()
            if not ways:
                return None
        elif node is diagrams.holds:
            return attempt
        elif node is not diagrams.fails and node is not diagrams.faults:
            ways.append(_next(diagrams.variables[node.level], node, attempt))
    return None


def _next(variable: Variable, node: Diagram, attempt: Attempt) -> Iterator[tuple[Diagram, Attempt]]:
    """Where trying leads from a node; each exit a few times."""
    words = _words(variable)
    seen: Counter[Diagram] = Counter()
    for tried in _tried(variable, node, attempt):
        value = _outcome(variable, tried)
        if value is None:
            continue
        child = node.children[sum(cut <= value for cut in node.cuts)]
        seen[child] += 1
        if seen[child] <= _MOST_TRIES:
            yield child, tried.fixing(words)


def _words(variable: Variable) -> tuple[Word, ...]:
    if not isinstance(variable, tuple):
        return (variable,)
    left, right = variable
    assert not isinstance(left, str) and right is not None, "nothing is asked about captured bytes"
    return left, right


def _outcome(variable: Variable, attempt: Attempt) -> int | None:
    """The variable's value: the word, or how the two compare."""
    values = [attempt.value(word) for word in _words(variable)]
    if len(values) == 1:
        return values[0]
    left, right = values
    return None if left is None or right is None else (left > right) - (left < right)


def _tried(variable: Variable, node: Diagram, attempt: Attempt) -> Iterator[Attempt]:
    """With headers of variable length at their longest, then as they are: one load changed."""
    words = _words(variable)
    far = _with_far_places(words, attempt)
    for base in (attempt,) if far is attempt else (far, attempt):
        yield base
        near = [value for cut in node.cuts[:_MOST_CUTS] for value in (cut - 1, cut)]
        if len(words) == 2:
            now = [base.value(word) or 0 for word in words]
            near = [value + step for value in now for step in (-1, 0, 1)]
        targets = dict.fromkeys((*near, WORD_MASK, 0, 1))
        for load in dict.fromkeys(load for word in words for load in _loads(word)):
            for target in targets:
                if 0 <= target <= load.most or target == WORD_MASK:
                    yield base.with_value(load, target)


def _with_far_places(words: tuple[Word, ...], attempt: Attempt) -> Attempt:
    """Bytes behind a header of variable length away from those before it."""
    for word in words:
        if isinstance(word, Bytes) and word.index is not None:
            for load in _loads(word.index):
                attempt = attempt.with_value(load, WORD_MASK)
    return attempt


def _loads(word: Word) -> list[Word]:
    """What can be written to: the loads of a word, and those that say where they are."""
    found: list[Word] = []
    work = [word]
    while work:
        current = work.pop()
        work += _parts(current)
        if not isinstance(current, Number | Operation | Either):
            found.append(current)
    return found
