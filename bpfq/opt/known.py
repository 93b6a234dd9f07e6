"""What is known of the packet's fields at each test, on whichever way it is reached.

    0: h[12] = 0x800 ? 1 : 2
    1: b[23] = 6 ? 3 : reject           h[12] is 0x800
    2: h[12] = 0x86dd ? 3 : reject      h[12] is not 0x800
    3: ...                              h[12] is 0x800 or 0x86dd

Only fields at a fixed place, compared with constants: what a program can ask once more.
"""

from __future__ import annotations

from collections.abc import Container
from typing import NamedTuple, TypeAlias

from bpfq.graph.nodes import Node, Test
from bpfq.graph.terms import Constant, Load, Metadata, Term
from bpfq.opt.facts import Domain, width

Facts: TypeAlias = dict[Term, Domain]
_FACTS_AT_MOST = 12
_CONDITIONS_AT_MOST = 24  # of one field; with more it is what a list is about


class Condition(NamedTuple):
    """The test of a field at a fixed place."""

    test: Test
    holds: bool


def is_field(term: Term) -> bool:
    match term:
        case Load(None) | Metadata():
            return True
        case _:
            return False


def _constant(test: Test) -> int:
    assert isinstance(test.operand, Constant)
    return test.operand.value


def known(order: list[Test], fields: Container[Term]) -> dict[Node, Facts]:
    """The facts of every test about some fields; order: all tests of a graph, topologically."""
    facts: dict[Node, Facts] = {}
    for test in order:
        before = facts.setdefault(test, {})
        for exit, outcome in ((test.yes, True), (test.no, False)):
            if isinstance(exit, Test):
                learned = _learn(before, test, outcome) if test.term in fields else before
                facts[exit] = common(facts[exit], learned) if exit in facts else learned
    return facts


def _learn(facts: Facts, test: Test, outcome: bool) -> Facts:
    if not isinstance(test.operand, Constant):
        return facts
    if len(facts) >= _FACTS_AT_MOST and test.term not in facts:
        return facts
    domain = facts.get(test.term) or width(test.term)
    return {**facts, test.term: domain.refine(test.relation, test.operand.value, outcome)}


def common(one: Facts, other: Facts) -> Facts:
    """What is known either way."""
    if one is other:
        return one
    return {term: domain.join(other[term]) for term, domain in one.items() if term in other}


def conditions(order: list[Test]) -> dict[Term, tuple[Test, ...]]:
    """The tests of each field that has few, those nearest to the entry first."""
    found: dict[Term, dict[tuple[object, int], Test]] = {}
    for test in order:
        if is_field(test.term) and isinstance(test.operand, Constant):
            tests = found.setdefault(test.term, {})
            tests.setdefault((test.relation, _constant(test)), test)
    few = {term: tests for term, tests in found.items() if len(tests) <= _CONDITIONS_AT_MOST}
    return {term: tuple(tests.values()) for term, tests in few.items()}


def parting(one: Facts, other: Facts, conditions: dict[Term, tuple[Test, ...]]) -> Condition | None:
    """A condition that is known, and known to come out differently here and there.

    ``holds``: it does here, and not there.
    """
    for term, domain in one.items():
        if term not in other:
            continue
        for test in conditions.get(term, ()):
            here = domain.decide(test.relation, _constant(test))
            if here is None:
                continue
            there = other[term].decide(test.relation, _constant(test))
            if there is not None and there is not here:
                return Condition(test, here)
    return None
