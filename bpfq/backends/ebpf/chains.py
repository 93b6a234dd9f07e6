"""The walk over the headers behind IP as a loop that the verifier can follow.

    r4 = 20; r5 = 54; r6 = 8                    the byte that names a header, the header, how many
 loop:
    r3 = the byte at r4
    if r3 == 6 goto done                        looked for
    if r3 is no extension header goto done
    if r6 == 0 goto done; r6 -= 1
    r4 = r5; r3 = the byte at r5 + 1; r3 += 1; r3 <<= 3; r5 += r3
    goto loop

Sources: RFC 8200 section 4 for the lengths, RFC 4302 for that of AH.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bpfq.backends.ebpf.blocks import Goto, If, Label, Writer
from bpfq.graph.chains import Chain
from bpfq.isa.ebpf.instructions import (
    Comparison,
    LoadMemory,
    Move,
    MoveRegister,
    Operation,
    Register,
)
from bpfq.record import record
from bpfq.tables import protocols as p

CHAIN_BYTES: Final = 2  # that are read of each header
REGISTERS: Final = 3  # that a walk needs beside its result and the temporary one
_AH: Final = 51
_LENGTHS: Final = {_AH: (2, 2)}  # what is added to the length field, and the shift behind that
_EXTENSION: Final = (1, 3)
_NEXT_HEADER: Final = {"ip": 9, "ip6": 6}  # offsets in the header of IP
_IPV6_HEADER: Final = 40


@record
class Walker:
    """packet: a pointer so many bytes ahead of the packet's start; end: behind the packet.

    short: where packets go that end in the walk.  furthest: the last place that pointers reach.
    """

    writer: Writer
    packet: Register
    ahead: int
    end: Register
    temporary: Register
    short: Label
    furthest: int

    def walk(self, chain: Chain, found: Register, free: Sequence[Register]) -> None:
        """Put the place of the byte that names the header where the walk ends into a register."""
        writer = self.writer
        word, header, left = free[:REGISTERS]
        writer.add(Move(found, chain.network + _NEXT_HEADER[chain.family], 32))
        writer.add(Move(left, chain.most, 32))
        self._first_header(chain, header)
        loop, done = writer.label(), writer.label()
        writer.end(Goto(loop))
        writer.start(loop)
        self._octet(word, found, 0)
        writer.leave_if(Comparison.EQ, word, chain.number, done, 32)
        passed = (_AH,) if chain.family == "ip" else (*p.CHAIN_HEADERS, _AH)
        steps: dict[tuple[int, int], Label] = {}
        for protocol in passed:
            step = steps.setdefault(_LENGTHS.get(protocol, _EXTENSION), writer.label())
            behind = writer.label()
            writer.end(If(Comparison.EQ, word, protocol, step, behind, 32))
            writer.start(behind)
        writer.end(Goto(done))
        for (more, shift), step in steps.items():
            writer.start(step)
            writer.leave_if(Comparison.EQ, left, 0, done, 32)
            writer.add(Operation.SUB.imm(left, 1, 32))
            self._octet(word, header, 1)
            writer.add(
                MoveRegister(found, header, 32),
                Operation.ADD.imm(word, more, 32),
                Operation.LSH.imm(word, shift, 32),
                Operation.ADD.reg(header, word, 32),
            )
            writer.leave_if(Comparison.GT, header, self.furthest, self.short)
            writer.end(Goto(loop))
        writer.start(done)

    def _first_header(self, chain: Chain, header: Register) -> None:
        if chain.family == "ip6":
            self.writer.add(Move(header, chain.network + _IPV6_HEADER, 32))
            return
        self.writer.add(Move(header, chain.network, 32))
        self._octet(header, header, 0)
        self.writer.add(
            Operation.AND.imm(header, 0xF, 32),
            Operation.LSH.imm(header, 2, 32),
            Operation.ADD.imm(header, chain.network, 32),
        )

    def _octet(self, dst: Register, place: Register, offset: int) -> None:
        """The byte so far behind a place, if it is there."""
        pointer = self.temporary
        further = offset + 1 - self.ahead
        self.writer.add(MoveRegister(pointer, place, 32), Operation.ADD.reg(pointer, self.packet))
        if further:
            self.writer.add(Operation.ADD.imm(pointer, further))
        self.writer.leave_if(Comparison.GT, pointer, self.end, self.short)
        self.writer.add(LoadMemory(dst, pointer, -1, 1))
