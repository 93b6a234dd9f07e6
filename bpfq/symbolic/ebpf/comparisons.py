"""What the tests of a program say of the packet.

if w3 != 0x8        of Packed([12:2], 2)      [12:2] is not 0x800
if r1 > r2          of a pointer and the end  fewer bytes were captured
"""

from __future__ import annotations

from typing import Final, NamedTuple

from bpfq.errors import UnsupportedError
from bpfq.isa.ebpf.instructions import Comparison
from bpfq.operators import WORD_BITS, WORD_MASK, Operator, Relation
from bpfq.symbolic.ebpf.numbers import number
from bpfq.symbolic.ebpf.values import (
    Context,
    End,
    Entry,
    Found,
    Packed,
    Piece,
    Pointer,
    Scalar,
    Slice,
    Split,
    Value,
    low,
    packed,
    small,
)
from bpfq.symbolic.propositions import (
    FALSE,
    FAULT,
    TRUE,
    Accepts,
    Decide,
    Packet,
    Proposition,
)
from bpfq.symbolic.words import START, Either, Length, Number, Word

_NEGATED: Final = {
    Comparison.NE: Comparison.EQ, Comparison.LE: Comparison.GT, Comparison.LT: Comparison.GE,
}  # fmt: skip
_MIRRORED: Final = {
    Comparison.GT: Comparison.LT, Comparison.LT: Comparison.GT,
    Comparison.GE: Comparison.LE, Comparison.LE: Comparison.GE,
}  # fmt: skip
_SIGNED: Final = {
    Comparison.SGT: Comparison.GT, Comparison.SGE: Comparison.GE,
    Comparison.SLT: Comparison.LT, Comparison.SLE: Comparison.LE,
}  # fmt: skip
_EQUALITY: Final = (Comparison.EQ, Comparison.NE)
_ADDRESS_BITS: Final = 64
_UNTOLD: Final = "entry"  # a word of which nothing is known
_RELATIONS: Final = {
    Comparison.EQ: Relation.EQ, Comparison.GT: Relation.GT, Comparison.GE: Relation.GE,
    Comparison.SET: Relation.SET,
}  # fmt: skip


class Test(NamedTuple):
    """Where it holds.  known: where that is certain.

    beyond: whether the jump is taken where the packet ends too early; None for other tests.
    """

    holds: Proposition
    known: Proposition = TRUE
    beyond: bool | None = None


def compare(packet: Packet, comparison: Comparison, left: Value, right: Value, width: int) -> Test:
    """Raises UnsupportedError for what is not modelled: of addresses that is half of them."""
    if width != WORD_BITS:
        found = _of_addresses(packet, comparison, left, right)
        if found is not None:
            return found
    return Test(_numbers(packet, comparison, number(left), number(right), width))


def _of_addresses(packet: Packet, comparison: Comparison, left: Value, right: Value) -> Test | None:
    """A test of addresses, or of how far two are apart; None for one of numbers."""
    match left, right:
        case Pointer(), End():
            return _against_end(packet, comparison, left, right)
        case Split(test, then, otherwise), End():
            one = compare(packet, comparison, then, right, _ADDRESS_BITS)
            other = compare(packet, comparison, otherwise, right, _ADDRESS_BITS)
            return Test(
                packet.choose(test, one.holds, other.holds),
                packet.choose(test, one.known, other.known),
                one.beyond,
            )
        case End(), Pointer() if comparison in _MIRRORED:
            return _against_end(packet, _MIRRORED[comparison], right, left)
        case Piece(), Scalar(Length(), 0) if comparison in _MIRRORED:
            return Test(TRUE if comparison in (Comparison.LT, Comparison.LE) else FALSE)
        case ((Slice(there=there) | Found(there)), Scalar(Number(0), 0)) if comparison in _EQUALITY:
            return Test(there if comparison is Comparison.NE else opposite(packet, there))
        case Entry(), Scalar(Number(0), 0) if comparison is Comparison.EQ:
            return Test(packet.member(packet.words.metadata(_UNTOLD), (0, 1)))
        case Context(), Scalar(Number(0), 0) if comparison in _EQUALITY:
            return Test(FALSE if comparison is Comparison.EQ else TRUE)
        case _:
            return None


def opposite(packet: Packet, proposition: Proposition) -> Proposition:
    """Of what is TRUE or FALSE."""
    return packet.choose(proposition, FALSE, TRUE)


def reaches(packet: Packet, index: Word | None, end: int) -> Proposition:
    """TRUE where index + end bytes were captured, else FALSE."""
    if index is None and end <= 0:
        return TRUE
    if end < 0:
        raise UnsupportedError("this may lie in front of the packet")
    found = packet.captured(START, index, end)
    match found:
        case Decide(condition, then, otherwise) if then is TRUE and otherwise is FAULT:
            return packet.decide(condition, TRUE, FALSE)
        case _ if found is TRUE or found is FAULT:
            return TRUE if found is TRUE else FALSE
        case _:
            return Accepts(found)


def fits(packet: Packet, index: Word | None, offset: int, most: int) -> Proposition:
    """Whether index + offset is at most ``most``."""
    if index is None:
        return TRUE if offset <= most else FALSE
    return packet.member(index, (0, max(most - offset + 1, 0)))


def _against_end(packet: Packet, comparison: Comparison, pointer: Pointer, end: End) -> Test:
    if comparison in (Comparison.GT, Comparison.LE):
        needed = pointer.offset
    elif comparison in (Comparison.GE, Comparison.LT):
        needed = pointer.offset + 1
    else:
        raise UnsupportedError(f"'{comparison.value}' of a pointer is not analysed")
    beyond = comparison in (Comparison.GT, Comparison.GE)
    there = reaches(packet, pointer.index, needed)
    known: Proposition = TRUE
    if end.pulled is not None:
        known = packet.choose(there, _pulled(packet, end.pulled, pointer.index, needed), TRUE)
    return Test(opposite(packet, there) if beyond else there, known, beyond)


def _pulled(packet: Packet, amount: Word, index: Word | None, end: int) -> Proposition:
    """Whether bytes that were captured lie in one piece once so many were pulled there.

    More than the packet has are not pulled at all.
    """
    match amount:
        case Length():
            return TRUE
        case Number(value):
            enough = packet.compare(packet.words.length(), Relation.GE, amount)
            return packet.choose(enough, fits(packet, index, end, value), FALSE)
        case Either(condition, then, otherwise):
            return packet.choose(
                condition,
                _pulled(packet, then, index, end),
                _pulled(packet, otherwise, index, end),
            )
        case _:
            raise UnsupportedError("how many bytes were pulled is not known")


# ---------------------------------------------------------------- numbers


def _numbers(
    packet: Packet,
    comparison: Comparison,
    left: Scalar | Packed,
    right: Scalar | Packed,
    width: int,
) -> Proposition:
    if comparison in _NEGATED:
        return opposite(packet, _numbers(packet, _NEGATED[comparison], left, right, width))
    if comparison in _SIGNED:
        return _signed(packet, comparison, left, right, width)
    relation = _RELATIONS[comparison]
    words = packet.words
    if relation in (Relation.EQ, Relation.SET) and isinstance(left, Packed) and not left.shift:
        alike = packed(words, _below(packet, relation, left, right), left.size)
        if alike is not None:
            return packet.compare(left.word, relation, alike)
    if width == WORD_BITS:
        return packet.compare(low(words, left), relation, low(words, right))
    one, other = small(words, left), small(words, right)
    if one is not None and other is not None:
        return packet.compare(one, relation, other)
    return _wide(packet, relation, left, right)


def _signed(
    packet: Packet,
    comparison: Comparison,
    left: Scalar | Packed,
    right: Scalar | Packed,
    width: int,
) -> Proposition:
    """Signed numbers are in the order of what they are with the highest bit turned round."""
    words = packet.words
    if width == WORD_BITS:
        turn = words.number(1 << WORD_BITS - 1)
        one, other = (
            Scalar(words.operation(Operator.XOR, low(words, each), turn)) for each in (left, right)
        )
        return _numbers(packet, _SIGNED[comparison], one, other, width)
    if small(words, left) is not None:
        match right:
            case Scalar(Number(value), add) if value + add < 0:
                return TRUE if comparison in (Comparison.SGT, Comparison.SGE) else FALSE
        if small(words, right) is not None:
            return _numbers(packet, _SIGNED[comparison], left, right, width)
    raise UnsupportedError("these 64 bits are not compared in the analysis")


def _below(
    packet: Packet, relation: Relation, left: Packed, right: Scalar | Packed
) -> Scalar | Packed:
    """For a test of bits, only those of the right side that the left side can have."""
    match right:
        case Scalar(Number(), _) if relation is Relation.SET:
            mask = packet.words.number((1 << 8 * left.size) - 1)
            return Scalar(packet.words.operation(Operator.AND, low(packet.words, right), mask))
        case _:
            return right


def _wide(
    packet: Packet, relation: Relation, left: Scalar | Packed, right: Scalar | Packed
) -> Proposition:
    """A number that may be negative, or more than 32 bits, against a constant."""
    match left, right:
        case Scalar(word, add), Scalar(Number(value), more) if relation is Relation.EQ:
            wanted = value + more - add
            inside = 0 <= wanted <= WORD_MASK
            return packet.member(word, (wanted, wanted + 1)) if inside else FALSE
        case _:
            raise UnsupportedError("these 64 bits are not compared in the analysis")
