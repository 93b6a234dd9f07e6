"""Instructions to slots and back: assemble, disassemble, and slots to bytes.

    JumpIf(EQ, R1, 6, 3, 32)    <=>    BpfInsn(opcode=0x16, dst=1, src=0, off=3, imm=6)

For any slots, ``assemble(disassemble(slots)) == slots``: what no instruction type stands for
comes back as ``Raw``, as does a half of a 64-bit immediate without the other.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Final, Literal, TypeAlias

from bpfq.errors import EncodingError
from bpfq.isa.ebpf.decode import decode
from bpfq.isa.ebpf.fields import encode
from bpfq.isa.ebpf.instructions import BpfInsn, Instruction, LoadImmediate64

Endian: TypeAlias = Literal["little", "big"]

_STRUCTS: Final = {"little": struct.Struct("<BBhi"), "big": struct.Struct(">BBhi")}
SLOT_SIZE: Final = 8  # bytes


def assemble(instructions: Iterable[Instruction]) -> tuple[BpfInsn, ...]:
    """The slots of the instructions, in order; raises EncodingError for a field out of range."""
    return tuple([slot for instruction in instructions for slot in encode(instruction)])


def disassemble(words: Iterable[BpfInsn]) -> tuple[Instruction, ...]:
    """The instructions of the slots; Raw where ``assemble`` would not give the same slots."""
    left = list(words)[::-1]
    out: list[Instruction] = []
    while left:
        first = left.pop()
        instruction = decode(first, left[-1] if left else None)
        if isinstance(instruction, LoadImmediate64):
            left.pop()
        out.append(instruction)
    return tuple(out)


def to_bytes(words: Iterable[BpfInsn], byteorder: Endian = "little") -> bytes:
    """The slots as a machine of that byte order has them in memory, 8 bytes each."""
    pack = _STRUCTS[byteorder].pack
    return b"".join(
        [
            pack(opcode, _registers(dst, src, byteorder), off, imm)
            for opcode, dst, src, off, imm in words
        ]
    )


def from_bytes(octets: bytes, byteorder: Endian = "little") -> tuple[BpfInsn, ...]:
    """The slots in memory; raises EncodingError for a length that is no multiple of 8."""
    if len(octets) % SLOT_SIZE:
        raise EncodingError(f"{len(octets)} bytes are no multiple of {SLOT_SIZE}")
    return tuple(
        [
            BpfInsn(opcode, *_split(registers, byteorder), off, imm)
            for opcode, registers, off, imm in _STRUCTS[byteorder].iter_unpack(octets)
        ]
    )


def _registers(dst: int, src: int, byteorder: Endian) -> int:
    return src << 4 | dst if byteorder == "little" else dst << 4 | src


def _split(registers: int, byteorder: Endian) -> tuple[int, int]:
    high, low = registers >> 4, registers & 0xF
    return (low, high) if byteorder == "little" else (high, low)
