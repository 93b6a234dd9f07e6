"""Arithmetic on what registers hold.

Packed([12:2], 2) &= 0xf000          Packed([12:2] & 0xf0, 2): the constant is swapped
Packed([14:2], 2) <<= 16             a part of a larger load
Packed([12:2], 2) |= that            Packed([12:4], 4)
"""

from __future__ import annotations

from typing import Final

from bpfq.errors import UnsupportedError
from bpfq.isa.ebpf import instructions as e
from bpfq.isa.ebpf.instructions import ByteOrder
from bpfq.operators import WORD_BITS, WORD_MASK, Operator
from bpfq.record import replace
from bpfq.symbolic.classic import either
from bpfq.symbolic.ebpf.values import (
    BYTE,
    Bits,
    End,
    Frame,
    Packed,
    Piece,
    Pointer,
    Scalar,
    Table,
    Value,
    joined,
    low,
    packed,
    small,
)
from bpfq.symbolic.propositions import Packet
from bpfq.symbolic.words import Number, Word, Words

_OPERATORS: Final = {
    e.Operation.ADD: Operator.ADD, e.Operation.SUB: Operator.SUB, e.Operation.MUL: Operator.MUL,
    e.Operation.DIV: Operator.DIV, e.Operation.MOD: Operator.MOD, e.Operation.AND: Operator.AND,
    e.Operation.OR: Operator.OR, e.Operation.XOR: Operator.XOR, e.Operation.LSH: Operator.LSH,
    e.Operation.RSH: Operator.RSH,
}  # fmt: skip
_BITWISE: Final = (Operator.AND, Operator.OR, Operator.XOR)


def immediate(words: Words, value: int, width: int) -> Scalar:
    """A signed constant as an operand of that width."""
    if value >= 0 or width == WORD_BITS:
        return Scalar(words.number(value & WORD_MASK))
    return Scalar(words.number(0), value)


def number(value: Value) -> Scalar | Packed:
    if not isinstance(value, Scalar | Packed):
        raise UnsupportedError("it is not known that this is a number")
    return value


def calculate(
    packet: Packet, operation: e.Operation, left: Value, right: Value, width: int, in_piece: bool
) -> Value:
    """left operation right.

    in_piece: all of the packet lies in one piece.  Raises UnsupportedError for what
    no number or pointer comes of, and for what is not modelled.
    """
    operator = _OPERATORS.get(operation)
    if operator is None:
        raise UnsupportedError("signed arithmetic is not analysed")
    if width != WORD_BITS:
        return _wide(packet, operator, left, right, in_piece)
    return _narrow(packet, operator, number(left), number(right))


# ---------------------------------------------------------------- 64 bits


def _wide(packet: Packet, operator: Operator, left: Value, right: Value, in_piece: bool) -> Value:
    words = packet.words
    if operator is Operator.ADD and isinstance(right, Pointer):
        left, right = right, left
    match operator, left, right:
        case Operator.ADD, Pointer(), _:
            return _moved(words, left, number(right))
        case Operator.ADD, Frame(offset), Scalar(Number(value), add):
            return Frame(offset + value + add)
        case Operator.ADD, Table(name, None), Scalar(word, 0):
            return Table(name, word)
        case Operator.RSH, Bits(table, None), (Scalar() | Packed()):
            return Bits(table, right)
        case Operator.SUB, Pointer(index, offset), Scalar(Number(value), add):
            return Pointer(index, offset - value - add)
        case Operator.ADD, Scalar(word, add), Scalar(Number(value), further):
            return Scalar(word, add + value + further)
        case Operator.SUB, Scalar(word, add), Scalar(Number(value), further):
            return Scalar(word, add - value - further)
        case Operator.SUB, End(None), Pointer(None, offset) if in_piece:
            return Scalar(words.length(), -offset)
        case Operator.SUB, End(None), Pointer(None, 0):
            return Piece()
        case _:
            return _wide_numbers(packet, operator, number(left), number(right))


def _moved(words: Words, pointer: Pointer, by: Scalar | Packed) -> Pointer:
    """The pointer further on; raises UnsupportedError where its index might wrap."""
    match by:
        case Scalar(Number(value), add):
            return replace(pointer, offset=pointer.offset + value + add)
    further = small(words, by)
    index = words.number(0) if pointer.index is None else pointer.index
    if further is None or index.most + further.most > WORD_MASK:
        raise UnsupportedError("how far the pointer moves is not known")
    moved = words.operation(Operator.ADD, index, further)
    return Pointer(*words.address(moved, pointer.offset))


def _wide_numbers(
    packet: Packet, operator: Operator, left: Scalar | Packed, right: Scalar | Packed
) -> Value:
    """What is below 2**32 as both operands are, so that the upper halves do not matter."""
    words = packet.words
    one, other = small(words, left), small(words, right)
    if one is not None and other is None and operator is Operator.AND:
        other = low(words, right)
    if one is not None and other is not None:
        match operator:
            case Operator.AND | Operator.OR | Operator.XOR | Operator.DIV | Operator.MOD:
                return _narrow(packet, operator, left, Scalar(other))
            case Operator.RSH if isinstance(other, Number) and other.value < WORD_BITS:
                return _narrow(packet, operator, left, right)
            case Operator.LSH if isinstance(other, Number) and other.value < WORD_BITS:
                if one.most << other.value <= WORD_MASK:
                    return _narrow(packet, operator, left, right)
            case Operator.MUL if one.most * other.most <= WORD_MASK:
                return _narrow(packet, operator, left, right)
            case Operator.ADD if one.most + other.most <= WORD_MASK:
                return _narrow(packet, operator, left, right)
    raise UnsupportedError(f"'{operator.value}' on these 64 bits is not analysed")


# ---------------------------------------------------------------- 32 bits


def _narrow(
    packet: Packet, operator: Operator, left: Scalar | Packed, right: Scalar | Packed
) -> Value:
    words = packet.words
    found = _in_packet_order(words, operator, left, right)
    if found is not None:
        return found
    one, other = low(words, left), low(words, right)
    match operator:
        case Operator.LSH | Operator.RSH:
            other = words.operation(Operator.AND, other, words.number(WORD_BITS - 1))
        case Operator.DIV | Operator.MOD:
            zero = packet.member(other, (0, 1))
            by_zero = words.number(0) if operator is Operator.DIV else one
            return Scalar(either(packet, zero, by_zero, words.operation(operator, one, other)))
    return Scalar(words.operation(operator, one, other))


def _in_packet_order(
    words: Words, operator: Operator, left: Scalar | Packed, right: Scalar | Packed
) -> Packed | None:
    """What needs no swap; None: both operands are needed in the machine's order."""
    if operator is Operator.LSH and isinstance(right, Scalar):
        part, by = _part(left), right.word
        if part is not None and isinstance(by, Number) and (by.value | right.add) % BYTE == 0:
            shift = part.shift + by.value + right.add
            return replace(part, shift=shift) if shift + BYTE * part.size <= WORD_BITS else None
    if operator is Operator.OR:
        for first, behind in ((_part(left), _part(right)), (_part(right), _part(left))):
            if first and behind and first.shift == 0 and behind.shift == BYTE * first.size:
                return joined(words, first, behind)
    if operator in _BITWISE and isinstance(left, Packed) and left.shift == 0:
        other: Scalar | Packed = right
        if operator is Operator.AND and isinstance(right, Scalar):
            mask = words.number((1 << BYTE * left.size) - 1)
            other = Scalar(words.operation(Operator.AND, low(words, right), mask))
        alike = packed(words, other, left.size)
        if alike is not None:
            return Packed(words.operation(operator, left.word, alike), left.size)
    return None


def _part(value: Scalar | Packed) -> Packed | None:
    """The number as bytes in a row."""
    match value:
        case Packed():
            return value
        case Scalar(word, 0) if not isinstance(word, Number) and word.most <= 0xFF:
            return Packed(word, 1)
        case _:
            return None


def reordered(words: Words, value: Value, order: ByteOrder, bits: int) -> Value:
    """The low bits of a number in another byte order; the machine's is little."""
    if bits > WORD_BITS:
        raise UnsupportedError("64 bits in another order are not analysed")
    plain = number(value)
    size = bits // BYTE
    swaps = order is not ByteOrder.LITTLE
    if swaps and isinstance(plain, Packed) and (plain.size, plain.shift) == (size, 0):
        return Scalar(plain.word)
    kept: Word = words.number((1 << bits) - 1)
    word = words.operation(Operator.AND, low(words, plain), kept)
    return Packed(word, size) if swaps else Scalar(word)
