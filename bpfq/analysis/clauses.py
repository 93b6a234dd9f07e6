"""Which clause of a filter each test of its graph is there for.

    tcp dst port 80 or icmp          [23:1] = 6       tcp dst port 80
                                     [x+16:2] = 80    tcp dst port 80
                                     [23:1] = 1       icmp

The same comparison is looked for among what the clauses ask as they stand, then the same field,
then bytes in common; the first clause that has it is taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final, assert_never

from bpfq.graph.formula import Formula, operands, terms
from bpfq.graph.nodes import Builder, Test
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
from bpfq.graph.terms import operands as parts
from bpfq.graphs import lowering
from bpfq.query.nodes import Leaf, ProtocolChain, Query
from bpfq.query.walk import leaves
from bpfq.record import field, record, replace
from bpfq.settings import Settings

_MOST: Final = 300  # clauses that are looked at


def clauses(query: Query, settings: Settings, tests: Sequence[Test]) -> dict[Test, Leaf]:
    """The clause of each test, where one has bytes in common with it."""
    asked = _Asked()
    lower = lowering(settings, Builder(), share=True)
    loops = replace(settings, options=replace(settings.options, loops=True))
    for leaf in islice(leaves(query), _MOST):
        asked.add(leaf, lower(leaf))
        if isinstance(leaf, ProtocolChain):
            asked.add(leaf, lowering(loops, Builder(), share=True)(leaf))
    found = ((test, asked.clause(test)) for test in tests)
    return {test: leaf for test, leaf in found if leaf is not None}


@record(frozen=False)
class _Names:
    """Numbers of terms, whoever made them: the same for those that read and compute the same."""

    _known: dict[Term, int] = field(default_factory=dict)
    _numbers: dict[object, int] = field(default_factory=dict)

    def of(self, term: Term) -> int:
        work = [term]
        while work:
            each = work[-1]
            waiting = [part for part in parts(each) if part not in self._known]
            if waiting:
                work += waiting
                continue
            work.pop()
            inner = tuple(self._known[part] for part in parts(each))
            number = self._numbers.setdefault((_kind(each), inner), len(self._numbers))
            self._known[each] = number
        return self._known[term]


def _kind(term: Term) -> tuple[object, ...]:
    """What a term is, but for its parts."""
    match term:
        case Constant(value):
            return ("constant", value)
        case Members(bounds):
            return ("members", bounds)
        case WireLength():
            return ("length",)
        case Metadata(name):
            return ("metadata", name)
        case Draw(identity):
            return ("draw", identity)
        case Load(index, offset, size):
            return ("load", index.value if isinstance(index, Constant) else None, offset, size)
        case Lookup(members, index, offset, size):
            at = index.value if isinstance(index, Constant) else None
            return ("lookup", members, at, offset, size)
        case Binary(operator):
            return ("binary", operator)
        case Choose(relation):
            return ("choose", relation)
        case _:
            assert_never(term)


@record(frozen=False)
class _Asked:
    """What clauses ask, by their terms, and by single bytes behind an index."""

    names: _Names = field(default_factory=_Names)
    exact: dict[tuple[int, int], Leaf] = field(default_factory=dict)
    fields: dict[int, Leaf] = field(default_factory=dict)
    octets: dict[tuple[int | None, int], Leaf] = field(default_factory=dict)

    def add(self, leaf: Leaf, formula: Formula) -> None:
        for atom in _atoms(formula):
            term, *others = terms(atom)
            name = self.names.of(term)
            for other in others:
                self.exact.setdefault((name, self.names.of(other)), leaf)
            self.fields.setdefault(name, leaf)
            for octet in self._octets(term):
                self.octets.setdefault(octet, leaf)

    def clause(self, test: Test) -> Leaf | None:
        name = self.names.of(test.term)
        exact = self.exact.get((name, self.names.of(test.operand)))
        if exact is not None and not isinstance(test.operand, Members):
            return exact
        if name in self.fields:
            return self.fields[name]
        return next((self.octets[o] for o in self._octets(test.term) if o in self.octets), None)

    def _octets(self, term: Term) -> Iterator[tuple[int | None, int]]:
        """The bytes that a term reads, with the name of their index."""
        work, seen = [term], {term}
        while work:
            each = work.pop()
            if isinstance(each, Load):
                index = None if each.index is None else self.names.of(each.index)
                yield from ((index, each.offset + n) for n in range(each.size))
            inner = [part for part in reversed(parts(each)) if part not in seen]
            work += inner
            seen.update(inner)


def _atoms(formula: Formula) -> Iterator[Formula]:
    work, seen = [formula], {formula}
    while work:
        each = work.pop()
        inner = operands(each)
        if not inner and terms(each):
            yield each
        work += (part for part in reversed(inner) if part not in seen)
        seen.update(inner)
