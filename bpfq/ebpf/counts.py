"""What a program has counted in its map of matches: packets and bytes, on each CPU."""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from bpfq.kernel.maps import Map

_COUNTER: Final = struct.Struct("=QQ")  # packets, bytes
_KEY: Final = struct.Struct("=I")


class Counts(NamedTuple):
    """Matching packets; bytes is None where only packets are counted."""

    packets: int
    bytes: int | None


def counts_in(matches: Map) -> Counts:
    """The sum over all CPUs, and all filters of a merged program; raises LoadError."""
    told = matches.information
    if (told.key_size, told.value_size) != (_KEY.size, _COUNTER.size):
        return Counts(0, None)  # of another make
    rows = [
        _COUNTER.unpack(value)
        for number in range(told.max_entries)
        for value in matches.each_cpu(_KEY.pack(number))
    ]
    return Counts(sum(row[0] for row in rows), sum(row[1] for row in rows))
