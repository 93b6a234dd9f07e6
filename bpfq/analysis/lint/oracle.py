"""Who answers questions about all packets.

The rules ask; how the answer is found is not their business.  None is "not known", and a rule then
stays silent: a finding is never a guess.
"""

from __future__ import annotations

from itertools import islice
from typing import Protocol

from bpfq.analysis.decide import Questions, Undecided
from bpfq.analysis.lint.findings import Witness
from bpfq.analysis.subject import meaning_of
from bpfq.errors import BpfqError
from bpfq.query import build
from bpfq.query import nodes as q
from bpfq.query.nodes import Query
from bpfq.query.walk import leaves
from bpfq.record import field, record
from bpfq.settings import Settings
from bpfq.symbolic.diagram import Diagrams, TooLarge
from bpfq.symbolic.formula import TOTAL
from bpfq.symbolic.propositions import FALSE, Accepts, Packet, Proposition

_MOST_SOLVED = 16  # questions of one filter that may go to the solver, some 20 ms each
_LARGEST_SOLVED = 24  # primitives of such a question
_LARGEST_ASKED = 3000  # primitives of any question


class Oracle(Protocol):
    def never(self, query: Query) -> bool | None:
        """Whether no packet matches."""
        ...

    def implies(self, query: Query, other: Query) -> bool | None:
        """Whether every packet that matches the first one matches the other, too."""
        ...

    def example(self, query: Query) -> Witness | None:
        """A packet that matches."""
        ...


@record(frozen=False)
class Engine:
    """Interval diagrams, and for a few questions of each filter z3.

    The total reading decides: what it cannot match, no program for the filter accepts.
    """

    settings: Settings
    solved: int = 0
    _known: dict[Query, bool | None] = field(default_factory=dict)

    def never(self, query: Query) -> bool | None:
        if query not in self._known:
            self._known[query] = self._never(query)
        return self._known[query]

    def implies(self, query: Query, other: Query) -> bool | None:
        return self.never(build.all_of(query, build.negate(other)))

    def example(self, query: Query) -> Witness | None:
        return None

    def _never(self, query: Query) -> bool | None:
        if isinstance(query, q.Or):  # mostly the first alternative tells
            answers = map(self.never, query.operands)
            return next((answer for answer in answers if answer is not True), True)
        size = len(list(islice(leaves(query), _LARGEST_ASKED + 1)))
        if size > _LARGEST_ASKED:
            return None
        packet = Packet()
        try:
            wanted = Accepts(meaning_of(query, self.settings, packet, TOTAL))
        except BpfqError:
            return None  # the target cannot see all of it
        if _impossible(wanted):
            return True
        return self._solved(packet, wanted) if size <= _LARGEST_SOLVED else None

    def _solved(self, packet: Packet, wanted: Proposition) -> bool | None:
        if self.solved == _MOST_SOLVED:
            return None
        self.solved += 1
        live = self.settings.target.metadata
        try:
            return Questions(packet, wire_is_captured=live).find(wanted) is None
        except Undecided:
            return None


def _impossible(wanted: Proposition) -> bool:
    diagrams = Diagrams()
    try:
        return diagrams.proposition(diagrams.of(wanted)) is FALSE
    except TooLarge:
        return False
