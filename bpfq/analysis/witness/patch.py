"""The smallest changes to a packet that give a test another outcome.

    (b[14] & 15) * 4 = 24, wanted        =>  b[14] & 15 = 6        =>  b[14] = 0x46
    h[36] in 1024..2047, wanted          =>  the value in there that keeps most bits

A set of values that is wanted is followed back to what it is computed from, as intervals where
the arithmetic allows, else one value at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

from bpfq import intervals
from bpfq.analysis.witness.draft import (
    RANDOM,
    Draft,
    Short,
    Values,
    ZeroDivisor,
    grown,
    of_length,
    with_word,
    written,
)
from bpfq.graph.bounds import largest
from bpfq.graph.nodes import REJECT, Test
from bpfq.graph.terms import (
    Binary,
    Choose,
    Constant,
    Draw,
    Load,
    Metadata,
    Term,
    WireLength,
)
from bpfq.intervals import Bounds
from bpfq.operators import WORD_BITS, WORD_MASK, Operator, Relation, calculate, wrap
from bpfq.record import record

_ALL: Final = (0, WORD_MASK + 1)
_COMMUTING: Final = (Operator.ADD, Operator.MUL, Operator.AND, Operator.OR, Operator.XOR)
_MOST_PICKS: Final = 6  # values tried of one set
_MOST_WAYS: Final = 8  # changes tried for one outcome of one test


@record
class Patching:
    """snapped: a packet may have been longer on the wire than its captured bytes."""

    snapped: bool

    def outcomes(self, test: Test, wanted: bool, draft: Draft) -> Iterator[Draft]:
        """Drafts on which the test has that outcome, those with small changes first."""
        made: set[tuple[bytes, int, str]] = set()
        for changed in islice(self._tried(test, wanted, draft), 4 * _MOST_WAYS):
            key = (changed.octets, changed.length, f"{changed.metadata}{changed.network_header!r}")
            if key in made:
                continue
            made.add(key)
            if _has(test, wanted, changed):
                yield changed
                if len(made) >= _MOST_WAYS:
                    return

    def _tried(self, test: Test, wanted: bool, draft: Draft) -> Iterator[Draft]:
        values = Values(draft)
        left, right = values.value(test.term), values.value(test.operand)
        order = None if test.relation is Relation.SET else test.relation
        bounds = intervals.of(order, right) if order else _sharing(right)
        if bounds is not None:
            yield from self.ways(test.term, _as(wanted, bounds), values)
        else:
            for target in _with_bits(left, right, wanted):
                yield from self.ways(test.term, (target, target + 1), values)
        if not isinstance(test.operand, Constant):
            mirrored = intervals.mirrored(order, left) if order else _sharing(left)
            if mirrored is not None:
                yield from self.ways(test.operand, _as(wanted, mirrored), values)

    def computable(self, trouble: Short | ZeroDivisor, draft: Draft) -> Iterator[Draft]:
        """Drafts on which what could not be computed perhaps can."""
        if isinstance(trouble, Short):
            longer = grown(draft, trouble.by)
            if longer is not None:
                yield longer
        else:
            yield from islice(self.ways(trouble.divisor, (1, WORD_MASK + 1), Values(draft)), 2)

    # ------------------------------------------------------------ backwards

    def ways(self, term: Term, bounds: Bounds, values: Values) -> Iterator[Draft]:
        """Drafts on which the term is perhaps in the bounds."""
        if not bounds:
            return
        match term:
            case Load():
                yield from self._loaded(term, bounds, values)
            case Binary():
                yield from self._computed(term, bounds, values)
            case Choose():
                yield from self._chosen(term, bounds, values)
            case WireLength():
                for length in _picks(bounds, values.draft.length, WORD_MASK):
                    yield from of_length(values.draft, length, snapped=self.snapped)
            case Metadata(name):
                for word in _picks(bounds, values.value(term), WORD_MASK):
                    yield with_word(values.draft, name, word)
            case Draw():
                for word in _picks(bounds, values.value(term), WORD_MASK):
                    yield with_word(values.draft, RANDOM, word)
            case Constant():
                return

    def _loaded(self, load: Load, bounds: Bounds, values: Values) -> Iterator[Draft]:
        octets, at = values.place(load)
        end, draft = at + load.size, values.draft
        if end > len(octets):
            longer = grown(draft, end - len(octets))
            if longer is None:
                return
            draft = longer
        now = int.from_bytes(octets[at:end].ljust(load.size, b"\0"), "big")
        for value in _picks(bounds, now, (1 << 8 * load.size) - 1):
            yield written(draft, load, at, value)

    def _computed(self, term: Binary, bounds: Bounds, values: Values) -> Iterator[Draft]:
        left, right = values.value(term.left), values.value(term.right)
        before = intervals.before(term.operator, right, bounds, largest(term.left))
        if before is not None:
            yield from self.ways(term.left, before, values)
        else:
            for target in _picks(bounds, values.value(term), WORD_MASK):
                for value in _undone(term.operator, left, right, target):
                    yield from self.ways(term.left, (value, value + 1), values)
        if isinstance(term.right, Constant):
            return
        if term.operator in _COMMUTING:
            mirrored = intervals.before(term.operator, left, bounds, largest(term.right))
            if mirrored is not None:
                yield from self.ways(term.right, mirrored, values)
        else:
            for value in _operands(term.operator, left, bounds):
                yield from self.ways(term.right, (value, value + 1), values)

    def _chosen(self, term: Choose, bounds: Bounds, values: Values) -> Iterator[Draft]:
        first = values.chooses(term)
        arm, other = (term.then, term.otherwise) if first else (term.otherwise, term.then)
        yield from self.ways(arm, bounds, values)
        condition = Test(term.left, term.relation, term.right, REJECT, REJECT)
        for changed in islice(self.outcomes(condition, not first, values.draft), 3):
            fresh = Values(changed)
            try:
                if intervals.contains(bounds, fresh.value(other)):
                    yield changed
                else:
                    yield from islice(self.ways(other, bounds, fresh), 3)
            except (Short, ZeroDivisor):
                continue


def _has(test: Test, wanted: bool, draft: Draft) -> bool:
    try:
        return Values(draft).holds(test) is wanted
    except (Short, ZeroDivisor):
        return False


# ---------------------------------------------------------------- sets of values


def _sharing(value: int) -> Bounds | None:
    """The words that have a bit in common with the value; None where they are no few intervals."""
    return intervals.masked(value, (1, WORD_MASK + 1), WORD_MASK)


def _as(wanted: bool, bounds: Bounds) -> Bounds:
    return bounds if wanted else intervals.complement(bounds, WORD_MASK + 1)


def _with_bits(now: int, mask: int, wanted: bool) -> Iterator[int]:
    """Values that share a bit with the mask, or none."""
    if wanted:
        yield now | mask & -mask
        yield now | mask
    else:
        yield now & ~mask


def _picks(bounds: Bounds, now: int, most: int) -> Iterator[int]:
    """Values of the set up to most: that with most bits of ``now``, the nearest, the edges."""
    found: list[int] = []
    for first, end in zip(bounds[::2], bounds[1::2], strict=True):
        last = min(end - 1, most)
        if first <= last:
            found += [_merged(first, last, now), min(max(now, first), last), first, last]
        if len(found) > 64:
            break
    order = sorted(range(len(found)), key=lambda at: (at % 4 > 1, abs(found[at] - now)))
    yield from islice(dict.fromkeys(found[at] for at in order), _MOST_PICKS)


def _merged(first: int, last: int, now: int) -> int:
    """The bits that first and last share, and below them those of ``now`` where they fit."""
    free = (1 << (first ^ last).bit_length()) - 1
    value = first & ~free | now & free
    return min(max(value, first), last)


# ---------------------------------------------------------------- arithmetic undone


def _undone(operator: Operator, now: int, right: int, target: int) -> Iterator[int]:
    """Left operands near ``now`` that give the target with that right operand."""
    match operator:
        case Operator.ADD:
            yield wrap(target - right)
        case Operator.SUB:
            yield wrap(target + right)
        case Operator.XOR:
            yield target ^ right
        case Operator.AND if not target & ~right:
            yield now & ~right | target
            yield WORD_MASK & ~right | target
        case Operator.OR if target & right == right:
            yield target & ~right
            yield target
        case Operator.MUL if right:
            yield from _factors(right, target)
        case Operator.DIV if right and target * right <= WORD_MASK:
            yield target * right
        case Operator.MOD if target < right:
            yield wrap(now - now % right + target)
            yield target
        case Operator.LSH if right < WORD_BITS and wrap(target >> right << right) == target:
            yield target >> right
        case Operator.RSH if right < WORD_BITS and target << right <= WORD_MASK:
            yield target << right | now & (1 << right) - 1


def _factors(factor: int, product: int) -> Iterator[int]:
    """x with x * factor = product modulo 2**32."""
    if product % factor == 0:
        yield product // factor
    elif factor % 2:
        yield product * pow(factor, -1, WORD_MASK + 1) & WORD_MASK


def _operands(operator: Operator, left: int, bounds: Bounds) -> Iterator[int]:
    """Right operands for which ``left operator right`` is in the bounds."""
    tried: list[int] = [*range(WORD_BITS + 1)]
    if operator is Operator.SUB:
        tried = [wrap(left - bound) for bound in (bounds[0], bounds[-1] - 1)]
    elif operator in (Operator.DIV, Operator.MOD):
        tried += [left // bounds[0] if bounds[0] else left + 1, left - bounds[0], left + 1]
    for value in dict.fromkeys(map(wrap, tried)):
        divides = operator in (Operator.DIV, Operator.MOD)
        if not (divides and value == 0):
            if intervals.contains(bounds, calculate(operator, left, value)):
                yield value
