"""Instructions of every shape with all kinds of numbers in their fields, the same in each run."""

from __future__ import annotations

import random
from functools import cache

from bpfq.isa.ebpf.encode import disassemble
from bpfq.isa.ebpf.instructions import BpfInsn, Instruction, Raw

_IMMS = (0, 1, 2, 7, 16, 32, 64, 0x41, 0x51, 0xA1, 0xE1, 0xF1, 0x100, 0x110, -1, -8)
_EDGES = (1 << 31) - 1, -(1 << 31)
_OFFS = (0, 1, 8, 16, 32, -1, -8, (1 << 15) - 1, -(1 << 15))


@cache
def samples() -> tuple[Instruction, ...]:
    """Some thousand; every opcode that is one is there with each number that it takes."""
    chance = random.Random(64)
    found: dict[Instruction, None] = {}
    for opcode in range(256):
        for imm in (*_IMMS, *_EDGES, chance.randrange(-(1 << 31), 1 << 31)):
            for off in (*_OFFS, chance.randrange(-(1 << 15), 1 << 15)):
                word = BpfInsn(opcode, chance.randrange(11), chance.randrange(11), off, imm)
                for each in (word, word._replace(src=0), word._replace(dst=0, src=off & 3)):
                    second = BpfInsn(0, 0, 0, 0, chance.choice((0, imm)))
                    first, *_ = disassemble([each, second])
                    if not isinstance(first, Raw):
                        found[first] = None
    return tuple(found)
