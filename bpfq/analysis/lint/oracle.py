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
from bpfq.compiler import compile_query
from bpfq.errors import BpfqError
from bpfq.query import build
from bpfq.query import nodes as q
from bpfq.query.nodes import Query
from bpfq.query.walk import leaves
from bpfq.record import field, record, replace
from bpfq.settings import Settings
from bpfq.symbolic.formula import TOTAL
from bpfq.symbolic.propositions import FALSE, Accepts, Packet, Proposition

_MOST_SOLVED = 4  # questions of one filter that may go to the solver, some 20 ms each
_LARGEST_SOLVED = 24  # primitives of such a question
_OF_A_CHAIN = 100  # primitives that protochain counts as
_RLIMIT = 2_000_000  # z3 resource units of such a question
_MOST_ASKED = 4000  # primitives of all questions of one filter together
_MOST_SHOWN = 4  # packets that are looked for, some 100 ms each
_LARGEST_SHOWN = 100  # primitives of a filter that a packet is looked for


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

    The total reading decides: what it cannot match, no program for the filter accepts.  Beyond a
    fixed amount of work nothing is known.  asked, solved, shown: what was spent so far, in
    primitives, questions to z3, and packets.
    """

    settings: Settings
    asked: int = 0
    solved: int = 0
    shown: int = 0
    _known: dict[Query, bool | None] = field(default_factory=dict)

    def never(self, query: Query) -> bool | None:
        if query not in self._known:
            self._known[query] = self._never(query)
        return self._known[query]

    def implies(self, query: Query, other: Query) -> bool | None:
        return self.never(build.all_of(query, build.negate(other)))

    def example(self, query: Query) -> Witness | None:
        if self.shown == _MOST_SHOWN or _size(query) > _LARGEST_SHOWN:
            return None
        self.shown += 1
        from bpfq.analysis.witness.witness import witnesses

        unlimited = replace(self.settings.target, limit=None)
        settings = replace(self.settings, target=unlimited, allow_empty=False)
        try:
            words = compile_query(query, settings).words
            return next(iter(witnesses(query, words, settings, 1, checksums=False)), None)
        except BpfqError:
            return None  # there is none, or nobody knows

    def _never(self, query: Query) -> bool | None:
        if isinstance(query, q.Or):  # mostly the first alternative tells
            answers = map(self.never, query.operands)
            return next((answer for answer in answers if answer is not True), True)
        size = _size(query)
        if self.asked + size > _MOST_ASKED:
            return None
        self.asked += size
        packet = Packet()
        try:
            wanted = Accepts(meaning_of(query, self.settings, packet, TOTAL))
        except BpfqError:
            return None  # the target cannot see all of it
        live = self.settings.target.metadata
        questions = Questions(packet, wire_is_captured=live, rlimit=_RLIMIT)
        left = questions.left(wanted)
        if left is FALSE:
            return True
        return self._solved(questions, left) if size <= _LARGEST_SOLVED else None

    def _solved(self, questions: Questions, left: Proposition) -> bool | None:
        if self.solved == _MOST_SOLVED:
            return None
        self.solved += 1
        try:
            return not questions.solve(left)
        except Undecided:
            return None


def _size(query: Query) -> int:
    """Primitives, counted as far as anybody wants to know; a chain of headers is many."""
    first = islice(leaves(query), _MOST_ASKED + 1)
    return sum(_OF_A_CHAIN if isinstance(leaf, q.ProtocolChain) else 1 for leaf in first)
