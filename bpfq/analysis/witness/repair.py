"""Lengths and checksums made right, one field at a time, as long as the packet stays acceptable.

    IPv4 total length, IPv6 payload length, UDP length     from the outside in
    IPv4, ICMP, ICMPv6, TCP, UDP, SCTP checksums           from the inside out

A field that the filter fixes keeps the filter's value; ``faults`` tells which ones are then wrong.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Final

from bpfq.analysis.witness.sums import crc32c, internet_checksum
from bpfq.record import record
from bpfq.tables import protocols as p

_MOST: Final = 24  # headers followed
_WORD: Final = 0xFFFF
_EXTENSIONS: Final = (0, 43, 60, 135, p.PROTO_FRAGMENT)  # IPv6, RFC 8200
_AH: Final = 51
_ICMP, _IPV4, _IPV6 = 1, 4, 41  # IP protocol numbers
_VXLAN_PORT, _GENEVE_PORT = 4789, 6081  # RFC 7348, RFC 8926
_PPP: Final = {0x0021: p.ETHERTYPE_IP, 0x0057: p.ETHERTYPE_IPV6}
_CHECKSUMS: Final = {  # IP protocol -> name, where the checksum stands in its header
    _ICMP: ("ICMP", 2),
    p.PROTO_TCP: ("TCP", 16),
    p.PROTO_UDP: ("UDP", 6),
    p.PROTO_ICMP6: ("ICMPv6", 2),
}


@record
class Repairs:
    """start: what stands where, "ethernet" or "ip" and an offset; None: nothing is known.

    network_header: what lies before byte 0, whose lengths count too.  cut: bytes that followed on
    the wire; checksums over them are unknown.
    """

    start: tuple[str, int] | None
    network_header: bytes = b""
    cut: int = 0


@record
class Field:
    """A number that follows from the rest of the packet.

    at: its offset.  right: what it should be; None where that does not fit.
    """

    name: str
    at: int
    size: int
    right: Callable[[bytes], int]

    @property
    def is_length(self) -> bool:
        return self.name.endswith("length")

    def value(self, octets: bytes) -> int:
        return int.from_bytes(octets[self.at : self.at + self.size], "big")

    def written(self, octets: bytes) -> bytes:
        wanted = self.right(octets)
        end = self.at + self.size
        if wanted >> 8 * self.size or end > len(octets):
            return octets
        return octets[: self.at] + wanted.to_bytes(self.size, "big") + octets[end:]


def repaired(
    repairs: Repairs, octets: bytes, accepts: Callable[[bytes], bool] = lambda whole: True
) -> bytes:
    """Network header and octets with every field right that ``accepts`` lets be right."""
    whole = repairs.network_header + octets
    if repairs.start is None or len(octets) > _WORD:
        return whole
    for field in _fields(repairs, whole):
        for changed in (field.written(whole), _padded(field, whole)):
            if changed != whole and accepts(changed):
                whole = changed
                break
    return whole


def _padded(field: Field, octets: bytes) -> bytes:
    """Where a filter wants a larger length: that many bytes."""
    missing = field.value(octets) - field.right(octets) if field.is_length else 0
    return octets + bytes(max(missing, 0))


def faults(repairs: Repairs, octets: bytes) -> Iterator[str]:
    """The lengths and checksums that are wrong, in words."""
    if repairs.start is None or len(octets) > _WORD:
        return
    whole = repairs.network_header + octets
    for field in _fields(repairs, whole):
        right, there = field.right(whole), field.value(whole)
        if field.at + field.size <= len(whole) and right != there:
            digits = 2 + 2 * field.size
            if field.is_length:
                yield f"{field.name} {there}, right would be {right}"
            else:
                yield f"{field.name} {there:#0{digits}x}, right would be {right:#0{digits}x}"


# ---------------------------------------------------------------- which fields there are


def _fields(repairs: Repairs, whole: bytes) -> list[Field]:
    """Lengths from the outside in, then checksums from the inside out."""
    assert repairs.start is not None
    kind, at = repairs.start
    walk = _Walk(whole, repairs.cut, [], [])
    walk.follow(kind, at + len(repairs.network_header) if at < 0 else at)
    return [*walk.lengths, *reversed(walk.checksums)]


@record(frozen=False)
class _Walk:
    """The headers of a packet, one after the other, and what they say about the rest."""

    octets: bytes
    cut: int
    lengths: list[Field]
    checksums: list[Field]

    def follow(self, kind: str | int | None, at: int) -> None:
        for _ in range(_MOST):
            if kind is None:
                return
            try:
                kind, at = self._header(kind, at)
            except (struct.error, IndexError):
                return  # cut short

    def _header(self, kind: str | int, at: int) -> tuple[str | int | None, int]:
        """What stands behind the header at ``at``, and where."""
        match kind:
            case "ethernet":
                return self._behind_type(self._half(at + 12), at + 14)
            case "ip":
                version = self.octets[at] >> 4
                return (_IP_OF.get(version), at)
            case p.ETHERTYPE_IP:
                return self._ip4(at)
            case p.ETHERTYPE_IPV6:
                return self._ip6(at)
            case p.ETHERTYPE_8021Q | p.ETHERTYPE_8021AD | p.ETHERTYPE_8021QINQ:
                return self._behind_type(self._half(at + 2), at + 4)
            case p.ETHERTYPE_MPLS:
                last = self.octets[at + 2] & 1
                return ("ip" if last else p.ETHERTYPE_MPLS), at + 4
            case p.ETHERTYPE_PPPOES:
                self._length("PPPoE length", at + 4, at + 6)
                return _PPP.get(self._half(at + 6)), at + 8
            case p.ETHERTYPE_TEB:
                return "ethernet", at
            case _:
                return None, at

    def _half(self, at: int) -> int:
        (value,) = struct.unpack_from(">H", self.octets, at)
        return int(value)

    def _behind_type(self, ethertype: int, at: int) -> tuple[int | None, int]:
        """Up to 1500 the type field is the length of an 802.3 frame."""
        if ethertype > p.LARGEST_LENGTH:
            return ethertype, at
        self._length("802.3 length", at - 2, at)
        return None, at

    def _length(self, name: str, at: int, counted_from: int) -> None:
        missing = self.cut - counted_from
        self.lengths.append(Field(name, at, 2, lambda octets: len(octets) + missing))

    def _ip4(self, at: int) -> tuple[str | int | None, int]:
        size = 4 * (self.octets[at] & 0xF)
        number, fragment = self.octets[at + 9], self._half(at + 6) & 0x3FFF
        self._length("IPv4 length", at + 2, at)
        if size < 20:
            return None, at
        self._checksum("IPv4 checksum", at + 10, lambda octets: octets[at : at + size])
        if fragment:
            return None, at
        addresses = slice(at + 12, at + 20)
        return self._transport(number, at + size, addresses)

    def _ip6(self, at: int) -> tuple[str | int | None, int]:
        self._length("IPv6 length", at + 4, at + 40)
        number, behind = self.octets[at + 6], at + 40
        for _ in range(_MOST):
            if number not in _EXTENSIONS and number != _AH:
                break
            if number == p.PROTO_FRAGMENT:
                if self._half(behind + 2) & 0xFFF9:
                    return None, at
                size = 8
            else:
                unit = 4 if number == _AH else 8
                size = 8 + unit * self.octets[behind + 1]
            number, behind = self.octets[behind], behind + size
        return self._transport(number, behind, slice(at + 8, at + 40))

    def _transport(self, number: int, at: int, addresses: slice) -> tuple[str | int | None, int]:
        if number == p.PROTO_UDP:
            self._length("UDP length", at + 4, at)
        if self.cut:
            return self._tunnel(number, at)
        if number == p.PROTO_SCTP:
            self.checksums.append(Field("SCTP checksum", at + 8, 4, lambda o: _sctp_sum(o, at)))
        if number in _CHECKSUMS:
            name, offset = _CHECKSUMS[number]
            pseudo = None if number == _ICMP else addresses
            self.checksums.append(
                Field(
                    f"{name} checksum", at + offset, 2,
                    lambda octets: _transport_sum(octets, at, offset, number, pseudo),
                )
            )  # fmt: skip
        return self._tunnel(number, at)

    def _tunnel(self, number: int, at: int) -> tuple[str | int | None, int]:
        match number:
            case p.PROTO_UDP if self._half(at + 2) == _VXLAN_PORT:
                return "ethernet", at + 16
            case p.PROTO_UDP if self._half(at + 2) == _GENEVE_PORT:
                options = 4 * (self.octets[at + 8] & 0x3F)
                return self._half(at + 10), at + 16 + options
            case p.PROTO_GRE:
                flags = self.octets[at]
                options = 4 * sum(flags >> bit & 1 for bit in (7, 5, 4))
                return self._half(at + 2), at + 4 + options
            case 4 | 41:
                return "ip", at
            case _:
                return None, at

    def _checksum(self, name: str, at: int, covered: Callable[[bytes], bytes]) -> None:
        def right(octets: bytes) -> int:
            return internet_checksum(covered(octets[:at] + b"\0\0" + octets[at + 2 :]))

        self.checksums.append(Field(name, at, 2, right))


_IP_OF: Final = {4: p.ETHERTYPE_IP, 6: p.ETHERTYPE_IPV6}


def _transport_sum(
    octets: bytes, at: int, offset: int, number: int, addresses: slice | None
) -> int:
    """Over the header, what follows it and, but for ICMP, a pseudo header (RFC 9293, 8200)."""
    covered = octets[at : at + offset] + b"\0\0" + octets[at + offset + 2 :]
    pseudo = b""
    if addresses is not None:
        pseudo = octets[addresses] + struct.pack(">II", len(covered), number)
    total = internet_checksum(pseudo + covered)
    return total or _WORD if number == p.PROTO_UDP else total  # 0 would mean: not computed


def _sctp_sum(octets: bytes, at: int) -> int:
    """CRC32c, least significant byte first (RFC 9260)."""
    return int.from_bytes(
        crc32c(octets[at : at + 8] + bytes(4) + octets[at + 12 :]).to_bytes(4, "little"), "big"
    )
