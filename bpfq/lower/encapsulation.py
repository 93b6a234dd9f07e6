"""Shims and tunnels: VLAN tags, MPLS labels, PPPoE, Geneve, VXLAN, GRE and IP in IP."""

from __future__ import annotations

from bpfq.graph.formula import Atom, Formula, both, either, negation
from bpfq.graph.terms import Term
from bpfq.headers.linktype import type_is
from bpfq.headers.places import UDP_HEADER, Frame, Place
from bpfq.lower.context import Context
from bpfq.lower.network import is_ip, is_ip6
from bpfq.lower.transport import udp_destination
from bpfq.operators import Operator, Relation
from bpfq.query import nodes as q
from bpfq.tables import protocols as p

GENEVE_PORT = 6081  # RFC 8926
VXLAN_PORT = 4789  # RFC 7348
VID_MASK = 0x0FFF
PPP_MPLS = 0x0281
_IPIP_NUMBERS = (4, 41)  # IPv4 and IPv6 in IP (RFC 2003, RFC 4213)


def encapsulation(node: q.Encapsulation, c: Context) -> Formula:
    frame = c.frame(node.under)
    match node.kind:
        case "vlan":
            return _vlan(node, frame, c)
        case "mpls":
            return _mpls(node, frame, c)
        case "pppoed":
            return type_is(c.headers, frame, p.ETHERTYPE_PPPOED)
        case "pppoes":
            session = _identified(node, c, frame.network, 2, 2, None, 0)
            return both(type_is(c.headers, frame, p.ETHERTYPE_PPPOES), session)
        case "geneve" | "vxlan":
            return _udp_tunnel(node, frame, c)
        case "gre":
            return _over_ip((p.PROTO_GRE,), frame, c)
        case _:
            return _over_ip(_IPIP_NUMBERS, frame, c)


def _identified(
    node: q.Encapsulation, c: Context, place: Place, offset: int, size: int,
    mask: int | None, shift: int,
) -> Formula:  # fmt: skip
    if node.identifier is None:
        return both()
    return c.headers.atom(place, offset, size, node.identifier << shift, mask)


def _vlan(node: q.Encapsulation, frame: Frame, c: Context) -> Formula:
    if not frame.vlan:
        raise c.refuse("'vlan'", node.span)
    if c.headers.tag_in_metadata(frame):
        return _vlan_in_metadata(node, frame, c)
    tagged = either(*(type_is(c.headers, frame, tpid) for tpid in p.TAG_TYPES))
    return both(tagged, _identified(node, c, frame.network, 0, 2, VID_MASK, 0))


def _vlan_in_metadata(node: q.Encapsulation, frame: Frame, c: Context) -> Formula:
    """The kernel took the tag out of the bytes, or, on its way out, left it in."""
    h, b = c.headers, c.headers.builder
    stripped = Atom(b.metadata("vlanp"), Relation.EQ, b.constant(1))
    tagged = either(stripped, *(type_is(h, frame, tpid) for tpid in p.TAG_TYPES))
    if node.identifier is None:
        return tagged
    vid = h.sum(Operator.AND, tag_control(frame, c), VID_MASK)
    return both(tagged, Atom(vid, Relation.EQ, b.constant(node.identifier)))


def tag_control(frame: Frame, c: Context) -> Term:
    """The 16 bits of priority, drop eligibility and VLAN number (IEEE 802.1Q)."""
    h, b = c.headers, c.headers.builder
    inline = h.load(frame.network, 0, 2)
    if not h.tag_in_metadata(frame):
        return inline
    kept = b.metadata("vlan_tci")
    return b.choose(Relation.EQ, b.metadata("vlanp"), b.constant(1), kept, inline)


def _mpls(node: q.Encapsulation, frame: Frame, c: Context) -> Formula:
    if not frame.mpls:
        raise c.refuse("'mpls'", node.span)
    if frame.labels:  # the label before this one is not the last
        bottom = c.headers.atom(frame.network.plus(-2), 0, 1, 0x01, relation=Relation.SET)
        there = negation(bottom)
    else:
        number = PPP_MPLS if frame.kind == "ppp" else p.ETHERTYPE_MPLS
        there = type_is(c.headers, frame, number)
    return both(there, _identified(node, c, frame.network, 0, 4, 0xFFFFF000, 12))


def _udp_tunnel(node: q.Encapsulation, frame: Frame, c: Context) -> Formula:
    h = c.headers
    number = GENEVE_PORT if node.kind == "geneve" else VXLAN_PORT
    over4, over6 = udp_destination(number, c, frame)

    def header(transport: Place) -> Formula:
        vni = _identified(node, c, transport, UDP_HEADER + 4, 4, 0xFFFFFF00, 8)
        if node.kind == "vxlan":  # the I flag and no other
            return both(h.atom(transport, UDP_HEADER, 1, 0x08), vni)
        version = h.atom(transport, UDP_HEADER, 1, 0x00, 0xC0)
        inner = h.atom(transport, UDP_HEADER + 2, 2, 0, relation=Relation.GE)  # must be there
        return both(version, vni, inner)

    return either(
        both(over4, header(h.transport4(frame))), both(over6, header(h.transport6(frame)))
    )


def _over_ip(numbers: tuple[int, ...], frame: Frame, c: Context) -> Formula:
    """A header of this kind follows an unfragmented IPv4 header or a fixed IPv6 header."""
    h = c.headers
    fragment = h.atom(frame.network, 6, 2, 0x1FFF, relation=Relation.SET)
    return either(
        both(
            is_ip(c, frame),
            either(*(h.atom(frame.network, 9, 1, number) for number in numbers)),
            negation(fragment),
        ),
        both(is_ip6(c, frame), either(*(h.atom(frame.network, 6, 1, n) for n in numbers))),
    )
