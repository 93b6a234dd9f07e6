"""Is there a packet of which this holds?  Decided exactly, or not at all.

    diagram   interval sets, each word a variable of its own: "none" is final
    parts     the same over what the diagram leaves, words that share bytes split: "none" is final
    solver    over what the diagram leaves, with arithmetic and bytes at computed places

Most questions end before the solver, where z3 is not even imported.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bpfq.record import field, record
from bpfq.symbolic.diagram import Diagram, Diagrams, TooLarge
from bpfq.symbolic.overlap import splits
from bpfq.symbolic.propositions import FALSE, Packet, Proposition
from bpfq.symbolic.related import in_parts, related

if TYPE_CHECKING:
    from bpfq.simplify.smt import Sample, Solver

# How the diagrams are made, one way after the other: leaves of a word with choices inside, first
# only whether two are the same; and the order of the fields.
WAYS = ((1, False), (1, True), (8, False))
RLIMIT = 40_000_000  # z3 resource units for one question, some seconds of work
_MOST_GIVEN_UP = 40  # wishes, one question each


class Undecided(Exception):
    """The budget was spent before there was an answer."""


@record(frozen=False)
class Questions:
    """Questions about one symbolic packet; what one of them worked out helps the next.

    wire_is_captured: a kernel's machine, to which a packet is as long as its captured bytes.
    rlimit: z3 resource units for one question.  solved: questions that needed the solver.
    """

    packet: Packet
    wire_is_captured: bool = False
    rlimit: int = RLIMIT
    solved: int = 0
    _diagrams: dict[tuple[int, bool], Diagrams] = field(default_factory=dict)
    _by_parts: Diagrams | None = None

    def find(self, wanted: Proposition) -> Sample | None:
        """A packet of which ``wanted`` is TRUE, None where there is none; raises Undecided."""
        left = self.left(wanted)
        return None if left is FALSE else next(iter(self.solve(left)), None)

    def is_possible(self, wanted: Proposition) -> bool:
        """Whether ``wanted`` is TRUE of some packet, which is not made; raises Undecided."""
        left = self.left(wanted)
        return left is not FALSE and self._satisfied(left) is not None

    def left(self, wanted: Proposition) -> Proposition:
        """What the diagrams leave to decide: FALSE where ``wanted`` holds of no packet."""
        found = self._independent(wanted)
        if found is not None:
            try:
                return related(*found, self.packet.words)
            except TooLarge:
                pass
        if self._is_impossible_by_parts(wanted):
            return FALSE
        return wanted if found is None else found[0].proposition(found[1])

    def leading(self, wanted: Proposition) -> tuple[Diagrams, Diagram] | None:
        """A diagram that leads to TRUE wherever ``wanted`` is, and what made it; None: too large.

        Words that share bytes are looked at by parts: most of its ways are those of a packet.
        """
        found = self._independent(wanted)
        if found is None:
            return None
        try:
            return in_parts(*found, self.packet.words)
        except TooLarge:
            return found

    def _independent(self, wanted: Proposition) -> tuple[Diagrams, Diagram] | None:
        """The diagram over whole words; None where it is too large in every way."""
        found: tuple[Diagrams, Diagram] | None = None
        for way in WAYS:
            if found and way[1]:
                continue  # another order would leave the same
            diagrams = self._diagrams.setdefault(way, Diagrams(self.packet, *way))
            try:
                found = diagrams, diagrams.of(wanted)
            except TooLarge:
                del self._diagrams[way]
                continue
            if found[1] is diagrams.fails or diagrams.is_exact:
                break
        return found

    def _is_impossible_by_parts(self, wanted: Proposition) -> bool:
        """It holds of no packet, as words split from the start tell; False where not found out."""
        if self._by_parts is None:
            split = splits(wanted, self.packet.words)
            self._by_parts = Diagrams(self.packet, splits=split)
        diagrams = self._by_parts
        try:
            return bool(diagrams.splits) and diagrams.of(wanted) is diagrams.fails
        except TooLarge:
            self._by_parts = None
            return False

    def solve(
        self, left: Proposition, wishes: Sequence[Sequence[Proposition]] = ()
    ) -> tuple[Sample, ...]:
        """Packets of which ``left`` is TRUE, none where there is none; raises Undecided.

        One for each list of wishes, of which as many hold as the solver finds; those given up
        first stand first.
        """
        from bpfq.simplify.smt import TooLong

        solver = self._satisfied(left)
        if solver is None:
            return ()
        try:
            plain = solver.sample()
        except TooLong:
            raise Undecided from None
        made = (_with_wishes(solver, left, each) for each in wishes)
        return (*(sample for sample in made if sample is not None), plain)

    def _satisfied(self, left: Proposition) -> Solver | None:
        """What knows a packet of which ``left`` is TRUE, None where there is none."""
        from bpfq.simplify.smt import Solver

        self.solved += 1
        solver = Solver(self.packet, rlimit=self.rlimit, wire_is_captured=self.wire_is_captured)
        match solver.check(solver.holds(left)):
            case "sat":
                return solver
            case "unsat":
                return None
            case _:
                raise Undecided


def _with_wishes(solver: Solver, left: Proposition, wishes: Sequence[Proposition]) -> Sample | None:
    """A sample without those wishes that the solver finds impossible together with the rest.

    None where too many are, or where it is a packet too long to be made.
    """
    from bpfq.simplify.smt import TooLong

    wanted = solver.literal(solver.holds(left))
    kept = [solver.literal(solver.holds(wish)) for wish in wishes]
    for _ in range(_MOST_GIVEN_UP):
        match solver.check(wanted, *kept):
            case "sat":
                try:
                    return solver.sample()
                except TooLong:
                    return None
            case "unknown":
                return None
        blamed = {literal.get_id() for literal in solver.core()}
        worst = next((literal for literal in kept if literal.get_id() in blamed), None)
        if worst is None:
            return None
        kept.remove(worst)
    return None
