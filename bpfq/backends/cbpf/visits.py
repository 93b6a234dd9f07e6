"""How often each instruction of a program is executed over a profile.

    (000) ldh [12]                       1000     all packets
    (001) jeq #0x800  jt 2  jf 4         1000
    (002) ldb [23]                        700     the IPv4 packets
    ...

All packets go through the program side by side: what arrives at an instruction is a list of packet
numbers, since a program only jumps forward every instruction is met once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from bpfq.isa.cbpf import opcodes
from bpfq.isa.cbpf.instructions import ANCILLARY, SCRATCH_WORDS, SockFilter
from bpfq.operators import DivisionByZero, Operator, Relation, calculate, wrap
from bpfq.opt.profile import Column, Profile
from bpfq.record import field, record

_Packets: TypeAlias = list[int]

_RELATIONS = {code: relation for relation, code in opcodes.JUMP_IF.items()}
_OPERATORS = {code: operator for operator, code in opcodes.ALU.items()}
_SIZES = {code: size for size, code in opcodes.LOAD_ABSOLUTE.items()}
_NAMES = {offset: name for name, offset in ANCILLARY.items()}
_INDIRECT_SIZES = {code: size for size, code in opcodes.LOAD_INDIRECT.items()}


def visits(words: Sequence[SockFilter], profile: Profile) -> tuple[int, ...]:
    """For each instruction the summed weight of the packets that execute it.

    The program has passed the kernel's checks: it jumps forward only and ends.
    """
    weights = profile.weights
    lanes = _Lanes(profile)
    arriving: list[_Packets] = [[] for _ in words]
    arriving[0] = list(range(len(weights)))
    counts = []
    for at, word in enumerate(words):
        here = arriving[at]
        counts.append(sum([weights[packet] for packet in here]))
        if not here:
            continue
        code, jt, jf, k = word
        if code in opcodes.CONDITIONAL_JUMPS:
            yes, no = lanes.split(code, k, here)
            arriving[at + 1 + jt] += yes
            arriving[at + 1 + jf] += no
        elif code == opcodes.JUMP:
            arriving[at + 1 + k] += here
        elif code not in opcodes.RETURNS:
            arriving[at + 1] += lanes.compute(code, k, here)
    return tuple(counts)


@record(frozen=False)
class _Lanes:
    """The registers of all packets."""

    profile: Profile
    a: list[int] = field(default_factory=list)
    x: list[int] = field(default_factory=list)
    scratch: list[list[int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        count = len(self.profile.samples)
        self.a, self.x = [0] * count, [0] * count

    def split(self, code: int, k: int, here: _Packets) -> tuple[_Packets, _Packets]:
        """The packets that take the jump, and those that do not."""
        a = self.a
        if code == opcodes.JUMP_IF[Relation.EQ]:
            return [p for p in here if a[p] == k], [p for p in here if a[p] != k]
        by_x, x = bool(code & opcodes.OPERAND_X), self.x
        holds = _RELATIONS[code & ~opcodes.OPERAND_X].holds
        yes = {p for p in here if holds(a[p], x[p] if by_x else k)}
        return [p for p in here if p in yes], [p for p in here if p not in yes]

    def compute(self, code: int, k: int, here: _Packets) -> _Packets:
        """Execute an instruction that neither jumps nor returns: the packets that go on."""
        if code in _SIZES:
            column = self._column(k, _SIZES[code])
            left = [p for p in here if column[p] is not None]
            for p in left:
                self.a[p] = column[p] or 0
            return left
        if code in _INDIRECT_SIZES:
            return self._indirect(_INDIRECT_SIZES[code], k, here)
        if code in opcodes.ARITHMETIC:
            return self._arithmetic(code, k, here)
        if code == opcodes.LOADX_HEADER_LENGTH:
            column = self.profile.column(k, 1)
            left = [p for p in here if column[p] is not None]
            for p in left:
                self.x[p] = 4 * ((column[p] or 0) & 0xF)
            return left
        self._move(code, k, here)
        return here

    def _column(self, k: int, size: int) -> Column:
        name = _NAMES.get(k)
        return self.profile.column(k, size) if name is None else self.profile.words(name)

    def _indirect(self, size: int, k: int, here: _Packets) -> _Packets:
        samples, left = self.profile.samples, []
        for p in here:
            value = samples[p].load(wrap(self.x[p] + k), size)
            if value is not None:
                self.a[p] = value
                left.append(p)
        return left

    def _arithmetic(self, code: int, k: int, here: _Packets) -> _Packets:
        operator = _OPERATORS[code & ~opcodes.OPERAND_X]
        if operator is Operator.AND and not code & opcodes.OPERAND_X:
            for p in here:
                self.a[p] &= k
            return here
        left = []
        for p in here:
            right = self.x[p] if code & opcodes.OPERAND_X else k
            try:
                self.a[p] = calculate(operator, self.a[p], right)
            except DivisionByZero:
                continue
            left.append(p)
        return left

    def _move(self, code: int, k: int, here: _Packets) -> None:
        if not self.scratch:
            self.scratch = [[0] * len(self.a) for _ in range(SCRATCH_WORDS)]
        samples, scratch = self.profile.samples, self.scratch
        for p in here:
            match code:
                case opcodes.LOAD_IMMEDIATE:
                    self.a[p] = k
                case opcodes.LOADX_IMMEDIATE:
                    self.x[p] = k
                case opcodes.LOAD_LENGTH:
                    self.a[p] = samples[p].length
                case opcodes.LOADX_LENGTH:
                    self.x[p] = samples[p].length
                case opcodes.LOAD_SCRATCH:
                    self.a[p] = scratch[k][p]
                case opcodes.LOADX_SCRATCH:
                    self.x[p] = scratch[k][p]
                case opcodes.STORE_A:
                    scratch[k][p] = self.a[p]
                case opcodes.STORE_X:
                    scratch[k][p] = self.x[p]
                case opcodes.TAX:
                    self.x[p] = self.a[p]
                case opcodes.TXA:
                    self.a[p] = self.x[p]
                case opcodes.NEGATE:
                    self.a[p] = wrap(-self.a[p])
