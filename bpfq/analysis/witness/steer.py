"""A way through the decision graph to ACCEPT, taken by patching what its tests read.

Each step takes the test at hand as the packet decides it, or changes the packet so that it goes
the other way and all tests before it stay as they were.  The cheapest and nearest step comes
first: few bytes changed, few tests left to ACCEPT.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from itertools import count
from typing import Final

from bpfq.analysis.witness.draft import Draft, Short, Values, ZeroDivisor
from bpfq.analysis.witness.patch import Patching
from bpfq.graph.nodes import ACCEPT, Node, Test
from bpfq.graph.walk import topological
from bpfq.record import record

# Steps of a search, and what a test that is still to come counts against changed bytes: first by
# what changes least, then by what is near.
CAREFUL: Final = (1500, 0.02)
HASTY: Final = (3000, 2.0)
_OF_A_KNOWN_EDGE: Final = 2.0
_CHECKED: Final = 16  # earlier tests that are looked at again in the time of a step
_SAME_WAY: Final = 6  # drafts that take one edge and look for the other side of it

Edge = tuple[Test, bool]


@record(eq=False)
class Past:
    """The edges taken so far, the last one first."""

    test: Test
    outcome: bool
    before: Past | None
    depth: int  # edges


def _after(past: Past | None, test: Test, outcome: bool) -> Past:
    return Past(test, outcome, past, 1 if past is None else past.depth + 1)


@record(eq=False)
class Step:
    """A draft that arrives at a node; flips: where it is to leave the other way."""

    node: Node
    draft: Draft
    past: Past | None
    flips: bool = False


def walk(graph: Node, draft: Draft) -> tuple[list[Edge], Node | None]:
    """The edges that the draft takes, and the verdict; None where it cannot be computed."""
    taken: list[Edge] = []
    values, node = Values(draft), graph
    while isinstance(node, Test):
        try:
            outcome = values.holds(node)
        except (Short, ZeroDivisor):
            return taken, None
        taken.append((node, outcome))
        node = node.yes if outcome else node.no
    return taken, node


def accepts(graph: Node, draft: Draft) -> bool:
    return walk(graph, draft)[1] is ACCEPT


def distances(graph: Node) -> dict[Node, int]:
    """How many tests, at least, lie between a node and ACCEPT; none where ACCEPT is not ahead."""
    found: dict[Node, int] = {ACCEPT: 0}
    for test in reversed(topological(graph)):
        ahead = [found[exit] for exit in (test.yes, test.no) if exit in found]
        if ahead:
            found[test] = 1 + min(ahead)
    return found


def different_ways(graph: Node, drafts: Iterable[Draft], most_tests: int = 60_000) -> list[Draft]:
    """Of the drafts that take the same way through the graph, the first."""
    kept: list[Draft] = []
    known: set[tuple[object, ...]] = set()
    for draft in drafts:
        if most_tests < 0:
            break
        taken, verdict = walk(graph, draft)
        most_tests -= len(taken)
        key = (*taken, verdict, draft.template.kind if draft.template.loose else "")
        if key not in known:
            known.add(key)
            kept.append(draft)
    return kept


@record(frozen=False, eq=False)
class Search:
    """One search; ``steps`` counts what it did."""

    graph: Node
    patching: Patching
    steps: int = 0

    def matching(
        self, starts: Iterable[Draft], manner: tuple[int, float] = CAREFUL
    ) -> Iterator[Draft]:
        """Drafts that the graph accepts, the nearest first."""
        most_steps, of_a_test = manner
        ahead = distances(self.graph)
        if self.graph not in ahead:
            return

        def priority(step: Step, node: Node, extra: float) -> float | None:
            if node not in ahead:
                return None
            return step.draft.cost + extra + of_a_test * ahead[node]

        for step in self._steps(starts, priority, most_steps):
            if step.node is ACCEPT:
                yield step.draft

    def edges(self, starts: Iterable[Draft], most_steps: int) -> Iterator[tuple[Edge, Draft]]:
        """Every edge that is found, with the first draft that takes it."""
        missing = {(test, way) for test in topological(self.graph) for way in (True, False)}
        looked: dict[Edge, int] = {}

        def priority(step: Step, node: Node, extra: float) -> float | None:
            if not extra or not isinstance(step.node, Test):
                return step.draft.cost
            edge = (step.node, step.node.yes is node)
            looked[edge] = looked.get(edge, 0) + 1
            if edge not in missing and looked[edge] > _SAME_WAY:
                return None
            return step.draft.cost + extra + (0 if edge in missing else _OF_A_KNOWN_EDGE)

        for step in self._steps(starts, priority, most_steps):
            if step.past is not None:
                edge = (step.past.test, step.past.outcome)
                if edge in missing:
                    missing.discard(edge)
                    yield edge, step.draft
                    if not missing:
                        return

    # ------------------------------------------------------------ steps

    def _steps(
        self,
        starts: Iterable[Draft],
        priority: Callable[[Step, Node, float], float | None],
        most_steps: int,
    ) -> Iterator[Step]:
        """Every arrival at a node, in order of priority."""
        numbers, waiting = count(), list[tuple[float, int, Step]]()

        def add(step: Step, node: Node, extra: float) -> None:
            urgency = priority(step, node, extra)
            if urgency is not None:
                heapq.heappush(waiting, (urgency, next(numbers), step))

        for number, draft in enumerate(starts):
            first = Step(self.graph, draft, None)
            add(first, self.graph, 0.0)
        while waiting and self.steps < most_steps:
            _, _, step = heapq.heappop(waiting)
            self.steps += 1
            if step.flips:
                for turned in self._turned(step):
                    add(turned, turned.node, 0.0)
                continue
            yield step
            if isinstance(step.node, Test):
                self._leave(step, step.node, add)

    def _leave(self, step: Step, test: Test, add: Callable[[Step, Node, float], None]) -> None:
        """Both ways on from a test, or the draft changed so that it can be computed."""
        try:
            outcome = Values(step.draft).holds(test)
        except (Short, ZeroDivisor) as trouble:
            for changed in self.patching.computable(trouble, step.draft):
                if _same_past(step.past, changed):
                    add(Step(test, changed, step.past), test, 0.0)
            return
        onwards, other = (test.yes, test.no) if outcome else (test.no, test.yes)
        add(Step(onwards, step.draft, _after(step.past, test, outcome)), onwards, 0.0)
        if onwards is other:
            return  # read only so that a packet without it is rejected
        add(Step(test, step.draft, step.past, flips=True), other, 0.2)

    def _turned(self, step: Step) -> Iterator[Step]:
        """The step with its draft changed so that its test goes the other way."""
        test = step.node
        assert isinstance(test, Test)
        wanted = not Values(step.draft).holds(test)
        past = _after(step.past, test, wanted)
        self.steps += past.depth // _CHECKED
        for changed in self.patching.outcomes(test, wanted, step.draft):
            if _same_past(step.past, changed):
                yield Step(test.yes if wanted else test.no, changed, past)


def _same_past(past: Past | None, draft: Draft) -> bool:
    """Every edge so far is still taken."""
    values = Values(draft)
    try:
        while past is not None:
            if values.holds(past.test) is not past.outcome:
                return False
            past = past.before
    except (Short, ZeroDivisor):
        return False
    return True
