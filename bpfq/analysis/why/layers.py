"""The headers of one packet, from the outside in, as far as its captured bytes tell.

    Ether / 802.1Q vlan 100 / IPv4 10.1.0.9 -> 8.8.8.8 / UDP 40112 -> 53

Unlike a filter's own view of a packet, this one follows whatever is there.
"""

from __future__ import annotations

from collections.abc import Callable
from socket import AF_INET, AF_INET6, inet_ntop
from typing import Final

from bpfq.analysis.why.trace import Facts, PastEnd, holds
from bpfq.errors import BpfqError
from bpfq.headers.frames import frame
from bpfq.headers.linktype import type_is
from bpfq.headers.places import Frame, Headers, Place
from bpfq.record import record
from bpfq.tables import protocols as p
from bpfq.tables.ipprotocols import ip_protocols

SHIMS: Final = ("vlan", "mpls", "pppoe")
TUNNELS: Final = ("vxlan", "geneve", "gre", "ipip")
_NETWORKS: Final = {  # EtherType -> kind, name
    p.ETHERTYPE_IP: ("ip", "IPv4"),
    p.ETHERTYPE_IPV6: ("ip6", "IPv6"),
    p.ETHERTYPE_ARP: ("arp", "ARP"),
    p.ETHERTYPE_RARP: ("rarp", "RARP"),
}
_PPP: Final = {0x0021: p.ETHERTYPE_IP, 0x0057: p.ETHERTYPE_IPV6, 0x0281: p.ETHERTYPE_MPLS}
_NIBBLES: Final = {4: p.ETHERTYPE_IP, 6: p.ETHERTYPE_IPV6}
_EXTENSIONS: Final = {  # IPv6 next header -> name, bytes a unit of its length (RFC 8200, 4302)
    0: ("hop-by-hop options", 8),
    43: ("routing header", 8),
    51: ("AH", 4),
    60: ("destination options", 8),
    135: ("mobility header", 8),
}
_WITH_PORTS: Final = {p.PROTO_TCP: "tcp", p.PROTO_UDP: "udp", p.PROTO_SCTP: "sctp"}
_WITH_TYPES: Final = {1: "icmp", p.PROTO_ICMP6: "icmp6"}
_IPIP: Final = {4: p.ETHERTYPE_IP, 41: p.ETHERTYPE_IPV6}
_VXLAN_PORT, _GENEVE_PORT = 4789, 6081  # RFC 7348, RFC 8926
_MOST: Final = 32  # headers followed


@record
class Layer:
    """One header.

    kind: "link", "vlan", "mpls", "pppoe", "ip", "ip6", "arp", "rarp", "fragment", "extension", a
    transport protocol, a tunnel, or "other".  word, base: how a filter indexes its bytes, the
    word counting from ``base``.  start: its first byte.  number: tag, label, session, protocol,
    or the EtherType of what is not known.  inner: in a tunnel.
    """

    kind: str
    label: str
    word: str
    base: int
    start: int
    number: int = 0
    inner: bool = False


def layers_of(headers: Headers, facts: Facts) -> tuple[Layer, ...]:
    """The packet's headers; the last one may be cut short."""
    walk = _Walk(headers, facts, [])
    following: _Step | None = walk.link
    try:
        while following is not None and len(walk.found) < _MOST:
            following = following()
    except PastEnd:
        pass
    return tuple(walk.found) or (Layer("link", headers.link.name, "link", 0, 0),)


def packet_line(layers: tuple[Layer, ...]) -> str:
    return " / ".join(layer.label for layer in layers)


def protocol_name(number: int) -> str:
    """The name of an IP protocol in lower case, or its number."""
    known = ip_protocols().items()
    return next((name.lower() for name, value in known if value == number), str(number))


_Step = Callable[[], "_Step | None"]


@record(frozen=False)
class _Walk:
    """Each step adds the header it stands at and names the step behind it."""

    headers: Headers
    facts: Facts
    found: list[Layer]
    inner: bool = False

    def _add(self, kind: str, label: str, word: str, base: int, start: int, number: int) -> None:
        self.found.append(Layer(kind, label, word, base, start, number, self.inner))

    def _network(self) -> Layer:
        """The network header that was met last."""
        return [layer for layer in self.found if layer.kind in ("ip", "ip6")][-1]

    def link(self) -> _Step | None:
        """The link header that the packet starts with, where it starts with one."""
        outer, target = frame(self.headers, ()), self.headers.target
        if target.transport == "udp" and target.transport_at is not None:
            start = target.transport_at
            return lambda: self._transport(p.PROTO_UDP, start)
        at = self._at(outer.network)
        start = self._at(outer.header)
        if at > start:
            ethernet = outer.kind == "ethernet"
            label = "Ether" if self.headers.link.name == "EN10MB" else self.headers.link.name
            self._add("link", label, "ether" if ethernet else "link", start, 0, 0)
        if self.facts.metadata.get("vlanp") and target.vlan == "metadata":
            number = self.facts.metadata.get("vlan_tci", 0) & 0xFFF
            label = f"802.1Q vlan {number} (metadata)"
            self._add("vlan", label, "ether", start, start, number)
        ethertype = self._type(outer)
        return None if ethertype is None else self._payload(ethertype, at)

    def _at(self, place: Place) -> int:
        return self.facts.value(self.headers.address(place))

    def _type(self, outer: Frame) -> int | None:
        """What the link header says it carries, as an EtherType."""
        if outer.kind in ("ethernet", "ethertype", "sll"):
            return self.facts.load(self._at(outer.type_at), 2)
        if outer.type_value is not None:
            return self.facts.value(outer.type_value)
        for number in _NETWORKS:
            try:
                if holds(type_is(self.headers, outer, number), self.facts):
                    return number
            except BpfqError:
                return None  # a link type that says nothing
        return None

    def _payload(self, ethertype: int, at: int) -> _Step | None:
        """What an EtherType names."""
        if ethertype in p.TAG_TYPES:
            return lambda: self._tag(at)
        if ethertype == p.ETHERTYPE_MPLS:
            return lambda: self._label(at)
        if ethertype == p.ETHERTYPE_PPPOES:
            return lambda: self._session(at)
        if ethertype == p.ETHERTYPE_IP:
            return lambda: self._ip(at)
        if ethertype == p.ETHERTYPE_IPV6:
            return lambda: self._ip6(at)
        if ethertype in _NETWORKS:
            return lambda: self._arp(at, *_NETWORKS[ethertype])
        return lambda: self._unknown(ethertype, at)

    def _shim(self, kind: str, label: str, at: int, number: int) -> None:
        link = [layer for layer in self.found if layer.kind == "link"]
        word, base = (link[-1].word, link[-1].base) if link else ("link", 0)
        self._add(kind, label, word, base, at, number)

    def _tag(self, at: int) -> _Step | None:
        number = self.facts.load(at, 2) & 0xFFF
        self._shim("vlan", f"802.1Q vlan {number}", at, number)
        return self._payload(self.facts.load(at + 2, 2), at + 4)

    def _label(self, at: int) -> _Step | None:
        word = self.facts.load(at, 4)
        self._shim("mpls", f"MPLS {word >> 12}", at, word >> 12)
        if not word & 0x100:  # not the bottom of the stack
            return lambda: self._label(at + 4)
        ethertype = _NIBBLES.get(self.facts.load(at + 4, 1) >> 4)
        return None if ethertype is None else self._payload(ethertype, at + 4)

    def _session(self, at: int) -> _Step | None:
        number = self.facts.load(at + 2, 2)
        self._shim("pppoe", f"PPPoE session {number}", at, number)
        ethertype = _PPP.get(self.facts.load(at + 6, 2))
        return None if ethertype is None else self._payload(ethertype, at + 8)

    def _unknown(self, ethertype: int, at: int) -> _Step | None:
        label = "802.3" if ethertype <= p.LARGEST_LENGTH else f"EtherType {ethertype:#06x}"
        self._shim("other", label, at, ethertype)
        return None

    def _word(self, word: str) -> str:
        return f"inner {word}" if self.inner else word

    def _arp(self, at: int, kind: str, name: str) -> _Step | None:
        sender, wanted = self._address(at + 14, 4), self._address(at + 24, 4)
        self._add(kind, f"{name} {sender} -> {wanted}", self._word(kind), at, at, 0)
        return None

    def _address(self, at: int, size: int) -> str:
        try:
            octets = self.facts.load(at, size).to_bytes(size, "big")
        except PastEnd:
            return "?"
        return inet_ntop(AF_INET if size == 4 else AF_INET6, octets)

    def _ip(self, at: int) -> _Step | None:
        ends = f"{self._address(at + 12, 4)} -> {self._address(at + 16, 4)}"
        self._add("ip", f"IPv4 {ends}", self._word("ip"), at, at, 0)
        number, behind = self.facts.load(at + 9, 1), at + 4 * (self.facts.load(at, 1) & 0xF)
        if self.facts.load(at + 6, 2) & 0x1FFF:
            label = f"later fragment of {protocol_name(number).upper()}"
            self._add("fragment", label, self._word("ip"), at, behind, number)
            return None
        return lambda: self._transport(number, behind)

    def _ip6(self, at: int) -> _Step | None:
        ends = f"{self._address(at + 8, 16)} -> {self._address(at + 24, 16)}"
        self._add("ip6", f"IPv6 {ends}", self._word("ip6"), at, at, 0)
        number = self.facts.load(at + 6, 1)
        return lambda: self._extension(number, at + 40)

    def _extension(self, number: int, at: int) -> _Step | None:
        word, base = self._word("ip6"), self._network().base
        if number == p.PROTO_FRAGMENT:
            self._add("extension", "fragment header", word, base, at, number)
            following, later = self.facts.load(at, 1), self.facts.load(at + 2, 2) & 0xFFF8
            if later:
                label = f"later fragment of {protocol_name(following).upper()}"
                self._add("fragment", label, word, base, at + 8, following)
                return None
            return lambda: self._extension(following, at + 8)
        if number not in _EXTENSIONS:
            return self._transport(number, at)
        name, unit = _EXTENSIONS[number]
        self._add("extension", name, word, base, at, number)
        length = unit * self.facts.load(at + 1, 1) + 8
        following = self.facts.load(at, 1)
        return lambda: self._extension(following, at + length)

    def _transport(self, number: int, at: int) -> _Step | None:
        kind = _WITH_PORTS.get(number) or _WITH_TYPES.get(number)
        if number in _IPIP:
            return self._tunnel("ipip", "IP in IP", at, _IPIP[number], at)
        if number == p.PROTO_GRE:
            return self._gre(at)
        if kind is None:
            below, name = self._network(), protocol_name(number)
            label = f"protocol {number}" if name.isdecimal() else name.upper()
            self._add("other", label, below.word, below.base, at, number)
            return None
        name = {"icmp": "ICMP", "icmp6": "ICMPv6"}.get(kind, kind.upper())
        label = f"{name} {self._ends(kind, at)}"
        self._add(kind, label, self._word(kind), at, at, number)
        return None if kind != "udp" else lambda: self._udp(at)

    def _ends(self, kind: str, at: int) -> str:
        try:
            if kind in _WITH_TYPES.values():
                return f"type {self.facts.load(at, 1)}"
            return f"{self.facts.load(at, 2)} -> {self.facts.load(at + 2, 2)}"
        except PastEnd:
            return "(cut off)"

    def _udp(self, at: int) -> _Step | None:
        port = self.facts.load(at + 2, 2)
        if port == _VXLAN_PORT and self.facts.load(at + 8, 1) == 0x08:
            label = f"VXLAN {self.facts.load(at + 12, 4) >> 8}"
            return self._tunnel("vxlan", label, at + 8, p.ETHERTYPE_TEB, at + 16)
        if port == _GENEVE_PORT:
            inner = at + 16 + 4 * (self.facts.load(at + 8, 1) & 0x3F)
            label = f"Geneve {self.facts.load(at + 12, 4) >> 8}"
            return self._tunnel("geneve", label, at + 8, self.facts.load(at + 10, 2), inner)
        return None

    def _gre(self, at: int) -> _Step | None:
        flags = self.facts.load(at, 1)
        options = sum(flags >> bit & 1 for bit in (7, 5, 4))  # checksum, key, sequence number
        return self._tunnel("gre", "GRE", at, self.facts.load(at + 2, 2), at + 4 + 4 * options)

    def _tunnel(self, kind: str, label: str, at: int, ethertype: int, inner: int) -> _Step | None:
        outer = self.found[-1]
        self._add(kind, label, outer.word, outer.base, at, 0)
        self.inner = True
        if ethertype != p.ETHERTYPE_TEB:
            return self._payload(ethertype, inner)
        return lambda: self._inner_link(inner)

    def _inner_link(self, at: int) -> _Step | None:
        self._add("link", "Ether", "inner ether", at, at, 0)
        return self._payload(self.facts.load(at + 12, 2), at + 14)
