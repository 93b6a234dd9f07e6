"""The two sides of a comparison: what each says of a packet, proposed and run."""

from __future__ import annotations

from typing import TypeAlias

from bpfq.analysis.subject import machine_of, meaning_of, program_of, reference, traced
from bpfq.analysis.witness.draft import Draft
from bpfq.errors import quoting
from bpfq.isa.cbpf import instructions as i
from bpfq.isa.cbpf.encode import decode
from bpfq.isa.cbpf.vm import Machine
from bpfq.query.nodes import Query
from bpfq.record import field, record
from bpfq.settings import Settings
from bpfq.symbolic.decided import decided
from bpfq.symbolic.formula import SEQUENTIAL
from bpfq.symbolic.propositions import FAULT, MOST_CAPTURED, Packet, Proposition
from bpfq.symbolic.views import Sight, View, look

_MOST_INSTRUCTIONS = 2000  # of a filter that examples are steered through

Subject: TypeAlias = Query | tuple[i.SockFilter, ...]


@record
class Side:
    """A filter or a program, and where it runs; text: what it was written as, for errors."""

    subject: Subject
    settings: Settings
    text: str | None = None


def proposition_of(side: Side, packet: Packet) -> Proposition:
    """TRUE and FALSE where the captured bytes decide, FAULT where a load goes past them."""
    if isinstance(side.subject, tuple):
        return program_of(side.subject, side.settings, packet, short=FAULT)
    with quoting(side.text):
        meaning = meaning_of(side.subject, side.settings, packet, SEQUENTIAL)
    return decided(meaning, packet)


@record(frozen=False)
class Runner:
    """Runs a side on packets; steps: instructions executed so far.

    view: how the target sees the packets, None where they are its own.
    """

    side: Side
    view: View | None
    steps: int = 0
    words: tuple[i.SockFilter, ...] | None = field(default=None)

    def __post_init__(self) -> None:
        subject = self.side.subject
        if isinstance(subject, tuple):
            self.words = subject
        else:
            self.words = reference(subject, self.side.settings)

    @property
    def is_short_filter(self) -> bool:
        """A filter, not a program, and none with long lists."""
        is_filter = not isinstance(self.side.subject, tuple)
        return is_filter and self.words is not None and len(self.words) <= _MOST_INSTRUCTIONS

    def metadata(self) -> set[str]:
        """The names of the kernel's words that are read."""
        if not self.side.settings.target.metadata:
            return set()
        offsets = {word.k for word in self.words or ()}
        return {name for name, offset in i.ANCILLARY.items() if offset in offsets}

    def verdict(self, draft: Draft) -> bool | None:
        """Accepted, rejected, or neither: the captured bytes do not tell."""
        if self.words is None:
            return None
        sight = Sight(draft.octets, draft.length, draft.metadata)
        if self.view is not None:
            sight = look(self.view, sight)
        ran = traced(
            self.words, self.side.settings, sight.octets, wire_length=sight.length,
            metadata=sight.metadata, network_header=draft.network_header,
        )  # fmt: skip
        self.steps += len(ran.steps)
        if ran.verdict:
            return True
        return None if self._is_short(ran.steps[-1].pc) else False

    def _is_short(self, pc: int) -> bool:
        """Where a program ends that rejects: whether a load ends it, not a return or division."""
        assert self.words is not None
        instruction = decode(self.words[pc])
        if isinstance(instruction, i.LoadAbsolute) and self._is_libpcap():
            return instruction.offset + instruction.size <= MOST_CAPTURED
        return isinstance(instruction, i.LoadAbsolute | i.LoadIndirect | i.LoadXHeaderLength)

    def _is_libpcap(self) -> bool:
        return machine_of(self.side.settings.target) is Machine.LIBPCAP
