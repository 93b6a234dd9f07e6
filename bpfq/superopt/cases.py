"""Packets that candidates are tried on before anything is proved.

A case is one packet and what a right program answers: True, False, or None where it was cut short
inside a tested field and both are right.  Registers are a tuple: A, X, and what M[] holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from bpfq.isa.cbpf import opcodes
from bpfq.isa.cbpf.instructions import LINK_BASE, SockFilter
from bpfq.isa.cbpf.vm import Machine, run
from bpfq.operators import (
    WORD_BITS,
    WORD_MASK,
    DivisionByZero,
    Operator,
    Relation,
    calculate,
)
from bpfq.record import field, record, replace
from bpfq.superopt.flow import ACCEPT, Node

Scratch: TypeAlias = tuple[tuple[int, int], ...]  # slot and value, sorted
Values: TypeAlias = tuple[int, int, Scratch]
START: Final[Values] = (0, 0, ())

SIZE_OF_LOAD = {code: size for size, code in opcodes.LOAD_ABSOLUTE.items()}
SIZE_OF_INDIRECT = {code: size for size, code in opcodes.LOAD_INDIRECT.items()}
OPERATOR_OF = {code: operator for operator, code in opcodes.ALU.items()}
EQ, GT, GE, SET = (
    opcodes.JUMP_IF[relation] & opcodes.OPERATION_MASK
    for relation in (Relation.EQ, Relation.GT, Relation.GE, Relation.SET)
)

_HEADERS = 1 << 31  # offsets from here on count from a header, or are words of the kernel
_FAR = 1 << 17  # bytes behind a packet's that a header may lead to
_SIZES = SIZE_OF_LOAD | SIZE_OF_INDIRECT | {opcodes.LOADX_HEADER_LENGTH: 1}
_ABSOLUTE_OF = {code: opcodes.LOAD_ABSOLUTE[size] for code, size in SIZE_OF_INDIRECT.items()}
_ARITHMETIC = opcodes.ARITHMETIC | {opcodes.NEGATE}


@record(eq=False)
class Case:
    """A packet; ``wanted`` is what to answer, the other fields are those of ``isa.cbpf.vm.run``.

    behind: what follows the captured bytes, and zeros behind that, for loads as well; None where
    a load past the captured bytes rejects.
    """

    octets: bytes
    wire_length: int
    machine: Machine
    metadata: Mapping[str, int] | None
    network_offset: int = 0
    network_header: bytes = b""
    wanted: bool | None = None
    behind: bytes | None = None
    _loads: dict[tuple[int, int], int | None] = field(default_factory=dict)

    def changed(self, **changes: Any) -> Case:
        """Another packet; what was loaded from this one is forgotten."""
        return replace(self, _loads={}, **changes)

    def _run(self, words: Sequence[SockFilter]) -> int:
        octets = self.octets
        if self.behind is not None:
            octets += self.behind + bytes(_FAR)
        return run(
            words,
            octets,
            wire_length=self.wire_length,
            metadata=self.metadata,
            machine=self.machine,
            network_offset=self.network_offset,
            network_header=self.network_header,
        )

    def verdict(self, nodes: Sequence[Node], at: int, values: Values = START) -> bool:
        """Whether the packet is accepted from a node on."""
        a, x, scratch = values
        loads = self._loads
        while at >= 0:
            code, k, yes, no = nodes[at]
            if code & opcodes.CLASS_MASK == opcodes.CLASS_JUMP:
                at = yes if holds(code, a, x, k) else no
                continue
            loaded = loads.get((code, k))
            if loaded is not None and code in SIZE_OF_LOAD:
                a = loaded  # as step does, which is worth having here
            else:
                after = self.step(code, k, (a, x, scratch))
                if after is None:
                    return False
                a, x, scratch = after
            at = yes
        return at == ACCEPT

    def step(self, code: int, k: int, values: Values) -> Values | None:
        """The registers behind an instruction that is no jump, None where it rejects."""
        a, x, scratch = values
        if code in SIZE_OF_LOAD:
            loaded = self._load(code, k)
            return None if loaded is None else (loaded, x, scratch)
        if code in SIZE_OF_INDIRECT:
            loaded = self._indirect(code, x + k)
            return None if loaded is None else (loaded, x, scratch)
        if code in _ARITHMETIC:
            computed = self._arithmetic(code, k, a, x)
            return None if computed is None else (computed, x, scratch)
        if code == opcodes.LOADX_HEADER_LENGTH:
            loaded = self._load(code, k)
            return None if loaded is None else (a, loaded, scratch)
        return self._moved(code, k, values)

    def _load(self, code: int, offset: int) -> int | None:
        """What a load puts into A or X, None where it rejects the packet; indirect from 0."""
        key = (code, offset)
        if key not in self._loads:
            near = offset < _HEADERS
            self._loads[key] = self._octets(code, offset) if near else self._word(code, offset)
        return self._loads[key]

    def _octets(self, code: int, offset: int) -> int | None:
        size = _SIZES[code]
        octets = self.octets[offset : offset + size]
        if len(octets) < size:
            if self.behind is None:
                return None
            octets = (self.octets + self.behind)[offset : offset + size].ljust(size, b"\0")
        value = int.from_bytes(octets, "big")
        return 4 * (value & 0xF) if code == opcodes.LOADX_HEADER_LENGTH else value

    def _word(self, code: int, offset: int) -> int | None:
        """What lies beyond a packet's addresses: words of the kernel, and headers."""
        load = [SockFilter(code, 0, 0, offset)]
        if code in SIZE_OF_INDIRECT:
            load = [SockFilter(opcodes.LOADX_IMMEDIATE, 0, 0, offset), SockFilter(code, 0, 0, 0)]
        out = [SockFilter(opcodes.TXA, 0, 0, 0)] if code == opcodes.LOADX_HEADER_LENGTH else []
        goes_on = self._run([*load, SockFilter(opcodes.RETURN, 0, 0, 1)])
        value = self._run([*load, *out, SockFilter(opcodes.RETURN_A, 0, 0, 0)])
        return value if goes_on else None

    def _indirect(self, code: int, address: int) -> int | None:
        """An indirect load; only a kernel wraps, and knows of headers at the end of the space."""
        if address < LINK_BASE:
            return self._load(_ABSOLUTE_OF[code], address)
        return None if self.machine is Machine.LIBPCAP else self._load(code, address & WORD_MASK)

    def _arithmetic(self, code: int, k: int, a: int, x: int) -> int | None:
        if code == opcodes.NEGATE:
            return -a & WORD_MASK
        operator = OPERATOR_OF[code & ~opcodes.OPERAND_X]
        right = x if code & opcodes.OPERAND_X else k
        if self.machine is Machine.KERNEL and operator in (Operator.LSH, Operator.RSH):
            right %= WORD_BITS
        try:
            return calculate(operator, a, right)
        except DivisionByZero:
            return None

    def _moved(self, code: int, k: int, values: Values) -> Values:
        """The registers behind an instruction that reads no packet."""
        a, x, scratch = values
        if code == opcodes.LOADX_IMMEDIATE:
            return a, k, scratch
        if code == opcodes.LOAD_IMMEDIATE:
            return k, x, scratch
        if code == opcodes.TAX:
            return a, a, scratch
        if code == opcodes.TXA:
            return x, x, scratch
        if code == opcodes.LOAD_LENGTH:
            return self.wire_length, x, scratch
        if code == opcodes.LOADX_LENGTH:
            return a, self.wire_length, scratch
        stored = dict(scratch)
        if code == opcodes.LOAD_SCRATCH:
            return stored.get(k, 0), x, scratch
        if code == opcodes.LOADX_SCRATCH:
            return a, stored.get(k, 0), scratch
        stored[k] = a if code == opcodes.STORE_A else x
        return a, x, tuple(sorted(stored.items()))


def holds(code: int, a: int, x: int, k: int) -> bool:
    """Whether a conditional jump is taken."""
    right = x if code & opcodes.OPERAND_X else k
    relation = code & opcodes.OPERATION_MASK
    if relation == EQ:
        return a == right
    if relation == GE:
        return a >= right
    return a > right if relation == GT else a & right != 0
