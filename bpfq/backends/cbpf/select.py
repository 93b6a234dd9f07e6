"""Decision graph -> blocks: the code of every test, and where each edge enters the next one.

Walks the tests in topological order with what A, X and M[] hold at the end of each.  An edge whose
registers already hold what a test would load enters behind the load; code that no edge reaches is
cut off.  A test with a condition of context has a block for each way that edges know of, and all of
them end in the same jump; an edge that does not know compares first.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

from bpfq.backends.cbpf.contexts import (
    NO_FACTS,
    Condition,
    Contexts,
    find_contexts,
    no_contexts,
    refine,
)
from bpfq.backends.cbpf.scratch import plan
from bpfq.backends.cbpf.ways import Arrival, Code, Selector, Source, State, Step, Ways
from bpfq.backends.cbpf.wishes import Wish, wishes
from bpfq.graph.nodes import Node, Test, Verdict
from bpfq.graph.terms import Constant, Members, Term, operands
from bpfq.graph.walk import topological
from bpfq.operators import Relation
from bpfq.record import field, record, replace


_MOST_TERMS = 160  # of a graph; deep encapsulations are selected as they stand
_MOST_APART = 4  # choices and indices of X that are tried one by one


# What A is compared with.  None: X.  Of a set, A is or is not a member.
Value: TypeAlias = int | Members | None


@record
class Block:
    """Code without its final jump, and the successors with their entry points.

    test: what it decides; None for a comparison that finds out which term is meant.
    """

    code: Code
    relation: Relation
    value: Value
    yes: Label
    no: Label
    test: Test | None = field(default=None, compare=False, repr=False)


class Label(NamedTuple):
    """A verdict, or a point in a block."""

    at: int | Verdict
    entry: int = 0  # instructions of its code that are skipped


@record
class Selection:
    """The blocks of a program and where it starts."""

    blocks: tuple[Block, ...]
    start: Label


def select(root: Node, late_entries: bool) -> tuple[Selection, ...]:
    """Blocks of every test: plain, with what edges know of conditions, and with wishes for X."""
    order = topological(root)
    if isinstance(root, Verdict):
        return (Selection((), Label(root)),)
    plain = _Walk(no_contexts(order), {}, late_entries).run(order)
    assert plain is not None
    worth = late_entries and _terms(order) <= _MOST_TERMS
    found = find_contexts(order) if worth else None
    if found is None:
        return (plain,)
    contexts: list[Contexts] = [found]
    for choice in found.joined[:_MOST_APART]:
        other = find_contexts(order, (choice,))
        if other is not None:
            contexts.append(other)
    most = _longest(plain)
    made = (selection for one in contexts for selection in _selected(order, one, most))
    return (plain, *made)


def _longest(selection: Selection) -> int:
    """Instructions that its program has at most: a jump and two trampolines behind each block."""
    return sum(len(block.code) + 3 for block in selection.blocks) + 2


def _selected(order: list[Test], contexts: Contexts, most: int) -> Iterator[Selection]:
    """With the wishes for X, with those for one index, and with none."""
    wished = wishes(order, contexts)
    choices: list[dict[Test, Wish]] = [{}, wished] if wished else [{}]
    indices = list(dict.fromkeys(wish.index for wish in wished.values()))
    if len(indices) > 1:
        for index in indices[:_MOST_APART]:
            choices.append({test: wish for test, wish in wished.items() if wish.index is index})
    for some in choices:
        made = _Walk(contexts, some, True, most).run(order)
        if made is not None:
            yield made


def _terms(order: list[Test]) -> int:
    """Different terms of the tests, parts included."""
    work: list[Term] = [side for test in order for side in (test.term, test.operand)]
    seen: set[Term] = set()
    while work:
        term = work.pop()
        if term not in seen:
            seen.add(term)
            work += operands(term)
    return len(seen)


def _value(operand: Term) -> Value:
    match operand:
        case Constant(value):
            return value
        case Members():
            return operand
        case _:
            return None


@record(eq=False)
class _Split:
    """A comparison that edges make which do not know a condition of the test before them."""

    asked: Condition


@record(frozen=False)
class _Walk:
    contexts: Contexts
    wished: dict[Test, Wish]
    late: bool
    most: int | None = None  # instructions
    _length: int = 0
    _arriving: dict[Node, list[Arrival]] = field(default_factory=dict)
    _entered: dict[Source | None, Label] = field(default_factory=dict)
    _pieces: list[tuple[Code, Relation, Value, object]] = field(default_factory=list)

    def run(self, order: list[Test]) -> Selection | None:
        """None where the code alone is longer than ``most``: chains of headers grow without end."""
        selector = Selector(self.contexts, plan(order, self.contexts), self.late)
        start = State(None, self.contexts.nothing, {}, NO_FACTS)
        self._arriving[order[0]] = [Arrival(None, start)]
        for test in order:
            step = Step(*self.contexts.tests[test], self.wished.get(test))
            arrivals = self._decide(step, self._arriving.pop(test), selector)
            ways, after = selector.ways(step, arrivals)
            self._place(ways, test.relation, _value(step.operand), test)
            if self.most is not None and self._length > self.most:
                return None
            for holds, successor in ((True, test.yes), (False, test.no)):
                facts = self.contexts.facts.get((test, holds), NO_FACTS)
                state = replace(after, facts=facts, a=self._name(after.a, successor, arrivals))
                self._leave((test, holds), successor, state)
        return Selection(self._blocks(), self._entered[None])

    def _name(self, held: Term | None, successor: Node, arrivals: list[Arrival]) -> Term | None:
        """What A holds, as the successor calls it where that is the same on all ways here.

        [23:1] in IPv4 packets, [54:1] in fragments is the protocol of all packets in both.
        """
        if held is None or not isinstance(successor, Test):
            return held
        wanted, _ = self.contexts.tests[successor]
        if held is wanted or not self.contexts.conditions(wanted):
            return held
        where, ways = self.contexts.where, [arrival.state.facts for arrival in arrivals]
        same = all(where(held, facts) is where(wanted, facts) for facts in ways)
        return wanted if same else held

    def _decide(self, step: Step, arrivals: list[Arrival], selector: Selector) -> list[Arrival]:
        """The edges into a test that know what they need; others compare it before."""
        ready: list[Arrival] = []
        while arrivals:
            unknown: dict[object, tuple[Condition, list[Arrival]]] = {}
            for arrival in arrivals:
                asked = selector.undecided(step, arrival.state)
                if asked is None:
                    ready.append(arrival)
                else:
                    key = (asked, selector.known(step, arrival.state))
                    unknown.setdefault(key, (asked, []))[1].append(arrival)
            arrivals = [
                made
                for asked, group in unknown.values()
                for made in self._split(asked, group, selector)
            ]
        return ready

    def _split(
        self, asked: Condition, arrivals: list[Arrival], selector: Selector
    ) -> tuple[Arrival, Arrival]:
        """Two edges that know the condition, behind a comparison."""
        relation, left, value = asked
        ways, after = selector.ways(Step(left, self.contexts.builder.constant(value)), arrivals)
        split = _Split(asked)
        self._place(ways, relation, value, split)
        yes, no = (
            replace(after, facts=refine(after.facts, asked, holds)) for holds in (True, False)
        )
        return Arrival((split, True), yes), Arrival((split, False), no)

    def _place(self, ways: Ways, relation: Relation, value: Value, source: object) -> None:
        first = len(self._pieces)
        self._length += sum(map(len, ways.pieces))
        self._pieces += [(code, relation, value, source) for code in ways.pieces]
        for edge, (number, position) in ways.entries.items():
            self._entered[edge] = Label(first + number, position)

    def _leave(self, source: Source, successor: Node, state: State) -> None:
        if isinstance(successor, Verdict):
            self._entered[source] = Label(successor)
        else:
            self._arriving.setdefault(successor, []).append(Arrival(source, state))

    def _blocks(self) -> tuple[Block, ...]:
        return tuple(
            Block(
                code,
                relation,
                value,
                self._entered[source, True],
                self._entered[source, False],
                source if isinstance(source, Test) else None,
            )  # fmt: skip
            for code, relation, value, source in self._pieces
        )
