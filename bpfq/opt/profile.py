"""Packets that stand for the traffic a filter will see.

    0: b"..."  TCP to port 443    weight 90         column(12, 2): 0x800, 0x86dd, ...
    1: b"..."  IPv6, UDP          weight 40         column(23, 1): 6, 0, ...

What a program executes is summed over them; integer weights make the sums exact.  Packets stand as
columns: one load of all of them is read once, whatever number of programs asks for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from bpfq.graph.nodes import NEAR_THE_END
from bpfq.operators import WORD_MASK
from bpfq.record import field, record
from bpfq.targets import SKF_NET_OFF

Column: TypeAlias = list[int | None]  # a value for each packet, None where the packet ends before

_GOLDEN = 0x9E3779B1  # 2**32 divided by the golden ratio; its multiples are evenly spread


@record(eq=False)
class Sample:
    """A packet as a target sees it.

    octets: captured, from byte 0.  length: bytes on the wire.  metadata: the kernel's words by
    name, None where there are none.  network: what lies before byte 0, from the network header.
    """

    octets: bytes
    length: int
    weight: int = 1
    metadata: Mapping[str, int] | None = None
    network: bytes = b""

    def load(self, address: int, size: int) -> int | None:
        """Big-endian bytes; None past the end."""
        octets = self.octets
        if address >= NEAR_THE_END:
            address -= SKF_NET_OFF
            octets = self.network + octets if address >= 0 else b""
        found = octets[address : address + size]
        return int.from_bytes(found, "big") if len(found) == size else None


@record(eq=False, frozen=False)
class Profile:
    """Samples of traffic, with what was read of them."""

    samples: tuple[Sample, ...]
    weights: tuple[int, ...] = field(default=(), repr=False)
    _columns: dict[tuple[object, ...], Column] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self.weights = tuple(sample.weight for sample in self.samples)

    def column(self, offset: int, size: int) -> Column:
        """What a load of ``size`` bytes at an absolute offset gives for each sample."""
        found = self._columns.get((offset, size))
        if found is None:
            found = [sample.load(offset, size) for sample in self.samples]
            self._columns[offset, size] = found
        return found

    def words(self, name: str) -> Column:
        """The metadata of that name for each sample; 0 where the sample does not mention it."""
        found = self._columns.get((name,))
        if found is None:
            found = [_word(sample, name) for sample in self.samples]
            self._columns[name,] = found
        return found


def _word(sample: Sample, name: str) -> int | None:
    return None if sample.metadata is None else sample.metadata.get(name, 0)


def drawn(number: int) -> int:
    """A word that looks random and is the same for a sample every time; number: from 0."""
    return (number + 1) * _GOLDEN & WORD_MASK
