"""What the functions of the kernel do that give a program the packet as a dynptr.

    r3 = r10; r3 += -16; call bpf_dynptr_from_skb                   a dynptr on the stack
    r2 = 9; r4 = 1; ...; call bpf_dynptr_slice                      Slice(None, 9, 1)
    if r0 == 0 goto short                                           fewer than 10 bytes were captured
    r1 = *(u8 *)(r0 +0)                                             byte 9

The slice is where the bytes lie, or a copy of them in a buffer of the program.
"""

from __future__ import annotations

from typing import Final

from bpfq.errors import UnsupportedError
from bpfq.isa.ebpf.instructions import Register
from bpfq.record import record
from bpfq.symbolic.ebpf.calls import place_of
from bpfq.symbolic.ebpf.code import stack
from bpfq.symbolic.ebpf.comparisons import reaches
from bpfq.symbolic.ebpf.memory import State
from bpfq.symbolic.ebpf.values import Buffer, Dynptr, Frame, Scalar, Slice, Value
from bpfq.symbolic.propositions import TRUE, Packet, Proposition
from bpfq.symbolic.words import Number

_SIZE: Final = 16  # bytes of struct bpf_dynptr
_LOST: Final = range(Register.R1, Register.R6)


@record
class KernelFunctions:
    """Calls of functions by their names."""

    packet: Packet

    def call(self, name: str, state: State) -> tuple[State, Proposition]:
        """The state behind a call, and where it is certain."""
        known: Proposition = TRUE
        match name:
            case "bpf_dynptr_from_skb":
                state, result = self._made(state)
            case "bpf_dynptr_slice":
                state, result, known = self._sliced(state)
            case "bpf_dynptr_size":
                self._check(state)
                result = Scalar(self.packet.words.length())
            case _:
                raise UnsupportedError(f"the kernel function {name} is not analysed")
        return (result, *(None for _ in _LOST), *state[Register.R6 :]), known

    def _made(self, state: State) -> tuple[State, Value]:
        """Without flags it cannot fail."""
        match state[Register.R1], state[Register.R2], state[Register.R3]:
            case Buffer(), Scalar(Number(0), 0), Frame(offset):
                made = _filled(state, stack(offset, _SIZE), Dynptr())
                return made, Scalar(self.packet.words.number(0))
            case _:
                raise UnsupportedError("what becomes a dynptr is not known")

    def _sliced(self, state: State) -> tuple[State, Value, Proposition]:
        self._check(state)
        match state[Register.R3], state[Register.R4]:
            case Frame(offset), Scalar(Number(count), 0) if count:
                buffer = stack(offset, count)
            case _:
                raise UnsupportedError("the buffer of a slice is not known")
        index, start, known = place_of(self.packet, state[Register.R2])
        there = reaches(self.packet, index, start + count)
        return _filled(state, buffer, None), Slice(index, start, count, there), known

    def _check(self, state: State) -> None:
        match state[Register.R1]:
            case Frame(offset) if all(
                isinstance(state[place], Dynptr) for place in stack(offset, _SIZE)
            ):
                return
            case _:
                raise UnsupportedError("what is given for a dynptr was not made one")


def _filled(state: State, places: range, value: Value) -> State:
    changed = list(state)
    for place in places:
        changed[place] = value
    return tuple(changed)
