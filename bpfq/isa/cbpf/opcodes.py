"""The numbers of the classic machine's 49 opcodes.

Source: <linux/bpf_common.h>, <linux/filter.h>; class in bits 0-2, then size and mode for loads,
operator and operand source for arithmetic and jumps.
"""

from __future__ import annotations

from typing import Final

from bpfq.operators import Operator, Relation

CLASS_MASK: Final = 0x07
CLASS_JUMP: Final = 0x05
OPERATION_MASK: Final = 0xF0
OPERAND_X: Final = 0x08  # the operand is X, not k; for arithmetic and conditional jumps

LOAD_WORD: Final = 0x20
LOAD_HALF: Final = 0x28
LOAD_BYTE: Final = 0x30
LOAD_INDIRECT_WORD: Final = 0x40
LOAD_INDIRECT_HALF: Final = 0x48
LOAD_INDIRECT_BYTE: Final = 0x50
LOAD_IMMEDIATE: Final = 0x00
LOAD_SCRATCH: Final = 0x60
LOAD_LENGTH: Final = 0x80
LOADX_IMMEDIATE: Final = 0x01
LOADX_SCRATCH: Final = 0x61
LOADX_LENGTH: Final = 0x81
LOADX_HEADER_LENGTH: Final = 0xB1
STORE_A: Final = 0x02
STORE_X: Final = 0x03
NEGATE: Final = 0x84
TAX: Final = 0x07
TXA: Final = 0x87
JUMP: Final = 0x05
RETURN: Final = 0x06
RETURN_A: Final = 0x16

LOAD_ABSOLUTE: Final[dict[int, int]] = {1: LOAD_BYTE, 2: LOAD_HALF, 4: LOAD_WORD}
LOAD_INDIRECT: Final[dict[int, int]] = {
    1: LOAD_INDIRECT_BYTE,
    2: LOAD_INDIRECT_HALF,
    4: LOAD_INDIRECT_WORD,
}
ALU: Final[dict[Operator, int]] = {
    Operator.ADD: 0x04,
    Operator.SUB: 0x14,
    Operator.MUL: 0x24,
    Operator.DIV: 0x34,
    Operator.OR: 0x44,
    Operator.AND: 0x54,
    Operator.LSH: 0x64,
    Operator.RSH: 0x74,
    Operator.MOD: 0x94,
    Operator.XOR: 0xA4,
}
JUMP_IF: Final[dict[Relation, int]] = {
    Relation.EQ: 0x15,
    Relation.GT: 0x25,
    Relation.GE: 0x35,
    Relation.SET: 0x45,
}

DIVISIONS: Final = frozenset({ALU[Operator.DIV], ALU[Operator.MOD]})
DIVISIONS_BY_X: Final = frozenset(code | OPERAND_X for code in DIVISIONS)
SHIFTS: Final = frozenset({ALU[Operator.LSH], ALU[Operator.RSH]})
ARITHMETIC: Final = frozenset(ALU.values()) | {code | OPERAND_X for code in ALU.values()}
CONDITIONAL_JUMPS: Final = frozenset(JUMP_IF.values()) | {
    code | OPERAND_X for code in JUMP_IF.values()
}
ABSOLUTE_LOADS: Final = frozenset(LOAD_ABSOLUTE.values())
INDIRECT_LOADS: Final = frozenset(LOAD_INDIRECT.values())
SCRATCH_LOADS: Final = frozenset({LOAD_SCRATCH, LOADX_SCRATCH})
STORES: Final = frozenset({STORE_A, STORE_X})
RETURNS: Final = frozenset({RETURN, RETURN_A})
KNOWN: Final = (
    ABSOLUTE_LOADS
    | INDIRECT_LOADS
    | SCRATCH_LOADS
    | STORES
    | ARITHMETIC
    | CONDITIONAL_JUMPS
    | RETURNS
    | {LOAD_IMMEDIATE, LOAD_LENGTH, LOADX_IMMEDIATE, LOADX_LENGTH, LOADX_HEADER_LENGTH}
    | {NEGATE, TAX, TXA, JUMP}
)
