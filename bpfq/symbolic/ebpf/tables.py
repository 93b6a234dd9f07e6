"""Sets of small numbers as bits in the value of an array.

    r0 = r3; w0 >>= 3; w0 &= 0x1ff8     where the 64 bits begin in which that of r3 is
    r5 = value; r5 += r0                Table("_set0", (r3 >> 3) & 0x1ff8)
    r5 = *(u64 *)(r5 +0)                Bits(Table)
    r5 >>= r3                           Bits(Table, r3)
    if r5 & 1                           r3 is one of the numbers whose bits are set

Any other way to a bit is followed for every value of the one field that it is computed from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from bpfq.errors import UnsupportedError
from bpfq.intervals import Bounds, united
from bpfq.isa.ebpf.program import MapSpec
from bpfq.operators import Operator, calculate
from bpfq.record import field, record
from bpfq.symbolic.ebpf.values import BYTE, Bits, Packed, Scalar, Table, low, swapped
from bpfq.symbolic.propositions import Packet, Proposition
from bpfq.symbolic.words import Bytes, Either, Number, Operation, Word, Words, operands
from bpfq.walk import bottom_up

_SHORT: Final = (1 << 16) - 1
_PLACE: Final = 63  # of a bit in 64
_WORD: Final = 8  # bytes
_STARTS: Final = 0x1FF8  # of a number / 8: where its 64 bits begin
_SHORT_BYTES: Final = 2
_DIVIDING: Final = (Operator.DIV, Operator.MOD)


@record(frozen=False)
class Tables:
    """What the bits of arrays say of a packet; maps: by name."""

    packet: Packet
    maps: Mapping[str, MapSpec]
    _content: dict[str, bytes] = field(default_factory=dict)

    def table(self, name: str) -> Table:
        """The start of the first value of an array."""
        spec = self.maps.get(name)
        if spec is None or spec.kind != "array":
            raise UnsupportedError(f"what the map {name} holds is not analysed")
        first = dict(spec.entries).get(bytes(spec.key_size), bytes(spec.value_size))
        self._content[name] = first
        return Table(name)

    def is_set(self, bits: Bits, mask: int) -> Proposition:
        """Whether some bit under the mask is 1."""
        words = self.packet.words
        by, index = bits.by or Scalar(words.number(0)), bits.table.index or words.number(0)
        content, place = self._content[bits.table.name], low(words, by)
        if index.most + _WORD > len(content):
            raise UnsupportedError(f"this may lie behind the value of {bits.table.name}")
        if mask != 1 or index is not _usual(words, place):
            return self._followed(content, index, place, mask)
        found = _ones(content)
        if isinstance(by, Packed) and by.size == 2 and not by.shift:
            return self.packet.member(by.word, _bounds(swapped(each, 2) for each in found))
        kept = words.operation(Operator.AND, place, words.number(_SHORT))
        return self.packet.member(kept, _bounds(found))

    def _followed(self, content: bytes, index: Word, place: Word, mask: int) -> Proposition:
        """The same for any way to a bit."""
        source = _field(self.packet.words, (index, place))
        starts, places = (_computed(self.packet.words, word, source) for word in (index, place))
        found = (
            value
            for value, (start, by) in enumerate(zip(starts, places, strict=True))
            if int.from_bytes(content[start : start + _WORD], "little") >> (by & _PLACE) & mask
        )
        return self.packet.member(source, _bounds(found))


def _usual(words: Words, place: Word) -> Word:
    """Where the 64 bits begin that have the bit of a number below 65536."""
    octet = words.operation(Operator.RSH, place, words.number(3))
    return words.operation(Operator.AND, octet, words.number(_STARTS))


def _ones(content: bytes) -> list[int]:
    return [
        BYTE * at + bit
        for at, octet in enumerate(content)
        if octet
        for bit in range(BYTE)
        if octet >> bit & 1
    ]


def _bounds(values: Iterable[int]) -> Bounds:
    return united((value, value + 1) for value in values)


# ---------------------------------------------------------------- words as functions of a field


def _field(words: Words, computed: Sequence[Word]) -> Word:
    """The one field of at most 16 bits of which all are computed."""
    leaves = [
        part for part in bottom_up(computed, _parts)
        if not _parts(part) and not isinstance(part, Number)
    ]  # fmt: skip
    loads = [part for part in leaves if isinstance(part, Bytes)]
    if loads and len(loads) == len(leaves):
        first = min(part.offset for part in loads)
        size = max(part.offset + part.size for part in loads) - first
        if len({(part.base, part.index) for part in loads}) == 1 and size <= _SHORT_BYTES:
            return words.bytes(loads[0].base, loads[0].index, first, size)
    if len(leaves) == 1 and leaves[0].most <= _SHORT:
        return leaves[0]
    raise UnsupportedError("which bit of a set is looked at is not known")


def _parts(word: Word) -> tuple[Word, ...]:
    """What is computed with; fields are not."""
    return operands(word) if isinstance(word, Operation | Either) else ()


def _computed(words: Words, word: Word, source: Word) -> list[int]:
    """The word for each value of the source."""
    values = range(source.most + 1)
    found: dict[Word, list[int]] = {source: list(values)}
    for part in bottom_up((word,), _parts, found):
        match part:
            case Number(number):
                found[part] = [number for _ in values]
            case Bytes(offset=offset, size=size) if isinstance(source, Bytes):
                down = BYTE * (source.offset + source.size - offset - size)
                found[part] = [value >> down & part.most for value in values]
            case Operation(operator, left, right) if operator not in _DIVIDING:
                pairs = zip(found[left], found[right], strict=True)
                found[part] = [calculate(operator, one, other) for one, other in pairs]
            case _:
                raise UnsupportedError("which bit of a set is looked at is not known")
    return found[word]
