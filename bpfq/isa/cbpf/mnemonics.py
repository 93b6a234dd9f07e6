"""Mnemonic and operand form of each of the 49 printable opcodes, as libpcap writes them.

Source: bpf_image.c of libpcap.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

from bpfq.isa.cbpf import opcodes
from bpfq.operators import Operator, Relation


class Operand(Enum):
    """How the operand of a mnemonic is written."""

    NONE = auto()
    X = auto()  # x
    LENGTH = auto()  # #pktlen
    DECIMAL = auto()  # #-1
    HEX = auto()  # #0xffffffff
    PACKET = auto()  # [12] or [vlan_tci]
    INDIRECT = auto()  # [x + 14]
    SCRATCH = auto()  # M[3]
    HEADER_LENGTH = auto()  # 4*([14]&0xf)
    TARGET = auto()  # 17, an instruction number


_LOADS: Final[dict[int, tuple[str, Operand]]] = {
    opcodes.LOAD_WORD: ("ld", Operand.PACKET),
    opcodes.LOAD_HALF: ("ldh", Operand.PACKET),
    opcodes.LOAD_BYTE: ("ldb", Operand.PACKET),
    opcodes.LOAD_INDIRECT_WORD: ("ld", Operand.INDIRECT),
    opcodes.LOAD_INDIRECT_HALF: ("ldh", Operand.INDIRECT),
    opcodes.LOAD_INDIRECT_BYTE: ("ldb", Operand.INDIRECT),
    opcodes.LOAD_IMMEDIATE: ("ld", Operand.HEX),
    opcodes.LOAD_SCRATCH: ("ld", Operand.SCRATCH),
    opcodes.LOAD_LENGTH: ("ld", Operand.LENGTH),
    opcodes.LOADX_IMMEDIATE: ("ldx", Operand.HEX),
    opcodes.LOADX_SCRATCH: ("ldx", Operand.SCRATCH),
    opcodes.LOADX_LENGTH: ("ldx", Operand.LENGTH),
    opcodes.LOADX_HEADER_LENGTH: ("ldxb", Operand.HEADER_LENGTH),
}
_OTHERS: Final[dict[int, tuple[str, Operand]]] = {
    opcodes.STORE_A: ("st", Operand.SCRATCH),
    opcodes.STORE_X: ("stx", Operand.SCRATCH),
    opcodes.NEGATE: ("neg", Operand.NONE),
    opcodes.TAX: ("tax", Operand.NONE),
    opcodes.TXA: ("txa", Operand.NONE),
    opcodes.JUMP: ("ja", Operand.TARGET),
    opcodes.RETURN: ("ret", Operand.DECIMAL),
    opcodes.RETURN_A: ("ret", Operand.NONE),
}
_OPERATORS: Final[dict[Operator, tuple[str, Operand]]] = {
    Operator.ADD: ("add", Operand.DECIMAL),
    Operator.SUB: ("sub", Operand.DECIMAL),
    Operator.MUL: ("mul", Operand.DECIMAL),
    Operator.DIV: ("div", Operand.DECIMAL),
    Operator.MOD: ("mod", Operand.DECIMAL),
    Operator.AND: ("and", Operand.HEX),
    Operator.OR: ("or", Operand.HEX),
    Operator.XOR: ("xor", Operand.HEX),
    Operator.LSH: ("lsh", Operand.DECIMAL),
    Operator.RSH: ("rsh", Operand.DECIMAL),
}
_RELATIONS: Final[dict[Relation, str]] = {
    Relation.EQ: "jeq",
    Relation.GT: "jgt",
    Relation.GE: "jge",
    Relation.SET: "jset",
}

# Mnemonic and operand of every printable opcode: 49, no two alike.
MNEMONICS: Final[dict[int, tuple[str, Operand]]] = {
    **_LOADS,
    **_OTHERS,
    **{opcodes.ALU[operator]: row for operator, row in _OPERATORS.items()},
    **{
        opcodes.ALU[operator] | opcodes.OPERAND_X: (mnemonic, Operand.X)
        for operator, (mnemonic, _) in _OPERATORS.items()
    },
    **{opcodes.JUMP_IF[relation]: (name, Operand.HEX) for relation, name in _RELATIONS.items()},
    **{
        opcodes.JUMP_IF[relation] | opcodes.OPERAND_X: (name, Operand.X)
        for relation, name in _RELATIONS.items()
    },
}
