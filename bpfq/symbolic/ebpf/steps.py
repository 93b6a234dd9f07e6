"""What one instruction makes of what registers and the stack hold.

r1 += 24                        Pointer(None, 0) becomes Pointer(None, 24)
r3 = *(u16 *)(r1 -12)           needs 14 captured bytes; the program is wrong where they are not
r0 = *(u16 *)skb[12]            needs them as well; the program returns 0 where they are not
"""

from __future__ import annotations

from typing import Final, NamedTuple, TypeAlias

from bpfq.errors import UnsupportedError
from bpfq.isa.ebpf import instructions as e
from bpfq.isa.ebpf.instructions import Immediate, Register
from bpfq.operators import WORD_BITS, WORD_MASK, Operator
from bpfq.record import record
from bpfq.symbolic.ebpf import memory
from bpfq.symbolic.ebpf.calls import Calls
from bpfq.symbolic.ebpf.memory import Hook, State
from bpfq.symbolic.ebpf.numbers import calculate, immediate, number, reordered
from bpfq.symbolic.ebpf.values import Entry, Packed, Scalar, Untold, Value, low
from bpfq.symbolic.propositions import FAULT, Outcome, Packet, Proposition
from bpfq.symbolic.words import Words

Instruction: TypeAlias = e.Arithmetic | e.Access | e.Load | e.Call | e.CallFunction | e.CallKernel

_Valued: TypeAlias = (
    e.Alu | e.AluRegister | e.Move | e.MoveRegister | e.Negate | e.ByteSwap | e.LoadImmediate64
)

_LOST: Final = (None,) * 5  # R1 to R5


class Need(NamedTuple):
    """Where it does not hold the program comes to ``otherwise``."""

    holds: Proposition
    otherwise: Outcome = FAULT


@record
class Machine:
    """zero: what a program comes to that returns 0.  in_piece: all of the packet lies in one."""

    packet: Packet
    hook: Hook
    calls: Calls
    zero: Outcome
    in_piece: bool

    def execute(self, instruction: Instruction, state: State) -> tuple[State, tuple[Need, ...]]:
        """The state behind an instruction, and what it needs; raises UnsupportedError."""
        match instruction:
            case e.LoadMemory(dst):
                value, known = memory.load(instruction, state, self.packet, self.hook)
                return _with(state, dst, value), (Need(known),)
            case e.StoreMemory():
                return memory.store(instruction, state), ()
            case e.Atomic(base=base, fetch=False) if isinstance(state[base], Entry):
                return state, ()
            case e.StoreImmediate():
                return memory.store_number(instruction, state, self.packet), ()
            case e.LoadAbsolute() | e.LoadIndirect():
                value, there, known = memory.legacy(instruction, state, self.packet, self.hook)
                needs = (Need(known), Need(there, self.zero))
                return (value, *_LOST, *state[Register.R6 :]), needs
            case e.Call(helper):
                state, known = self.calls.call(helper, state)
                return state, (Need(known),)
            case (
                e.Alu(dst=dst) | e.AluRegister(dst=dst) | e.Move(dst=dst)
                | e.MoveRegister(dst=dst) | e.Negate(dst=dst) | e.ByteSwap(dst=dst)
                | e.LoadImmediate64(dst=dst)
            ):  # fmt: skip
                return _with(state, dst, self._value(instruction, state)), ()
            case _:
                raise UnsupportedError(f"{type(instruction).__name__} is not analysed")

    def _value(self, instruction: _Valued, state: State) -> Value:
        packet, words, in_piece = self.packet, self.packet.words, self.in_piece
        match instruction:
            case e.Alu(dst=dst) | e.AluRegister(dst=dst) if isinstance(state[dst], Untold):
                return Untold()
            case e.Alu(operation, dst, value, width):
                right = immediate(words, value, width)
                return calculate(packet, operation, state[dst], right, width, in_piece)
            case e.AluRegister(operation, dst, src, width):
                return calculate(packet, operation, state[dst], state[src], width, in_piece)
            case e.Move(_, value, width):
                return immediate(words, value, width)
            case e.MoveRegister(_, src) if state[src] is None:
                raise UnsupportedError(f"what r{int(src)} holds is not known")
            case e.MoveRegister(_, src, width):
                return state[src] if width != WORD_BITS else _lower_half(words, state[src])
            case e.Negate(dst, width) if width == WORD_BITS:
                right_word = low(words, number(state[dst]))
                return Scalar(words.operation(Operator.SUB, words.number(0), right_word))
            case e.ByteSwap(dst, order, bits):
                return reordered(words, state[dst], order, bits)
            case e.LoadImmediate64(_, value, Immediate.PLAIN) if value <= WORD_MASK:
                return immediate(words, value, WORD_BITS)
            case _:
                raise UnsupportedError(f"{type(instruction).__name__} of 64 bits is not analysed")


def _lower_half(words: Words, value: Value) -> Value:
    match value:
        case Packed():
            return value
        case Scalar():
            return Scalar(low(words, value))
        case _:
            return None


def _with(state: State, register: Register, value: Value) -> State:
    if register is Register.R10:
        raise UnsupportedError("r10 is only read")
    return (*state[:register], value, *state[register + 1 :])
