"""Run a classic program on a packet, as libpcap or as the kernel would.

Two machines run the same words and differ at the edges:

    case                     LIBPCAP                 KERNEL
    shift by X of 32 or more the result is 0         X modulo 32
    ld [x + k] over 2**32    rejects                 wraps
    offsets from 0xffe00000  past the end: rejects   from the link or network header
    offsets from 0xfffff000  rejects, or metadata    metadata
    ja back                  goes back               refused

libpcap 1.11 also rejects after 64 jumps back for one packet, and 1.10 does not clear M[]; here
M[] is clear and ``step_limit`` is the bound.

Source: bpf_filter.c of libpcap 1.10; net/core/filter.c of Linux 6.18.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from functools import lru_cache
from typing import Final, Literal, NamedTuple, assert_never

from bpfq.errors import FilterError, LimitError
from bpfq.isa.cbpf.encode import bits, decode
from bpfq.isa.cbpf.instructions import (
    ANCILLARY,
    LINK_BASE,
    NETWORK_BASE,
    SCRATCH_WORDS,
    Alu,
    AluX,
    Arithmetic,
    Jump,
    JumpIf,
    JumpIfX,
    Load,
    LoadAbsolute,
    LoadImmediate,
    LoadIndirect,
    LoadLength,
    LoadScratch,
    LoadX,
    LoadXHeaderLength,
    LoadXImmediate,
    LoadXLength,
    LoadXScratch,
    Negate,
    Raw,
    Return,
    ReturnA,
    SockFilter,
    Store,
    StoreA,
    StoreX,
    Tax,
    Txa,
)
from bpfq.operators import WORD_BITS, DivisionByZero, Operator, calculate, wrap
from bpfq.record import field, record

STEP_LIMIT: Final = 1_000_000  # instructions; only jumps back can run longer than the program

_NEGATIVE: Final = 1 << (WORD_BITS - 1)
_NAME_BY_OFFSET: Final = {offset: name for name, offset in ANCILLARY.items()}
_ATTRIBUTE_HEADER: Final = 4  # sizeof(struct nlattr): length, type; <linux/netlink.h>
_ATTRIBUTE_TYPE_MASK: Final = 0x3FFF  # NLA_TYPE_MASK
_BYTE_ORDER: Final[Literal["little", "big"]] = sys.byteorder  # netlink is in host order


class Machine(Enum):
    """Which interpreter."""

    LIBPCAP = "libpcap"
    KERNEL = "kernel"


class Step(NamedTuple):
    """One executed instruction and the registers after it."""

    pc: int
    a: int
    x: int


class Trace(NamedTuple):
    """The executed instructions in order, and the verdict."""

    steps: tuple[Step, ...]
    verdict: int


@record
class _Environment:
    packet: bytes
    length: int  # what ld #len gives
    machine: Machine
    metadata: Mapping[str, int] | None
    network_offset: int
    link_offset: int | None
    network_header: bytes
    step_limit: int


@record(frozen=False)
class _Registers:
    a: int = 0
    x: int = 0
    scratch: list[int] = field(default_factory=lambda: [0] * SCRATCH_WORDS)


class _Reject(Exception):
    """The instruction ends the program with 0."""


def run(
    words: Sequence[SockFilter],
    packet: bytes,
    *,
    wire_length: int | None = None,
    metadata: Mapping[str, int] | None = None,
    machine: Machine = Machine.LIBPCAP,
    network_offset: int = 0,
    link_offset: int | None = 0,
    network_header: bytes = b"",
    step_limit: int = STEP_LIMIT,
) -> int:
    """The verdict of the program: how many bytes of the packet to keep, 0 to reject it.

    ``wire_length`` is what ``ld #pktlen`` gives, the length of packet unless said.  ``metadata``
    maps names of ANCILLARY to values; a missing one is 0.  Without it libpcap has no metadata at
    all and such loads reject.  nla, nlan and xor_x are computed.  ``network_offset`` and
    ``link_offset`` are where those headers start in packet, for the kernel; None when the packet
    has no link header.  ``network_header`` is what lies before byte 0, from that header on, as on
    a UDP socket.  The packet has a device: on one without, as of an AF_UNIX socket, the
    kernel ends at ifidx and hatype with A.

    Raises FilterError for a program that no machine takes (unknown opcode, jump out of the
    program, M[16]) where it is reached, and LimitError after ``step_limit`` instructions.
    """
    return run_counted(
        words,
        packet,
        wire_length=wire_length,
        metadata=metadata,
        machine=machine,
        network_offset=network_offset,
        link_offset=link_offset,
        network_header=network_header,
        step_limit=step_limit,
    )[0]


def run_counted(
    words: Sequence[SockFilter],
    packet: bytes,
    *,
    wire_length: int | None = None,
    metadata: Mapping[str, int] | None = None,
    machine: Machine = Machine.LIBPCAP,
    network_offset: int = 0,
    link_offset: int | None = 0,
    network_header: bytes = b"",
    step_limit: int = STEP_LIMIT,
) -> tuple[int, int]:
    """The verdict as of ``run``, and how many instructions were executed."""
    length = len(packet) if wire_length is None else wire_length
    environment = _Environment(
        packet, length, machine, metadata, network_offset, link_offset, network_header, step_limit
    )
    return _execute(words, environment, None)


def trace(
    words: Sequence[SockFilter],
    packet: bytes,
    *,
    wire_length: int | None = None,
    metadata: Mapping[str, int] | None = None,
    machine: Machine = Machine.LIBPCAP,
    network_offset: int = 0,
    link_offset: int | None = 0,
    network_header: bytes = b"",
    step_limit: int = STEP_LIMIT,
) -> Trace:
    """Every executed instruction with A and X after it, and the verdict as of ``run``."""
    length = len(packet) if wire_length is None else wire_length
    environment = _Environment(
        packet, length, machine, metadata, network_offset, link_offset, network_header, step_limit
    )
    steps: list[Step] = []
    verdict, _ = _execute(words, environment, steps.append)
    return Trace(tuple(steps), verdict)


def _execute(
    words: Sequence[SockFilter], environment: _Environment, record: Callable[[Step], None] | None
) -> tuple[int, int]:
    registers = _Registers()
    pc = 0
    for count in range(1, environment.step_limit + 1):
        if not 0 <= pc < len(words):
            raise FilterError(f"ran to instruction {pc}: the program has {len(words)}, 0 up")
        verdict, skip = _step(words[pc], pc, registers, environment)
        if record is not None:
            record(Step(pc, registers.a, registers.x))
        if verdict is not None:
            return verdict, count
        pc += 1 + skip
    raise LimitError(
        f"still running after {environment.step_limit} instructions: a jump back may never end"
    )


_decode = lru_cache(maxsize=1 << 14)(decode)


def _step(
    word: SockFilter, pc: int, registers: _Registers, environment: _Environment
) -> tuple[int | None, int]:
    """Execute one word: the verdict if it ends the program, and how many words to skip."""
    instruction = _decode(word)
    match instruction:
        case JumpIf(relation, value, skip_true, skip_false):
            return None, skip_true if relation.holds(registers.a, value) else skip_false
        case JumpIfX(relation, skip_true, skip_false):
            return None, skip_true if relation.holds(registers.a, registers.x) else skip_false
        case Jump(skip):
            if skip < 0 and environment.machine is Machine.KERNEL:
                raise FilterError(f"instruction {pc}: the kernel only jumps forward")
            return None, skip
        case Return(value):
            return value, 0
        case ReturnA():
            return registers.a, 0
        case Raw(code):
            raise FilterError(f"instruction {pc}: unknown opcode 0x{code:x}")
        case _:
            try:
                _compute(instruction, registers, environment)
            except (_Reject, DivisionByZero):
                return 0, 0
            except IndexError:
                raise FilterError(
                    f"instruction {pc}: no scratch word M[{word.k}]: "
                    f"the last is M[{SCRATCH_WORDS - 1}]"
                ) from None
            return None, 0


def _compute(
    instruction: Load | LoadX | Store | Arithmetic, registers: _Registers, environment: _Environment
) -> None:
    match instruction:
        case LoadAbsolute() | LoadIndirect() | LoadImmediate() | LoadLength() | LoadScratch():
            registers.a = _load(instruction, registers, environment)
        case Alu() | AluX() | Negate():
            registers.a = _arithmetic(instruction, registers, environment.machine)
        case LoadXHeaderLength(offset):
            registers.x = 4 * (_bytes(offset, 1, environment) & 0xF)
        case LoadXImmediate(value):
            registers.x = value
        case LoadXLength():
            registers.x = environment.length
        case LoadXScratch(slot):
            registers.x = registers.scratch[slot]
        case Tax():
            registers.x = registers.a
        case Txa():
            registers.a = registers.x
        case StoreA(slot):
            registers.scratch[slot] = registers.a
        case StoreX(slot):
            registers.scratch[slot] = registers.x
        case _:
            assert_never(instruction)


def _load(instruction: Load, registers: _Registers, environment: _Environment) -> int:
    match instruction:
        case LoadAbsolute(offset, size):
            name = _NAME_BY_OFFSET.get(offset)
            if name is not None and _has_metadata(environment):
                return _metadata(name, registers, environment)
            return _bytes(offset, size, environment)
        case LoadIndirect(offset, size):
            address = registers.x + offset
            wraps = environment.machine is Machine.KERNEL
            return _bytes(wrap(address) if wraps else address, size, environment)
        case LoadImmediate(value):
            return value
        case LoadLength():
            return environment.length
        case LoadScratch(slot):
            return registers.scratch[slot]
        case _:
            assert_never(instruction)


def _arithmetic(instruction: Alu | AluX | Negate, registers: _Registers, machine: Machine) -> int:
    match instruction:
        case Alu(operator, right):
            pass
        case AluX(operator):
            right = registers.x
        case Negate():
            return calculate(Operator.SUB, 0, registers.a)
        case _:
            assert_never(instruction)
    if machine is Machine.KERNEL and operator in (Operator.LSH, Operator.RSH):
        right %= WORD_BITS
    return calculate(operator, registers.a, right)


def _bytes(address: int, size: int, environment: _Environment) -> int:
    """The big-endian number at address; raises _Reject unless the packet has all of it."""
    start, octets = address, environment.packet
    if environment.machine is Machine.KERNEL and address >= _NEGATIVE:
        if environment.network_header and address >= NETWORK_BASE:
            start, octets = address - NETWORK_BASE, environment.network_header + octets
        else:
            start = _header_relative(address, environment)
    if not 0 <= start <= len(octets) - size:
        raise _Reject
    return int.from_bytes(octets[start : start + size], "big")


def _header_relative(address: int, environment: _Environment) -> int:
    if address >= NETWORK_BASE:
        return environment.network_offset + address - NETWORK_BASE
    if address >= LINK_BASE and environment.link_offset is not None:
        return environment.link_offset + address - LINK_BASE
    raise _Reject


def _has_metadata(environment: _Environment) -> bool:
    return environment.machine is Machine.KERNEL or environment.metadata is not None


def _metadata(name: str, registers: _Registers, environment: _Environment) -> int:
    match name:
        case "xor_x":
            return calculate(Operator.XOR, registers.a, registers.x)
        case "nla":
            return _attribute(environment.packet, registers.a, registers.x)
        case "nlan":
            return _nested_attribute(environment.packet, registers.a, registers.x)
        case _:
            return bits((environment.metadata or {}).get(name, 0), WORD_BITS, name)


def _attribute(packet: bytes, start: int, kind: int) -> int:
    """Where the first netlink attribute of that kind is, from start on; 0 if nowhere."""
    return _find_attribute(packet, start, len(packet), kind)


def _nested_attribute(packet: bytes, start: int, kind: int) -> int:
    """Where that kind is inside the attribute at start; 0 if nowhere."""
    if start > len(packet) - _ATTRIBUTE_HEADER:
        return 0
    end = start + int.from_bytes(packet[start : start + 2], _BYTE_ORDER)
    if end > len(packet):
        return 0
    return _find_attribute(packet, start + _ATTRIBUTE_HEADER, end, kind)


def _find_attribute(packet: bytes, start: int, end: int, kind: int) -> int:
    """nla_find of <net/netlink.h>: attributes are padded to 4 bytes."""
    while start <= end - _ATTRIBUTE_HEADER:
        length = int.from_bytes(packet[start : start + 2], _BYTE_ORDER)
        if not _ATTRIBUTE_HEADER <= length <= end - start:
            return 0
        found = int.from_bytes(packet[start + 2 : start + 4], _BYTE_ORDER)
        if found & _ATTRIBUTE_TYPE_MASK == kind:
            return start
        start += (length + 3) // 4 * 4
    return 0
