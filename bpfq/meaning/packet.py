"""A packet as a filter sees it: captured bytes, length on the wire, and what the kernel adds.

Loads are big-endian.  The sequential reading ends the whole filter at a load past the captured
end; the total reading continues with bytes that ``fill`` supplies by address.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from bpfq.errors import UnsupportedError
from bpfq.operators import wrap

Fill: TypeAlias = Callable[[int], int]  # address past the captured end -> byte


class Rejected(Exception):
    """A load past the captured end: the filter rejects, whatever stands around the load."""


@dataclass(frozen=True, slots=True)
class Packet:
    """captured: the bytes; length: on the wire; fill: None for the sequential reading.

    metadata: the kernel's words by their names in ``isa.cbpf`` ANCILLARY; None where there are
    none, as in files.
    """

    captured: bytes
    length: int
    metadata: Mapping[str, int] | None = None
    fill: Fill | None = None

    def load(self, address: int, size: int) -> int:
        """size bytes at address, which may lie beyond 2**32 - 1; raises Rejected."""
        end = address + size
        if end <= len(self.captured):
            return int.from_bytes(self.captured[address:end], "big")
        if self.fill is None:
            raise Rejected
        value = 0
        for at in range(address, end):
            known = at < len(self.captured)
            value = value << 8 | (self.captured[at] if known else self.fill(at) & 0xFF)
        return value

    def word(self, name: str) -> int:
        """A word of the metadata; raises UnsupportedError where it was not supplied."""
        if self.metadata is None or name not in self.metadata:
            raise UnsupportedError(f"the packet comes without the metadata word '{name}'")
        return self.metadata[name]


Reader: TypeAlias = Callable[[Packet], int]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a header stands: a constant number of bytes behind a part found at run time.

    The run-time part is a register of the packet machine and wraps at 2**32; its sum with the
    constant does not, so that an address past 2**32 lies past every packet's end.
    """

    constant: int
    variable: Reader | None = None

    def at(self, offset: int) -> Place:
        """The place offset bytes further on."""
        return Place(wrap(self.constant + offset), self.variable)

    def moved(self, distance: Reader) -> Place:
        """The place further on by a number of bytes found at run time."""
        return Place(self.constant, lambda packet: wrap(self.register(packet) + distance(packet)))

    def register(self, packet: Packet) -> int:
        """The run-time part."""
        return 0 if self.variable is None else self.variable(packet)

    def load(self, packet: Packet, size: int) -> int:
        """size bytes from here."""
        return packet.load(self.register(packet) + self.constant, size)

    def indexed(self, packet: Packet, offset: int, size: int) -> int:
        """size bytes, offset bytes from here; the offset is added to the run-time part."""
        return packet.load(wrap(self.register(packet) + offset) + self.constant, size)
