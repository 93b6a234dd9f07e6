"""The code of one test, for each way of getting there.

    [12:2] = 0x800:    ldxb 4*([14]&0xf); ld [20]; and #0x1fff00ff      jeq #6
    [12:2] = 0x86dd:   ldx #40; ldb [20]                                jeq #6

Edges that know the same share a piece of code, and each enters it where its registers hold what the
skipped instructions would compute.  A piece that another one ends with is part of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from bpfq.backends.cbpf.contexts import Condition, Contexts, Facts, meet, outcome
from bpfq.backends.cbpf.expression import Emitter, Entry
from bpfq.backends.cbpf.scratch import header_length
from bpfq.backends.cbpf.wishes import Wish, fits_in_x, index_of, reach
from bpfq.graph.terms import IMMEDIATE, Binary, Constant, Load, Lookup, Term
from bpfq.isa.cbpf.instructions import Instruction
from bpfq.record import field, record

_CONDITIONS_AT_MOST = 3  # compared before a test; more are computed with jumps inside it

Code: TypeAlias = tuple[Instruction, ...]
Source: TypeAlias = tuple[object, bool]  # what jumps, and its outcome


@record(frozen=False)
class State:
    """What the registers and scratch words hold, and what is known of the packet."""

    a: Term | None
    x: Term | None
    memory: dict[int, Term]
    facts: Facts


@record(eq=False)
class Arrival:
    """An edge into a test."""

    source: Source | None
    state: State


@record
class Step:
    """What a test puts into A, and into X if that is no constant; wish: what should stay in X."""

    term: Term
    operand: Term
    wish: Wish | None = None


@record
class _Piece:
    """Code and where edges enter it."""

    code: Code
    entries: dict[Source | None, int]


@record(frozen=False)
class Ways:
    """pieces: code that ends where the test jumps.  entries: piece and position for every edge."""

    pieces: list[Code] = field(default_factory=list)
    entries: dict[Source | None, tuple[int, int]] = field(default_factory=dict)
    held: list[tuple[Arrival, Term | None]] = field(default_factory=list)  # in X, by edge
    memory: dict[int, Term] | None = None

    def place(self, pieces: list[_Piece]) -> None:
        """Lay out pieces; one that another ends with is entered there."""
        for piece in sorted(pieces, key=lambda each: -len(each.code)):
            number, start = self._find(piece.code)
            for source, position in piece.entries.items():
                self.entries[source] = (number, start + position)

    def _find(self, code: Code) -> tuple[int, int]:
        """The piece that ends with the code, and where the code starts in it."""
        for number, piece in enumerate(self.pieces):
            start = len(piece) - len(code)
            if piece[start:] == code:
                return number, start
        self.pieces.append(code)
        return len(self.pieces) - 1, 0

    @property
    def cost(self) -> int:
        """Instructions, with the jump at the end of each piece."""
        return sum(len(code) + 1 for code in self.pieces)


@record
class Selector:
    """Chooses code; late: registers are reused from one test to the next."""

    contexts: Contexts
    slots: dict[Term, int]
    late: bool

    def ways(self, step: Step, arrivals: list[Arrival]) -> tuple[Ways, State]:
        """The code of a test, and what holds behind it."""
        wish = self._granted(step, arrivals) if step.wish else None
        best = self._ways(step, arrivals, wish, fold=True)
        apart = wish is not None and index_of(step.term) not in (None, wish.index)
        if self.late and not apart and self.contexts.conditions(step.term):
            indexed = self._ways(step, arrivals, wish, fold=False)
            best = indexed if indexed.cost < best.cost else best
        assert best.memory is not None
        x = self._in_x(step, best.held) if self.late else None
        facts = meet([arrival.state.facts for arrival in arrivals])
        return best, State(step.term if self.late else None, x, best.memory, facts)

    def undecided(self, step: Step, state: State) -> Condition | None:
        """A condition of context that the test needs and the edge does not know."""
        conditions = self.contexts.conditions
        if self.known(step, state).count(None) not in range(1, _CONDITIONS_AT_MOST + 1):
            return None
        term = self.contexts.where(step.term, state.facts)
        while term is not state.a and step.term is not state.a and conditions(term):
            match term:
                case Binary(left=left, right=Constant()):
                    term = left
                case Load(index=index) | Lookup(index=index) if index is not None and self._is_in_x(index, state):
                    break
                case _:
                    return _open(conditions(term), state.facts)
        return _open(conditions(self.contexts.where(step.operand, state.facts)), state.facts)

    def known(self, step: Step, state: State) -> tuple[bool | None, ...]:
        """What an edge knows of the conditions of a test."""
        asked = self.contexts.conditions(step.term) + self.contexts.conditions(step.operand)
        return tuple(outcome(each, state.facts) for each in asked)

    def _is_in_x(self, index: Term, state: State) -> bool:
        return self._x(state) is self.contexts.where(index, state.facts)

    # ------------------------------------------------------------ the index behind the test

    def _granted(self, step: Step, arrivals: list[Arrival]) -> Wish | None:
        """The wish, where the edges know more than the test and each can fulfil it."""
        assert step.wish is not None
        index = step.wish.index
        facts = meet([arrival.state.facts for arrival in arrivals])
        if all(outcome(c, facts) is not None for c in self.contexts.conditions(index)):
            return None
        return step.wish if all(self._can_set(step, a.state) for a in arrivals) else None

    def _can_set(self, step: Step, state: State) -> bool:
        assert step.wish is not None
        index = self.contexts.where(step.wish.index, state.facts)
        if index_of(self.contexts.where(step.term, state.facts)) not in (None, index):
            return False
        if self._is_in_x(step.wish.index, state):
            return True
        offset = header_length(index)
        read = 0 if offset is None else offset + 1
        safe = step.wish.certain or read <= reach(self.contexts.where(step.term, state.facts))
        return safe and fits_in_x(index)

    def _in_x(self, step: Step, held: list[tuple[Arrival, Term | None]]) -> Term | None:
        """What X holds on all edges, under the name that those behind the test use."""
        first = held[0][1]
        if all(x is first for _, x in held):
            return first
        if step.wish is None:
            return None
        index, where = step.wish.index, self.contexts.where
        same = all(x is where(index, arrival.state.facts) for arrival, x in held)
        return index if same else None

    # ------------------------------------------------------------ code

    def _ways(self, step: Step, arrivals: list[Arrival], wish: Wish | None, fold: bool) -> Ways:
        groups: dict[object, list[Arrival]] = {}
        for arrival in arrivals:
            groups.setdefault(self._key(step, wish, arrival.state), []).append(arrival)
        ways, codes = Ways(), []
        for group in groups.values():
            facts = group[0].state.facts
            emitter = Emitter(self.slots, _common_memory(group), self.late)
            term = self.contexts.where(step.term, facts, fold=fold)
            if self._is_done(step, group[0].state):
                term = emitter.a = step.term
            if wish is not None:
                emitter.keep_in_x(self.contexts.where(wish.index, facts))
            operand = self.contexts.where(step.operand, facts)
            emitter.comparison(term, operand, by_x=not isinstance(step.operand, IMMEDIATE))
            codes.append(self._enter(emitter, group, ways))
            ways.memory = _both(ways.memory, emitter.memory)
        ways.place(codes)
        return ways

    def _key(self, step: Step, wish: Wish | None, state: State) -> object:
        """Edges with the same key compute the same."""
        where, facts = self.contexts.where, state.facts
        index = wish and where(wish.index, facts)
        if not self.contexts.conditions(step.term) and not self.contexts.conditions(step.operand):
            return index
        if self._is_done(step, state):
            return index, None
        return index, where(step.term, facts), where(step.operand, facts)

    def _is_done(self, step: Step, state: State) -> bool:
        """A holds what depends on the way, so that the way does not matter any more."""
        known = state.a is step.term and isinstance(step.operand, IMMEDIATE)
        return known and len(self.contexts.conditions(step.term)) > 0

    def _enter(self, emitter: Emitter, group: list[Arrival], ways: Ways) -> _Piece:
        """The latest entry of every edge, and what X holds behind the code on it."""
        positions: dict[Source | None, int] = {}
        for arrival in group:
            state = arrival.state
            position = self._latest(emitter.entries, state) if self.late else 0
            positions[arrival.source] = position
            passes = emitter.x_set_at is None or position >= emitter.x_set_at
            ways.held.append((arrival, self._x(state) if passes else emitter.x))
        first = min(positions.values())
        later = {source: position - first for source, position in positions.items()}
        return _Piece(tuple(emitter.code[first:]), later)

    def _latest(self, entries: list[Entry], state: State) -> int:
        a = state.a and self.contexts.where(state.a, state.facts)
        x = self._x(state)
        return max(
            entry.position
            for entry in entries
            if (entry.a is None or entry.a is a)
            and (entry.x is None or entry.x is x or entry.x is state.x)
            and all(state.memory.get(slot) is term for slot, term in entry.memory.items())
        )

    def _x(self, state: State) -> Term | None:
        return state.x and self.contexts.where(state.x, state.facts)


def _open(conditions: Sequence[Condition], facts: Facts) -> Condition | None:
    """The first one that is not known.

    A choice of a choice may ask for what is known already: in its terms it stood otherwise.
    """
    return next((each for each in conditions if outcome(each, facts) is None), None)


def _common_memory(edges: list[Arrival]) -> dict[int, Term]:
    common: dict[int, Term] | None = None
    for edge in edges:
        common = _both(common, edge.state.memory)
    return dict(common or {})


def _both(common: dict[int, Term] | None, other: dict[int, Term]) -> dict[int, Term]:
    """What two memories agree on."""
    if common is None or common is other:
        return other
    return {slot: term for slot, term in common.items() if other.get(slot) is term}
