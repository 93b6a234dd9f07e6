"""Test once, first, what every way to one verdict tests.

    0: w[26] = a ? 1 : 3                          0: (w[20] & 0x1fff00ff) = 6 ? 1 : reject
    1: (w[20] & 0x1fff00ff) = 6 ? 2 : reject      1: w[26] = a ? 2 : 3
    2: h[x + 14] = 80 ? accept : reject       =>  2: h[x + 14] = 80 ? accept : reject
    3: w[30] = a ? 4 : reject                     3: w[30] = a ? 4 : reject
    4: (w[20] & 0x1fff00ff) = 6 ? 5 : reject      4: h[x + 16] = 80 ? accept : reject
    5: h[x + 16] = 80 ? accept : reject

A packet that fails such a gate is rejected, or meets it again.  Every packet that is accepted
passed it, so it was long enough for its load.  With ``not`` before such a filter, reject and accept
change places; then the packet has to be known to be long enough (``ends``), and a strict program
is left alone, as it has to make the loads that are passed over.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple, TypeAlias

from bpfq.graph.nodes import ACCEPT, REJECT, Builder, Node, Test, Verdict
from bpfq.graph.terms import Choose, Draw, Term, can_divide_by_zero
from bpfq.graph.walk import subterms, topological
from bpfq.operators import Relation
from bpfq.opt.ends import ends
from bpfq.opt.unify import cost

_GATES_AT_MOST = 4  # moved in one pass
_LOOKED_AT_MOST = 8  # for each of these, those that stand at most places

# The term, and for each test: relation, operand, whether where it holds and where it does not the
# gate is passed (True), failed (False), or tests on (None).
_Key: TypeAlias = tuple[object, ...]


class _Gate(NamedTuple):
    """Tests of one term with two exits."""

    tests: tuple[Test, ...]
    passed: Node
    failed: Node

    @property
    def head(self) -> Test:
        return self.tests[0]

    @property
    def cost(self) -> int:
        return len(self.tests) + cost(self.head.term)


def hoist_gates(root: Node, builder: Builder) -> Node:
    """The same decisions; what must be tested in any case is tested in one place."""
    for _ in range(_GATES_AT_MOST):
        before = root
        root = _best_moved(root, builder)
        if root is before:
            break
    return root


def _best_moved(root: Node, builder: Builder) -> Node:
    """The graph with the gates of one kind moved that save most."""
    order = topological(root)
    repeated = _repeated(order)
    fails: tuple[Verdict, ...] = (REJECT, ACCEPT)
    if builder.keep_loads or any(can_divide_by_zero(test.term) for test in order):
        fails = (REJECT,)
    best, most = root, 0
    for failed in fails if repeated else ():
        gates, needed = _needed(order, repeated, failed)
        likely = sorted(gates.items(), key=lambda item: -(len(item[1]) - 1) * item[1][0].cost)
        for bit, alike in likely[:_LOOKED_AT_MOST]:
            places = _places(root, order, {n for n in order if needed[n] & bit}, alike, failed)
            saved = (len(alike) - len(places)) * alike[0].cost
            if saved > most and _are_read(order, places, alike[0], failed):
                best, most = _moved(root, order, places, alike, failed, builder), saved
    return best


def _are_read(order: list[Test], places: list[Test], gate: _Gate, failed: Verdict) -> bool:
    """Testing the gate at the places loses no packet that is accepted."""
    if failed is REJECT:
        return True
    known = ends(order)
    return all(known.covers(place, test) for place in places for test in gate.tests)


# ---------------------------------------------------------------- finding gates


def _repeated(order: list[Test]) -> dict[_Key, list[_Gate]]:
    """What may be a gate, either way round, and stands at several places."""
    entries = Counter(exit for test in order for exit in (test.yes, test.no))
    found: dict[_Key, list[_Gate]] = {}
    inside: set[Node] = set()
    plain: dict[Term, bool] = {}
    for test in order:
        if test in inside:
            continue
        tests, exits = _row(test, entries)
        for term in (test.term, test.operand):
            if term not in plain:
                plain[term] = _is_plain(term)
        if len(exits) == 2 and plain[test.term] and plain[test.operand]:
            inside.update(tests[1:])
            for gate in (_Gate(tests, *exits), _Gate(tests, *reversed(exits))):
                found.setdefault(_key(gate), []).append(gate)
    return {key: gates for key, gates in found.items() if len(gates) > 1}


def _row(first: Test, entries: Counter[Node]) -> tuple[tuple[Test, ...], list[Node]]:
    """Tests of one term, each behind the one before only, and where they lead."""
    tests, exits = [first], dict[Node, None]()
    while len(exits) < 3:
        last = tests[-1]
        following = next(
            (
                exit
                for exit in (last.no, last.yes)
                if isinstance(exit, Test) and exit.term is first.term and entries[exit] == 1
            ),
            None,
        )
        exits.update(dict.fromkeys(e for e in (last.yes, last.no) if e is not following))
        if following is None:
            break
        tests.append(following)
    return tuple(tests), list(exits)


def _key(gate: _Gate) -> _Key:
    """Equal for gates that differ in their exits only."""

    def side(exit: Node) -> bool | None:
        return None if exit is not gate.passed and exit is not gate.failed else exit is gate.passed

    rows: list[tuple[Relation, Term, bool | None, bool | None]] = [
        (test.relation, test.operand, side(test.yes), side(test.no)) for test in gate.tests
    ]
    return (gate.head.term, *rows)


def _is_plain(term: Term) -> bool:
    """It can be computed anywhere, at one price."""
    parts = subterms(term)
    return not any(isinstance(p, Draw | Choose) or can_divide_by_zero(p) for p in parts)


# ---------------------------------------------------------------- finding places


def _needed(
    order: list[Test], candidates: dict[_Key, list[_Gate]], failed: Verdict
) -> tuple[dict[int, list[_Gate]], dict[Node, int]]:
    """The gates by number, as bits, and those on every way from a node to the other verdict.

    failed: what packets come to that fail; at once, or by meeting the same gate again.
    """
    at: dict[Test, list[tuple[int, _Gate]]] = {}
    for number, gates in enumerate(candidates.values()):
        for gate in gates:
            at.setdefault(gate.head, []).append((1 << number, gate))
    found: dict[int, list[_Gate]] = {}
    needed: dict[Node, int] = {REJECT: 0, ACCEPT: 0, failed: -1}
    for test in reversed(order):
        behind = needed[test.yes] & needed[test.no]
        for bit, gate in at.get(test, ()):
            if needed[gate.failed] & bit:
                behind |= bit
                found.setdefault(bit, []).append(gate)
        needed[test] = behind
    return found, needed


def _places(
    root: Node, order: list[Test], needing: set[Test], gates: list[_Gate], failed: Verdict
) -> list[Test]:
    """Where the gate has to stand for every head of it to be behind one."""
    heads = {gate.head for gate in gates}
    before: set[Node] = {root}  # on some way, the gate is still to come
    places: list[Test] = []
    for test in order:
        if test not in before:
            continue
        leads_on = failed in (test.yes, test.no) and test not in heads
        if test in needing and not leads_on:
            places.append(test)
        else:
            before.update((test.yes, test.no))
    return places


def _moved(
    root: Node,
    order: list[Test],
    places: list[Test],
    gates: list[_Gate],
    failed: Verdict,
    builder: Builder,
) -> Node:
    passed = {gate.head: gate.passed for gate in gates}
    standing = set(places)
    new: dict[Node, Node] = {}
    for test in reversed(order):
        exit = passed.get(test)
        if exit is None:
            yes, no = new.get(test.yes, test.yes), new.get(test.no, test.no)
            new[test] = builder.test(test.term, test.relation, test.operand, yes, no)
        else:
            new[test] = new.get(exit, exit)
        if test in standing:
            new[test] = _copied(gates[0], new[test], failed, builder)
    return new.get(root, root)


def _copied(gate: _Gate, passed: Node, failed: Node, builder: Builder) -> Node:
    """The gate with other exits."""
    made: dict[Node, Node] = {gate.passed: passed, gate.failed: failed}
    for test in reversed(gate.tests):
        made[test] = builder.test(
            test.term, test.relation, test.operand, made[test.yes], made[test.no]
        )
    return made[gate.head]
