"""Shims and tunnels: is one here, and where do the headers behind it stand.

Where headers stand depends on the packet alone, never on which tests came before.  Sources: IEEE
802.1Q, RFC 3032 (MPLS), RFC 2516 (PPPoE), RFC 8926 (Geneve), RFC 7348 (VXLAN).
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from bpfq.errors import UnsupportedError
from bpfq.meaning.frame import Frame, outermost, unsupported
from bpfq.meaning.linktype import type_is
from bpfq.meaning.logic import (
    Leaf,
    Test,
    equals,
    every,
    holds,
    opposite,
    reads,
    some,
)
from bpfq.meaning.network import first_fragment, next_is, protocol_is
from bpfq.meaning.packet import Packet, Place, Reader
from bpfq.meaning.setting import Setting
from bpfq.operators import wrap
from bpfq.query.nodes import Encapsulation, Under
from bpfq.tables.linktypes import Layout, link_types
from bpfq.tables.protocols import (
    ETHERTYPE_8021AD,
    ETHERTYPE_8021Q,
    ETHERTYPE_8021QINQ,
    ETHERTYPE_IP,
    ETHERTYPE_IPV6,
    ETHERTYPE_MPLS,
    ETHERTYPE_PPPOED,
    ETHERTYPE_PPPOES,
    ETHERTYPE_TEB,
    PROTO_UDP,
)

_TAG = _LABEL = 4  # bytes of a VLAN tag, of an MPLS label
_TAG_TYPES = (ETHERTYPE_8021Q, ETHERTYPE_8021AD, ETHERTYPE_8021QINQ)
_PPP_MPLS = 0x0281  # RFC 3032, unicast
_GENEVE_PORT, _VXLAN_PORT = 6081, 4789  # RFC 8926, RFC 7348
_LE_CONTROL = 0xFF00  # first half-word of a LAN emulation control frame


@lru_cache(maxsize=1024)
def frame_under(setting: Setting, under: Under) -> Frame:
    """The link layer behind the encapsulations, outermost first."""
    frame = outermost(setting)
    for word in under:
        frame = _enter(frame, word, setting)
    return frame


def _enter(frame: Frame, word: str, setting: Setting) -> Frame:
    match word:
        case "vlan":
            return _behind_tag(frame, setting)
        case "mpls":
            _require_mpls(frame)
            return replace(
                frame,
                network=frame.network + _LABEL,
                nosnap=frame.nosnap + _LABEL,
                labels=frame.labels + 1,
            )
        case "pppoes":
            return _ppp_session(frame, setting)
        case "geneve":
            return _geneve_inner(frame, setting)
        case "vxlan":
            start = _tunnel_header(frame, setting, 16)
            return _ethernet(start, start.at(12), start.at(14))
        case "lane" if frame.kind == "sunatm":
            start = Place(6)
            control = equals(frame.link.at(4), 2, _LE_CONTROL)
            inner = _ethernet(start, start.at(12), start.at(14))
            return replace(inner, data=opposite(control), station=opposite(control))
        case "llc" if frame.kind in ("sunatm", "ethernet"):
            return frame
        case _:
            raise unsupported(word, frame)


def _layout(name: str) -> Layout:
    layout = link_types()[name].layout
    assert layout is not None
    return layout


def _ethernet(link: Place, type_field: Place, payload: Place) -> Frame:
    layout = _layout("EN10MB")
    return Frame(
        name="EN10MB",
        kind="ethernet",
        link=link,
        type=type_field,
        payload=payload,
        layout=layout,
        nosnap=layout.nosnap or 0,
        inner=True,
    )


def encapsulation(node: Encapsulation, setting: Setting) -> Test:
    """The header is here, with the identifier if one is named."""
    frame = frame_under(setting, node.under)
    match node.kind:
        case "vlan":
            return tagged(frame, node.identifier, setting)
        case "mpls":
            return _labelled(frame, node.identifier, setting)
        case "pppoed":
            return type_is(frame, ETHERTYPE_PPPOED, setting)
        case "pppoes":
            here = type_is(frame, ETHERTYPE_PPPOES, setting)
            session = node.identifier
            return here if session is None else every(here, equals(frame.net(2), 2, session))
        case "geneve" | "vxlan":
            return _tunnel(frame, node.kind, node.identifier, setting)
        case _:
            raise unsupported(node.kind, frame)


# ---------------------------------------------------------------- VLAN tags


def _tag_may_be_metadata(frame: Frame, setting: Setting) -> bool:
    """Only Linux moves it, and only the outermost tag of an Ethernet frame."""
    outer = frame.name in ("EN10MB", "COOKED") and not frame.inner and frame.tags == 0
    if setting.live and outer:
        setting.require_metadata("vlan")
        return True
    return False


def _tag_in_metadata(packet: Packet) -> bool:
    return packet.word("vlanp") == 1


def _require_vlan(frame: Frame) -> None:
    if frame.labels:
        raise UnsupportedError("no vlan tag can be matched behind mpls")
    if not frame.layout.vlan and frame.kind != "cooked":
        raise unsupported("vlan", frame)


def _behind_tag(frame: Frame, setting: Setting) -> Frame:
    _require_vlan(frame)
    if _tag_may_be_metadata(frame, setting):

        def distance(packet: Packet) -> int:
            return 0 if _tag_in_metadata(packet) else _TAG

        moved, payload = frame.type.moved(distance), frame.payload.moved(distance)
        return replace(frame, type=moved, payload=payload, tags=1)
    return replace(
        frame,
        type=frame.type.at(_TAG),
        payload=frame.payload.at(_TAG),
        tags=frame.tags + 1,
    )


def tagged(frame: Frame, identifier: int | None, setting: Setting) -> Test:
    """A VLAN tag stands here."""
    _require_vlan(frame)
    here = some(*[type_is(frame, number, setting) for number in _TAG_TYPES])
    if _tag_may_be_metadata(frame, setting):
        here = some(Leaf(_tag_in_metadata), here)
    if identifier is None:
        return here
    return every(here, reads(tag_control(frame, setting), identifier, 0xFFF))


def tag_control(frame: Frame, setting: Setting) -> Reader:
    """The tag control information, from the packet or from metadata."""
    place = frame.net(0)
    if not _tag_may_be_metadata(frame, setting):
        return lambda packet: place.load(packet, 2)
    return lambda packet: (
        packet.word("vlan_tci") if _tag_in_metadata(packet) else place.load(packet, 2)
    )


# ---------------------------------------------------------------- MPLS and PPPoE


def _require_mpls(frame: Frame) -> None:
    if not frame.layout.mpls:
        raise unsupported("mpls", frame)


def _labelled(frame: Frame, label: int | None, setting: Setting) -> Test:
    """Only the first label is named by the type field; the others by what ends the stack."""
    _require_mpls(frame)
    if frame.labels:
        here = equals(frame.net(-2), 1, 0, 1)
    else:
        number = _PPP_MPLS if frame.kind == "ppp" else ETHERTYPE_MPLS
        here = type_is(frame, number, setting)
    if label is None:
        return here
    return every(here, equals(frame.net(0), 4, label << 12, 0xFFFF_F000))


def _ppp_session(frame: Frame, setting: Setting) -> Frame:
    """The PPP header starts behind the six bytes of PPPoE."""
    type_is(frame, ETHERTYPE_PPPOES, setting)  # refuses frames that cannot carry it
    link = frame.net(6)
    return Frame("PPP", "ppp", link, link, link.at(2), _layout("PPP"), inner=True)


# ---------------------------------------------------------------- Geneve and VXLAN


def _tunnel(frame: Frame, kind: str, identifier: int | None, setting: Setting) -> Test:
    """UDP over IPv4 or IPv6 to the well-known port, and the header's first byte as it must be."""
    port, value, mask = (_GENEVE_PORT, 0, 0xC0) if kind == "geneve" else (_VXLAN_PORT, 8, 0xFF)

    def header(udp: Place) -> Test:
        here = every(equals(udp.at(2), 2, port), equals(udp.at(8), 1, value, mask))
        if identifier is not None:
            here = every(here, equals(udp.at(12), 4, identifier << 8, 0xFFFF_FF00))
        return here if kind == "vxlan" else every(here, _is_there(udp.at(10)))

    over4 = every(
        type_is(frame, ETHERTYPE_IP, setting),
        protocol_is(frame, PROTO_UDP),
        first_fragment(frame),
        header(frame.transport4()),
    )
    over6 = every(
        type_is(frame, ETHERTYPE_IPV6, setting),
        next_is(frame, PROTO_UDP),
        header(frame.transport6()),
    )
    return some(over4, over6)


def _is_there(inner_type: Place) -> Test:
    """Always true, but reads the tunnel's protocol, which decides where the inner headers are."""
    return Leaf(lambda packet: inner_type.load(packet, 2) >= 0)


def _tunnel_header(frame: Frame, setting: Setting, offset: int) -> Place:
    """offset bytes from the UDP header: behind IPv4, as long as it says, or else behind IPv6."""
    over4 = type_is(frame, ETHERTYPE_IP, setting)
    udp4, udp6 = frame.transport4(), frame.transport6()

    def start(packet: Packet) -> int:
        udp = udp4 if holds(over4, packet) else udp6
        return wrap(udp.register(packet) + udp.constant + offset)

    return Place(0, start)


def _geneve_inner(frame: Frame, setting: Setting) -> Frame:
    """Ethernet if the tunnel says so, otherwise a bare network header of the tunnel's type."""
    first, inner_type = (_tunnel_header(frame, setting, offset) for offset in (8, 10))
    is_ethernet = equals(inner_type, 2, ETHERTYPE_TEB)

    def start(packet: Packet) -> int:
        options = 4 * (first.load(packet, 1) & 0x3F)
        return wrap(first.register(packet) + 8 + options)

    def type_at(packet: Packet) -> int:
        if holds(is_ethernet, packet):
            return wrap(start(packet) + 12)
        return inner_type.register(packet)

    def payload_at(packet: Packet) -> int:
        return wrap(start(packet) + (14 if holds(is_ethernet, packet) else 0))

    inner = _ethernet(Place(0, start), Place(0, type_at), Place(0, payload_at))
    return replace(inner, station=is_ethernet)

