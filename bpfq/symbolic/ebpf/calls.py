"""What helpers do.

r1 = r6; r2 = 12; r3 = r10; r3 += -24; r4 = 12; call skb_load_bytes
if r0 != 0 goto short               where fewer than 24 bytes were captured
"""

from __future__ import annotations

from typing import Final

from bpfq.errors import UnsupportedError
from bpfq.isa.ebpf.helpers import HELPERS
from bpfq.isa.ebpf.instructions import Register
from bpfq.operators import WORD_MASK
from bpfq.record import record, replace
from bpfq.symbolic.classic import either
from bpfq.symbolic.ebpf.code import PULLED
from bpfq.symbolic.ebpf.comparisons import reaches
from bpfq.symbolic.ebpf.memory import State, copy
from bpfq.symbolic.ebpf.numbers import number
from bpfq.symbolic.ebpf.values import (
    Context,
    Copied,
    End,
    Frame,
    Pointer,
    Scalar,
    Stored,
    Value,
    low,
)
from bpfq.symbolic.propositions import TRUE, Packet, Proposition
from bpfq.symbolic.words import Number, Word

_NAMES: Final = {number: name for name, number in HELPERS.items()}
_EFAULT: Final = 14
_LOST: Final = range(Register.R1, Register.R6)


@record(frozen=False)
class Calls:
    """draws: how many calls so far have drawn a random word."""

    packet: Packet
    draws: int = 0

    def call(self, helper: int, state: State) -> tuple[State, Proposition]:
        """The state behind a call, and where it is certain."""
        known: Proposition = TRUE
        match _NAMES.get(helper):
            case "get_prandom_u32":
                self.draws += 1
                result: Value = Scalar(self.packet.words.draw(self.draws))
            case "get_smp_processor_id":
                result = Scalar(self.packet.words.metadata("cpu"))
            case "skb_load_bytes":
                state, result, known = self._load_bytes(state)
            case "skb_pull_data":
                state, result = self._pull(state), None
            case name:
                raise UnsupportedError(f"the helper {name or helper} is not analysed")
        return (result, *(None for _ in _LOST), *state[Register.R6 :]), known

    def _load_bytes(self, state: State) -> tuple[State, Value, Proposition]:
        words = self.packet.words
        _, context, place, to, size, *_ = state
        match context, to, size:
            case Context(), Frame(), Scalar(Number(count), 0) if count:
                pass
            case _:
                raise UnsupportedError("what is copied, and where to, is not known")
        index, offset, known = place_of(self.packet, place)
        there = reaches(self.packet, index, offset + count)
        failed, done = words.number(0), words.number(_EFAULT)
        result = Scalar(either(self.packet, there, done, failed), -_EFAULT)
        return copy(state, to, count, Copied(index, offset, there)), result, known

    def _pull(self, state: State) -> State:
        """Pointers into the packet are lost; its end is another."""
        if state[Register.R1] != Context():
            raise UnsupportedError("what is pulled is not known")
        amount = low(self.packet.words, number(state[Register.R2]))
        kept = [None if _points(value) else value for value in state]
        end = state[PULLED]
        kept[PULLED] = replace(end, pulled=amount) if isinstance(end, End) else None
        return tuple(kept)


def place_of(packet: Packet, value: Value) -> tuple[Word | None, int, Proposition]:
    """The index and offset of a place in the packet, and where it is not beyond 32 bits."""
    words, start = packet.words, number(value)
    if not isinstance(start, Scalar):
        return (*words.address(low(words, start), 0), TRUE)
    index, offset = words.address(start.word, start.add)
    word, add = index, offset
    if word is None:
        word, add = words.number(offset & WORD_MASK), offset & ~WORD_MASK
    known = packet.member(word, (max(-add, 0), max(WORD_MASK - add + 1, 0)))
    return index, offset, known


def _points(value: Value) -> bool:
    inner = value.value if isinstance(value, Stored) else value
    return isinstance(inner, Pointer | End)
