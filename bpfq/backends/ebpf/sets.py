"""Large sets as maps that a program looks into, instead of comparisons with every value.

{192.0.2.1, 198.51.100.7, ...}    hash        c0000201, c6336407, ...
{192.0.2.1 to 192.0.2.6, ...}     lpm_trie    /32 c0000201, /31 c0000202, /31 c0000204, ...
{22, 80, 443, ...}                array       65536 bits, one for each value of two bytes

Keys are in the byte order of the packet.  bench/sets.py measured the numbers below: a look-up in a
hash takes 20 ns and a search through 256 values as long, when they come in no order; a trie is
slower than any search, but a program of many thousand comparisons takes long to load, and a
socket does not take it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal, TypeAlias

from bpfq.graph.membership import weight
from bpfq.graph.terms import Members
from bpfq.isa.ebpf.arithmetic import swapped
from bpfq.isa.ebpf.program import Field, Layout, MapSpec
from bpfq.record import field, record

KEY: Final = 8  # bytes of the stack that a key takes at most
PREFIX: Final = 4  # bytes of a trie's key in front of the value: how many bits of it count
WORDS: Final = 0x1FF8  # of a value / 8: where the 64-bit word with its bit begins

_Kind: TypeAlias = Literal["array", "hash", "lpm_trie"]
MANY: Final[dict[_Kind, int]] = {"array": 64, "hash": 256, "lpm_trie": 8192}  # comparisons
_SHORT: Final = (1 << 16) - 1  # the largest value that has a bit
_BYTE: Final = (1 << 8) - 1
_FOUND: Final = b"\1"  # the value of every entry
_READ_ONLY: Final = 1 << 7  # BPF_F_RDONLY_PROG, <linux/bpf.h>
_UNFILLED: Final = 1 << 0  # BPF_F_NO_PREALLOC, which a trie must have


def kind(members: Members) -> _Kind:
    """The kind of map that can hold the set."""
    if members.most <= _SHORT:
        return "array"
    single = all(end == first + 1 for first, end in _pairs(members.bounds))
    return "hash" if single else "lpm_trie"


def is_large(members: Members) -> bool:
    """A map is better than comparisons."""
    return members.most > _BYTE and weight(members) >= MANY[kind(members)]


@record(frozen=False)
class Maps:
    """The maps of one program in the making, by what they hold; big_endian: on what machine."""

    big_endian: bool = False
    _numbers: dict[tuple[tuple[int, ...], int], int] = field(default_factory=dict)
    _specs: list[MapSpec] = field(default_factory=list)

    def number(self, members: Members, size: int) -> int:
        """The map of a set; size: bytes of a value, or of one in the order of the packet whose bit
        is that of the word as the machine reads it; 0 for a bit in the machine's own order.
        """
        key = (members.bounds, size)
        if key not in self._numbers:
            self._numbers[key] = len(self._specs)
            self._specs.append(
                _map(
                    f"_set{len(self._specs)}", kind(members), members.bounds, size, self.big_endian
                )
            )
        return self._numbers[key]

    def add(self, spec: MapSpec) -> int:
        """The number of a map, which is made once."""
        if spec not in self._specs:
            self._specs.append(spec)
        return self._specs.index(spec)

    @property
    def specs(self) -> tuple[MapSpec, ...]:
        return tuple(self._specs)


def _map(name: str, kind: _Kind, bounds: tuple[int, ...], size: int, big_endian: bool) -> MapSpec:
    key: Layout | int = 32
    value: Layout | int = 8
    flags = _READ_ONLY
    match kind:
        case "array":
            value = Layout(f"{name}_value", (Field("bits", 64, 1024),))
            entries = [(bytes(4), _bits(bounds, size, big_endian))]
        case "hash":
            entries = [(first.to_bytes(size, "big"), _FOUND) for first, _ in _pairs(bounds)]
        case "lpm_trie":
            key = Layout(f"{name}_key", (Field("prefix", 32), Field("value", 8, size)))
            flags |= _UNFILLED
            entries = [
                (
                    bits.to_bytes(4, "big" if big_endian else "little")
                    + first.to_bytes(size, "big"),
                    _FOUND,
                )
                for first, bits in prefixes(bounds, 8 * size)
            ]
    return MapSpec(
        name, kind, key, value, len(entries), flags, entries=tuple(entries), frozen=True
    )  # fmt: skip


def _bits(bounds: tuple[int, ...], size: int, big_endian: bool) -> bytes:
    """65536 bits; size: bytes of a value in the order of the packet, 0 in the machine's."""
    found = bytearray((_SHORT + 1) // 8)
    for first, end in _pairs(bounds):
        for value in range(first, end):
            at = swapped(value, 8 * size) if size else value
            octet = at >> 3
            found[octet ^ 7 if big_endian else octet] |= 1 << (at & 7)
    return bytes(found)


def prefixes(bounds: tuple[int, ...], width: int) -> Iterator[tuple[int, int]]:
    """The fewest prefixes, as a value and its bits that count, that make up the intervals."""
    for first, end in _pairs(bounds):
        while first < end:
            zeros = (first & -first).bit_length() - 1 if first else width
            free = min((end - first).bit_length() - 1, zeros)
            yield first, width - free
            first += 1 << free


def _pairs(bounds: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    return zip(bounds[::2], bounds[1::2], strict=True)
