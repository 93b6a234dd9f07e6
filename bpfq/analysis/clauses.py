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
from typing import Final

from bpfq.graph.formula import Formula, operands, terms
from bpfq.graph.nodes import Builder, Test
from bpfq.graph.terms import Constant, Load, Members, Term
from bpfq.graph.terms import operands as parts
from bpfq.graph.text import term_text
from bpfq.graphs import lowering
from bpfq.query.nodes import Leaf, Query
from bpfq.query.walk import leaves
from bpfq.record import field, record
from bpfq.settings import Settings

_MOST: Final = 300  # clauses that are looked at


def clauses(query: Query, settings: Settings, tests: Sequence[Test]) -> dict[Test, Leaf]:
    """The clause of each test, where one has bytes in common with it."""
    asked = _Asked()
    lower = lowering(settings, Builder(), share=True)
    for leaf in islice(leaves(query), _MOST):
        asked.add(leaf, lower(leaf))
    found = ((test, asked.clause(test)) for test in tests)
    return {test: leaf for test, leaf in found if leaf is not None}


@record(frozen=False)
class _Asked:
    """What clauses ask, by the text of their terms, and by single bytes."""

    exact: dict[tuple[str, str], Leaf] = field(default_factory=dict)
    fields: dict[str, Leaf] = field(default_factory=dict)
    octets: dict[tuple[str, int], Leaf] = field(default_factory=dict)

    def add(self, leaf: Leaf, formula: Formula) -> None:
        for atom in _atoms(formula):
            term, *others = terms(atom)
            text = term_text(term)
            for other in others:
                self.exact.setdefault((text, term_text(other)), leaf)
            self.fields.setdefault(text, leaf)
            for octet in _octets(term):
                self.octets.setdefault(octet, leaf)

    def clause(self, test: Test) -> Leaf | None:
        text = term_text(test.term)
        exact = self.exact.get((text, term_text(test.operand)))
        if exact is not None and not isinstance(test.operand, Members):
            return exact
        if text in self.fields:
            return self.fields[text]
        return next((self.octets[o] for o in _octets(test.term) if o in self.octets), None)


def _atoms(formula: Formula) -> Iterator[Formula]:
    work = [formula]
    while work:
        each = work.pop()
        inner = operands(each)
        if inner:
            work += reversed(inner)
        elif terms(each):
            yield each


def _octets(term: Term) -> Iterator[tuple[str, int]]:
    """The bytes that a term reads, by the text of their index."""
    work = [term]
    while work:
        each = work.pop()
        if isinstance(each, Load):
            index = "" if each.index is None else term_text(each.index)
            yield from ((index, each.offset + n) for n in range(each.size))
        if not isinstance(each, Constant):
            work += reversed(parts(each))
