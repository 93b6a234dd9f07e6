"""Tests that differ only in where they look become one test of whichever it is.

    0: h[12] = 0x86dd ? 1 : 2         0: h[12] = 0x86dd ? 2 : 1
    1: h[56] = 80 ? a : b             1: h[12] = 0x800 ? 2 : b
    2: h[12] = 0x800 ? 3 : b     =>   2: h[(h[12] = 0x86dd ? 40 : x) + 16] = 80 ? a : b
    3: h[x + 16] = 80 ? a : b

From the exits backwards, tests with the same comparison and the same exits are one class, if what
is known of the packet's fields tells its members apart.  The condition costs nothing where the way
into the test decides it; a class is kept where that saves instructions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from bpfq.graph.nodes import Builder, Node, Test
from bpfq.graph.terms import IMMEDIATE, Draw, Term, can_divide_by_zero
from bpfq.graph.walk import subterms, topological
from bpfq.operators import Relation
from bpfq.opt.gain import Group, paying
from bpfq.opt.known import Facts, common, conditions, known, parting
from bpfq.opt.unify import Arms, Joint

_CLUSTERS_AT_MOST = 6  # compared with each other


def share_tests(root: Node, builder: Builder) -> Node:
    """The same decisions, by fewer tests of terms that depend on what was tested before."""
    order = topological(root)
    groups = _Classes(order).groups()
    kept = paying(order, groups, builder) if groups else {}
    if not kept:
        return root
    new: dict[Node, Node] = {}
    made: dict[Group, Node] = {}
    group_of = {test: group for group in kept for test in group.members}
    for test in reversed(order):
        group = group_of.get(test)
        if group in made:
            new[test] = made[group]
            continue
        yes, no = new.get(test.yes, test.yes), new.get(test.no, test.no)
        term = kept[group] if group else test.term
        new[test] = builder.test(term, test.relation, test.operand, yes, no)
        if group:
            made[group] = new[test]
    return new.get(root, root)


class _Classes:
    """The classes of a graph's tests, found from the exits backwards."""

    def __init__(self, order: list[Test]) -> None:
        self.order = order
        self.conditions = conditions(order)
        self.facts = known(order, self.conditions)
        self.ranks = {term: rank for rank, term in enumerate(self.conditions)}
        self.class_of: dict[Node, Node] = {}  # a test -> the first of its class

    def groups(self) -> list[Group]:
        """The classes with more than one member, the farthest from the exits first."""
        found: list[Group] = []
        shareable: dict[Term, bool] = {}
        for level in _levels(self.order):
            alike: dict[tuple[Relation, Term, Node, Node], list[Test]] = {}
            for test in level:
                if test.term not in shareable:
                    shareable[test.term] = _is_shareable(test.term)
                if not shareable[test.term] or not isinstance(test.operand, IMMEDIATE):
                    continue
                yes, no = (self.class_of.get(exit, exit) for exit in (test.yes, test.no))
                alike.setdefault((test.relation, test.operand, yes, no), []).append(test)
            for tests in alike.values():
                if len(tests) > 1:
                    found += self._parted(tests)
        found.reverse()
        return found

    def _parted(self, tests: Sequence[Test]) -> Iterator[Group]:
        """Groups of tests that what is known tells apart."""
        by_term: dict[Term, list[Test]] = {}
        for test in tests:
            by_term.setdefault(test.term, []).append(test)
        terms = list(by_term)
        clusters = {number: self._common(by_term[term]) for number, term in enumerate(terms)}
        joints: list[Joint] = []
        while (nearest := self._nearest(clusters)) is not None:
            joints.append(nearest)
            one, other, _ = nearest
            clusters[one] = common(clusters[one], clusters.pop(other))
        for first in clusters:
            numbers, own = [first], []
            for joint in reversed(joints):
                if joint.one in numbers:
                    numbers.append(joint.other)
                    own.append(joint)
            numbers.sort()
            place = {number: at for at, number in enumerate(numbers)}
            arms = Arms(
                tuple(terms[number] for number in numbers),
                tuple(Joint(place[a], place[b], c) for a, b, c in reversed(own)),
            )
            members = tuple(test for number in numbers for test in by_term[terms[number]])
            if len(members) > 1:
                self.class_of.update(dict.fromkeys(members, members[0]))
                yield Group(members, arms)

    def _nearest(self, clusters: dict[int, Facts]) -> Joint | None:
        """Two clusters told apart by a condition as far from the entry as there is."""
        found = [
            Joint(one, other, condition)
            for one, other in combinations(list(clusters)[:_CLUSTERS_AT_MOST], 2)
            if (condition := parting(clusters[one], clusters[other], self.conditions))
        ]
        return max(found, key=lambda joint: self.ranks[joint.condition.test.term], default=None)

    def _common(self, tests: Sequence[Test]) -> Facts:
        facts = self.facts[tests[0]]
        for test in tests[1:]:
            facts = common(facts, self.facts[test])
        return facts


def _levels(order: list[Test]) -> list[list[Test]]:
    """The tests by the longest way to an exit, the shortest first; classes lie on one level."""
    heights: dict[Node, int] = {}
    levels: list[list[Test]] = []
    for test in reversed(order):
        height = max(heights.get(test.yes, 0), heights.get(test.no, 0))
        heights[test] = height + 1
        if height == len(levels):
            levels.append([])
        levels[height].append(test)
    for level in levels:
        level.reverse()
    return levels


def _is_shareable(term: Term) -> bool:
    """The same whenever it is computed, and never a fault but for a missing byte."""
    return not can_divide_by_zero(term) and not any(isinstance(p, Draw) for p in subterms(term))
