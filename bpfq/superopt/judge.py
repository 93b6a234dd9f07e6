"""Whether a candidate is right: the same two questions that ``Program.prove`` asks.

A wrong candidate is refuted by a packet that is found in a decision diagram and run.  The solver is
asked where none is found, but its packet is not looked at: which one it finds depends on what it
was asked before, and the same filter is to give the same program always.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Literal, NamedTuple

from bpfq.analysis.decide import Questions, Undecided
from bpfq.analysis.subject import machine_of, meaning_of, network_offset, program_of
from bpfq.isa.cbpf.instructions import SockFilter
from bpfq.query.nodes import Query
from bpfq.record import field, record
from bpfq.settings import Settings
from bpfq.superopt.cases import Case
from bpfq.superopt.example import Example, examples
from bpfq.superopt.flow import Flow
from bpfq.symbolic.diagram import Diagram, Diagrams
from bpfq.symbolic.formula import SEQUENTIAL, TOTAL
from bpfq.symbolic.propositions import Accepts, Every, Opposite, Packet, Proposition

_RLIMIT = 2_000_000  # z3 resource units for one question, a twentieth of a proof's
_TOGETHER = 32  # proofs that share what was worked out
_MOST_RUN = 8  # packets of a diagram


class Ruling(NamedTuple):
    """wrong: a packet that a refuted program gets wrong, where one was found without the solver."""

    verdict: Literal["proved", "refuted", "undecided"]
    wrong: Case | None = None


class _Contract(NamedTuple):
    """What has to be accepted at least, and at most, of one symbolic packet."""

    questions: Questions
    least: Proposition
    most: Proposition


@record(frozen=False)
class Judge:
    """plain: the filter exactly as written, which says what to answer."""

    query: Query
    settings: Settings
    plain: Flow
    proofs: int = 0
    _contract: _Contract | None = field(default=None, repr=False)

    def case(self, octets: bytes) -> Case:
        """A packet of the target, without metadata so far; what to answer is not known yet."""
        return Case(
            octets,
            len(octets),
            machine_of(self.settings.target),
            {} if self.settings.target.metadata else None,
            network_offset(self.settings) or 0,
        )

    def judged(self, case: Case, behind: bytes = b"") -> Case:
        """The case with what to answer; behind a cut, these bytes and zeros may follow."""
        entry = len(self.plain) - 1
        if case.verdict(self.plain, entry):
            return case.changed(wanted=True)
        if self.settings.strict:
            return case.changed(wanted=False)
        whole = case.changed(behind=behind)
        return case if whole.verdict(self.plain, entry) else case.changed(wanted=False)

    def rule(self, flow: Flow, words: Sequence[SockFilter]) -> Ruling:
        """Whether the program keeps the contract; undecided where that exceeds the limits."""
        if self._contract is None or self.proofs % _TOGETHER == 0:
            self._contract = self._begin()
        self.proofs += 1
        questions, least, most = self._contract
        program = Accepts(program_of(words, self.settings, questions.packet))
        try:
            for broken in (Every((least, Opposite(program))), Every((program, Opposite(most)))):
                found = questions.leading(broken)
                wrong = None if found is None else self._wrong(flow, *found)
                if wrong is not None or questions.is_possible(broken):
                    return Ruling("refuted", wrong)
        except Undecided:
            return Ruling("undecided")
        return Ruling("proved")

    def case_of(self, example: Example) -> Case:
        """The packet, and what to answer."""
        case = self.case(example.octets).changed(
            wire_length=example.wire_length, network_header=example.network_header
        )
        if self.settings.target.metadata:
            case = case.changed(metadata=example.metadata)
        return self.judged(case, example.behind)

    def _wrong(self, flow: Flow, diagrams: Diagrams, diagram: Diagram) -> Case | None:
        """A packet that the program gets wrong, among a few that the diagram leads to."""
        found = examples(diagrams, diagram, self.settings.target.metadata)
        for case in map(self.case_of, islice(found, _MOST_RUN)):
            if case.wanted not in (None, case.verdict(flow, len(flow) - 1)):
                return case
        return None

    def _begin(self) -> _Contract:
        packet, is_live = Packet(), self.settings.target.metadata
        questions = Questions(packet, wire_is_captured=is_live, rlimit=_RLIMIT)
        least = Accepts(meaning_of(self.query, self.settings, packet, SEQUENTIAL))
        if self.settings.strict:
            return _Contract(questions, least, least)
        most = Accepts(meaning_of(self.query, self.settings, packet, TOTAL))
        return _Contract(questions, least, most)
