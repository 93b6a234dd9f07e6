"""Headers put together into packets; lengths and checksums are left to ``repair``.

A piece knows which of its bytes hold it together: types, protocols, header lengths.  A search that
needs another protocol takes another packet before it changes one of those.
"""

from __future__ import annotations

import struct
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from bpfq.record import record
from bpfq.tables import protocols as p

MAC_SOURCE: Final = bytes.fromhex("00005e005301")  # RFC 7042: for documentation
MAC_DESTINATION: Final = bytes.fromhex("00005e005302")
SOURCE4, DESTINATION4 = IPv4Address("192.0.2.1"), IPv4Address("192.0.2.2")  # RFC 5737
SOURCE6, DESTINATION6 = IPv6Address("2001:db8::1"), IPv6Address("2001:db8::2")  # RFC 3849

EXPERIMENT_TYPE: Final = 0x88B5  # EtherType for experiments, IEEE 802
_TTL: Final = 64
_DONT_FRAGMENT: Final = 0x4000
_ROUTER_ALERT: Final = bytes.fromhex("94040000")  # RFC 2113
DNS_QUERY: Final = (  # RFC 1035: the address of example.com
    bytes.fromhex("000101000001000000000000") + b"\7example\3com\0" + bytes.fromhex("00010001")
)
_MSS: Final = bytes.fromhex("020405b4")  # TCP option: segments of 1460 bytes


@record
class Piece:
    """Some bytes, and offsets of some of them.

    fixed: those that say what the others are.  kept: those better left alone.  free: a type or
    protocol number that may become any without a template of its own.
    """

    octets: bytes
    fixed: frozenset[int] = frozenset()
    kept: frozenset[int] = frozenset()
    free: frozenset[int] = frozenset()

    def behind(self, header: bytes, *fixed: int, kept: tuple[int, ...] = ()) -> Piece:
        """This piece behind a header."""
        moved = self.moved(len(header))
        return Piece(
            header + self.octets, moved.fixed.union(fixed), moved.kept.union(kept), moved.free
        )

    def moved(self, by: int) -> Piece:
        """The offsets counted from so many bytes before; those that come before 0 are dropped."""
        fixed, kept, free = (
            frozenset(at + by for at in offsets if at + by >= 0)
            for offsets in (self.fixed, self.kept, self.free)
        )
        return Piece(self.octets[max(-by, 0) :], fixed, kept, free)

    def loose(self, *free: int) -> Piece:
        """The same piece, some of whose fixed bytes may be anything."""
        return Piece(self.octets, self.fixed.difference(free), self.kept, frozenset(free))


# Types and protocols that a packet needs more than their number for.
WITH_TEMPLATES: Final = {
    1: frozenset((0, 1, 4, 6, 17, 41, 43, 44, 47, 51, 58, 60, 132)),
    2: frozenset(
        (
            p.ETHERTYPE_IP, p.ETHERTYPE_IPV6, p.ETHERTYPE_ARP, p.ETHERTYPE_RARP, *p.TAG_TYPES,
            p.ETHERTYPE_MPLS, p.ETHERTYPE_PPPOES,
        )
    ),
}  # fmt: skip


def is_pretence(piece: Piece, octets: bytes) -> bool:
    """The free number was set to one that has a template, and the rest is not such a packet."""
    if not piece.free or max(piece.free) >= len(octets):
        return False
    value = int.from_bytes(bytes(octets[at] for at in sorted(piece.free)), "big")
    return value in WITH_TEMPLATES.get(len(piece.free), ())


EMPTY: Final = Piece(b"")


def text(words: bytes) -> Piece:
    """A payload; nothing in it is fixed."""
    return Piece(words)


# ---------------------------------------------------------------- link layer


def ethernet(ethertype: int, payload: Piece, destination: bytes = MAC_DESTINATION) -> Piece:
    head = destination + MAC_SOURCE + struct.pack(">H", ethertype)
    return payload.behind(head, 12, 13)


def ethernet_llc(payload: Piece, destination: bytes) -> Piece:
    """IEEE 802.3: a length where the type would be, then an LLC header."""
    head = destination + MAC_SOURCE + struct.pack(">H", len(payload.octets))
    return payload.behind(head, 12, 13)


def llc(access_point: int, payload: Piece) -> Piece:
    """Unnumbered information between two equal access points."""
    return payload.behind(bytes((access_point, access_point, 3)), 0, 1, 2)


def tag(identifier: int, ethertype: int, payload: Piece) -> Piece:
    """What stands behind the EtherType 0x8100: priority and identifier, the next type."""
    return payload.behind(struct.pack(">HH", identifier, ethertype), 2, 3)


def label(number: int, payload: Piece, *, last: bool = True) -> Piece:
    """An MPLS label (RFC 3032): 20 bits, three of class, bottom of stack, TTL."""
    return payload.behind(struct.pack(">I", number << 12 | last << 8 | _TTL), kept=(2,))


def session(number: int, protocol: int, payload: Piece) -> Piece:
    """PPPoE session data (RFC 2516); the length covers the PPP protocol, too."""
    length = len(payload.octets) + 2
    return payload.behind(struct.pack(">BBHHH", 0x11, 0, number, length, protocol), 0, 1, 6, 7)


def discovery() -> Piece:
    """PPPoE active discovery initiation, for any service."""
    return Piece(bytes.fromhex("11090000000401010000"), frozenset((0, 1)))


def arp(operation: int) -> Piece:
    """Who has 192.0.2.2, or its answer; also reverse ARP."""
    known = MAC_DESTINATION if operation % 2 == 0 else bytes(6)
    head = struct.pack(">HHBBH", 1, p.ETHERTYPE_IP, 6, 4, operation)
    body = MAC_SOURCE + SOURCE4.packed + known + DESTINATION4.packed
    return Piece(head + body, frozenset((0, 1, 2, 3, 4, 5)))


# ---------------------------------------------------------------- network layer


def ip4(
    protocol: int, payload: Piece, *, options: bytes = b"", fragment: int = _DONT_FRAGMENT
) -> Piece:
    first = 0x45 + len(options) // 4
    head = struct.pack(">BBHHHBBH", first, 0, 0, 1, fragment, _TTL, protocol, 0)
    addresses = SOURCE4.packed + DESTINATION4.packed
    return payload.behind(head + addresses + options, 0, 9, kept=(6, 7))


def ip4_options(protocol: int, payload: Piece) -> Piece:
    return ip4(protocol, payload, options=_ROUTER_ALERT)


def ip6(next_header: int, payload: Piece) -> Piece:
    head = struct.pack(">IHBB", 6 << 28, 0, next_header, _TTL)
    return payload.behind(head + SOURCE6.packed + DESTINATION6.packed, 0, 6)


def extension(next_header: int, payload: Piece) -> Piece:
    """An options header of eight bytes, padded (RFC 8200)."""
    return payload.behind(bytes((next_header, 0, 1, 4, 0, 0, 0, 0)), 0, 1)


def fragment6(next_header: int, payload: Piece, units: int = 0) -> Piece:
    """An IPv6 fragment header; units of eight bytes before this fragment."""
    head = struct.pack(">BBHI", next_header, 0, units << 3 | 1, 1)
    return payload.behind(head, 0, 2, 3)


def authentication(next_header: int, payload: Piece) -> Piece:
    """AH (RFC 4302) with a 96-bit check value."""
    return payload.behind(struct.pack(">BBHII12x", next_header, 4, 0, 0x100, 1), 0, 1)


# ---------------------------------------------------------------- transport layer


def tcp(
    source: int, destination: int, flags: int, payload: Piece = EMPTY, *, options: bytes = b""
) -> Piece:
    offset = 0x50 + (len(options) // 4 << 4)
    ports = struct.pack(">HH", source, destination)
    head = ports + struct.pack(">IIBBHHH", 1, flags >> 4 & 1, offset, flags, 0xFFFF, 0, 0)
    return payload.behind(head + options, 12, kept=(0, 1))


def tcp_options(source: int, destination: int) -> Piece:
    """A SYN that says how large its segments may be."""
    return tcp(source, destination, 0x02, options=_MSS)


def udp(source: int, destination: int, payload: Piece = EMPTY, *, length: int = 0) -> Piece:
    """length: of the datagram, where a fragment holds a part of it."""
    return payload.behind(struct.pack(">HHHH", source, destination, length, 0), kept=(0, 1))


def sctp(source: int, destination: int) -> Piece:
    """A COOKIE ACK chunk, the shortest (RFC 9260)."""
    head = struct.pack(">HHIIBBH", source, destination, 1, 0, 11, 0, 4)
    return EMPTY.behind(head, kept=(0, 1))


def icmp(kind: int, payload: Piece) -> Piece:
    return payload.behind(struct.pack(">BBHHH", kind, 0, 0, 1, 1))


# ---------------------------------------------------------------- tunnels


def vxlan(network: int, inner: Piece) -> Piece:
    """RFC 7348."""
    return inner.behind(struct.pack(">II", 0x0800_0000, network << 8), 0)


def geneve(network: int, protocol: int, inner: Piece) -> Piece:
    """RFC 8926, without options."""
    return inner.behind(struct.pack(">BBHI", 0, 0, protocol, network << 8), 0, 2, 3)


def gre(protocol: int, inner: Piece) -> Piece:
    """RFC 2784, without checksum and key."""
    return inner.behind(struct.pack(">HH", 0, protocol), 0, 1, 2, 3)
