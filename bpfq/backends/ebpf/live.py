"""Maps of named sets that may change while a program runs, and the keys that it looks for.

address    lpm_trie    u32 bits; u32 family (4 or 6); u8 address[16]
port       hash        u8 port[2]
mac        hash        u8 address[6]

All but the number of bits is in the order of the packet; bits counts those of the family, too, so
that no IPv4 address is taken for an IPv6 one.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from bpfq.isa.ebpf import instructions as e
from bpfq.isa.ebpf.instructions import Instruction
from bpfq.isa.ebpf.program import Field, Layout, MapSpec
from bpfq.named_set import NamedSet

KEY: Final = 24  # bytes of the stack that a key takes at most
ADDRESS: Final = 8  # where the address stands in a key
FAMILY_BITS: Final = 32
_ROOM: Final = 1 << 16  # entries that there is room for at least
_ROOM_FOR_ADDRESSES: Final = 1 << 20  # a trie takes memory as they come
_FOUND: Final = b"\1"  # the value of every entry
_UNFILLED: Final = 1 << 0  # BPF_F_NO_PREALLOC of <linux/bpf.h>: memory as entries come
_WIDTHS: Final = {4: 32, 6: 128}


def spec(members: NamedSet) -> MapSpec:
    """The map of a set, with its entries to begin with."""
    entries = tuple((key, _FOUND) for entry in members.entries for key in keys(members.kind, entry))
    kind, layout, room = "hash", _layout(members), _ROOM
    if members.kind == "address":
        kind, room = "lpm_trie", _ROOM_FOR_ADDRESSES
    return MapSpec(
        members.name, kind, layout, 8, max(room, 2 * len(entries)), _UNFILLED, entries=entries
    )  # fmt: skip


def _layout(members: NamedSet) -> Layout:
    name = f"{members.name}_key"
    match members.kind:
        case "port":
            return Layout(name, (Field("port", 8, 2),))
        case "mac":
            return Layout(name, (Field("address", 8, 6),))
        case _:
            address = Field("address", 8, 16)
            return Layout(name, (Field("bits", 32), Field("family", 32), address))


def keys(kind: str, entry: tuple[int, ...]) -> Iterator[bytes]:
    """The keys of an entry of a NamedSet; a range of ports has several."""
    match kind:
        case "port":
            low, high = entry
            yield from (port.to_bytes(2, "big") for port in range(low, high + 1))
        case "mac":
            yield entry[0].to_bytes(6, "big")
        case _:
            version, address, bits = entry
            octets = address.to_bytes(_WIDTHS[version] // 8, "big").ljust(16, b"\0")
            yield struct.pack("=I", FAMILY_BITS + bits) + version.to_bytes(4, "big") + octets


def entry_of(kind: str, key: bytes) -> tuple[int, ...]:
    """The entry that has the key."""
    if kind != "address":
        number = int.from_bytes(key, "big")
        return (number, number) if kind == "port" else (number,)
    (bits,) = struct.unpack_from("=I", key)
    version = int.from_bytes(key[4:ADDRESS], "big")
    size = _WIDTHS[version] // 8
    return version, int.from_bytes(key[ADDRESS : ADDRESS + size], "big"), bits - FAMILY_BITS


def place(members: NamedSet) -> int:
    """Where in a key the bytes of the packet stand."""
    return ADDRESS if members.kind == "address" else 0


def around(members: NamedSet, size: int, at: int) -> list[Instruction]:
    """Write what a key at an offset of the stack has besides so many bytes of the packet."""
    if members.kind != "address":
        return []
    version = 4 if size == 4 else 6
    family = int.from_bytes(version.to_bytes(4, "big"), "little")
    written: list[Instruction] = [
        e.StoreImmediate(e.R10, at, FAMILY_BITS + 8 * size, 4),
        e.StoreImmediate(e.R10, at + 4, family, 4),
    ]
    if version == 4:
        written.append(e.StoreImmediate(e.R10, at + ADDRESS + 4, 0, 4))
        written.append(e.StoreImmediate(e.R10, at + ADDRESS + 8, 0, 8))
    return written
