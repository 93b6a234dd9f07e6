"""Test first what sends the most packets away at the least cost.

    0: h[12] = 0x800 ? 1 : reject             0: w[26] = a ? 2 : 1
    1: w[26] = a ? 3 : 2                      1: w[30] = a ? 2 : reject
    2: w[30] = a ? 3 : reject           =>    2: h[12] = 0x800 ? 3 : reject
    3: b[23] = 6 ? accept : reject            3: b[23] = 6 ? accept : reject

Where every way to acceptance leads through some tests one after the other, what lies between them
are conditions that hold together for every packet that is accepted, in whatever order they are
asked.  A packet that is cut short is rejected by whichever condition reads past its end first, and
one that is accepted had all bytes that any of them reads.
"""

from __future__ import annotations

from bpfq.graph.nodes import ACCEPT, REJECT, Builder, Node, Test
from bpfq.graph.walk import topological
from bpfq.opt.observed import Observed
from bpfq.opt.unify import cost
from bpfq.record import record

_BRANCHED_AT_MOST = 100  # tests; longer filters have no order within their branches
_GATES_AT_MOST = 24  # conditions that are put in order; more are lists of their own


@record(eq=False)
class _Part:
    """A condition: tests in topological order that lead to each other, to ``passed``, or reject."""

    tests: tuple[Test, ...]
    passed: Node


def order_gates(root: Node, builder: Builder, observed: Observed) -> Node:
    """The same decisions, in the order that is the quickest on the samples."""
    if builder.keep_loads or not isinstance(root, Test):
        return root
    return _ordered(root, observed.everything, builder, observed)


def order_branches(root: Node, builder: Builder, observed: Observed) -> Node:
    """The same within the branches: what lies behind a test whose outcomes both may lead on."""
    if builder.keep_loads or not isinstance(root, Test):
        return root
    order = topological(root)
    if len(order) > _BRANCHED_AT_MOST:
        return root
    arriving = observed.arriving(order, root)
    heads = {
        exit
        for test in order
        for exit in (test.yes, test.no)
        if REJECT not in (test.yes, test.no) and isinstance(exit, Test)
    }
    made: dict[Node, Node] = {}
    for test in reversed(order):
        yes, no = made.get(test.yes, test.yes), made.get(test.no, test.no)
        node: Node = test
        if yes is not test.yes or no is not test.no:
            node = builder.test(test.term, test.relation, test.operand, yes, no)
        if test in heads and isinstance(node, Test):
            node = _ordered(node, arriving.get(test, 0), builder, observed)
        made[test] = node
    return made[root]


def _ordered(root: Test, samples: int, builder: Builder, observed: Observed) -> Node:
    """samples: those that arrive there."""
    parts = _parts(topological(root))
    if not 1 < len(parts) <= _GATES_AT_MOST:
        return root
    chosen = _greedy(parts, samples, observed)
    if chosen == parts:
        return root
    node: Node = ACCEPT
    for part in reversed(chosen):
        node = _rebuilt(part, node, builder)
    return node


def _parts(order: list[Test]) -> list[_Part]:
    """The conditions in order; every way to acceptance passes the first test of each."""
    accepting: dict[Node, bool] = {ACCEPT: True, REJECT: False}
    for test in reversed(order):
        accepting[test] = accepting[test.yes] or accepting[test.no]
    left = [test for test in order if accepting[test]]
    place: dict[Node, int] = {test: number for number, test in enumerate(left)}
    place[ACCEPT] = len(left)
    found: list[_Part] = []
    start = farthest = 0
    for number, test in enumerate(left):
        if number == farthest and number:
            found.append(_Part(tuple(left[start:number]), test))
            start = number
        farthest = max(farthest, place.get(test.yes, 0), place.get(test.no, 0))
    return [*found, _Part(tuple(left[start:]), ACCEPT)]


def _greedy(parts: list[_Part], samples: int, observed: Observed) -> list[_Part]:
    """Next comes always what sends away most of the samples that are left, for its cost."""
    waiting, chosen = list(parts), []
    while waiting:
        best, passing, least = waiting[0], samples, None
        for part in waiting:
            passed, paid = _run(part, samples, observed)
            rejected = observed.weight(samples & ~passed)
            value = (paid << 20) // rejected if rejected else None
            if value is not None and (least is None or value < least):
                best, passing, least = part, passed, value
        waiting.remove(best)
        chosen.append(best)
        samples = passing
    return chosen


def _run(part: _Part, samples: int, observed: Observed) -> tuple[int, int]:
    """The samples that pass a condition, and the instructions executed for it."""
    arriving: dict[Node, int] = {part.tests[0]: samples}
    holding: dict[Node, int] = {}  # those that come with the term in A
    paid = 0
    for test in part.tests:
        here = arriving.get(test, 0)
        paid += observed.weight(here)
        paid += observed.weight(here & ~holding.get(test, 0)) * cost(test.term)
        for outcome, exit in zip(observed.outcome(test), (test.yes, test.no), strict=True):
            arriving[exit] = arriving.get(exit, 0) | outcome & here
            if isinstance(exit, Test) and exit.term is test.term:
                holding[exit] = holding.get(exit, 0) | outcome & here
    return arriving.get(part.passed, 0), paid


def _rebuilt(part: _Part, passed: Node, builder: Builder) -> Node:
    made: dict[Node, Node] = {part.passed: passed}
    node = passed
    for test in reversed(part.tests):
        yes = made.get(test.yes, test.yes if test.yes is REJECT else REJECT)
        no = made.get(test.no, test.no if test.no is REJECT else REJECT)
        node = made[test] = builder.test(test.term, test.relation, test.operand, yes, no)
    return node
