"""Headers of the frames in bench/traffic.py; what a caller leaves open is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TypeAlias, TypeVar

from traffic_services import HOPS

FRAME_AT_LEAST = 60  # bytes, without the check sum
FRAME_AT_MOST = 1514

Row = TypeVar("Row")
Table: TypeAlias = Sequence[tuple[float, Row]]

# Weight, and the first bytes of the address.
MACS: Table[str] = (
    (4, "001122334455"), (30, "0200000000"), (20, "001b2100aa"), (40, "00005e000101"),
)  # fmt: skip


def picked(draw: Random, table: Table[Row]) -> Row:
    """A row by its weight."""
    return draw.choices([row for _, row in table], [weight for weight, _ in table])[0]


def completed(draw: Random, first: str, size: int) -> bytes:
    """An address that begins so; one of nothing is a unicast address of IPv4."""
    known = bytes.fromhex(first) or bytes((draw.randint(1, 223),))
    return known + draw.randbytes(size - len(known))


def ethernet(
    draw: Random, ethertype: int, payload: bytes, *, to: str = "", tags: Sequence[int] = ()
) -> bytes:
    """to: the destination, else a popular one.  tags: VLAN numbers from the outside in."""
    target = bytes.fromhex(to) or completed(draw, picked(draw, MACS), 6)
    source = completed(draw, picked(draw, MACS), 6)
    types = (0x88A8,) * (len(tags) - 1) + (0x8100,) * bool(tags)
    labels = b"".join(
        short(kind) + short(draw.choice((0, 0, 5)) << 13 | tag)
        for kind, tag in zip(types, tags, strict=True)
    )
    frame = target + source + labels + short(ethertype) + payload
    return frame[:FRAME_AT_MOST].ljust(FRAME_AT_LEAST, b"\0")


def ipv4(
    draw: Random, protocol: int, body: bytes, source: bytes, target: bytes, *,
    fragment: int | None = None, options: bytes = b"", hops: int | None = None,
) -> bytes:  # fmt: skip
    """fragment: flags and offset; drawn unless given."""
    header = 20 + len(options)
    if fragment is None:
        fragment = draw.choice((0x4000, 0x4000, 0x4000, 0))
    service = picked(draw, ((90, 0), (4, 0xB8), (2, 0x20), (2, 2), (1, 3), (1, 0xC0)))
    return (
        bytes((0x40 | header // 4, service)) + short(header + len(body))
        + draw.randbytes(2) + short(fragment)
        + bytes((picked(draw, HOPS) if hops is None else hops, protocol)) + draw.randbytes(2)
        + source + target + options + body
    )  # fmt: skip


def ipv6(
    draw: Random, protocol: int, body: bytes, source: bytes, target: bytes, hops: int | None = None
) -> bytes:
    flow = (0x60000000 | draw.getrandbits(20)).to_bytes(4, "big")
    limit = picked(draw, HOPS) if hops is None else hops
    return flow + short(len(body)) + bytes((protocol, limit)) + source + target + body


def tcp(draw: Random, source: int, target: int, flags: int, body: bytes) -> bytes:
    options = draw.choice((b"", bytes.fromhex("0101080a") + draw.randbytes(8)))
    if flags & 2:
        options = bytes.fromhex("020405b40402080a") + draw.randbytes(8) + bytes.fromhex("01030307")
    numbers = draw.randbytes(4) + (draw.randbytes(4) if flags & 16 else bytes(4))
    window = 0 if flags & 4 else draw.randint(1, 0xFFFF)
    return (
        short(source) + short(target) + numbers + bytes((5 + len(options) // 4 << 4, flags))
        + short(window) + draw.randbytes(2) + bytes(2) + options + body
    )  # fmt: skip


def udp(draw: Random, source: int, target: int, body: bytes) -> bytes:
    return short(source) + short(target) + short(8 + len(body)) + draw.randbytes(2) + body


def short(number: int) -> bytes:
    return number.to_bytes(2, "big")
