"""Capture files built byte by byte."""

from __future__ import annotations

import struct

ETHERNET = 1


def pcap_header(
    order: str = "<",
    magic: int = 0xA1B2C3D4,
    version: tuple[int, int] = (2, 4),
    snaplen: int = 65535,
    network: int = ETHERNET,
) -> bytes:
    """The 24 bytes that begin a classic file."""
    return struct.pack(order + "IHHiIII", magic, *version, 0, 0, snaplen, network)


def record(data: bytes, order: str = "<", wire_length: int | None = None) -> bytes:
    """One packet, taken at second 1, fraction 2."""
    on_wire = len(data) if wire_length is None else wire_length
    return struct.pack(order + "IIII", 1, 2, len(data), on_wire) + data


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    """A pcapng block; the body is padded to four bytes."""
    padded = body + bytes(-len(body) % 4)
    length = len(padded) + 12
    return struct.pack(order + "II", kind, length) + padded + struct.pack(order + "I", length)


def option(code: int, value: bytes, order: str = "<") -> bytes:
    """One option, padded to four bytes."""
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def section(order: str = "<", version: int = 1) -> bytes:
    """A section header block without options."""
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, version, 0, -1), order)


def interface(
    linktype: int = ETHERNET, snaplen: int = 0, options: bytes = b"", order: str = "<"
) -> bytes:
    """An interface description block."""
    return block(1, struct.pack(order + "HHI", linktype, 0, snaplen) + options, order)


def enhanced(
    data: bytes,
    order: str = "<",
    number: int = 0,
    ticks: int = 0,
    wire_length: int | None = None,
    options: bytes = b"",
) -> bytes:
    """An enhanced packet block."""
    on_wire = len(data) if wire_length is None else wire_length
    fields = struct.pack(
        order + "IIIII", number, ticks >> 32, ticks & 0xFFFF_FFFF, len(data), on_wire
    )
    return block(6, fields + data + bytes(-len(data) % 4) + options, order)


def simple(data: bytes, wire_length: int, order: str = "<") -> bytes:
    """A simple packet block."""
    return block(3, struct.pack(order + "I", wire_length) + data, order)


def obsolete(data: bytes, order: str = "<", number: int = 0, drops: int = 0) -> bytes:
    """A packet block, as written before 2009."""
    fields = struct.pack(order + "HHIIII", number, drops, 0, 0, len(data), len(data))
    return block(2, fields + data, order)
