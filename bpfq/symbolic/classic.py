"""The encoder of a classic program, whoever wrote it.

Nothing of the compiler is used, so that a proof about a program trusts none of it.  The machine's
meaning is that of ``isa.cbpf.vm``.  Code without loops needs one pass in each direction:

    back     which registers each instruction may still read
    forth    the words of A, X and M[] in front of each instruction
    back     what each instruction and those behind it come to

Where ways meet with a register in two states, its word is a choice.  The condition holds only the
tests between the last instruction on every way and the meeting, and nothing of ways that return:

    4: jeq #0x800, 7, 5                   X in front of 7 is 0 where A = 0x800, else 8:
    5: jeq #0x806, 6, 20 (reject)         the test of 5 does not matter, its other way ends
    6: ldx #8
    7: ld [x + 30]

Random words are numbered from 1 in the order of the instructions that draw them, as lowering
numbers those of a query in the order of its text; a program that draws in another order than the
query is another program to a proof.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias, assert_never

from bpfq.errors import UnsupportedError
from bpfq.isa.cbpf import instructions as i
from bpfq.isa.cbpf.encode import decode
from bpfq.isa.cbpf.vm import Machine
from bpfq.operators import WORD_BITS, WORD_MASK, Operator, wrap
from bpfq.record import record
from bpfq.symbolic.code import METADATA, REGISTERS, A, Code, X
from bpfq.symbolic.flow import Flow
from bpfq.symbolic.propositions import (
    FALSE,
    FAULT,
    MOST_CAPTURED,
    TRUE,
    Accepts,
    Cases,
    Decide,
    Outcome,
    Packet,
    Proposition,
)
from bpfq.symbolic.words import NETWORK, START, Either, Word

_HEADER_RELATIVE: Final = 1 << (WORD_BITS - 1)  # the kernel reads offsets from here as negative

_State: TypeAlias = tuple[Word, ...]
_Computation: TypeAlias = i.Load | i.LoadX | i.Store | i.Arithmetic


def encode(
    words: Sequence[i.SockFilter],
    packet: Packet,
    *,
    machine: Machine,
    metadata: bool,
    network_offset: int | None = None,
    link_offset: int | None = 0,
    short: Outcome = FALSE,
) -> Proposition:
    """TRUE where the program returns another value than 0, FALSE where it returns 0.

    short: what a load past the captured bytes comes to; a division by zero, or a load where no
    packet has bytes, is FALSE.
    metadata: the packet has ancillary words on the libpcap machine too.  For the kernel's loads
    from a header, ``network_offset`` is where the network header starts, None where that is apart
    from byte 0 and what follows; ``link_offset`` is as in ``vm.run``, None for no link header.

    Raises FilterError for a program that no machine takes, and UnsupportedError for jumps back
    and for searches of netlink attributes.
    """
    code = Code(tuple(decode(word) for word in words))
    relative = (NETWORK, 0) if network_offset is None else (START, network_offset)
    headers = (
        (i.LINK_BASE, i.NETWORK_BASE, None if link_offset is None else (START, link_offset)),
        (i.NETWORK_BASE, WORD_MASK + 1, relative),
    )
    return _encode(code, _Machine(packet, machine, metadata, headers), short)


# ---------------------------------------------------------------- the two passes over words


def _encode(code: Code, machine: _Machine, short: Outcome) -> Proposition:
    packet = machine.packet
    start = (packet.words.number(0),) * REGISTERS
    flow = Flow(
        start, code.live.__getitem__, lambda test, then, other: either(packet, test, then, other)
    )
    needs: dict[int, Proposition] = {}
    for pc, following in code.following.items():
        state = flow.state(pc)
        if state is None:
            continue
        test: Proposition = TRUE
        needs[pc] = TRUE
        instruction = code.instructions[pc]
        match instruction:
            case i.JumpIf(relation, value):
                operand = machine.packet.words.number(value)
                test = machine.packet.compare(state[A], relation, operand)
            case i.JumpIfX(relation):
                test = machine.packet.compare(state[A], relation, state[X])
            case i.ReturnA():
                test = machine.packet.member(state[A], (1, WORD_MASK + 1))
            case i.Return(value):
                test = TRUE if value else FALSE
            case i.Jump() | i.Raw():
                pass
            case _:
                register, word, needs[pc] = machine.compute(instruction, pc, state)
                state = (*state[:register], word, *state[register + 1 :])
        flow.leave(pc, state, test, following, ends=needs[pc] in (FAULT, FALSE))
    made: dict[int, Proposition] = {}
    for pc in reversed(needs):
        # a way that a test excludes may lead to nothing that was made
        ends = [made.get(target, FALSE) for target in code.following[pc]]
        test = flow.tests[pc]
        rest = machine.packet.choose(test, ends[0], ends[-1]) if ends else test
        divides = isinstance(code.instructions[pc], i.Alu | i.AluX)
        made[pc] = _outcome(needs[pc], rest, machine.packet, None if divides else short)
    return made[0]


def _outcome(
    needs: Proposition, rest: Proposition, packet: Packet, short: Outcome | None
) -> Proposition:
    """The rest where the needs are met; else ``short``, or FALSE where that is None."""
    otherwise = short or FALSE
    if needs is FALSE or needs is FAULT:
        return FALSE if needs is FALSE else otherwise
    if needs is TRUE or rest is otherwise:
        return rest
    match needs:
        case Decide(condition, then, failed) if then is TRUE and failed is FAULT:
            return packet.decide(condition, rest, otherwise)
        case _:
            return Cases(Accepts(needs) if short is None else needs, rest, otherwise)


def either(packet: Packet, test: Proposition, then: Word, otherwise: Word) -> Word:
    """``then`` where the test holds, else ``otherwise``, as one choice between the same two."""
    if then is otherwise or test is TRUE:
        return then
    if test is FALSE:
        return otherwise
    match then, otherwise:
        case Either(first, left, right), Either(second, also_left, also_right) if (
            left is also_left and right is also_right
        ):
            return packet.words.either(packet.choose(test, first, second), left, right)
        case Either(condition, left, right), _ if otherwise is left:
            return packet.words.either(packet.choose(test, condition, TRUE), left, right)
        case Either(condition, left, right), _ if otherwise is right:
            return packet.words.either(packet.choose(test, condition, FALSE), left, right)
        case _, Either(condition, left, right) if then is left:
            return packet.words.either(packet.choose(test, TRUE, condition), left, right)
        case _, Either(condition, left, right) if then is right:
            return packet.words.either(packet.choose(test, FALSE, condition), left, right)
        case _:
            return packet.words.either(test, then, otherwise)


# ---------------------------------------------------------------- one instruction


@record(frozen=False)
class _Machine:
    """What instructions compute; headers: first offset, end, and the base and place meant by it.

    draws: how many instructions so far have drawn a random word.
    """

    packet: Packet
    kind: Machine
    metadata: bool
    headers: tuple[tuple[int, int, tuple[str, int] | None], ...]
    draws: int = 0

    def compute(
        self, instruction: _Computation, pc: int, state: _State
    ) -> tuple[int, Word, Proposition]:
        """The register written, its word, and what must hold for the program to go on."""
        make = self.packet.words
        match instruction:
            case i.LoadAbsolute() | i.LoadIndirect():
                return (A, *self._load(instruction, pc, state))
            case i.Alu() | i.AluX() | i.Negate():
                return (A, *self._arithmetic(instruction, state))
            case i.LoadXHeaderLength(offset):
                octet, needs = self._bytes(None, offset, 1)
                low = make.operation(Operator.AND, octet, make.number(0xF))
                return X, make.operation(Operator.MUL, low, make.number(4)), needs
            case i.LoadImmediate(value):
                return A, make.number(value), TRUE
            case i.LoadXImmediate(value):
                return X, make.number(value), TRUE
            case i.LoadLength():
                return A, make.length(), TRUE
            case i.LoadXLength():
                return X, make.length(), TRUE
            case i.LoadScratch(slot):
                return A, state[slot], TRUE
            case i.LoadXScratch(slot):
                return X, state[slot], TRUE
            case i.StoreA(slot):
                return slot, state[A], TRUE
            case i.StoreX(slot):
                return slot, state[X], TRUE
            case i.Tax():
                return X, state[A], TRUE
            case i.Txa():
                return A, state[X], TRUE
            case _:
                assert_never(instruction)

    def _load(
        self, instruction: i.LoadAbsolute | i.LoadIndirect, pc: int, state: _State
    ) -> tuple[Word, Proposition]:
        offset, size = instruction.offset, instruction.size
        if isinstance(instruction, i.LoadIndirect):
            return self._bytes(state[X], offset, size)
        if offset in METADATA and (self.metadata or self.kind is Machine.KERNEL):
            return self._ancillary(METADATA[offset], pc, state), TRUE
        return self._bytes(None, offset, size)

    def _ancillary(self, name: str, pc: int, state: _State) -> Word:
        match name:
            case "xor_x":
                return self.packet.words.operation(Operator.XOR, state[A], state[X])
            case "random":
                self.draws += 1
                return self.packet.words.draw(self.draws)
            case "nla" | "nlan":
                raise UnsupportedError(
                    f"instruction {pc}: '{name}' searches netlink attributes: "
                    "only loads at computed offsets are analysed"
                )
            case _:
                return self.packet.words.metadata(name)

    def _arithmetic(
        self, instruction: i.Alu | i.AluX | i.Negate, state: _State
    ) -> tuple[Word, Proposition]:
        make = self.packet.words
        match instruction:
            case i.Alu(operator, value):
                right = make.number(value)
            case i.AluX(operator):
                right = state[X]
            case i.Negate():
                return make.operation(Operator.SUB, make.number(0), state[A]), TRUE
            case _:
                assert_never(instruction)
        needs: Proposition = TRUE
        if operator in (Operator.DIV, Operator.MOD):
            needs = self.packet.nonzero(right)
        elif operator in (Operator.LSH, Operator.RSH) and self.kind is Machine.KERNEL:
            right = make.operation(Operator.AND, right, make.number(WORD_BITS - 1))
        return make.operation(operator, state[A], right), needs

    def _bytes(self, index: Word | None, offset: int, size: int) -> tuple[Word, Proposition]:
        """The bytes at index + offset, and that they are there."""
        make = self.packet.words
        most = offset if index is None else index.most + offset
        if self.kind is Machine.LIBPCAP or most < _HEADER_RELATIVE:
            word = make.bytes(START, index, offset, size)
            if index is None and offset + size > MOST_CAPTURED:
                return word, FALSE
            return word, self.packet.captured(START, index, offset + size)
        address = make.number(offset)
        if index is not None:
            address = make.operation(Operator.ADD, index, address)
        word = make.bytes(START, address, 0, size)
        needs = self.packet.captured(START, address, size)
        for first, end, place in self.headers:
            inside = self.packet.member(address, (first, end))
            if place is None:
                needs = self.packet.choose(inside, FAULT, needs)
                continue
            distance = make.operation(Operator.ADD, address, make.number(wrap(-first)))
            there = make.bytes(place[0], distance, place[1], size)
            reaches = self.packet.captured(place[0], distance, place[1] + size)
            word = either(self.packet, inside, there, word)
            needs = self.packet.choose(inside, reaches, needs)
        return word, needs
