"""Relations and arithmetic of the packet machine: unsigned 32 bits, wrapping.

The only place where bpfq computes modulo 2**32.  Source:
McCanne and Jacobson, "The BSD Packet Filter", USENIX 1993; the corner cases (division by zero,
shifts of 32 and more) are those of libpcap's interpreter.
"""

from __future__ import annotations

from enum import Enum

WORD_MASK = 0xFFFF_FFFF
WORD_BITS = 32


def wrap(value: int) -> int:
    """value modulo 2**32."""
    return value & WORD_MASK


class Relation(Enum):
    """How a test compares its two operands; all unsigned."""

    EQ = "="
    GT = ">"
    GE = ">="
    SET = "&"  # some bit is set in both

    def holds(self, left: int, right: int) -> bool:
        match self:
            case Relation.EQ:
                return left == right
            case Relation.GT:
                return left > right
            case Relation.GE:
                return left >= right
            case Relation.SET:
                return left & right != 0


class Operator(Enum):
    """Arithmetic on two words."""

    ADD = "+"
    SUB = "-"
    MUL = "*"
    DIV = "/"
    MOD = "%"
    AND = "&"
    OR = "|"
    XOR = "^"
    LSH = "<<"
    RSH = ">>"


class DivisionByZero(ArithmeticError):
    """A division or modulus by zero was reached: the whole filter rejects."""


def calculate(operator: Operator, left: int, right: int) -> int:
    """left operator right modulo 2**32; a shift of 32 or more gives 0.

    Raises DivisionByZero for a zero divisor.
    """
    match operator:
        case Operator.ADD:
            return wrap(left + right)
        case Operator.SUB:
            return wrap(left - right)
        case Operator.MUL:
            return wrap(left * right)
        case Operator.DIV:
            if right == 0:
                raise DivisionByZero
            return left // right
        case Operator.MOD:
            if right == 0:
                raise DivisionByZero
            return left % right
        case Operator.AND:
            return left & right
        case Operator.OR:
            return left | right
        case Operator.XOR:
            return left ^ right
        case Operator.LSH:
            return wrap(left << right) if right < WORD_BITS else 0
        case Operator.RSH:
            return left >> right if right < WORD_BITS else 0
