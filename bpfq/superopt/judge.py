"""Whether a candidate is right: the same two questions that ``Program.prove`` asks.

The packet that refutes a candidate is not looked at: which one the solver finds depends on what it
was asked before, and the same filter is to give the same program always.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeAlias

from bpfq.analysis.decide import Questions, Undecided
from bpfq.analysis.subject import machine_of, meaning_of, network_offset, program_of
from bpfq.isa.cbpf.instructions import SockFilter
from bpfq.query.nodes import Query
from bpfq.record import field, record
from bpfq.settings import Settings
from bpfq.superopt.cases import Case
from bpfq.symbolic.formula import SEQUENTIAL, TOTAL
from bpfq.symbolic.propositions import Accepts, Every, Opposite, Packet, Proposition

Ruling: TypeAlias = Literal["proved", "refuted", "undecided"]

_RLIMIT = 2_000_000  # z3 resource units for one question, a twentieth of a proof's
_BEHIND = 1 << 17  # bytes that may follow a packet that was cut short
_TOGETHER = 32  # proofs that share what was worked out


class _Contract(NamedTuple):
    """What has to be accepted at least, and at most, of one symbolic packet."""

    questions: Questions
    least: Proposition
    most: Proposition


@record(frozen=False)
class Judge:
    """plain: the filter exactly as written, for the interpreter."""

    query: Query
    settings: Settings
    plain: tuple[SockFilter, ...]
    proofs: int = 0
    _contract: _Contract | None = field(default=None, repr=False)

    def case(self, octets: bytes, network_header: bytes = b"") -> Case:
        """A packet of the target, without metadata so far; what to answer is not known yet."""
        has_metadata = self.settings.target.metadata
        return Case(
            octets,
            len(octets),
            machine_of(self.settings.target),
            {} if has_metadata else None,
            network_offset(self.settings) or 0,
            network_header,
        )

    def judged(self, case: Case) -> Case:
        """The case with what to answer; where it was cut short, zeros may follow."""
        if case.run(self.plain):
            return case.changed(wanted=True)
        if self.settings.strict:
            return case.changed(wanted=False)
        whole = case.changed(octets=case.octets + bytes(_BEHIND))
        return case if whole.run(self.plain) else case.changed(wanted=False)

    def rule(self, words: Sequence[SockFilter]) -> Ruling:
        """Whether the program keeps the contract; undecided where that exceeds the limits."""
        if self._contract is None or self.proofs % _TOGETHER == 0:
            self._contract = self._begin()
        self.proofs += 1
        questions, least, most = self._contract
        program = Accepts(program_of(words, self.settings, questions.packet))
        try:
            for wrong in (Every((least, Opposite(program))), Every((program, Opposite(most)))):
                if questions.find(wrong) is not None:
                    return "refuted"
        except Undecided:
            return "undecided"
        return "proved"

    def _begin(self) -> _Contract:
        packet, is_live = Packet(), self.settings.target.metadata
        questions = Questions(packet, wire_is_captured=is_live, rlimit=_RLIMIT)
        least = Accepts(meaning_of(self.query, self.settings, packet, SEQUENTIAL))
        if self.settings.strict:
            return _Contract(questions, least, least)
        most = Accepts(meaning_of(self.query, self.settings, packet, TOTAL))
        return _Contract(questions, least, most)
