"""Decision diagrams over interval sets: the exact procedure that needs no solver.

A diagram tests one variable at each node, in one order on every path, and leaves by the interval
that its value lies in; equal diagrams are one object.

    variable                    its values
    a word                      0 to word.most
    how two words compare       -1, 0, 1
    captured bytes less index   any whole number

The variables are taken as independent of each other.  What has no TRUE leaf then holds of no
packet; what has one may still be impossible, where two words read the same bytes, and a solver
decides over what is left: the diagram, which is small where two filters differ little.

Long lists are one node with many intervals, so a thousand hosts cost a few merges of sorted
intervals.  Source: decision diagrams after R. E. Bryant, "Graph-Based Algorithms for Boolean
Function Manipulation", 1986, with interval edges as in K. Strehl and L. Thiele, "Interval
Diagrams", 1998.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias, assert_never

from bpfq.record import field, record
from bpfq.symbolic.choices import Choices
from bpfq.symbolic.decisions import decisions
from bpfq.symbolic.overlap import Split, by_parts
from bpfq.symbolic.propositions import (
    FALSE,
    FAULT,
    TRUE,
    Accepts,
    Cases,
    Condition,
    Decide,
    Every,
    Member,
    Opposite,
    Outcome,
    Packet,
    Proposition,
    Some,
    operands,
)
from bpfq.symbolic.runs import Run, folded, parents
from bpfq.symbolic.variables import Variable, cuts_of, place_of, variable_of
from bpfq.symbolic.words import (
    Bytes,
    Draw,
    Either,
    Held,
    Length,
    Metadata,
    Number,
    Operation,
    Word,
)

MOST_PIECES = 8_000_000  # intervals made for one question, half a minute of work
MOST_VARIABLES = 500  # a diagram is as deep as it has variables, and Python's stack with it

_LEAF_LEVEL = 1 << 30


class TooLarge(Exception):
    """The diagrams of a question grow past MOST_PIECES or MOST_VARIABLES."""


@record(eq=False)
class Diagram:
    """children[i] is taken for values from cuts[i - 1] up to, not including, cuts[i]."""

    level: int
    cuts: tuple[int, ...]
    children: tuple[Diagram, ...]


_Row: TypeAlias = tuple[Diagram, Diagram, Diagram, Diagram]


def _leaf() -> Diagram:
    return Diagram(_LEAF_LEVEL, (), ())


@record(frozen=False)
class Diagrams:
    """Makes the diagrams of one question.

    packet: what made the words; without it a word with a choice inside is a variable of its own.
    leaves: see Choices.  by_offset: the order of the variables, see _order.
    splits: words that are looked at by parts, which stand next to each other.
    """

    packet: Packet | None = None
    leaves: int = 1
    by_offset: bool = False
    splits: Mapping[Word, Split] = field(default_factory=dict)
    holds: Diagram = field(default_factory=_leaf)
    fails: Diagram = field(default_factory=_leaf)
    faults: Diagram = field(default_factory=_leaf)
    variables: list[Variable] = field(default_factory=list)
    pieces: int = 0
    _levels: dict[Variable, int] = field(default_factory=dict)
    _made: dict[tuple[object, ...], Diagram] = field(default_factory=dict)
    _chosen: dict[tuple[Diagram, ...], Diagram] = field(default_factory=dict)
    _done: dict[Proposition, Diagram] = field(default_factory=dict)
    _ordered: set[Proposition | Word] = field(default_factory=set)
    _choices: Choices | None = None

    def __post_init__(self) -> None:
        self._done.update({TRUE: self.holds, FALSE: self.fails, FAULT: self.faults})
        if self.packet is not None:
            self._choices = Choices(self, self.packet, self.leaves)

    @property
    def is_exact(self) -> bool:
        """Each variable is a word without choices."""
        return self._choices is not None and self._choices.is_exact

    def of(self, proposition: Proposition) -> Diagram:
        """The diagram of a proposition; raises TooLarge."""
        if proposition in self._done:
            return self._done[proposition]
        for word in self._order(proposition):
            assert self._choices is not None
            self._choices.make(word)
        return self._made_of(proposition)

    def _made_of(self, proposition: Proposition) -> Diagram:
        done, leading = self._done, parents(proposition)
        runs: dict[Proposition, Run | None] = {}
        work = [proposition]
        while work:
            current = work[-1]
            if current in done:
                work.pop()
                continue
            if current not in runs:
                runs[current] = folded(current, leading)
            run = runs[current]
            waiting = [
                part for part in (run.parts if run else operands(current)) if part not in done
            ]
            if waiting:
                work += reversed(waiting)
            elif run:
                done[current] = self.choose(*[done[part] for part in run.parts])
            else:
                done[current] = self._combined(current)
        return done[proposition]

    def _order(self, proposition: Proposition) -> list[Word]:
        """Variables stand in the order in which the proposition first looks at them.

        by_offset: fields in the order of their place in the packet, so that those which different
        branches test stand above what the branches share.  Returns the words with choices inside
        that it looks at, operands first.
        """
        found: list[Word] = []
        looked_at: dict[Variable, None] = {}
        work: list[Proposition | Word] = [proposition]
        while work:
            current = work.pop()
            if current in self._ordered:
                continue
            self._ordered.add(current)
            match current:
                case Either() | Operation() | Bytes() | Held():
                    assert self._choices is not None
                    found.append(current)
                    work += self._choices.below(current)
                case Decide(condition, then, otherwise):
                    words = self._choices.words_of(condition) if self._choices else []
                    if not words:
                        looked_at[variable_of(condition)] = None
                    work += [otherwise, then, *words]
                case Number() | Length() | Metadata() | Draw():
                    raise AssertionError(current)  # no choice is inside
                case _:
                    work += reversed(operands(current))
        self.place(sorted(looked_at, key=place_of) if self.by_offset else looked_at)
        return sorted(found, key=lambda word: word.number)

    def place(self, variables: Iterable[Variable]) -> None:
        """Let variables stand in this order, behind those already looked at."""
        for variable in variables:
            split = None if isinstance(variable, tuple) else self.splits.get(variable)
            for part in split.related if split else (variable,):
                self._level(part)

    def tested(self, diagram: Diagram) -> Sequence[Variable]:
        """The variables of a diagram in their order."""
        seen = {diagram}
        work = [diagram]
        while work:
            new = [child for child in work.pop().children if child not in seen]
            seen.update(new)
            work += new
        levels = {node.level for node in seen}
        return [variable for n, variable in enumerate(self.variables) if n in levels]

    def _level(self, variable: Variable) -> int:
        level = self._levels.setdefault(variable, len(self.variables))
        if level == len(self.variables):
            self.variables.append(variable)
            if level >= MOST_VARIABLES:
                raise TooLarge
        return level

    def _combined(self, proposition: Proposition) -> Diagram:
        done = self._done
        match proposition:
            case Decide(condition, then, otherwise):
                return self._choose(self._condition(condition), done[then], done[otherwise])
            case Opposite(operand):
                return self._choose(done[operand], self.fails, self.holds)
            case Accepts(operand):
                return self.choose(done[operand], self.holds, self.fails, self.fails)
            case Cases(condition, then, otherwise):
                return self._choose(done[condition], done[then], done[otherwise])
            case Every(parts):
                return self._joined([done[part] for part in parts], conjunction=True)
            case Some(parts):
                return self._joined([done[part] for part in parts], conjunction=False)
            case Outcome():
                return done[proposition]
            case _:
                assert_never(proposition)

    def _joined(self, parts: list[Diagram], *, conjunction: bool) -> Diagram:
        """Neighbours first, then neighbours of those: n parts in about n log n pieces."""
        if not parts:
            return self.holds if conjunction else self.fails
        while len(parts) > 1:
            pairs = zip(parts[::2], parts[1::2], strict=False)
            if conjunction:
                joined = [self._choose(left, right, self.fails) for left, right in pairs]
            else:
                joined = [self._choose(left, self.holds, right) for left, right in pairs]
            parts = joined + parts[len(joined) * 2 :]
        return parts[0]

    # ------------------------------------------------------------ conditions

    def _condition(self, condition: Condition) -> Diagram:
        if self._choices is not None and self._choices.words_of(condition):
            return self._choices.condition(condition)
        inside, cuts = cuts_of(condition)
        sides = (self.holds, self.fails) if inside else (self.fails, self.holds)
        children = [sides[n % 2] for n in range(len(cuts) + 1)]
        if isinstance(condition, Member) and condition.word in self.splits:
            return by_parts(self.splits[condition.word].parts, cuts, children, self._look)
        return self._make(self._level(variable_of(condition)), cuts, children)

    def _look(self, word: Word, cuts: Sequence[int], children: Sequence[Diagram]) -> Diagram:
        self._count(len(children))
        return self._make(self._level(word), cuts, children)

    # ------------------------------------------------------------ the one operation

    def _choose(self, condition: Diagram, then: Diagram, otherwise: Diagram) -> Diagram:
        return self.choose(condition, then, otherwise, self.faults)

    def choose(
        self, condition: Diagram, then: Diagram, otherwise: Diagram, fault: Diagram
    ) -> Diagram:
        """``then``, ``otherwise`` or ``fault`` by what the condition leads to."""
        row = (condition, then, otherwise, fault)
        return self._known(row) or self._split(row)

    def _known(self, row: _Row) -> Diagram | None:
        """What is chosen, where that needs no split or was split before."""
        condition, then, otherwise, fault = row
        if condition is self.holds:
            return then
        if condition is self.fails:
            return otherwise
        if condition is self.faults:
            return fault
        if then is self.holds and otherwise is self.fails and fault is self.faults:
            return condition
        if then is otherwise and otherwise is fault:
            return then
        return self._chosen.get(row)

    def _split(self, row: _Row) -> Diagram:
        """Choose below each interval of the first variable that any of them tests."""
        level = min(part.level for part in row)
        testing = [part for part in row if part.level == level]
        if len(testing) == 1:
            cuts = testing[0].cuts
        else:
            cuts = tuple(sorted({cut for part in testing for cut in part.cuts}))
        self._count(len(cuts) + 1)
        rows = list(zip(*(_column(part, level, cuts) for part in row), strict=True))
        made: dict[_Row, Diagram] = {}
        for below in rows:
            if below not in made:
                made[below] = self._known(below) or self._split(below)
        found = self._chosen[row] = self._make(level, cuts, [made[below] for below in rows])
        return found

    def leaf(self) -> Diagram:
        """Another leaf: what a diagram can lead to other than an outcome."""
        return _leaf()

    def mapped(self, diagram: Diagram, result: Callable[[Diagram], Diagram]) -> Diagram:
        """What the result is of the leaf that the diagram leads to."""
        made: dict[Diagram, Diagram] = {}
        work = [diagram]
        while work:
            current = work[-1]
            waiting = [child for child in current.children if child not in made]
            if waiting:
                work += waiting
                continue
            work.pop()
            if current in made:
                continue
            if current.level == _LEAF_LEVEL:
                made[current] = result(current)
            else:
                made[current] = self._led(current, [made[child] for child in current.children])
        return made[diagram]

    def _led(self, node: Diagram, children: list[Diagram]) -> Diagram:
        """The node with other children, which may test variables before its own."""
        self._count(len(children))
        if all(child.level > node.level for child in children):
            return self._make(node.level, node.cuts, children)
        *others, led = dict.fromkeys(children)
        for other in others:
            sides = [self.holds if child is other else self.fails for child in children]
            there = self._make(node.level, node.cuts, sides)
            led = self.choose(there, other, led, self.faults)
        return led

    def _count(self, pieces: int) -> None:
        self.pieces += pieces
        if self.pieces > MOST_PIECES:
            raise TooLarge

    def _make(self, level: int, cuts: Sequence[int], children: Sequence[Diagram]) -> Diagram:
        """The node, without cuts that separate nothing."""
        kept = [
            (cut, child)
            for cut, before, child in zip(cuts, children, children[1:], strict=False)
            if child is not before
        ]
        if not kept:
            return children[0]
        final = tuple(cut for cut, _ in kept)
        exits = (children[0], *(child for _, child in kept))
        key = (level, final, exits)
        found = self._made.get(key)
        if found is None:
            found = self._made[key] = Diagram(level, final, exits)
        return found

    def proposition(self, diagram: Diagram) -> Proposition:
        """The diagram as a proposition with decisions only."""
        leaves: dict[Diagram, Proposition] = {
            self.holds: TRUE, self.fails: FALSE, self.faults: FAULT,
        }  # fmt: skip
        return decisions(diagram, self.variables, leaves)


def _column(part: Diagram, level: int, cuts: tuple[int, ...]) -> Sequence[Diagram]:
    """Where the part leads in each interval between the cuts, which include its own."""
    if part.level != level:
        return (part,) * (len(cuts) + 1)
    if len(part.cuts) == len(cuts):
        return part.children
    column = []
    position, own = 0, part.cuts
    last = len(own)
    column.append(part.children[0])
    for cut in cuts:
        if position < last and own[position] == cut:
            position += 1
        column.append(part.children[position])
    return column
