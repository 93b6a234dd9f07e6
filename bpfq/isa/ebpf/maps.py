"""Maps that a program looks into while it is run.

    bad = Map(MapSpec("bad", "hash", key=32, value=64, max_entries=1024))
    bad.update(bytes([192, 0, 2, 1]), bytes(8))
    run(words, xdp(packet, maps={5: bad}))          a MAP_FD of 5 is this map

Of the per-CPU kinds there is one CPU, and the LRU kinds forget nothing.  Source:
kernel/bpf/{hashtab,arraymap,lpm_trie}.c of Linux 6.18.
"""

from __future__ import annotations

import sys
from typing import Final

from bpfq.errors import FilterError, LimitError
from bpfq.isa.ebpf.memory import Memory, MemoryFault, Octets
from bpfq.isa.ebpf.program import MapSpec

_EINVAL: Final = 22
_ENOENT: Final = 2
_E2BIG: Final = 7
_PREFIX: Final = 4  # bytes of the prefix length that a key of a trie starts with


class Map:
    """A map as programs and users see it; an array has the entries that were looked at."""

    def __init__(self, spec: MapSpec) -> None:
        self.spec: Final = spec
        self.name = spec.name
        self.entries: dict[bytes, Octets] = {}
        self._array = spec.kind in ("array", "percpu_array")
        for key, value in spec.entries:
            self.update(key, value)

    def lookup(self, key: bytes) -> Octets | None:
        """The value of the key; of a trie that of the longest prefix that the key starts with."""
        if self._array and key not in self.entries and self._inside(key):
            self._put(key, bytes(self.spec.value_size))
        if self.spec.kind != "lpm_trie":
            return self.entries.get(key)
        matching = [prefix for prefix in self.entries if _covers(prefix, key)]
        return self.entries[max(matching, key=_length)] if matching else None

    def update(self, key: bytes, value: bytes) -> None:
        """Set the value of the key.

        Raises FilterError for a size that is not the map's and for an index beyond an array,
        LimitError when a new key finds the map full.
        """
        if len(key) != self.spec.key_size or len(value) != self.spec.value_size:
            raise FilterError(
                f"{self.name}: {len(key)} bytes of key and {len(value)} of value are not "
                f"{self.spec.key_size} and {self.spec.value_size}"
            )
        known = self.lookup(key) if self._array else self.entries.get(key)
        if known is not None:
            known.write(0, value)
        elif self._array:
            raise FilterError(f"{self.name}: the array has {self.spec.max_entries} values")
        elif len(self.entries) >= self.spec.max_entries:
            raise LimitError(f"{self.name}: all {self.spec.max_entries} entries are taken")
        else:
            self._put(key, value)

    def first(self, memory: Memory) -> int:
        """The address of the first value of an array; raises FilterError for another kind."""
        value = self.lookup(bytes(self.spec.key_size)) if self._array else None
        if value is None:
            raise FilterError(f"{self.name}: only an array has a first value")
        return memory.place(value)

    def delete(self, key: bytes) -> bool:
        """Forget the key; whether it was there.  The keys of an array stay."""
        return not self._array and self.entries.pop(key, None) is not None

    def read(self, offset: int, size: int) -> bytes:
        raise MemoryFault(f"loads {size} bytes at {self.name}{offset:+d}, which is a map")

    def write(self, offset: int, octets: bytes) -> None:
        raise MemoryFault(f"stores {len(octets)} bytes at {self.name}{offset:+d}, which is a map")

    def _inside(self, key: bytes) -> bool:
        return int.from_bytes(key, sys.byteorder) < self.spec.max_entries

    def _put(self, key: bytes, value: bytes) -> None:
        name = f"{self.name}[{key.hex()}]"
        self.entries[bytes(key)] = Octets(name, bytearray(value), writable=True)


def _length(prefix: bytes) -> int:
    return int.from_bytes(prefix[:_PREFIX], sys.byteorder)


def _covers(prefix: bytes, key: bytes) -> bool:
    bits, width = _length(prefix), 8 * (len(key) - _PREFIX)
    ours, theirs = (int.from_bytes(each[_PREFIX:], "big") for each in (prefix, key))
    return bits <= _length(key) <= width and (ours ^ theirs) >> (width - bits) == 0


def map_lookup_elem(memory: Memory, map: int, key: int, _3: int, _4: int, _5: int) -> int:
    """The address of the value, 0 where there is none."""
    found = _map(memory, map)
    value = found.lookup(memory.read(key, found.spec.key_size))
    return 0 if value is None else memory.place(value)


def map_update_elem(memory: Memory, map: int, key: int, value: int, flags: int, _5: int) -> int:
    """0, or a negative error number."""
    found = _map(memory, map)
    octets = memory.read(key, found.spec.key_size), memory.read(value, found.spec.value_size)
    if flags:
        return -_EINVAL
    try:
        found.update(*octets)
    except (FilterError, LimitError):
        return -_E2BIG
    return 0


def map_delete_elem(memory: Memory, map: int, key: int, _3: int, _4: int, _5: int) -> int:
    """0, or a negative error number."""
    found = _map(memory, map)
    return 0 if found.delete(memory.read(key, found.spec.key_size)) else -_ENOENT


def _map(memory: Memory, address: int) -> Map:
    region, offset = memory.region(address)
    if not isinstance(region, Map) or offset:
        raise MemoryFault(f"{region.name}{offset:+d} is given for a map")
    return region
