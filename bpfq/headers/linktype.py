"""The link-layer type test: "this frame carries protocol P", for every way a type is coded.

P is an EtherType when above 1500, else an LLC SAP.  One arm of ``type_is`` per ``Layout.kind``.
"""

from __future__ import annotations

from typing import Final

from bpfq.errors import FilterError, UnsupportedError
from bpfq.graph.formula import FALSE, TRUE, Atom, Formula, both, either, negation
from bpfq.headers.peel import peeled_type
from bpfq.headers.places import Frame, Headers, Place
from bpfq.operators import Relation
from bpfq.tables import protocols as p

SLL_8023, SLL_8022 = 0x0001, 0x0004  # LINUX_SLL_P_802_3 and _802_2, <linux/if_ether.h>
SNAP_ETHERNET, SNAP_APPLE = 0x000000, 0x080007  # organisation codes

AF_INET: Final = 2
AF_INET6_LINUX: Final = 10
AF_INET6_FILE: Final = (30, 24, 28)  # macOS; NetBSD and OpenBSD; FreeBSD

_PPP_NUMBERS = {  # RFC 1661 and IANA's PPP numbers
    p.ETHERTYPE_IP: 0x0021, p.ETHERTYPE_IPV6: 0x0057, p.ETHERTYPE_DECNET: 0x0027,
    p.ETHERTYPE_ATALK: 0x0029, 0x0600: 0x0025, p.SAP_ISO: 0x0023, p.SAP_STP: 0x0031,
    p.SAP_IPX: 0x002B,
}  # fmt: skip
_PPP_VJ = (0x002D, 0x002F)  # Van Jacobson compressed and uncompressed TCP/IP (RFC 1144)
_ARCNET_CODES = {
    p.ETHERTYPE_IP: 0xD4, p.ETHERTYPE_ARP: 0xD5, p.ETHERTYPE_RARP: 0xD6,
    p.ETHERTYPE_IPV6: 0xC4, p.ETHERTYPE_ATALK: 0xDD,
}  # fmt: skip
_NIBBLES = {p.ETHERTYPE_IP: 0x40, p.ETHERTYPE_IPV6: 0x60}
_FRAME_RELAY = {
    p.ETHERTYPE_IP: (0xCC,), p.ETHERTYPE_IPV6: (0x8E,),
    p.SAP_ISO: (p.NLPID_CLNP, p.NLPID_ESIS, p.NLPID_ISIS),
}  # fmt: skip
_UI = 0x0300  # frame relay control: unnumbered information
_IPNET_TYPES = {p.ETHERTYPE_IP: 2, p.ETHERTYPE_IPV6: 26}
_JUNIPER_MAGIC = 0x4D474300


def type_is(h: Headers, frame: Frame, number: int) -> Formula:
    """The frame's link layer carries protocol ``number``.

    Raises UnsupportedError where the link type has no type field that filters know.
    """
    if frame.labels:
        return _behind_mpls(h, frame, number)
    match frame.kind:
        case "ethernet":
            return both(lane_guard(h, frame), _ethernet(h, frame, number))
        case "peeled":
            plain = both(lane_guard(h, frame), _ethernet(h, frame, number))
            return peeled_type(h, frame, number, plain)
        case "ethertype":
            return h.atom(frame.type_at, 0, 2, number)
        case "llc":
            return _llc(h, frame, number)
        case "wlan":
            return both(data_frame(h, frame), _llc(h, frame, number))
        case "sunatm":
            return both(llc_cell(h), _llc(h, frame, number))
        case "sll" | "cooked":
            return _sll(h, frame, number)
        case "ppp" | "ppp_bsdos":
            return _ppp(h, frame, number)
        case "hdlc":
            value = p.SAP_ISO << 8 | p.SAP_ISO if number == p.SAP_ISO else number
            return h.atom(frame.type_at, 0, 2, value)
        case "nibble":
            return _coded(h, frame, number)
        case "ipv4":
            return TRUE if number == p.ETHERTYPE_IP else FALSE
        case "ipv6":
            return TRUE if number == p.ETHERTYPE_IPV6 else FALSE
        case "af_host" | "af_network":
            return _address_family(h, frame, number)
        case "pflog":
            return either(*(h.atom(frame.type_at, 1, 1, af) for af in _families(h, number)))
        case "arcnet" | "ltalk" | "frelay" | "ipnet" | "juniper":
            return _coded(h, frame, number)
        case _:
            name = frame.link.name
            raise UnsupportedError(f"link-layer type filtering is not implemented for DLT_{name}")


def lane_guard(h: Headers, frame: Frame) -> Formula:
    """Behind ``lane``: data, not an LE control frame."""
    if not frame.lane:
        return TRUE
    return negation(h.atom(Place(None, 4), 0, 2, 0xFF00))


def llc_cell(h: Headers) -> Formula:
    """SunATM: an LLC-multiplexed cell."""
    return h.atom(Place(None, 0), 0, 1, 2, 0x0F)


def captured_80211(h: Headers) -> Formula:
    """PPI: the record holds an 802.11 frame (DLT 105 in little-endian); true elsewhere."""
    if h.link.name != "PPI":
        return TRUE
    return h.atom(Place(None, 4), 0, 4, 0x69000000)


def data_frame(h: Headers, frame: Frame) -> Formula:
    """802.11: type data (bit 3 set, bit 2 clear)."""
    return h.atom(frame.header, 0, 1, 0x08, 0x0C)


def is_length(h: Headers, frame: Frame) -> Formula:
    """802.3: the type field holds a length."""
    return negation(h.atom(frame.type_at, 0, 2, p.LARGEST_LENGTH, relation=Relation.GT))


def _access_point(number: int) -> int:
    """An LLC service access point; raises FilterError above 255."""
    if number > 0xFF:
        raise FilterError(f"an LLC access point is at most 255, an EtherType above 1500: {number}")
    return number


def _snap(h: Headers, frame: Frame, organisation: int, number: int) -> Formula:
    """An 802.2 SNAP header in full; its second word is tested first."""
    second = (organisation & 0xFFFF) << 16 | number
    first = 0xAAAA0300 | organisation >> 16
    return both(h.atom(frame.payload, 4, 4, second), h.atom(frame.payload, 0, 4, first))


def _ethernet(h: Headers, frame: Frame, number: int) -> Formula:
    exact = h.atom(frame.type_at, 0, 2, number)
    if number in (p.SAP_ISO, p.SAP_IP, p.SAP_NETBEUI):
        pair = number << 8 | number
        return both(is_length(h, frame), h.atom(frame.payload, 0, 2, pair))
    if number == p.SAP_IPX:
        framed = either(
            _snap(h, frame, SNAP_ETHERNET, p.ETHERTYPE_IPX),
            h.atom(frame.payload, 0, 1, p.SAP_IPX),
            h.atom(frame.payload, 0, 2, 0xFFFF),
        )
        return either(
            h.atom(frame.type_at, 0, 2, p.ETHERTYPE_IPX), both(is_length(h, frame), framed)
        )
    if number in (p.ETHERTYPE_ATALK, p.ETHERTYPE_AARP):
        organisation = SNAP_APPLE if number == p.ETHERTYPE_ATALK else SNAP_ETHERNET
        return either(exact, both(is_length(h, frame), _snap(h, frame, organisation, number)))
    if number <= p.LARGEST_LENGTH:
        return both(is_length(h, frame), h.atom(frame.payload, 0, 1, _access_point(number)))
    return exact


def _llc(h: Headers, frame: Frame, number: int) -> Formula:
    """802.2 without an Ethernet type field: FDDI, token ring, ATM, 802.11."""
    if number in (p.SAP_ISO, p.SAP_IP, p.SAP_NETBEUI):
        return h.atom(frame.payload, 0, 2, number << 8 | number)
    if number == p.ETHERTYPE_ATALK:
        return _snap(h, frame, SNAP_APPLE, number)
    if number <= p.LARGEST_LENGTH:
        return h.atom(frame.payload, 0, 1, _access_point(number))
    return h.atom(frame.payload, 6, 2, number)


def _sll(h: Headers, frame: Frame, number: int) -> Formula:
    """The kernel's protocol number, in a cooked header or in metadata."""
    exact, is_8022 = _protocol_is(h, frame, number), _protocol_is(h, frame, SLL_8022)
    if number in (p.SAP_ISO, p.SAP_IP, p.SAP_NETBEUI):
        return both(is_8022, h.atom(frame.payload, 0, 2, number << 8 | number))
    if number == p.SAP_IPX:
        framed = either(
            h.atom(frame.payload, 0, 1, p.SAP_IPX), _snap(h, frame, SNAP_ETHERNET, p.ETHERTYPE_IPX)
        )
        return either(
            _protocol_is(h, frame, p.ETHERTYPE_IPX),
            _protocol_is(h, frame, SLL_8023),
            both(is_8022, framed),
        )
    if number in (p.ETHERTYPE_ATALK, p.ETHERTYPE_AARP):
        organisation = SNAP_APPLE if number == p.ETHERTYPE_ATALK else SNAP_ETHERNET
        return either(exact, both(is_8022, _snap(h, frame, organisation, number)))
    if number <= p.LARGEST_LENGTH:
        return both(is_8022, h.atom(frame.payload, 0, 1, _access_point(number)))
    return exact


def _protocol_is(h: Headers, frame: Frame, number: int) -> Formula:
    if frame.type_value is None:
        return h.atom(frame.type_at, 0, 2, number)
    return Atom(frame.type_value, Relation.EQ, h.builder.constant(number))


def _ppp(h: Headers, frame: Frame, number: int) -> Formula:
    code = _PPP_NUMBERS.get(number, number)
    codes = (code, *_PPP_VJ) if (frame.kind, number) == ("ppp_bsdos", p.ETHERTYPE_IP) else (code,)
    return either(*(h.atom(frame.type_at, 0, 2, value) for value in codes))


def _coded(h: Headers, frame: Frame, number: int) -> Formula:
    """Link types that know a handful of protocols; every other one is never there."""
    match frame.kind:
        case "nibble":
            nibble = _NIBBLES.get(number)
            return h.atom(frame.header, 0, 1, nibble, 0xF0) if nibble else FALSE
        case "arcnet":
            code = _ARCNET_CODES.get(number)
            return h.atom(frame.type_at, 0, 1, code) if code else FALSE
        case "ltalk":
            return TRUE if number == p.ETHERTYPE_ATALK else FALSE
        case "frelay":
            ids = _FRAME_RELAY.get(number, ())
            return either(*(h.atom(frame.header, 2, 2, _UI | nlpid) for nlpid in ids))
        case "ipnet":
            kind = _IPNET_TYPES.get(number)
            return h.atom(frame.type_at, 0, 1, kind) if kind else FALSE
        case _:  # Juniper: the magic number alone, whatever the protocol
            return h.atom(frame.header, 0, 4, _JUNIPER_MAGIC, 0xFFFFFF00)


def _families(h: Headers, number: int) -> tuple[int, ...]:
    """The AF_ values of a protocol on the system that captured."""
    if number == p.ETHERTYPE_IP:
        return (AF_INET,)
    if number != p.ETHERTYPE_IPV6:
        return ()
    return AF_INET6_FILE if h.savefile else (AF_INET6_LINUX,)


def _address_family(h: Headers, frame: Frame, number: int) -> Formula:
    return either(*(h.atom(frame.header, 0, 4, _word(h, frame, af)) for af in _families(h, number)))


def _word(h: Headers, frame: Frame, family: int) -> int:
    """The AF_ word as a big-endian load sees it; host order is little-endian unless swapped."""
    if frame.kind == "af_network" or h.savefile == "swapped":
        return family
    return int.from_bytes(family.to_bytes(4, "little"), "big")


def _behind_mpls(h: Headers, frame: Frame, number: int) -> Formula:
    """Only IP can be told behind a label: bottom of stack, then the version nibble."""
    nibble = {**_NIBBLES, 0x0021: 0x40, 0x0057: 0x60}.get(number)
    if nibble is None:
        raise UnsupportedError("only ip and ip6 can be tested behind an MPLS label")
    return both(
        h.atom(frame.network.plus(-2), 0, 1, 0x01, relation=Relation.SET),
        h.atom(frame.network, 0, 1, nibble, 0xF0),
    )
