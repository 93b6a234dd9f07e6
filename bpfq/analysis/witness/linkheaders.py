"""The link header of each link type before a network packet, as plain as one can be."""

from __future__ import annotations

import struct

from bpfq.analysis.witness.pieces import MAC_DESTINATION, MAC_SOURCE, Piece
from bpfq.headers.linktype import AF_INET, AF_INET6_FILE, AF_INET6_LINUX
from bpfq.record import record
from bpfq.tables import protocols as p
from bpfq.tables.linktypes import Layout, LinkType

_LARGEST = 65_536  # bytes; offsets beyond it stand for "unknown"
_IP_TYPES = (p.ETHERTYPE_IP, p.ETHERTYPE_IPV6)
_PPP = {p.ETHERTYPE_IP: 0x0021, p.ETHERTYPE_IPV6: 0x0057, p.ETHERTYPE_MPLS: 0x0281}  # IANA
_NLPID = {p.ETHERTYPE_IP: 0xCC, p.ETHERTYPE_IPV6: 0x8E}  # ISO/IEC TR 9577
_SNAP = bytes.fromhex("aaaa03000000")
_DATA_FRAME = bytes.fromhex("08020000") + MAC_DESTINATION + MAC_SOURCE + MAC_SOURCE + bytes(2)
_JUNIPER_MAGIC = bytes.fromhex("4d4743")
_RADIO_HEADERS = {
    "IEEE802_11": b"",
    "IEEE802_11_RADIO": bytes.fromhex("0000080000000000"),
    "PPI": bytes.fromhex("0000080069000000"),
    "PRISM_HEADER": bytes.fromhex("4400000090000000") + bytes(136),
    "IEEE802_11_RADIO_AVS": bytes.fromhex("8021100100000040") + bytes(56),
}


@record
class _Carried:
    ethertype: int
    savefile: str | None
    size: int  # bytes of the packet
    first: int  # its first byte


def link_header(
    link: LinkType, ethertype: int, savefile: str | None, packet: bytes
) -> Piece | None:
    """The header before a packet of that EtherType; None where the link cannot carry it.

    Bytes that say which protocol follows are fixed; where nobody knows them by heart, the header
    is zeros, and a search finds them.
    """
    layout = link.layout
    if layout is None or layout.kind == "":
        return None
    carried = _Carried(ethertype, savefile, len(packet), packet[0])
    octets = _known(link, layout, carried)
    if octets is None:
        return None
    return Piece(octets, frozenset(_fixed(layout, len(octets))))


def _fixed(layout: Layout, size: int) -> range | tuple[int, ...]:
    """Offsets of the bytes that say what follows."""
    match layout.kind:
        case "llc" | "sunatm":
            return range(size - 8, size)
        case "wlan":
            addresses = range(size - 28, size - 10)  # three, before sequence control and SNAP
            return tuple(at for at in range(size) if at not in addresses)
        case "af_host" | "af_network":
            return range(4)
        case "ethernet" | "ethertype" | "sll" | "ppp" | "ppp_bsdos" | "hdlc" if (
            layout.type_at is not None
        ):
            return range(layout.type_at, layout.type_at + 2)
        case _:
            return ()


def _known(link: LinkType, layout: Layout, c: _Carried) -> bytes | None:
    match layout.kind:
        case "ethernet":
            return _ethernet(layout, c.ethertype)
        case "ipv4" | "ipv6":
            wanted = p.ETHERTYPE_IP if layout.kind == "ipv4" else p.ETHERTYPE_IPV6
            return b"" if c.ethertype == wanted else None
        case "nibble":
            return bytes(layout.payload) if c.ethertype in _IP_TYPES else None
        case "af_host" | "af_network":
            return _family(layout, c)
        case "sll":
            return struct.pack(">HHH", 0, 1, 6) + MAC_SOURCE + struct.pack(">HH", 0, c.ethertype)
        case "ethertype" if link.name == "LINUX_SLL2":
            head = struct.pack(">HHIHBB", c.ethertype, 0, 1, 1, 0, 6)
            return head + MAC_SOURCE + bytes(2)
        case "ppp" | "ppp_bsdos":
            return _ppp(link, layout, c)
        case "hdlc":
            return struct.pack(">HH", 0x0F00, c.ethertype)
        case "llc" | "sunatm":
            return _llc(layout, c.ethertype)
        case "wlan":
            return _RADIO_HEADERS[link.name] + _DATA_FRAME + _snap(c.ethertype)
        case _:
            return _zeros(link, layout, c)


def _snap(ethertype: int) -> bytes:
    return _SNAP + struct.pack(">H", ethertype)


def _ethernet(layout: Layout, ethertype: int) -> bytes:
    head = bytearray(layout.header + 12)
    head[layout.header :] = MAC_DESTINATION + MAC_SOURCE
    between = (layout.type_at or 0) - len(head)
    return bytes(head) + bytes(between) + struct.pack(">H", ethertype)


def _family(layout: Layout, c: _Carried) -> bytes | None:
    if c.ethertype not in _IP_TYPES:
        return None
    family = _family_number(c)
    big = layout.kind == "af_network" or c.savefile == "swapped"
    return family.to_bytes(4, "big" if big else "little").ljust(layout.payload, b"\0")


def _family_number(c: _Carried) -> int:
    """Linux's own where the filter is for no file."""
    if c.ethertype == p.ETHERTYPE_IP:
        return AF_INET
    return AF_INET6_LINUX if c.savefile is None else AF_INET6_FILE[0]


def _ppp(link: LinkType, layout: Layout, c: _Carried) -> bytes | None:
    if c.ethertype not in _PPP:
        return None
    number = struct.pack(">H", _PPP[c.ethertype])
    match link.name:
        case "PPP_ETHER":
            return struct.pack(">BBHH", 0x11, 0, 1, c.size + 2) + number
        case "PPP_BSDOS":
            return (bytes(5) + number).ljust(layout.payload, b"\0")
        case "PPP_PPPD":
            return b"\x00\x03" + number
        case _:
            return b"\xff\x03" + number


def _llc(layout: Layout, ethertype: int) -> bytes:
    """Two addresses where the link type has them, then LLC and SNAP."""
    head = bytearray(layout.payload)
    if layout.mac is not None:
        source, destination = layout.mac
        head[source : source + 6], head[destination : destination + 6] = MAC_SOURCE, MAC_DESTINATION
    if layout.kind == "sunatm":
        head[0] = 2  # LLC multiplexed
    elif layout.mac is not None and layout.payload == 13:
        head[0] = 0x50  # FDDI: an LLC frame
    return bytes(head) + _snap(ethertype)


def _zeros(link: LinkType, layout: Layout, c: _Carried) -> bytes | None:
    """A header whose type a search has to find."""
    if layout.kind == "frelay":
        if c.ethertype not in _NLPID:
            return None
        return bytes((0x04, 0x01, 0x03, _NLPID[c.ethertype]))
    if layout.kind == "pflog":
        return bytes((61, _family_number(c))) + bytes(62)
    network = (layout.payload + layout.network) % 2**32
    if network >= _LARGEST:
        network = 16
    head = bytearray(layout.header + network)
    if layout.kind == "ethertype" and layout.type_at is not None:
        head[layout.type_at : layout.type_at + 2] = struct.pack(">H", c.ethertype)
    if layout.kind == "juniper":
        head[:3] = _JUNIPER_MAGIC[: len(head)]
    return bytes(head)
