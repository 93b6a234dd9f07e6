"""Frames for the hand-made programs."""

from __future__ import annotations

import struct

TCP, UDP = 6, 17


def packet(protocol: int) -> bytes:
    """A broadcast Ethernet frame of 60 bytes with an IPv4 header."""
    header = struct.pack(">BBHHHBBH", 0x45, 0, 46, 0, 0, 64, protocol, 0)
    addresses = bytes([10, 0, 0, 1, 10, 0, 0, 2])
    words = struct.unpack(">10H", header + addresses)
    total = sum(words) % 0xFFFF
    checksum = struct.pack(">H", 0xFFFF - total)
    start = b"\xff" * 6 + b"\2\0\0\0\0\1" + b"\x08\0"
    return start + header[:10] + checksum + addresses + bytes(26)
