"""eBPF maps: create, open, look up, change, list, many entries at a time, freeze, pin.

    with create("hash", key_size=4, value_size=8, max_entries=1024) as map:
        map.update(b"\\x0a\\0\\0\\1", bytes(8))
        dict(map.items())                     {b"\\x0a\\0\\0\\1": bytes(8)}

Keys and values are bytes as they lie in memory.  Source: Linux include/uapi/linux/bpf.h
(BPF_MAP_*), kernel/bpf/hashtab.c, kernel/bpf/lpm_trie.c.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from bpfq.errors import LoadError
from bpfq.isa.ebpf.map_kinds import MAP_KINDS
from bpfq.isa.ebpf.program import MapSpec
from bpfq.kernel import batches
from bpfq.kernel.bpf import Attr, Call, Command, Descriptor, bpf, object_name
from bpfq.kernel.cpus import possible_cpus
from bpfq.kernel.hooks import choice
from bpfq.kernel.objects import descriptor_of, every, info, pin, pinned
from bpfq.kernel.privileges import refusal

NAMES: Final = {number: name for name, number in MAP_KINDS.items()}
PER_CPU: Final = frozenset(("percpu_hash", "percpu_array", "lru_percpu_hash"))
NO_PREALLOCATION: Final = 1 << 0  # BPF_F_NO_PREALLOC: memory as entries come; lpm_trie needs it
READ_ONLY_FOR_PROGRAMS: Final = 1 << 7  # BPF_F_RDONLY_PROG
MMAPABLE: Final = 1 << 10  # BPF_F_MMAPABLE
ANY, ABSENT, PRESENT = 0, 1, 2  # BPF_ANY, BPF_NOEXIST, BPF_EXIST: what update() asks for

_INFO_SIZE: Final = 80  # bytes of struct bpf_map_info, up to btf_value_type_id
_NEEDS: Final = ("CAP_BPF",)
_CREATE_REASONS: Final = {
    errno.EINVAL: "a size or a flag does not suit this kind of map",
    errno.E2BIG: "keys, values or their number are too large",
    errno.ENOMEM: "there is not enough memory",
}
_UPDATE_REASONS: Final = {
    errno.E2BIG: "the map is full, or the index is beyond its end",
    errno.ENOSPC: "the map is full",
    errno.EEXIST: "the key is there already",
    errno.ENOENT: "the key is not there",
    errno.EPERM: "the map is frozen",
    errno.EINVAL: "the key or the flag does not suit this kind of map",
}


class MapInformation(NamedTuple):
    """What the kernel tells about a map."""

    kind: str  # of MAP_KINDS, or its number
    id: int
    key_size: int  # bytes
    value_size: int  # bytes, of one CPU
    max_entries: int
    flags: int
    name: str
    btf_id: int  # of its types, 0 without


class Map(Descriptor):
    """A map; it goes when nothing holds it: no owner, no program, no pin."""

    __slots__ = ("cpus", "information")

    def __init__(self, fd: int) -> None:
        super().__init__(fd)
        self.information = _information(self)
        self.cpus = possible_cpus() if self.information.kind in PER_CPU else 1

    def get(self, key: bytes) -> bytes | None:
        """The value of a key, of all CPUs one after the other; None without the key.

        In an lpm_trie it is the value of the longest prefix that covers the key.
        """
        value = bytearray(self.value_room)
        try:
            bpf(Command.MAP_LOOKUP_ELEM, self._entry(key).pointer(16, value))
        except OSError as error:
            if error.errno == errno.ENOENT:
                return None
            raise refusal(error.errno, "to look up a key", {}, _NEEDS) from None
        return bytes(value)

    def each_cpu(self, key: bytes) -> tuple[bytes, ...]:
        """The value of a key for every possible CPU; raises LoadError without the key."""
        value = self.get(key)
        if value is None:
            raise LoadError(f"no key {key.hex()} in map {self.information.name!r}")
        room, size = self.value_room // self.cpus, self.information.value_size
        return tuple(value[cpu * room : cpu * room + size] for cpu in range(self.cpus))

    def update(self, key: bytes, value: bytes, mode: int = ANY) -> None:
        """Put a value; ABSENT and PRESENT say what must be so before.  Raises LoadError."""
        attr = self._entry(key).pointer(16, self._whole(value)).u64(24, mode)
        try:
            bpf(Command.MAP_UPDATE_ELEM, attr)
        except OSError as error:
            raise refusal(error.errno, "to put a key", _UPDATE_REASONS, _NEEDS) from None

    def delete(self, key: bytes) -> bool:
        """Take out a key; whether it was there."""
        try:
            bpf(Command.MAP_DELETE_ELEM, self._entry(key))
        except OSError as error:
            if error.errno == errno.ENOENT:
                return False
            reasons = {errno.EINVAL: "this kind of map keeps all its keys"}
            raise refusal(error.errno, "to delete a key", reasons, _NEEDS) from None
        return True

    def keys(self) -> Iterator[bytes]:
        """All keys; while others change the map, some may be missed or come twice."""
        key = None
        while (key := self._next_key(key)) is not None:
            yield key

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """All keys with their values, many at a time where the kernel can."""
        size, room = self.information.key_size, self.value_room
        entries = batches.entries(self.fd, size, room, self.information.max_entries)
        yield from self._one_by_one() if entries is None else entries

    def update_all(self, entries: Iterable[tuple[bytes, bytes]]) -> None:
        """Put many keys, many at a time where the kernel can; raises LoadError."""
        pairs = [(self._key(key), self._whole(value)) for key, value in entries]
        done = batches.change(Command.MAP_UPDATE_BATCH, self.fd, pairs)
        for key, value in pairs[done:]:
            self.update(key, value)

    def delete_all(self, keys: Iterable[bytes]) -> None:
        """Take out many keys; one that is not there is left alone."""
        pairs = [(self._key(key), b"") for key in keys]
        done = batches.change(Command.MAP_DELETE_BATCH, self.fd, pairs)
        for key, _ in pairs[done:]:
            self.delete(key)

    def freeze(self) -> None:
        """Let nothing outside programs change it any more; raises LoadError."""
        try:
            bpf(Command.MAP_FREEZE, Attr().u32(0, self.fd))
        except OSError as error:
            raise refusal(error.errno, "to freeze the map", {}, _NEEDS) from None

    def pin(self, path: str) -> None:
        """Keep it under a name in a bpf file system when its owner has gone."""
        pin(self, path)

    @property
    def value_room(self) -> int:
        """Bytes of a value as it is read and written: of all CPUs, each a multiple of 8."""
        size = self.information.value_size
        return (size + 7) // 8 * 8 * self.cpus if self.information.kind in PER_CPU else size

    def _entry(self, key: bytes) -> Attr:
        return Attr().u32(0, self.fd).pointer(8, self._key(key))

    def _key(self, key: bytes) -> bytes:
        return _sized(key, self.information.key_size, "key")

    def _whole(self, value: bytes) -> bytes:
        return _sized(value, self.value_room, "value")

    def _next_key(self, key: bytes | None) -> bytes | None:
        found = bytearray(self.information.key_size)
        attr = Attr().u32(0, self.fd).pointer(8, key).pointer(16, found)
        try:
            bpf(Command.MAP_GET_NEXT_KEY, attr)
        except OSError as error:
            if error.errno == errno.ENOENT:
                return None
            raise refusal(error.errno, "to list the keys", {}, _NEEDS) from None
        return bytes(found)

    def _one_by_one(self) -> Iterator[tuple[bytes, bytes]]:
        for key in self.keys():
            value = self.get(key)
            if value is not None:  # deleted since it was listed
                yield key, value


def create(
    kind: str,
    *,
    key_size: int,
    value_size: int,
    max_entries: int,
    name: str = "",
    flags: int = 0,
    btf: Descriptor | None = None,
    key_type: int = 0,
    value_type: int = 0,
    call: Call = bpf,
) -> Map:
    """A new map; key_type and value_type are ids in ``btf``.  Raises LoadError."""
    number = choice(kind, MAP_KINDS, "kind of map")
    if kind == "lpm_trie":
        flags |= NO_PREALLOCATION
    attr = Attr().u32(0, number).u32(4, key_size).u32(8, value_size).u32(12, max_entries)
    attr.u32(16, flags).octets(28, object_name(name))
    if btf is not None:
        attr.u32(48, btf.fd).u32(52, key_type).u32(56, value_type)
    try:
        return Map(call(Command.MAP_CREATE, attr))
    except OSError as error:
        what = f"a map of kind {kind}"
        raise refusal(error.errno, what, _CREATE_REASONS, _NEEDS) from None


def create_from(
    spec: MapSpec, *, btf: Descriptor | None = None, key_type: int = 0, value_type: int = 0
) -> Map:
    """The map that a program asks for; raises LoadError."""
    return create(
        spec.kind, key_size=spec.key_size, value_size=spec.value_size,
        max_entries=spec.max_entries, name=spec.name, flags=spec.flags, btf=btf,
        key_type=key_type, value_type=value_type,
    )  # fmt: skip


def pinned_map(path: str) -> Map:
    """The map pinned under a name; raises LoadError."""
    return Map(pinned(path))


def maps() -> Iterator[Map]:
    """Every map there is now, of all owners; raises LoadError without CAP_SYS_ADMIN."""
    return map(Map, every(Command.MAP_GET_NEXT_ID, Command.MAP_GET_FD_BY_ID))


def map_with_id(number: int) -> Map | None:
    """The map with that id, or None."""
    fd = descriptor_of(Command.MAP_GET_FD_BY_ID, number)
    return None if fd is None else Map(fd)


def prefix_key(length: int, address: bytes) -> bytes:
    """The key of an lpm_trie: struct bpf_lpm_trie_key, bits of the prefix, then the address."""
    return struct.pack("=I", length) + address


def spread(values: Sequence[bytes]) -> bytes:
    """One value for each CPU as update() takes them: each on a multiple of 8 bytes."""
    return b"".join(value.ljust((len(value) + 7) // 8 * 8, b"\0") for value in values)


def _sized(octets: bytes, size: int, what: str) -> bytes:
    if len(octets) != size:
        raise LoadError(f"a {what} of this map has {size} bytes, not {len(octets)}")
    return octets


def _information(owner: Descriptor) -> MapInformation:
    raw = info(owner, _INFO_SIZE)
    kind, number, key, value, entries, flags = struct.unpack_from("=6I", raw)
    name = bytes(raw[24:40]).split(b"\0")[0].decode("ascii", "replace")
    (btf_id,) = struct.unpack_from("=I", raw, 64)
    return MapInformation(
        NAMES.get(kind, str(kind)), number, key, value, entries, flags, name, btf_id
    )
