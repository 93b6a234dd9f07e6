"""The frame at the start of the packet: the link header, behind a radio header, or layer 3."""

from __future__ import annotations

from bpfq.graph.terms import Term
from bpfq.headers.places import Frame, Headers, Place
from bpfq.operators import Operator, Relation
from bpfq.tables.linktypes import Layout

WLAN_HEADER = 24  # bytes of an 802.11 data frame's header without QoS control and fourth address
PRISM_HEADER = 144
AVS_COOKIE, AVS_MASK = 0x80211000, 0xFFFFF000
# radiotap presence bits as read big-endian (the header is little-endian)
RADIOTAP_FLAGS, RADIOTAP_TSFT, RADIOTAP_EXT = 0x02000000, 0x01000000, 0x00000080
RADIOTAP_DATAPAD = 0x20


def outermost(h: Headers) -> Frame:
    """The frame that stands behind nothing."""
    layout = h.link.layout or Layout("")
    if h.target.layer == 3:
        return _layer3(h, layout)
    header = Place(None, layout.header)
    payload = Place(None, layout.payload)
    type_at = Place(None, layout.type_at or 0)
    if layout.kind == "wlan":
        header, payload = _wlan_places(h)
        type_at = payload
    elif layout.kind == "pflog":
        length = h.sum(Operator.ADD, h.builder.load(None, 0, 1), 3)
        payload = Place(h.sum(Operator.AND, length, 0xFFFFFFFC), 0)
    elif layout.kind in ("llc", "sunatm"):
        type_at = payload
    return Frame(
        layout.kind, h.link, header, type_at, payload, layout.network, layout.nosnap,
        layout.mac, layout.station, layout.vlan, layout.mpls, layout.llc,
    )  # fmt: skip


def _layer3(h: Headers, layout: Layout) -> Frame:
    network = Place(None, h.target.network_at)
    start = h.target.transport_at
    transport = None if start is None else Place(None, start)
    return Frame(
        layout.kind, h.link, network, network, network, 0, 0, None, None,
        vlan=h.target.vlan == "metadata", mpls=False, llc=False, transport=transport,
        type_value=h.builder.metadata("proto") if layout.kind == "cooked" else None,
    )  # fmt: skip


def _wlan_places(h: Headers) -> tuple[Place, Place]:
    """The 802.11 header and its payload, behind a radio header where there is one.

    The payload is that of a data frame, which every test that reads it checks for first: 24
    bytes of header, two more with QoS control (bit 0x80 of the frame control).
    """
    header = Place(_radio_length(h), 0)
    qos = h.sum(Operator.AND, h.load(header, 0, 1), 0x80)
    payload = h.add(header, h.sum(Operator.RSH, qos, 6)).plus(WLAN_HEADER)
    if h.link.name == "IEEE802_11_RADIO":
        payload = Place(_padded(h, h.address(payload)), 0)
    return header, payload


def _radio_length(h: Headers) -> Term | None:
    b = h.builder
    match h.link.name:
        case "PRISM_HEADER" | "IEEE802_11_RADIO_AVS":
            avs = b.load(None, 4, 4)
            if h.link.name != "PRISM_HEADER":
                return avs
            cookie = h.sum(Operator.AND, b.load(None, 0, 4), AVS_MASK)
            prism = b.constant(PRISM_HEADER)
            return b.choose(Relation.EQ, cookie, b.constant(AVS_COOKIE), avs, prism)
        case "IEEE802_11_RADIO" | "PPI":
            high = h.sum(Operator.LSH, b.load(None, 3, 1), 8)
            return b.binary(Operator.OR, b.load(None, 2, 1), high)
        case _:
            return None


def _padded(h: Headers, length: Term) -> Term:
    """Rounded up to a word where radiotap says that the driver padded the header."""
    b = h.builder
    presence, none = b.load(None, 4, 4), b.constant(0)
    late, early = b.load(None, 16, 1), b.load(None, 8, 1)
    flags = b.choose(Relation.SET, presence, b.constant(RADIOTAP_TSFT), late, early)
    flags = b.choose(Relation.SET, presence, b.constant(RADIOTAP_EXT), none, flags)
    flags = b.choose(Relation.SET, presence, b.constant(RADIOTAP_FLAGS), flags, none)
    rounded = h.sum(Operator.AND, h.sum(Operator.ADD, length, 3), 0xFFFFFFFC)
    return b.choose(Relation.SET, flags, b.constant(RADIOTAP_DATAPAD), rounded, length)
