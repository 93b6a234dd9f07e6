"""Arithmetic and comparison of the eBPF machine, on unsigned numbers of 32 or 64 bits.

    calculate(Operation.SUB, 0, 1, 32)    0xffffffff
    holds(Comparison.SLT, 0xffffffff, 0, 32)    True

Source: RFC 9669, sections 4.1 to 4.3.
"""

from __future__ import annotations

from typing import assert_never

from bpfq.isa.ebpf.fields import signed
from bpfq.isa.ebpf.instructions import AtomicOperation, Comparison, Operation


def low(value: int, width: int) -> int:
    """The low width bits of value, unsigned."""
    return value & ((1 << width) - 1)


def calculate(operation: Operation, left: int, right: int, width: int) -> int:
    """left operation right on width bits.

    By 0 a division gives 0 and a remainder left; signed division cuts towards 0.  A shift uses
    the low bits of its count.
    """
    match operation:
        case Operation.ADD:
            return low(left + right, width)
        case Operation.SUB:
            return low(left - right, width)
        case Operation.MUL:
            return low(left * right, width)
        case Operation.OR:
            return left | right
        case Operation.AND:
            return left & right
        case Operation.XOR:
            return left ^ right
        case Operation.LSH:
            return low(left << right % width, width)
        case Operation.RSH:
            return left >> right % width
        case Operation.ARSH:
            return low(signed(left, width) >> right % width, width)
        case Operation.DIV:
            return left // right if right else 0
        case Operation.MOD:
            return left % right if right else left
        case Operation.SDIV:
            return low(_quotient(signed(left, width), signed(right, width)), width)
        case Operation.SMOD:
            return low(_remainder(signed(left, width), signed(right, width)), width)
        case _:
            assert_never(operation)


def _quotient(left: int, right: int) -> int:
    if not right:
        return 0
    magnitude = abs(left) // abs(right)
    return magnitude if (left < 0) == (right < 0) else -magnitude


def _remainder(left: int, right: int) -> int:
    return left - _quotient(left, right) * right


def holds(comparison: Comparison, left: int, right: int, width: int) -> bool:
    """Whether left comparison right, both of width bits."""
    match comparison:
        case Comparison.EQ:
            return left == right
        case Comparison.NE:
            return left != right
        case Comparison.GT:
            return left > right
        case Comparison.GE:
            return left >= right
        case Comparison.LT:
            return left < right
        case Comparison.LE:
            return left <= right
        case Comparison.SET:
            return left & right != 0
        case Comparison.SGT:
            return signed(left, width) > signed(right, width)
        case Comparison.SGE:
            return signed(left, width) >= signed(right, width)
        case Comparison.SLT:
            return signed(left, width) < signed(right, width)
        case Comparison.SLE:
            return signed(left, width) <= signed(right, width)
        case _:
            assert_never(comparison)


def swapped(value: int, bits: int) -> int:
    """The low bits of value with their bytes in the other order."""
    return int.from_bytes(low(value, bits).to_bytes(bits // 8, "little"), "big")


def updated(operation: AtomicOperation, there: int, given: int, expected: int, width: int) -> int:
    """What an atomic operation leaves in memory; expected is what a compare-exchange asks for."""
    match operation:
        case AtomicOperation.ADD:
            return low(there + given, width)
        case AtomicOperation.OR:
            return there | given
        case AtomicOperation.AND:
            return there & given
        case AtomicOperation.XOR:
            return there ^ given
        case AtomicOperation.EXCHANGE:
            return given
        case AtomicOperation.COMPARE_EXCHANGE:
            return given if there == expected else there
        case _:
            assert_never(operation)
