"""A classic machine that says why: which load a jump depends on, and where a load failed.

Written apart from bpfq.isa, so that it shares none of its mistakes.  Numbers wrap, loads are
bounded and a failing one rejects, as in libpcap's interpreter; absolute loads at ANCILLARY and
above read metadata.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

WORD = 0xFFFF_FFFF
ANCILLARY = 0xFFFF_F000
NAMES = {44: "vlan_tci", 48: "vlanp"}

Row = Sequence[int]  # code, jt, jf, k


class Source(NamedTuple):
    """Where a number came from: bytes of the packet, a word of metadata, or the length."""

    kind: str  # "bytes", "word", "length"
    address: int
    name: str
    size: int
    mask: int


class Jump(NamedTuple):
    """A conditional jump that was executed."""

    pc: int
    operation: str  # "=", ">", ">=", "&"
    operand: int
    source: Source | None
    taken: bool


@dataclass
class Run:
    """verdict; the jumps in order; the pc of the load that failed, or None; the furthest byte."""

    verdict: int = 0
    jumps: list[Jump] = field(default_factory=list)
    failed_at: int | None = None
    furthest: int = 0


class _Failed(Exception):
    pass


class _Value(NamedTuple):
    number: int
    source: Source | None = None


@dataclass
class _Machine:
    packet: bytes
    length: int
    metadata: Mapping[str, int] | None
    run: Run
    a: _Value = _Value(0)
    x: _Value = _Value(0)
    memory: list[_Value] = field(default_factory=lambda: [_Value(0)] * 16)

    def load(self, address: int, size: int, absolute: bool) -> _Value:
        if absolute and self.metadata is not None and address >= ANCILLARY:
            name = NAMES[address - ANCILLARY]
            return _Value(self.metadata[name], Source("word", 0, name, size, WORD))
        if address + size > len(self.packet):
            raise _Failed
        self.run.furthest = max(self.run.furthest, address + size)
        number = int.from_bytes(self.packet[address : address + size], "big")
        return _Value(number, Source("bytes", address, "", size, WORD))


SIZES = {0x00: 4, 0x08: 2, 0x10: 1}
OPERATIONS = {0x10: "=", 0x20: ">", 0x30: ">=", 0x40: "&"}


def run(
    program: Sequence[Row],
    packet: bytes,
    length: int,
    metadata: Mapping[str, int] | None = None,
    limit: int = 100_000,
) -> Run:
    """Execute until a return; a load out of bounds or a zero divisor rejects."""
    result = Run()
    machine = _Machine(packet, length, metadata, result)
    pc = 0
    for _ in range(limit):
        code, jt, jf, k = program[pc]
        if code & 7 == 6:
            result.verdict = machine.a.number if code & 0x18 == 0x10 else k
            return result
        try:
            pc += 1 + _step(machine, pc, code, jt, jf, k)
        except (_Failed, ZeroDivisionError):
            result.failed_at = pc
            return result
    raise AssertionError("the program does not end")


def _step(machine: _Machine, pc: int, code: int, jt: int, jf: int, k: int) -> int:
    """Execute one instruction; the number of instructions to skip."""
    match code & 7:
        case 0:
            machine.a = _load(machine, code, k)
        case 1:
            machine.x = _load_x(machine, code, k)
        case 2:
            machine.memory[k] = machine.a
        case 3:
            machine.memory[k] = machine.x
        case 4:
            operand = machine.x if code & 8 else _Value(k)
            machine.a = _arithmetic(code & 0xF0, machine.a, operand)
        case 5:
            return _jump(machine, pc, code, jt, jf, k)
        case _:
            if code & 0xF8:
                machine.a = machine.x
            else:
                machine.x = machine.a
    return 0


def _load(machine: _Machine, code: int, k: int) -> _Value:
    match code & 0xE0:
        case 0x00:
            return _Value(k)
        case 0x20:
            return machine.load(k, SIZES[code & 0x18], True)
        case 0x40:
            return machine.load(machine.x.number + k, SIZES[code & 0x18], False)
        case 0x60:
            return machine.memory[k]
        case 0x80:
            return _Value(machine.length, Source("length", 0, "", 4, WORD))
        case mode:
            raise AssertionError(f"load mode {mode:#x}")


def _load_x(machine: _Machine, code: int, k: int) -> _Value:
    if code & 0xE0 == 0xA0:
        return _Value(4 * (machine.load(k, 1, False).number & 15))
    return _load(machine, code, k)


def _arithmetic(operation: int, a: _Value, b: _Value) -> _Value:
    left, right = a.number, b.number
    match operation:
        case 0x00:
            return _Value(left + right & WORD)
        case 0x10:
            return _Value(left - right & WORD)
        case 0x20:
            return _Value(left * right & WORD)
        case 0x30:
            return _Value(left // right)
        case 0x40:
            return _Value(left | right)
        case 0x50:
            source = a.source and a.source._replace(mask=a.source.mask & right)
            return _Value(left & right, source)
        case 0x60:
            return _Value(left << right & WORD if right < 32 else 0)
        case 0x70:
            return _Value(left >> right if right < 32 else 0)
        case 0x80:
            return _Value(-left & WORD)
        case 0x90:
            return _Value(left % right)
        case 0xA0:
            return _Value(left ^ right)
        case _:
            raise AssertionError(f"operation {operation:#x}")


def _jump(machine: _Machine, pc: int, code: int, jt: int, jf: int, k: int) -> int:
    if code & 0xF0 == 0:
        return k - (WORD + 1) if k > WORD // 2 else k
    operand = machine.x.number if code & 8 else k
    operation, a = OPERATIONS[code & 0xF0], machine.a
    match operation:
        case "=":
            taken = a.number == operand
        case ">":
            taken = a.number > operand
        case ">=":
            taken = a.number >= operand
        case _:
            taken = a.number & operand != 0
    machine.run.jumps.append(Jump(pc, operation, operand, a.source, taken))
    return jt if taken else jf
