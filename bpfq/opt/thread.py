"""Send each edge past the tests whose outcome is known on it.

    a: [12:2] = 0x800 ? b : c           a: [12:2] = 0x800 ? d : c
    b: [12:2] = 0x86dd ? e : d    =>    (b is reached no more)

Facts flow forward along the edges and are joined where edges meet; a test is skipped by the edges
that decide it and stays for the others, so nothing is ever duplicated.  A fact about a term exists
only where the term was evaluated: the loads of a skipped test have been made.  (With
``assume_width`` a term's width counts as known before it is loaded; a skipped load can then no
longer reject a packet that is cut short.)
"""

from __future__ import annotations

from collections import Counter

from bpfq.graph.nodes import Builder, Node, Test
from bpfq.graph.terms import Constant, Draw, Term, can_divide_by_zero
from bpfq.graph.walk import topological
from bpfq.operators import Relation
from bpfq.opt.facts import Domain, width
from bpfq.record import record

# A key is a term, with a domain, or a comparison of two terms, with its outcome.
_Key = Term | tuple[Term, Relation, Term]
_Facts = dict[_Key, Domain | bool]
_STEPS_A_TEST, _STEPS = 64, 10_000
_FACTS_AT_MOST = 48  # newest facts kept on an edge; bounds the work on filters with many fields


def thread_jumps(root: Node, builder: Builder) -> Node:
    """The same decisions with every known test skipped."""
    order = topological(root)
    repeated = _repeated(order)
    assume_width = not builder.keep_loads
    incoming: dict[Node, _Facts] = {root: {}}
    edges: dict[Test, tuple[Node, Node]] = {}
    steps = Steps(_STEPS_A_TEST * len(order) + _STEPS)
    for node in order:
        facts = incoming.pop(node, None)
        if facts is None:
            continue  # every edge skips it
        ends = []
        for outcome, successor in ((True, node.yes), (False, node.no)):
            known = _learn(facts, node, outcome, repeated)
            end = _skip(successor, known, assume_width, steps)
            if isinstance(end, Test):
                _meet(incoming, end, known)
            ends.append(end)
        edges[node] = (ends[0], ends[1])
    first = _skip(root, {}, assume_width, steps)
    return _rebuild(first, order, edges, builder)


def _repeated(order: list[Test]) -> set[_Key]:
    """The keys on which more than one test stands; facts on others are of no use."""
    counts = Counter(_key(test) for test in order)
    return {key for key, count in counts.items() if count > 1}


def _key(test: Test) -> _Key:
    if isinstance(test.operand, Constant):
        return test.term
    return (test.term, test.relation, test.operand)


def _learn(facts: _Facts, test: Test, outcome: bool, repeated: set[_Key]) -> _Facts:
    key = _key(test)
    if key not in repeated or isinstance(test.term, Draw):
        return facts
    learned = dict(facts)
    before = learned.pop(key, None)
    if isinstance(test.operand, Constant):
        domain = before if isinstance(before, Domain) else width(test.term)
        learned[key] = domain.refine(test.relation, test.operand.value, outcome)
    else:
        learned[key] = outcome
    if len(learned) > _FACTS_AT_MOST:
        del learned[next(iter(learned))]
    return learned


@record(frozen=False)
class Steps:
    """How many tests the edges of a graph may still skip; keeps long chains of edges that each
    skip the rest of the graph from taking quadratic time.
    """

    left: int


def _skip(node: Node, facts: _Facts, assume_width: bool, steps: Steps) -> Node:
    """The first node from here on whose outcome is not known."""
    while isinstance(node, Test) and steps.left:
        steps.left -= 1
        outcome = _outcome(node, facts, assume_width)
        if outcome is None:
            break
        node = node.yes if outcome else node.no
    return node


def _outcome(test: Test, facts: _Facts, assume_width: bool) -> bool | None:
    fact = facts.get(_key(test))
    if isinstance(fact, bool):
        return fact
    if not isinstance(test.operand, Constant):
        return None
    if fact is None:
        if not assume_width or can_divide_by_zero(test.term):
            return None
        fact = width(test.term)
    return fact.decide(test.relation, test.operand.value)


def _meet(incoming: dict[Node, _Facts], node: Test, facts: _Facts) -> None:
    before = incoming.get(node)
    if before is None:
        incoming[node] = facts
        return
    if before is facts:
        return
    met: _Facts = {}
    for key, fact in before.items():
        other = facts.get(key)
        if isinstance(fact, Domain) and isinstance(other, Domain):
            met[key] = fact.join(other)
        elif other is not None and fact == other:
            met[key] = fact
    incoming[node] = met


def _rebuild(
    root: Node, order: list[Test], edges: dict[Test, tuple[Node, Node]], builder: Builder
) -> Node:
    new: dict[Node, Node] = {}
    for node in reversed(order):
        if node in edges:
            yes, no = edges[node]
            new[node] = builder.test(
                node.term, node.relation, node.operand, new.get(yes, yes), new.get(no, no)
            )
    return new.get(root, root)
