"""Small classic programs and frames, written by hand."""

from __future__ import annotations

import struct

KEEP_ALL = ((0x06, 0, 0, 0x40000),)
KEEP_THREE = ((0x06, 0, 0, 3),)


def first_byte_is(value: int) -> tuple[tuple[int, int, int, int], ...]:
    """ldb [0]; jeq #value; ret #262144; ret #0"""
    return ((0x30, 0, 0, 0), (0x15, 0, 1, value), (0x06, 0, 0, 0x40000), (0x06, 0, 0, 0))


def ethertype_is(value: int) -> tuple[tuple[int, int, int, int], ...]:
    """ldh [12]; jeq #value; ret #262144; ret #0"""
    return ((0x28, 0, 0, 12), (0x15, 0, 1, value), (0x06, 0, 0, 0x40000), (0x06, 0, 0, 0))


def frame(ethertype: int, payload: bytes = b"", tag: int | None = None) -> bytes:
    """An Ethernet frame to everybody, at least 60 bytes; tag is the TCI of an 802.1Q tag."""
    vlan = b"" if tag is None else struct.pack(">HH", 0x8100, tag)
    header = b"\xff" * 6 + bytes.fromhex("020000000001") + vlan + struct.pack(">H", ethertype)
    return (header + payload).ljust(60, b"\0")
