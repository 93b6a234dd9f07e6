"""The memory of the eBPF machine: regions far apart, each with its name and its bounds.

    memory = Memory()
    packet = memory.add("packet", bytes(60))       an address
    memory.load(packet + 12, 2)                    two bytes, in the host's order
    memory.load(packet + 59, 2)                    MemoryFault: ... 2 bytes at packet+59 ...

A pointer that runs out of its region meets no other one: 2**39 bytes lie between them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

from bpfq.errors import FilterError
from bpfq.isa.ebpf.encode import Endian

_SPACING: Final = 40  # bits: region n starts in the middle of [n << 40, (n + 1) << 40)
_MIDDLE: Final = 1 << (_SPACING - 1)


class MemoryFault(FilterError):
    """A load or store outside of every region, or a store to one that is only read."""


class Region(Protocol):
    """What stands behind a range of addresses."""

    name: str

    def read(self, offset: int, size: int) -> bytes:
        """The bytes there; raises MemoryFault unless all are inside."""

    def write(self, offset: int, octets: bytes) -> None:
        """Put the bytes there; raises MemoryFault unless all are inside and may be written."""


class Octets:
    """A region of plain bytes."""

    def __init__(self, name: str, octets: bytearray, writable: bool) -> None:
        self.name = name
        self.octets = octets
        self._writable = writable

    def read(self, offset: int, size: int) -> bytes:
        self._check("loads", offset, size)
        return bytes(self.octets[offset : offset + size])

    def write(self, offset: int, octets: bytes) -> None:
        self._check("stores", offset, len(octets))
        if not self._writable:
            raise MemoryFault(
                f"stores {len(octets)} bytes at {self.name}{offset:+d}, which is only read"
            )
        self.octets[offset : offset + len(octets)] = octets

    def _check(self, verb: str, offset: int, size: int) -> None:
        if not 0 <= offset <= len(self.octets) - size:
            raise MemoryFault(
                f"{verb} {size} bytes at {self.name}{offset:+d}, which has {len(self.octets)} bytes"
            )


class Numbers:
    """A region of numbers that are loaded one at a time, as the kernel shows a context.

    Each is at its offset, as (size, value).  An address may be wider than the field that a program
    loads it from, and only all of it can be loaded; of another number aligned parts can be.
    """

    def __init__(self, name: str, numbers: Mapping[int, tuple[int, int]]) -> None:
        self.name = name
        self.numbers = dict(numbers)

    def load(self, offset: int, size: int, byteorder: Endian) -> int:
        """The number, or the part of it, at offset; raises MemoryFault."""
        found = self.numbers.get(offset)
        if found is not None and found[0] == size:
            return found[1]
        for start, (whole, value) in self.numbers.items():
            inside = start <= offset and offset + size <= start + whole and offset % size == 0
            if inside and value >> 8 * whole == 0:
                octets = value.to_bytes(whole, byteorder)
                return int.from_bytes(octets[offset - start :][:size], byteorder)
        raise MemoryFault(f"loads {size} bytes at {self.name}{offset:+d}: no such field")

    def read(self, offset: int, size: int) -> bytes:
        raise MemoryFault(f"reads {size} bytes at {self.name}{offset:+d} as plain memory")

    def write(self, offset: int, octets: bytes) -> None:
        raise MemoryFault(
            f"stores {len(octets)} bytes at {self.name}{offset:+d}, which is only read"
        )


class Memory:
    """Regions by address; numbers in it are in byteorder, the host's."""

    def __init__(self, byteorder: Endian = "little") -> None:
        self.byteorder: Final = byteorder
        self._regions: list[Region] = []
        self._numbers: dict[int, int] = {}  # of regions by identity, from 1 up

    def add(self, name: str, octets: bytes | bytearray, *, writable: bool = False) -> int:
        """The address of a new region; a bytearray is not copied, stores change it."""
        plain = octets if isinstance(octets, bytearray) else bytearray(octets)
        return self.place(Octets(name, plain, writable))

    def place(self, region: Region) -> int:
        """The address of the region, the same each time."""
        if id(region) not in self._numbers:
            self._regions.append(region)
            self._numbers[id(region)] = len(self._regions)
        return (self._numbers[id(region)] << _SPACING) + _MIDDLE

    def load(self, address: int, size: int) -> int:
        """The unsigned number in the size bytes at address; raises MemoryFault."""
        region, offset = self.region(address, f"loads {size} bytes")
        if isinstance(region, Numbers):
            return region.load(offset, size, self.byteorder)
        return int.from_bytes(region.read(offset, size), self.byteorder)

    def store(self, address: int, value: int, size: int) -> None:
        """Put the low size bytes of value at address; raises MemoryFault."""
        octets = (value & ((1 << 8 * size) - 1)).to_bytes(size, self.byteorder)
        self.write(address, octets)

    def read(self, address: int, size: int) -> bytes:
        """The size bytes at address; raises MemoryFault."""
        region, offset = self.region(address, f"loads {size} bytes")
        return region.read(offset, size)

    def write(self, address: int, octets: bytes) -> None:
        """Put the bytes at address; raises MemoryFault."""
        region, offset = self.region(address, f"stores {len(octets)} bytes")
        region.write(offset, octets)

    def region(self, address: int, deed: str = "looks") -> tuple[Region, int]:
        """The region that the address belongs to, and how far it is from its start.

        Raises MemoryFault, whose message starts with deed, for an address of none.
        """
        number = address >> _SPACING
        if not 1 <= number <= len(self._regions):
            raise MemoryFault(f"{deed} at {address:#x}, which is no address")
        return self._regions[number - 1], address - (number << _SPACING) - _MIDDLE
