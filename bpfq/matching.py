"""Filters that are called with packets, whatever holds them.

    wanted = tcp.dport == 443
    wanted(b"...")            an Ethernet frame
    wanted(Ether() / IP())    scapy packets are of the link type that they begin with
    wanted(IP() / TCP())
    wanted.filter(packets)

A matcher is made for each link type that is met, and kept.  scapy is not imported: its packets
are told by their class.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, Final, TypeAlias, TypeVar

from bpfq.errors import UnsupportedError
from bpfq.tables.scapy_layers import LINK_TYPES, PLAIN

P = TypeVar("P")

Matches: TypeAlias = Callable[[bytes, int, Mapping[str, int]], bool]
"""Captured bytes, length on the wire, ancillary words by name."""

_NO_METADATA: Final[Mapping[str, int]] = {}


class Matching:
    """Whether packets match; ``make`` gives the matcher of a link type, None that of bytes."""

    __slots__ = ("_found", "_make")

    def __init__(self, make: Callable[[str | None], Matches]) -> None:
        self._make = make
        self._found: dict[str | None, Matches] = {}

    def __call__(self, packet: object) -> bool:
        """Raises TypeError for what is no packet, UnsupportedError where the filter cannot see."""
        link, octets, wire_length = captured(packet)
        matches = self._found.get(link) or self._met(link)
        return matches(octets, wire_length, _NO_METADATA)

    def filter(self, packets: Iterable[P]) -> list[P]:
        """The packets that match, in their order."""
        return [packet for packet in packets if self(packet)]

    def _met(self, link: str | None) -> Matches:
        return self._found.setdefault(link, self._make(link))

    def __reduce__(self) -> tuple[object, ...]:
        """Copied as nothing: what owns it makes it again."""
        return type(None), ()


def captured(packet: object) -> tuple[str | None, bytes, int]:
    """The link type of a packet, None of plain bytes; its bytes; its length on the wire."""
    if isinstance(packet, bytes):
        return None, packet, len(packet)
    if isinstance(packet, bytearray | memoryview):
        octets = bytes(packet)
        return None, octets, len(octets)
    of_scapy: Any = packet
    kind: Any = type(packet)
    link = _link_type(kind)
    octets = _octets(of_scapy)
    # a packet from a capture file may have been longer than what was kept of it
    return link, octets, max(len(octets), of_scapy.wirelen or 0)


def _octets(packet: Any) -> bytes:
    """The bytes that scapy dissected, where they were not changed since; else what it builds.

    Building again is not always the same: some layers add what was not there.
    """
    original: bytes = packet.original
    if original:
        parts, layer = [], packet
        while layer:
            parts.append(layer.self_build())
            layer = layer.payload
        if b"".join(parts) == original:
            return original
    return bytes(packet)


@cache
def _link_type(kind: type) -> str | None:
    """The link type that a class of scapy begins with; None for bytes without a meaning."""
    names = [base.__name__ for base in kind.__mro__ if base.__module__.startswith("scapy.")]
    for name in names:
        if name in LINK_TYPES:
            return LINK_TYPES[name]
        if name in PLAIN:
            return None
    if "Packet" in names:
        raise UnsupportedError(
            f"a packet that begins with {kind.__name__} has no link type: "
            "put Ether() or IP() before it, or give its bytes"
        )
    raise TypeError(f"a packet is bytes or a scapy packet, not {kind.__name__}")
