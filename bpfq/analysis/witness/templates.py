"""Whole packets of every common kind, and the link header of each link type before them.

The order is that of preference: plain ones first.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import cache
from typing import Final

from bpfq.analysis.witness import pieces as a
from bpfq.analysis.witness.linkheaders import link_header
from bpfq.analysis.witness.pieces import Piece
from bpfq.analysis.witness.repair import Repairs, repaired
from bpfq.record import record, replace
from bpfq.tables import protocols as p
from bpfq.tables.linktypes import Layout, LinkType
from bpfq.targets import SKF_NET_OFF, Target

ETHERNET: Final = "ethernet"
_IP, _IP6 = p.ETHERTYPE_IP, p.ETHERTYPE_IPV6
_TEB: Final = p.ETHERTYPE_TEB
_SYN, _SYN_ACK, _PUSH_ACK, _FIN_ACK, _RST = 0x02, 0x12, 0x18, 0x11, 0x04
_EXPERIMENT4: Final = 253  # IP protocol for experiments, RFC 3692
_LARGEST: Final = 65_536
_OTHER: Final = "other"


@record
class Template:
    """A packet to begin with.

    kind: what it is, in a word or two.  piece: from the target's byte 0.  network_header: what lies
    before byte 0.  start: what stands where, for ``repair``: "ethernet" or "ip" and an offset; None
    where there is nothing to repair.  rank: its place in the order of preference.
    """

    kind: str
    piece: Piece
    metadata: tuple[tuple[str, int], ...] = ()
    network_header: bytes = b""
    start: tuple[str, int] | None = None
    rank: int = 0

    @property
    def octets(self) -> bytes:
        return self.piece.octets

    @property
    def loose(self) -> bool:
        """It stands for every protocol that has no template of its own."""
        return bool(self.piece.free)


@record
class _Network:
    """A packet without its link header."""

    kind: str
    ethertype: int
    piece: Piece


# ---------------------------------------------------------------- what links carry


@cache
def _transports() -> tuple[tuple[str, int, Piece], ...]:
    """Kind, IP protocol and packet; none of them holds another packet."""
    return (
        ("TCP", p.PROTO_TCP, a.tcp(1024, 80, _SYN)),
        ("UDP", p.PROTO_UDP, a.udp(1024, 53, a.text(a.DNS_QUERY))),
        ("TCP data", p.PROTO_TCP, a.tcp(1024, 80, _PUSH_ACK, a.text(b"GET / HTTP/1.1\r\n\r\n"))),
        ("TCP options", p.PROTO_TCP, a.tcp_options(1024, 80)),
        ("SCTP", p.PROTO_SCTP, a.sctp(1024, 5060)),
    )


@cache
def _networks() -> tuple[_Network, ...]:
    """Every packet that any link may carry."""
    made: list[_Network] = []
    words = a.text(b"payload!" * 4)
    for kind, number, piece in _transports():
        made.append(_Network(f"IPv4 {kind}", _IP, a.ip4(number, piece)))
    made.append(_Network("IPv4 ICMP", _IP, a.ip4(1, a.icmp(8, words))))
    for kind, number, piece in _transports():
        made.append(_Network(f"IPv6 {kind}", _IP6, a.ip6(number, piece)))
    made.append(_Network("IPv6 ICMPv6", _IP6, a.ip6(p.PROTO_ICMP6, a.icmp(128, words))))
    made.append(_Network("ARP request", p.ETHERTYPE_ARP, a.arp(1)))
    made.append(_Network("ARP reply", p.ETHERTYPE_ARP, a.arp(2)))
    made.append(_Network("RARP", p.ETHERTYPE_RARP, a.arp(3)))
    made += _odd_ip4(words)
    made += _odd_ip6(words)
    return tuple(made)


def _odd_ip4(words: Piece) -> Iterator[_Network]:
    """Options, fragments, protocols without a template of their own."""
    _, (_, _, udp), *_ = _transports()
    yield _Network("IPv4 options UDP", _IP, a.ip4_options(p.PROTO_UDP, udp))
    yield _Network("IPv4 options TCP", _IP, a.ip4_options(p.PROTO_TCP, a.tcp(1024, 80, _SYN)))
    yield _Network("IPv4 options ICMP", _IP, a.ip4_options(1, a.icmp(8, words)))
    first = a.udp(1024, 53, words, length=1048)
    yield _Network("IPv4 first fragment", _IP, a.ip4(p.PROTO_UDP, first, fragment=0x2000))
    yield _Network("IPv4 fragment", _IP, a.ip4(p.PROTO_UDP, words, fragment=185))
    yield _Network("IPv4 AH", _IP, a.ip4(51, a.authentication(p.PROTO_UDP, udp)))
    for kind, flags in (("answer", _SYN_ACK), ("close", _FIN_ACK), ("reset", _RST)):
        yield _Network(f"IPv4 TCP {kind}", _IP, a.ip4(p.PROTO_TCP, a.tcp(1024, 80, flags)))
    yield _Network(f"IPv4 {_OTHER}", _IP, a.ip4(_EXPERIMENT4, words).loose(9))


def _odd_ip6(words: Piece) -> Iterator[_Network]:
    _, (_, _, udp), *_ = _transports()
    options = a.extension(p.PROTO_UDP, udp)
    yield _Network("IPv6 hop-by-hop", _IP6, a.ip6(0, options))
    yield _Network("IPv6 options", _IP6, a.ip6(60, options))
    yield _Network("IPv6 fragment", _IP6, a.ip6(44, a.fragment6(p.PROTO_UDP, words, 185)))
    yield _Network("IPv6 AH", _IP6, a.ip6(51, a.authentication(p.PROTO_UDP, udp)))
    yield _Network(f"IPv6 {_OTHER}", _IP6, a.ip6(_EXPERIMENT4, words).loose(6))


@cache
def _carried_by_ethernet() -> tuple[_Network, ...]:
    """Shims and tunnels, and what no other link carries."""
    plain = {each.kind: each for each in _networks()}
    inside = [plain[kind] for kind in ("IPv4 TCP", "IPv4 UDP", "IPv6 TCP", "IPv6 UDP")]
    made: list[_Network] = []
    for each in (*inside, plain["ARP request"], plain["IPv4 ICMP"], plain["IPv6 ICMPv6"]):
        made.append(_tagged(each))
    for each in inside:
        made.append(_double_tagged(each))
        made += _labelled(each)
        made += _in_session(each)
    for each in (*inside, plain["ARP request"]):
        made += _tunnelled(each)
    other = a.tag(100, a.EXPERIMENT_TYPE, a.text(b"payload!" * 6)).loose(2, 3)
    made.append(_Network(f"vlan {_OTHER}", p.ETHERTYPE_8021Q, other))
    hello = a.llc(p.SAP_ISO, _hello())
    made.append(_Network("vlan IS-IS", p.ETHERTYPE_8021Q, a.tag(100, len(hello.octets), hello)))
    old = a.tag(100, _IP, plain["IPv4 TCP"].piece)
    made.append(_Network("old QinQ IPv4 TCP", p.ETHERTYPE_8021QINQ, old))
    made.append(_Network("PPPoE discovery", p.ETHERTYPE_PPPOED, a.discovery()))
    return tuple(made)


def _tagged(each: _Network) -> _Network:
    return _Network(f"vlan {each.kind}", p.ETHERTYPE_8021Q, a.tag(100, each.ethertype, each.piece))


def _double_tagged(each: _Network) -> _Network:
    inner = a.tag(200, each.ethertype, each.piece)
    return _Network(f"QinQ {each.kind}", p.ETHERTYPE_8021AD, a.tag(100, p.ETHERTYPE_8021Q, inner))


def _labelled(each: _Network) -> Iterator[_Network]:
    one = a.label(100, each.piece)
    yield _Network(f"MPLS {each.kind}", p.ETHERTYPE_MPLS, one)
    two = a.label(200, one, last=False)
    yield _Network(f"MPLS MPLS {each.kind}", p.ETHERTYPE_MPLS, two)
    behind_tag = a.tag(100, p.ETHERTYPE_MPLS, one)
    yield _Network(f"vlan MPLS {each.kind}", p.ETHERTYPE_8021Q, behind_tag)


def _in_session(each: _Network) -> Iterator[_Network]:
    protocol = 0x0021 if each.ethertype == _IP else 0x0057  # RFC 1332, RFC 5072
    data = a.session(1, protocol, each.piece)
    yield _Network(f"PPPoE {each.kind}", p.ETHERTYPE_PPPOES, data)
    behind_tag = a.tag(100, p.ETHERTYPE_PPPOES, data)
    yield _Network(f"vlan PPPoE {each.kind}", p.ETHERTYPE_8021Q, behind_tag)


@cache
def _tunnelled(each: _Network) -> tuple[_Network, ...]:
    """Over IPv4 and IPv6; what carries Ethernet carries a whole frame."""
    frame = a.ethernet(each.ethertype, each.piece)
    made: list[_Network] = []
    for name, ip, ethertype in (("IPv4", a.ip4, _IP), ("IPv6", a.ip6, _IP6)):
        ways = [
            ("VXLAN", ip(p.PROTO_UDP, a.udp(49152, 4789, a.vxlan(1, frame)))),
            ("Geneve", ip(p.PROTO_UDP, a.udp(49152, 6081, a.geneve(1, _TEB, frame)))),
            ("GRE", ip(p.PROTO_GRE, a.gre(each.ethertype, each.piece))),
        ]
        if each.ethertype in (_IP, _IP6):
            number = 4 if each.ethertype == _IP else 41
            ways.append(("IPIP", ip(number, each.piece)))
        for way, piece in ways:
            made.append(_Network(f"{name} {way} {each.kind}", ethertype, piece))
    return tuple(made)


def _frames() -> Iterator[Template]:
    """Ethernet frames with other addresses or without a type field."""
    broadcast = b"\xff" * 6
    plain = {each.kind: each for each in _networks()}
    for name, address in (("broadcast", broadcast), ("multicast", bytes.fromhex("01005e000001"))):
        for kind in ("ARP request", "IPv4 UDP"):
            each = plain[kind]
            yield _framed(f"{name} {kind}", a.ethernet(each.ethertype, each.piece, address))
    bridges, routers = bytes.fromhex("0180c2000000"), bytes.fromhex("0180c2000014")
    yield _framed("802.3 LLC", a.ethernet_llc(a.llc(p.SAP_STP, a.text(bytes(35))), bridges))
    yield _framed("802.3 IS-IS", a.ethernet_llc(a.llc(p.SAP_ISO, _hello()), routers))
    yield _framed(_OTHER, a.ethernet(a.EXPERIMENT_TYPE, a.text(b"payload!" * 6)).loose(12, 13))


def _hello() -> Piece:
    """An IS-IS LAN hello of level 2 (ISO 10589), empty."""
    return a.text(bytes.fromhex("831b0100100100000000") + bytes(25))


def _framed(kind: str, piece: Piece) -> Template:
    return Template(kind, piece, start=(ETHERNET, 0))


# ---------------------------------------------------------------- link headers


@cache
def templates(target: Target, link: LinkType, savefile: str | None = None) -> tuple[Template, ...]:
    """What to begin with on a target and link type, lengths and checksums right."""
    made = _plain(target, link, savefile)
    return tuple(_whole(template, rank) for rank, template in enumerate(made))


def _whole(template: Template, rank: int) -> Template:
    whole = repaired(Repairs(template.start, template.network_header), template.octets)
    before = len(template.network_header)
    piece = replace(template.piece, octets=whole[before:])
    return replace(template, piece=piece, network_header=whole[:before], rank=rank)


def _plain(target: Target, link: LinkType, savefile: str | None) -> Iterator[Template]:
    layout = link.layout or Layout("")
    if target.layer == 3:
        yield from _network_layer(target, link)
    elif link.name == "EN10MB":
        yield from _ethernet(target)
    else:
        yield from _other_link(link, layout, savefile)
        if layout.kind == "":
            yield Template("bytes", a.text(bytes(64)))
        else:
            size = layout.header + min(layout.payload, _LARGEST) % _LARGEST + 64
            yield Template("link header", a.text(bytes(size)))


def _other_link(link: LinkType, layout: Layout, savefile: str | None) -> Iterator[Template]:
    shims = [p.ETHERTYPE_8021Q] * layout.vlan + [p.ETHERTYPE_MPLS] * layout.mpls
    shimmed = (each for each in _carried_by_ethernet() if each.ethertype in shims)
    for each in (*_networks(), *_tunnels(), *shimmed):
        header = link_header(link, each.ethertype, savefile, each.piece.octets)
        if header is not None:
            yield _behind(header, each)
    header = link_header(link, a.EXPERIMENT_TYPE, savefile, b"payload!")
    if header is not None:
        other = a.text(b"payload!" * 6).behind(header.octets)
        yield Template(_OTHER, other.loose(*header.fixed) if len(header.fixed) == 2 else other)


def _tunnels() -> Iterator[_Network]:
    plain = {each.kind: each for each in _networks()}
    for kind in ("IPv4 TCP", "IPv4 UDP", "IPv6 TCP", "ARP request"):
        yield from _tunnelled(plain[kind])


def _behind(header: Piece, each: _Network) -> Template:
    whole = each.piece.behind(header.octets, *header.fixed)
    start = ("ip", len(header.octets)) if each.ethertype in (_IP, _IP6) else None
    return Template(each.kind, whole, start=start)


def _ethernet(target: Target) -> Iterator[Template]:
    for each in _networks():
        yield _framed(each.kind, a.ethernet(each.ethertype, each.piece))
    yield from _frames()
    for each in _carried_by_ethernet():
        if target.vlan == "metadata" and each.ethertype == p.ETHERTYPE_8021Q:
            yield _tag_beside(each)
        yield _framed(each.kind, a.ethernet(each.ethertype, each.piece))


def _tag_beside(each: _Network) -> Template:
    """The outer tag where a kernel keeps it: beside the packet."""
    control, ethertype = struct.unpack_from(">HH", each.piece.octets)
    inner = a.ethernet(ethertype, each.piece.moved(-4))
    metadata = (("vlanp", 1), ("vlan_tci", control))
    return Template(each.kind, inner, metadata, start=(ETHERNET, 0))


def _network_layer(target: Target, link: LinkType) -> Iterator[Template]:
    families = {"IPV4": (_IP,), "IPV6": (_IP6,), "RAW": (_IP, _IP6)}.get(link.name)
    for each in (*_networks(), *_tunnels()):
        if families is not None and each.ethertype not in families:
            continue
        if target.reassembled and "fragment" in each.kind:
            continue
        if target.transport_at is not None:
            yield from _transport_layer(target, each)
        elif link.name != "COOKED":
            yield Template(each.kind, each.piece, start=("ip", 0))
        else:
            yield _cooked(each, ())
            yield _cooked(each, (("vlanp", 1), ("vlan_tci", 100)))
    if link.name == "COOKED":
        yield _cooked(_Network(_OTHER, a.EXPERIMENT_TYPE, a.text(b"payload!" * 6)), ())


def _cooked(each: _Network, tag: tuple[tuple[str, int], ...]) -> Template:
    kind = f"vlan {each.kind}" if tag else each.kind
    start = ("ip", 0) if each.ethertype in (_IP, _IP6) else None
    metadata = (("proto", each.ethertype), *tag)
    return Template(kind, each.piece, metadata, start=start)


def _transport_layer(target: Target, each: _Network) -> Iterator[Template]:
    """The network header lies before byte 0; it is a plain one there."""
    assert target.network_at == SKF_NET_OFF
    octets, size = each.piece.octets, 40 if each.ethertype == _IP6 else 20
    plain = octets[0] >> 4 == 6 or octets[0] & 0xF == 5
    number = octets[6] if each.ethertype == _IP6 else octets[9]
    if not plain or (target.transport == "udp" and number != p.PROTO_UDP):
        return
    behind = each.piece.moved(-size)
    yield Template(each.kind, behind, (), octets[:size], ("ip", -size))
