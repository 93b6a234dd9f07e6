"""A formula decided on one packet, with what was read and what settled the outcome.

    both(ether[12:2] = 0x0800, ip[9] = 17)  on a TCP packet  =>  false, because of ip[9] = 6

Evaluation is the sequential reading: operands from left to right, no further than needed; a load
past the captured bytes or a division by zero ends it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import assert_never

from bpfq.graph.formula import All, Any, Atom, Cases, Fixed, Formula, Negation, Switch, Within
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
)
from bpfq.operators import DivisionByZero, calculate
from bpfq.record import field, record


class PastEnd(Exception):
    """A load of ``size`` bytes at ``address`` reaches past the captured bytes."""

    def __init__(self, address: int, size: int) -> None:
        super().__init__(address, size)
        self.address = address
        self.size = size


@record(frozen=False, eq=False)
class Facts:
    """One packet, and the value of every term that was computed on it.

    length: on the wire.  metadata: the kernel's words; what is missing is 0.
    """

    packet: bytes
    length: int
    metadata: Mapping[str, int]
    _values: dict[Term, int] = field(default_factory=dict)

    def load(self, address: int, size: int) -> int:
        """size bytes, big-endian; raises PastEnd."""
        if address + size > len(self.packet):
            raise PastEnd(address, size)
        return int.from_bytes(self.packet[address : address + size], "big")

    def address(self, load: Load) -> int:
        """Where a load reads; may lie past 2**32, where no packet has bytes."""
        return load.offset + (0 if load.index is None else self.value(load.index))

    def value(self, term: Term) -> int:
        """The term on this packet; raises PastEnd or DivisionByZero."""
        known = self._values.get(term)
        if known is None:
            known = self._values[term] = self._computed(term)
        return known

    def _computed(self, term: Term) -> int:
        match term:
            case Constant(value):
                return value
            case Members():
                raise AssertionError("sets stand in graphs, and formulas are traced")
            case Lookup():
                raise AssertionError("what is looked up may change")
            case WireLength():
                return self.length
            case Metadata(name):
                return self.metadata.get(name, 0)
            case Draw():
                return self.metadata["random"]
            case Load(size=size):
                return self.load(self.address(term), size)
            case Binary(operator, left, right):
                return calculate(operator, self.value(left), self.value(right))
            case Choose():
                return self.value(self.chosen(term))
            case _:
                assert_never(term)

    def chosen(self, term: Choose) -> Term:
        """The branch that counts on this packet."""
        holds = term.relation.holds(self.value(term.left), self.value(term.right))
        return term.then if holds else term.otherwise


@record
class Seen:
    """An atom that was evaluated; ``wanted`` is the outcome that helps the formula to hold."""

    atom: Atom
    wanted: bool
    holds: bool


@record
class Stopped:
    """The atom that ended the evaluation; end: the load that failed, None for a division."""

    atom: Atom
    end: PastEnd | None


@record
class Decision:
    """holds: None where the evaluation was stopped.

    because: the atoms that settled the outcome.  seen: every atom evaluated, in order.
    """

    holds: bool | None
    because: tuple[Seen, ...] = ()
    seen: tuple[Seen, ...] = ()
    stopped: Stopped | None = None


def decide(formula: Formula, facts: Facts) -> Decision:
    """What the formula is on the packet, and why."""
    seen: list[Seen] = []
    try:
        part = _decide(formula, facts, True, seen)
    except _Stop as stop:
        return Decision(None, seen=tuple(seen), stopped=stop.stopped)
    return Decision(part.holds, part.because, tuple(seen))


def holds(formula: Formula, facts: Facts) -> bool:
    """Whether the formula holds; one that is stopped does not."""
    return decide(formula, facts).holds is True


class _Stop(Exception):
    def __init__(self, stopped: Stopped) -> None:
        super().__init__(stopped)
        self.stopped = stopped


@record
class _Part:
    """past: the terms of the atoms that were got past before those that settled the outcome."""

    holds: bool
    because: tuple[Seen, ...]
    past: frozenset[Term]

    @property
    def terms(self) -> frozenset[Term]:
        return self.past | {one.atom.term for one in self.because}


def _decide(formula: Formula, facts: Facts, wanted: bool, seen: list[Seen]) -> _Part:
    """Recursion is no deeper than one primitive's formula is nested."""
    match formula:
        case Atom():
            return _atom(formula, facts, wanted, seen)
        case Within() | Switch():
            raise AssertionError("clauses are lowered as they are written")
        case Fixed(value):
            return _Part(value, (), frozenset())
        case Negation(operand):
            part = _decide(operand, facts, not wanted, seen)
            return _Part(not part.holds, part.because, part.past)
        case All(operands):
            return _until(False, operands, facts, wanted, seen)
        case Any(operands):
            return _until(True, operands, facts, wanted, seen)
        case Cases(condition, then, otherwise):
            first = _decide(condition, facts, True, seen)
            part = _decide(then if first.holds else otherwise, facts, wanted, seen)
            return _Part(part.holds, part.because or first.because, part.past | first.terms)
        case _:
            assert_never(formula)


def _atom(atom: Atom, facts: Facts, wanted: bool, seen: list[Seen]) -> _Part:
    try:
        outcome = atom.relation.holds(facts.value(atom.term), facts.value(atom.operand))
    except PastEnd as end:
        raise _Stop(Stopped(atom, end)) from None
    except DivisionByZero:
        raise _Stop(Stopped(atom, None)) from None
    one = Seen(atom, wanted, outcome)
    seen.append(one)
    return _Part(outcome, (one,), frozenset())


def _until(
    end: bool, operands: Iterable[Formula], facts: Facts, wanted: bool, seen: list[Seen]
) -> _Part:
    """The operands up to the first whose outcome is ``end``, which settles it.

    Without one the last operand is what a conjunction's outcome is put down to, and every operand
    what a disjunction's is (in a negated formula the two change places).
    """
    parts: list[_Part] = []
    for operand in operands:
        part = _decide(operand, facts, wanted, seen)
        parts.append(part)
        if part.holds is end:
            break
    last = parts[-1]
    alternatives = end is wanted  # each operand is a way to give the outcome that helps
    before = frozenset[Term]().union(*(part.terms for part in parts[:-1]))
    if last.holds is not end and alternatives:
        return _nearest(parts)
    return _Part(last.holds, last.because, last.past | (frozenset() if alternatives else before))


def _nearest(parts: list[_Part]) -> _Part:
    """Every alternative failed: those count that another one did not get past.

    A TCP packet is no IPv6 packet, but the IPv4 alternative of ``udp`` passed that test.
    """
    all_because = [one for part in parts for one in part.because]
    nearest = [
        one
        for number, part in enumerate(parts)
        for one in part.because
        if not any(one.atom.term in other.past for other in parts[:number] + parts[number + 1 :])
    ]
    past = frozenset[Term]().union(*(part.past for part in parts))
    because = tuple(dict.fromkeys(nearest or all_because))
    return _Part(parts[-1].holds, because, past)
