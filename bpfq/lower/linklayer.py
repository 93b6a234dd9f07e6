"""Link layer: station addresses, broadcast, 802.2, direction, interface."""

from __future__ import annotations

from bpfq.errors import FilterError
from bpfq.graph.formula import Atom, Formula, both, either, negation
from bpfq.headers.linktype import data_frame, is_length, lane_guard, llc_cell, type_is
from bpfq.headers.places import Frame, Place
from bpfq.lower import wlan
from bpfq.lower.context import Context, directed
from bpfq.operators import Operator, Relation
from bpfq.query import nodes as q
from bpfq.source import Suggestion
from bpfq.tables.protocols import ETHERTYPE_IP, ETHERTYPE_IPV6

BROADCAST = 2**48 - 1
PACKET_OUTGOING = 4  # <linux/if_packet.h>
_BROADCAST_STATION = {"arcnet": 0x00}


def six_bytes(c: Context, place: Place, offset: int, address: int) -> Formula:
    """A 48-bit address stands here; its low word is tested first."""
    return both(
        c.headers.atom(place, offset + 2, 4, address & 0xFFFF_FFFF),
        c.headers.atom(place, offset, 2, address >> 32),
    )


def mac_address(node: q.MacAddress, c: Context) -> Formula:
    frame = c.frame(node.under)
    return either(*(_mac(node, address, frame, c) for address in node.addresses))


def _mac(node: q.MacAddress, address: int, frame: Frame, c: Context) -> Formula:
    if frame.kind == "wlan":
        return wlan.address(node.direction, address, frame, c)
    if frame.mac is None:
        raise c.refuse("a 48-bit link-layer address", node.span)
    if node.direction not in ("src", "dst", "src or dst", "src and dst"):
        raise c.refuse(f"'{node.direction}' (an 802.11 address)", node.span)
    source, destination = (six_bytes(c, frame.header, at, address) for at in frame.mac)
    return both(mac_guard(frame, c), directed(node.direction, source, destination))


def mac_guard(frame: Frame, c: Context) -> Formula:
    """The frame has MAC addresses."""
    return both(lane_guard(c.headers, frame), frame.mac_guard or both())


def station_address(node: q.StationAddress, c: Context) -> Formula:
    frame = c.frame(node.under)
    if frame.station is None:
        raise c.refuse("an 8-bit station address", node.span)
    source, destination = (
        c.headers.atom(frame.header, at, 1, node.address) for at in frame.station
    )
    return directed(node.direction, source, destination)


def broadcast(node: q.Broadcast, c: Context) -> Formula:
    frame = c.frame(node.under)
    if node.layer == "ip":
        return _ip_broadcast(node, frame, c)
    if frame.kind == "wlan":
        return wlan.address("dst", BROADCAST, frame, c)
    if frame.station is not None:
        everyone = _BROADCAST_STATION.get(frame.kind, 0xFF)
        return c.headers.atom(frame.header, frame.station[1], 1, everyone)
    if frame.mac is None:
        raise c.refuse("'broadcast'", node.span)
    return both(mac_guard(frame, c), six_bytes(c, frame.header, frame.mac[1], BROADCAST))


def _ip_broadcast(node: q.Broadcast, frame: Frame, c: Context) -> Formula:
    netmask = c.options.netmask
    if netmask is None:
        raise FilterError(
            "'ip broadcast' needs the network's mask, which is not known",
            span=node.span,
            suggestions=(Suggestion("--netmask 255.255.255.0", "or netmask= in Python"),),
        )
    host = ~netmask & 0xFFFF_FFFF
    return both(
        type_is(c.headers, frame, ETHERTYPE_IP),
        either(
            c.headers.atom(frame.network, 16, 4, 0, host),
            c.headers.atom(frame.network, 16, 4, host, host),
        ),
    )


def multicast(node: q.Multicast, c: Context) -> Formula:
    frame, h = c.frame(node.under), c.headers
    if node.layer == "ip":
        return both(type_is(h, frame, ETHERTYPE_IP), h.atom(frame.network, 16, 1, 0xE0, 0xF0))
    if node.layer == "ip6":
        return both(type_is(h, frame, ETHERTYPE_IPV6), h.atom(frame.network, 24, 1, 0xFF))
    if frame.kind == "wlan":
        return wlan.multicast(frame, c)
    if frame.kind == "arcnet" and frame.station is not None:  # all multicasts go to everyone
        return h.atom(frame.header, frame.station[1], 1, 0x00)
    if frame.mac is None:
        raise c.refuse("'multicast'", node.span)
    group = h.atom(frame.header, frame.mac[1], 1, 0x01, relation=Relation.SET)
    return both(mac_guard(frame, c), group)


def link_byte(node: q.LinkByte, c: Context) -> Formula:
    if c.headers.target.layer == 3:
        raise c.refuse("the link header", node.span)
    h, header = c.headers, c.frame(node.under).header
    match node.operator:
        case "=":
            return h.atom(header, node.offset, 1, node.value)
        case ">":
            return h.atom(header, node.offset, 1, node.value, relation=Relation.GT)
        case "<":
            return negation(h.atom(header, node.offset, 1, node.value, relation=Relation.GE))
        case _:
            operator = Operator.AND if node.operator == "&" else Operator.OR
            term = h.sum(operator, h.load(header, node.offset, 1), node.value)
            return negation(Atom(term, Relation.EQ, h.builder.constant(0)))


# ---------------------------------------------------------------- direction and interface

# link type -> offset, size, mask, inbound value, outbound value (None: everything else)
_DIRECTIONS: dict[str, tuple[int, int, int | None, int | None, int]] = {
    "SLIP": (0, 1, None, 0, 1),
    "IPNET": (2, 2, None, 2, 1),
    "LINUX_SLL": (0, 2, None, None, PACKET_OUTGOING),
    "LINUX_SLL2": (10, 1, None, None, PACKET_OUTGOING),
    "PFLOG": (60, 1, None, 1, 2),
    "PPP_PPPD": (0, 1, None, 0, 1),
    "DSA_TAG_BRCM": (12, 1, 0xE0, 0x00, 0x20),
}


def packet_direction(node: q.PacketDirection, c: Context) -> Formula:
    h, name, packet = c.headers, c.headers.link.name, Place(None, 0)
    if name == "DSA_TAG_DSA":
        if node.inbound:
            return h.atom(packet, 12, 1, 0x00, 0x40)
        return h.atom(packet, 12, 1, 0x40, 0xC0)
    if h.link.layout is not None and h.link.layout.kind == "juniper":
        return h.atom(packet, 3, 1, int(node.inbound), 0x01)
    if name in _DIRECTIONS:
        offset, size, mask, inbound, outbound = _DIRECTIONS[name]
        if node.inbound and inbound is not None:
            return h.atom(packet, offset, size, inbound, mask)
        leaving = h.atom(packet, offset, size, outbound, mask)
        return negation(leaving) if node.inbound else leaving
    if not h.target.metadata:
        word = "inbound" if node.inbound else "outbound"
        raise c.refuse(f"'{word}' (a file does not record it)", node.span, _LIVE)
    kind = Atom(h.builder.metadata("type"), Relation.EQ, h.builder.constant(PACKET_OUTGOING))
    return negation(kind) if node.inbound else kind


_LIVE = (Suggestion("--target packet", "for a live Linux socket"),)


def interface_index(node: q.InterfaceIndex, c: Context) -> Formula:
    h = c.headers
    if h.link.name == "LINUX_SLL2":
        return h.atom(Place(None, 0), 4, 4, node.index)
    if not h.target.metadata:
        raise c.refuse("'ifindex' (a file does not record it)", node.span, _LIVE)
    return Atom(h.builder.metadata("ifidx"), Relation.EQ, h.builder.constant(node.index))


# ---------------------------------------------------------------- 802.2

# control word -> value and mask of the control byte (ISO/IEC 8802-2)
_LLC_CONTROLS = {
    "s": (0x01, 0x03), "u": (0x03, 0x03),
    "rr": (0x01, 0x0F), "rnr": (0x05, 0x0F), "rej": (0x09, 0x0F),
    "ui": (0x03, 0xEF), "ua": (0x63, 0xEF), "disc": (0x43, 0xEF), "dm": (0x0F, 0xEF),
    "sabme": (0x6F, 0xEF), "test": (0xE3, 0xEF), "xid": (0xAF, 0xEF), "frmr": (0x87, 0xEF),
}  # fmt: skip


def llc(node: q.Llc, c: Context) -> Formula:
    frame, h = c.frame(node.under), c.headers
    framed = _is_llc(node, frame, c)
    if node.kind is None:
        return framed
    if node.kind == "i":
        numbered = h.atom(frame.payload, 2, 1, 0x01, relation=Relation.SET)
        return both(framed, negation(numbered))
    return both(framed, h.atom(frame.payload, 2, 1, *_LLC_CONTROLS[node.kind]))


def _is_llc(node: q.Llc, frame: Frame, c: Context) -> Formula:
    h = c.headers
    if not frame.llc:
        raise c.refuse("'llc'", node.span)
    match frame.kind:
        case "ethernet":
            novell = h.atom(frame.payload, 0, 2, 0xFFFF)  # raw 802.3, NetWare
            return both(is_length(h, frame), negation(novell))
        case "sunatm":
            return llc_cell(h)
        case "wlan":
            return data_frame(h, frame)
        case _:  # the link type promises LLC
            return both()
