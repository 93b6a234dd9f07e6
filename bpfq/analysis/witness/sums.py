"""The checksums of the Internet protocols."""

from __future__ import annotations

from functools import cache


def internet_checksum(octets: bytes) -> int:
    """The ones' complement of the ones' complement sum of 16-bit words (RFC 1071)."""
    even = octets + b"\0" if len(octets) % 2 else octets
    total = int.from_bytes(even, "big") % 0xFFFF  # 2**16 is 1 modulo 0xffff
    if total == 0 and any(octets):
        total = 0xFFFF
    return 0xFFFF - total


def crc32c(octets: bytes) -> int:
    """The Castagnoli checksum of SCTP (RFC 9260, appendix A)."""
    table, crc = _castagnoli(), 0xFFFF_FFFF
    for octet in octets:
        crc = table[(crc ^ octet) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFF_FFFF


@cache
def _castagnoli() -> tuple[int, ...]:
    table = []
    for octet in range(256):
        for _ in range(8):
            octet = octet >> 1 ^ (0x82F6_3B78 if octet & 1 else 0)
        table.append(octet)
    return tuple(table)
