"""The numbers of the eBPF machine's opcodes.

The low three bits are the class; then the size and mode of a load or store, or the operand's
source and the operation.  Source: RFC 9669; <linux/bpf.h>, <linux/bpf_common.h> of Linux 6.18.
"""

from __future__ import annotations

from typing import Final

from bpfq.isa.ebpf.instructions import AtomicOperation, ByteOrder, Comparison, Operation

CLASS_MASK: Final = 0x07
LD: Final = 0x00
LDX: Final = 0x01
ST: Final = 0x02
STX: Final = 0x03
ALU32: Final = 0x04
JMP64: Final = 0x05
JMP32: Final = 0x06
ALU64: Final = 0x07

REGISTER: Final = 0x08  # the operand is src, not imm; arithmetic and conditional jumps

ALU: Final[dict[int, int]] = {32: ALU32, 64: ALU64}  # classes by width
JMP: Final[dict[int, int]] = {32: JMP32, 64: JMP64}

SIZE: Final[dict[int, int]] = {1: 0x10, 2: 0x08, 4: 0x00, 8: 0x18}  # by bytes
ABSOLUTE: Final = 0x20
INDIRECT: Final = 0x40
MEMORY: Final = 0x60
MEMORY_SIGNED: Final = 0x80
ATOMIC: Final = 0xC0

LOAD_IMMEDIATE_64: Final = LD | SIZE[8]
MOVE: Final = 0xB0
NEGATE: Final = 0x80
SWAP: Final = 0xD0
JUMP: Final = JMP64 | 0x00
JUMP_LONG: Final = JMP32 | 0x00
CALL: Final = JMP64 | 0x80
EXIT: Final = JMP64 | 0x90
MAY_GOTO: Final = JMP64 | 0xE0

CALL_HELPER: Final = 0  # src of CALL
CALL_FUNCTION: Final = 1
CALL_KERNEL: Final = 2

# Operation bits and the off field, which is 1 for signed division.
OPERATION: Final[dict[Operation, tuple[int, int]]] = {
    Operation.ADD: (0x00, 0),
    Operation.SUB: (0x10, 0),
    Operation.MUL: (0x20, 0),
    Operation.DIV: (0x30, 0),
    Operation.OR: (0x40, 0),
    Operation.AND: (0x50, 0),
    Operation.LSH: (0x60, 0),
    Operation.RSH: (0x70, 0),
    Operation.MOD: (0x90, 0),
    Operation.XOR: (0xA0, 0),
    Operation.ARSH: (0xC0, 0),
    Operation.SDIV: (0x30, 1),
    Operation.SMOD: (0x90, 1),
}
COMPARISON: Final[dict[Comparison, int]] = {
    Comparison.EQ: 0x10,
    Comparison.GT: 0x20,
    Comparison.GE: 0x30,
    Comparison.SET: 0x40,
    Comparison.NE: 0x50,
    Comparison.SGT: 0x60,
    Comparison.SGE: 0x70,
    Comparison.LT: 0xA0,
    Comparison.LE: 0xB0,
    Comparison.SLT: 0xC0,
    Comparison.SLE: 0xD0,
}
BYTE_ORDER: Final[dict[ByteOrder, int]] = {
    ByteOrder.LITTLE: ALU32 | SWAP,
    ByteOrder.BIG: ALU32 | SWAP | REGISTER,
    ByteOrder.SWAP: ALU64 | SWAP,
}

# The imm field of atomic instructions.
FETCH: Final = 0x01
ATOMIC_OPERATION: Final[dict[AtomicOperation, int]] = {
    AtomicOperation.ADD: 0x00,
    AtomicOperation.OR: 0x40,
    AtomicOperation.AND: 0x50,
    AtomicOperation.XOR: 0xA0,
    AtomicOperation.EXCHANGE: 0xE0,
    AtomicOperation.COMPARE_EXCHANGE: 0xF0,
}
ALWAYS_FETCH: Final = frozenset({AtomicOperation.EXCHANGE, AtomicOperation.COMPARE_EXCHANGE})
LOAD_ACQUIRE: Final = 0x100
STORE_RELEASE: Final = 0x110

SWAP_BITS: Final = frozenset({16, 32, 64})
SIGNED_MOVE_BITS: Final[dict[int, frozenset[int]]] = {
    32: frozenset({8, 16}),
    64: frozenset({8, 16, 32}),
}
