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
    rows = each_in(matches)
    return Counts(sum(row.packets for row in rows), sum(row.bytes or 0 for row in rows))


def each_in(matches: Map) -> tuple[Counts, ...]:
    """What each filter of a merged program has counted, in their order; raises LoadError."""
    entries = sorted((_KEY.unpack(key), value) for key, value in matches.items())
    rows = [tuple(_COUNTER.iter_unpack(value)) for _, value in entries]
    return tuple(Counts(sum(n for n, _ in row), sum(size for _, size in row)) for row in rows)
