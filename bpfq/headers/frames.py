"""The frame behind an encapsulation: what a header word does to everything that follows it.

``frame(headers, under)`` is the frame as a test sees it that stands behind the words ``under``.
"""

from __future__ import annotations

from bpfq.errors import UnsupportedError
from bpfq.graph.build import choose
from bpfq.graph.formula import Atom, either
from bpfq.graph.terms import Term
from bpfq.headers.linktype import type_is
from bpfq.headers.outermost import outermost
from bpfq.headers.peel import peel
from bpfq.headers.places import IPV6_HEADER, UDP_HEADER, Frame, Headers, Place
from bpfq.operators import Operator, Relation
from bpfq.record import replace
from bpfq.tables.protocols import ETHERTYPE_IP, ETHERTYPE_TEB, TAG_TYPES


def frame(h: Headers, under: tuple[str, ...]) -> Frame:
    """The frame behind the encapsulations ``under``, outermost first."""
    known = len(under)
    while known and under[:known] not in h.frames:
        known -= 1
    seen = h.frames.get(under[:known]) or outermost(h)
    h.frames[under[:known]] = seen
    for depth in range(known, len(under)):
        seen = _behind(h, seen, under[depth])
        h.frames[under[: depth + 1]] = seen
    return seen


def _behind(h: Headers, frame: Frame, word: str) -> Frame:
    match word:
        case "*":  # whatever shims are there
            return peel(h, frame)
        case "vlan":
            return _behind_vlan(h, frame)
        case "mpls":
            return replace(frame, labels=frame.labels + 1, network_offset=frame.network_offset + 4)
        case "pppoes":
            return _behind_pppoe(h, frame)
        case "lane":
            return _behind_lane(h, frame)
        case "geneve" | "vxlan" | "gre" | "ipip":
            return _behind_tunnel(h, frame, word)
        case _:
            raise UnsupportedError(f"no header can stand behind '{word}'")


def _behind_vlan(h: Headers, frame: Frame) -> Frame:
    if frame.type_value is not None:
        return _behind_cooked_vlan(h, frame, frame.type_value)
    b = h.builder
    shift: Term = b.constant(4)
    if h.tag_in_metadata(frame):
        stripped = (b.metadata("vlanp"), b.constant(1))
        shift = b.choose(Relation.EQ, *stripped, b.constant(0), shift)
    return replace(
        frame, tags=frame.tags + 1, type_at=h.add(frame.type_at, shift),
        payload=h.add(frame.payload, shift),
    )  # fmt: skip


def _behind_cooked_vlan(h: Headers, frame: Frame, value: Term) -> Frame:
    """A tag that is left in the bytes starts with its TCI; the type behind it follows."""
    b = h.builder
    none = b.constant(0)
    tagged = either(*(Atom(value, Relation.EQ, b.constant(tpid)) for tpid in TAG_TYPES))
    shift = choose(tagged, b.constant(4), none, b)
    behind = choose(tagged, h.load(frame.payload, 2, 2), value, b)
    if not frame.tags:
        stripped = (b.metadata("vlanp"), b.constant(1))
        shift = b.choose(Relation.EQ, *stripped, none, shift)
        behind = b.choose(Relation.EQ, *stripped, value, behind)
    payload = h.add(frame.payload, shift)
    return replace(frame, tags=frame.tags + 1, payload=payload, type_value=behind)


def _behind_pppoe(h: Headers, frame: Frame) -> Frame:
    header = frame.network.plus(6)  # RFC 2516: six bytes, then the PPP protocol
    return replace(
        frame, kind="ppp", header=header, type_at=header, payload=header.plus(2),
        network_offset=0, nosnap_offset=0, mac=None, vlan=False, mpls=True, llc=False,
    )  # fmt: skip


def _behind_lane(h: Headers, frame: Frame) -> Frame:
    header = frame.payload.plus(2)  # LE client identifier, then an Ethernet frame
    return replace(
        frame, kind="ethernet", header=header, type_at=header.plus(12),
        payload=header.plus(14), network_offset=0, nosnap_offset=3, mac=(6, 0),
        vlan=True, mpls=True, llc=True, lane=True,
    )  # fmt: skip


def _behind_ip(h: Headers, frame: Frame) -> Place:
    """The header that follows IPv4 where the frame carries it, else the fixed IPv6 header."""
    length = choose(
        type_is(h, frame, ETHERTYPE_IP), h.ipv4_length(frame.network),
        h.builder.constant(IPV6_HEADER), h.builder,
    )  # fmt: skip
    return h.add(frame.network, length)


def _behind_tunnel(h: Headers, frame: Frame, word: str) -> Frame:
    outer = _behind_ip(h, frame)
    if word == "vxlan":  # RFC 7348: eight bytes, then an Ethernet frame
        return _inner_ethernet(frame, outer.plus(UDP_HEADER + 8))
    if word == "ipip":
        return replace(
            frame, kind="nibble", header=outer, type_at=outer, payload=outer,
            network_offset=0, nosnap_offset=0, mac=None, labels=0, encapsulated=True,
            vlan=False, mpls=False, llc=False, network_place=None,
        )  # fmt: skip
    if word == "geneve":  # RFC 8926: eight bytes, options counted in words
        header = outer.plus(UDP_HEADER)
        words = h.sum(Operator.AND, h.load(header, 0, 1), 0x3F)
        inner = h.add(header, h.sum(Operator.MUL, words, 4)).plus(8)
    else:  # RFC 2784 and 2890: checksum, key and sequence number of four bytes each
        header = outer
        inner = h.add(header, _gre_options(h, header)).plus(4)
    return _inner_typed(h, frame, header.plus(2), inner)


def _gre_options(h: Headers, header: Place) -> Term:
    flags = h.load(header, 0, 1)
    count: Term = h.builder.constant(0)
    for bit in (7, 5, 4):  # C, K, S
        one = h.sum(Operator.AND, h.sum(Operator.RSH, flags, bit), 1)
        count = h.sum(Operator.ADD, one, count)
    return h.sum(Operator.LSH, count, 2)


def _inner_typed(h: Headers, frame: Frame, protocol: Place, inner: Place) -> Frame:
    """Behind a header with an EtherType: an Ethernet frame if it says so, else bare."""
    b = h.builder
    type_field = (h.load(protocol, 0, 2), b.constant(ETHERTYPE_TEB))
    start = h.address(inner)
    bridged = h.sum(Operator.ADD, start, 12)
    type_at = b.choose(Relation.EQ, *type_field, bridged, h.address(protocol))
    payload = b.choose(Relation.EQ, *type_field, h.sum(Operator.ADD, start, 14), start)
    ethernet = _inner_ethernet(frame, inner)
    return replace(
        ethernet, type_at=Place(type_at, 0), payload=Place(payload, 0),
        mac_guard=Atom(type_field[0], Relation.EQ, type_field[1]),
    )  # fmt: skip


def _inner_ethernet(frame: Frame, start: Place) -> Frame:
    return replace(
        frame, kind="ethernet", header=start, type_at=start.plus(12), payload=start.plus(14),
        network_offset=0, nosnap_offset=3, mac=(6, 0), station=None, vlan=True, mpls=True,
        llc=True, labels=0, encapsulated=True, lane=False, mac_guard=None, transport=None,
        network_place=None,
    )  # fmt: skip
