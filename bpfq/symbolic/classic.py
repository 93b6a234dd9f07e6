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
from heapq import heappop, heappush
from typing import Final, TypeAlias, assert_never

from bpfq.errors import FilterError, UnsupportedError
from bpfq.isa.cbpf import instructions as i
from bpfq.isa.cbpf.encode import decode
from bpfq.isa.cbpf.vm import Machine
from bpfq.operators import WORD_BITS, WORD_MASK, Operator, wrap
from bpfq.record import field, record
from bpfq.symbolic.propositions import (
    FALSE,
    FAULT,
    TRUE,
    Cases,
    Decide,
    Packet,
    Proposition,
    every,
)
from bpfq.symbolic.words import NETWORK, START, Either, Word

# Registers by number: M[0] to M[15], then A and X.
_A: Final = i.SCRATCH_WORDS
_X: Final = i.SCRATCH_WORDS + 1
_REGISTERS: Final = i.SCRATCH_WORDS + 2

_HEADER_RELATIVE: Final = 1 << (WORD_BITS - 1)  # the kernel reads offsets from here as negative
_NAMES: Final = {offset: name for name, offset in i.ANCILLARY.items()}

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
) -> Proposition:
    """TRUE where the program returns another value than 0, FALSE where it returns 0.

    metadata: the packet has ancillary words on the libpcap machine too.  For the kernel's loads
    from a header, ``network_offset`` is where the network header starts, None where that is apart
    from byte 0 and what follows; ``link_offset`` is as in ``vm.run``, None for no link header.

    Raises FilterError for a program that no machine takes, and UnsupportedError for jumps back
    and for searches of netlink attributes.
    """
    program = _Program(tuple(decode(word) for word in words))
    relative = (NETWORK, 0) if network_offset is None else (START, network_offset)
    headers = (
        (i.LINK_BASE, i.NETWORK_BASE, None if link_offset is None else (START, link_offset)),
        (i.NETWORK_BASE, WORD_MASK + 1, relative),
    )
    return _encode(program, _Machine(packet, machine, metadata, headers))


# ---------------------------------------------------------------- the program's shape


@record(frozen=False)
class _Program:
    """following: the instructions that may come next, for a test first the one where it holds.

    Both, and ``live``, a set of register bits, are there for instructions that can be reached.
    """

    instructions: tuple[i.Instruction, ...]
    following: dict[int, tuple[int, ...]] = field(default_factory=dict)
    live: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.instructions:
            raise FilterError("the program is empty: it needs at least a ret")
        reached = {0}
        for pc, instruction in enumerate(self.instructions):
            if pc in reached:
                self.following[pc] = _following(pc, instruction, len(self.instructions))
                reached.update(self.following[pc])
        for pc in reversed(self.following):
            live = 0
            for target in self.following[pc]:
                live |= self.live[target]
            read, written = _accesses(self.instructions[pc])
            self.live[pc] = live & ~written | read


def _following(pc: int, instruction: i.Instruction, size: int) -> tuple[int, ...]:
    match instruction:
        case i.Return() | i.ReturnA():
            return ()
        case i.JumpIf(skip_true=yes, skip_false=no) | i.JumpIfX(skip_true=yes, skip_false=no):
            skips: tuple[int, ...] = (yes, no)
        case i.Jump(skip):
            skips = (skip,)
            if skip < 0:
                raise UnsupportedError(
                    f"instruction {pc}: jump back to instruction {pc + 1 + skip}: "
                    "only programs without loops are analysed"
                )
        case i.Raw(code):
            raise FilterError(f"instruction {pc}: unknown opcode 0x{code:x}")
        case i.LoadScratch(slot) | i.LoadXScratch(slot) | i.StoreA(slot) | i.StoreX(slot):
            skips = (0,)
            if slot >= i.SCRATCH_WORDS:
                raise FilterError(
                    f"instruction {pc}: no scratch word M[{slot}]: "
                    f"the last is M[{i.SCRATCH_WORDS - 1}]"
                )
        case _:
            skips = (0,)
    if pc + 1 + max(skips) >= size:
        raise FilterError(
            f"instruction {pc}: goes on to instruction {pc + 1 + max(skips)}: "
            f"the program has {size}, 0 up, and must end with a ret"
        )
    return tuple(pc + 1 + skip for skip in skips)


def _accesses(instruction: i.Instruction) -> tuple[int, int]:
    """The registers that an instruction reads, and those that it writes, as sets of bits."""
    a, x = 1 << _A, 1 << _X
    match instruction:
        case i.LoadAbsolute(offset):
            return (a | x if _NAMES.get(offset) == "xor_x" else 0), a
        case i.LoadIndirect():
            return x, a
        case i.LoadImmediate() | i.LoadLength():
            return 0, a
        case i.LoadScratch(slot):
            return 1 << slot, a
        case i.LoadXImmediate() | i.LoadXLength() | i.LoadXHeaderLength():
            return 0, x
        case i.LoadXScratch(slot):
            return 1 << slot, x
        case i.StoreA(slot):
            return a, 1 << slot
        case i.StoreX(slot):
            return x, 1 << slot
        case i.Alu() | i.Negate():
            return a, a
        case i.AluX():
            return a | x, a
        case i.Tax():
            return a, x
        case i.Txa():
            return x, a
        case i.JumpIf() | i.ReturnA():
            return a, 0
        case i.JumpIfX():
            return a | x, 0
        case i.Jump() | i.Return() | i.Raw():
            return 0, 0
        case _:
            assert_never(instruction)


# ---------------------------------------------------------------- the two passes over words


def _encode(program: _Program, machine: _Machine) -> Proposition:
    flow = _Flow(program, machine.packet)
    needs: dict[int, Proposition] = {}
    for pc, following in program.following.items():
        state = flow.state(pc)
        if state is None:
            continue
        needs[pc], test = TRUE, TRUE
        instruction = program.instructions[pc]
        match instruction:
            case i.JumpIf(relation, value):
                operand = machine.packet.words.number(value)
                test = machine.packet.compare(state[_A], relation, operand)
            case i.JumpIfX(relation):
                test = machine.packet.compare(state[_A], relation, state[_X])
            case i.ReturnA():
                test = machine.packet.member(state[_A], (1, WORD_MASK + 1))
            case i.Return(value):
                test = TRUE if value else FALSE
            case i.Jump() | i.Raw():
                pass
            case _:
                register, word, needs[pc] = machine.compute(instruction, pc, state)
                state = (*state[:register], word, *state[register + 1 :])
        flow.leave(pc, state, test, following if needs[pc] is not FAULT else ())
    made: dict[int, Proposition] = {}
    for pc in reversed(needs):
        made[pc] = _outcome(program.following[pc], flow.tests[pc], needs[pc], made, machine.packet)
    return made[0]


def _outcome(
    following: tuple[int, ...],
    test: Proposition,
    needs: Proposition,
    made: dict[int, Proposition],
    packet: Packet,
) -> Proposition:
    """What an instruction comes to; to reject is FALSE, whatever the reason."""
    if needs is FAULT:
        return FALSE
    if not following:
        return test
    # a way that a test excludes may lead to nothing that was made
    ends = [made.get(target, FALSE) for target in following]
    rest = packet.choose(test, ends[0], ends[-1])
    match needs:
        case _ if needs is TRUE or rest is FALSE:
            return rest
        case Decide(condition, then, otherwise) if then is TRUE and otherwise is FAULT:
            return packet.decide(condition, rest, FALSE)
        case _:
            return Cases(needs, rest, FALSE)


@record(frozen=False)
class _Flow:
    """States behind instructions, the tests that part the ways, and the ways taken so far."""

    program: _Program
    packet: Packet
    after: dict[int, _State] = field(default_factory=dict)
    tests: dict[int, Proposition] = field(default_factory=dict)
    came_from: dict[int, list[int]] = field(default_factory=dict)

    def leave(
        self, pc: int, state: _State, test: Proposition, following: tuple[int, ...]
    ) -> None:
        """Go on behind an instruction, to the second only where the test may fail, and so on."""
        self.after[pc], self.tests[pc] = state, test
        if len(following) == 2 and (test is TRUE or test is FALSE):
            following = following[:1] if test is TRUE else following[1:]
        for target in dict.fromkeys(following):
            self.came_from.setdefault(target, []).append(pc)

    def state(self, pc: int) -> _State | None:
        """The registers in front of an instruction; None where no way leads to it."""
        if pc == 0:
            return (self.packet.words.number(0),) * _REGISTERS
        sources = self.came_from.get(pc)
        if not sources:
            return None
        first = self.after[sources[0]]
        others = {id(after): after for after in map(self.after.__getitem__, sources)}
        live = self.program.live[pc]
        parted = [
            register
            for register in range(_REGISTERS)
            if live >> register & 1
            and any(other[register] is not first[register] for other in others.values())
        ]
        merged = list(first)
        if parted:
            for register, word in zip(parted, self._meet(pc, parted), strict=True):
                merged[register] = word
        return tuple(merged)

    def _meet(self, meeting: int, parted: list[int]) -> list[Word]:
        """The words of registers in front of a meeting, seen from the last place on every way.

        From the meeting back, the latest instruction first: once no other is left to go back
        from, every way leads through it.
        """
        seen: dict[int, list[Word]] = {}
        waiting: list[int] = []
        known = set(self.came_from[meeting])
        for source in known:
            heappush(waiting, -source)
        while True:
            pc = -heappop(waiting)
            arms = [
                [self.after[pc][register] for register in parted] if way == meeting else seen[way]
                for way in self.program.following[pc]
                if (way == meeting and pc in self.came_from[meeting]) or way in seen
            ]
            test = self.tests[pc]
            seen[pc] = [
                either(self.packet, test, then, otherwise)
                for then, otherwise in zip(arms[0], arms[-1], strict=True)
            ]
            if not waiting:
                return seen[pc]
            for source in self.came_from[pc]:
                if source not in known:
                    known.add(source)
                    heappush(waiting, -source)
