"""The key that stands on the stack when a map is looked into, in the order of the packet.

*(u32 *)(r10 -8) = r3               of Packed([26:4], 4): the word [26:4]
*(u32 *)(r10 -8) = 64               40 00 00 00
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from bpfq.errors import UnsupportedError
from bpfq.symbolic.ebpf.values import (
    BYTE,
    Copied,
    Packed,
    Scalar,
    Stored,
    Value,
    joined,
    octet,
    small,
)
from bpfq.symbolic.propositions import FALSE, TRUE, Packet, Proposition
from bpfq.symbolic.words import KEY_WORD, START, Number, Word, Words
from bpfq.operators import Operator

Key: TypeAlias = tuple[Word, ...]


def key_of(packet: Packet, cells: Sequence[Value]) -> tuple[Key, Proposition]:
    """Four bytes in each word, the first the highest, and where they are known."""
    groups = [cells[at : at + KEY_WORD] for at in range(0, len(cells), KEY_WORD)]
    known: Proposition = TRUE
    for there in dict.fromkeys(cell.there for cell in cells if isinstance(cell, Copied)):
        known = packet.choose(there, known, FALSE)
    return tuple(_word(packet.words, group) for group in groups), known


def constant(cells: Sequence[Value]) -> int | None:
    """The number that stands there in the machine's order; None: not the same for all packets."""
    octets = bytearray()
    for cell in cells:
        match cell:
            case Stored(Scalar(Number(value), add), byte):
                octets.append((value + add) >> BYTE * byte & 0xFF)
            case _:
                return None
    return int.from_bytes(octets, "little")


def _word(words: Words, cells: Sequence[Value]) -> Word:
    number, size = constant(cells), len(cells)
    if number is not None:
        return words.number(int.from_bytes(number.to_bytes(size, "little"), "big"))
    match cells[0]:
        case Stored(Packed(word, own, 0) as value, 0) if own == size:
            if list(cells) == [Stored(value, byte) for byte in range(size)]:
                return word
    whole = Packed(_octet(words, cells[0]), 1)
    for cell in cells[1:]:
        whole = joined(words, whole, Packed(_octet(words, cell), 1))
    return whole.word


def _octet(words: Words, cell: Value) -> Word:
    match cell:
        case Copied(index, offset):
            return words.bytes(START, index, offset, 1)
        case Stored(Packed(word, size, 0), byte):
            return octet(words, word, size, byte) if byte < size else words.number(0)
        case Stored((Scalar() | Packed()) as value, byte):
            whole = small(words, value)
            if whole is not None:
                moved = words.operation(Operator.RSH, whole, words.number(BYTE * byte))
                return words.operation(Operator.AND, moved, words.number(0xFF))
    raise UnsupportedError("what is looked for in a map is not known")
