"""Frames built with scapy, one of each kind that filters tell apart."""

from __future__ import annotations

from scapy.contrib.geneve import GENEVE
from scapy.contrib.mpls import MPLS
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_NOP, IPOption_RR
from scapy.layers.inet6 import (
    ICMPv6EchoRequest,
    ICMPv6ND_NS,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
)
from scapy.layers.ipsec import AH
from scapy.layers.l2 import ARP, GRE, LLC, SNAP, STP, Dot1AD, Dot1Q, Dot3, Ether
from scapy.layers.ppp import PPP, PPPoE, PPPoED
from scapy.layers.sctp import SCTP
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet, Raw

NEAR, FAR = "02:00:00:00:00:01", "02:00:00:00:00:02"
EVERYONE, GROUP = "ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:fb"
A, B, C = "10.0.0.1", "10.0.0.2", "192.168.7.9"
A6, B6, C6 = "2001:db8::1", "2001:db8::2", "fd00:7::9"
WANTED_TYPE = 0x88B5  # for experiments, IEEE 802

_PAYLOAD = Raw(b"payload of this packet")


def _ether(destination: str = FAR, source: str = NEAR, **fields: int) -> Packet:
    return Ether(dst=destination, src=source, **fields)


def _vlan(vid: int, **fields: int) -> Packet:
    return Dot1Q(vlan=vid, **fields)


def _ip(source: str = A, destination: str = B, **fields: object) -> Packet:
    return IP(src=source, dst=destination, **fields)


def _ip6(source: str = A6, destination: str = B6, **fields: object) -> Packet:
    return IPv6(src=source, dst=destination, **fields)


def _udp(sport: int = 40000, dport: int = 53, size: int = 0) -> Packet:
    return UDP(sport=sport, dport=dport) / (Raw(b"." * size) if size else _PAYLOAD)


def _tcp(flags: str = "S", sport: int = 40001, dport: int = 80) -> Packet:
    return TCP(sport=sport, dport=dport, flags=flags) / _PAYLOAD


def _arp(source: str = A, destination: str = B, op: int = 1) -> Packet:
    return ARP(op=op, psrc=source, pdst=destination, hwsrc=NEAR)


def _inner(**fields: int) -> Packet:
    return Ether(src="02:00:00:00:0a:01", dst="02:00:00:00:0a:02", **fields)


_WITH_OPTIONS = [IPOption_RR(routers=["0.0.0.0"]), IPOption_NOP()]  # four and eight bytes

_UNTAGGED: dict[str, Packet] = {
    "tcp syn": _ether() / _ip() / _tcp("S"),
    "tcp synack": _ether() / _ip(B, A) / _tcp("SA", 80, 40001),
    "tcp ack push": _ether() / _ip() / _tcp("PA"),
    "tcp rst": _ether() / _ip(C, A) / _tcp("R", 22, 50022),
    "tcp fin https": _ether() / _ip(C, B) / _tcp("FA", 51000, 443),
    "tcp with options": _ether()
    / _ip()
    / TCP(sport=40002, dport=8080, flags="S", options=[("MSS", 1460), ("WScale", 7)])
    / Raw(b"GET / HTTP/1.1"),
    "tcp http get": _ether() / _ip() / TCP(sport=40003, dport=80, flags="PA") / Raw(b"GET /x"),
    "udp dns": _ether() / _ip() / _udp(),
    "udp dns reply": _ether() / _ip(B, A) / _udp(53, 40000),
    "udp other host": _ether() / _ip(C, "172.16.5.4") / _udp(68, 67),
    "udp large": _ether() / _ip(C, B) / _udp(5000, 5001, 1200),
    "udp wide ports": _ether() / _ip(B, C) / _udp(6005, 33434),
    "udp low ttl": _ether() / _ip(A, C, ttl=1) / _udp(40000, 33435),
    "udp ip options": _ether() / _ip(options=_WITH_OPTIONS) / _udp(),
    "tcp ip options": _ether() / _ip(options=_WITH_OPTIONS) / _tcp("S"),
    "icmp echo": _ether() / _ip() / ICMP(type=8, seq=1) / _PAYLOAD,
    "icmp reply": _ether() / _ip(B, A) / ICMP(type=0, seq=1) / _PAYLOAD,
    "icmp unreachable": _ether() / _ip(B, A) / ICMP(type=3, code=3) / _ip() / UDP(dport=53),
    "udp first fragment": _ether() / _ip(flags="MF", id=7) / _udp(),
    "udp later fragment": _ether() / _ip(frag=3, id=7, proto=17) / Raw(b"\x00\x35\x00\x35" * 6),
    "tcp later fragment": _ether() / _ip(frag=9, id=8, proto=6) / Raw(b"\x00\x50\x00\x50" * 9),
    "ip dont fragment": _ether() / _ip(flags="DF", tos=0xB8) / _udp(1, 2),
    "sctp": _ether() / _ip() / SCTP(sport=80, dport=36412) / _PAYLOAD,
    "igmp": _ether(GROUP) / _ip(A, "224.0.0.251", proto=2, ttl=1) / Raw(b"\x16\0\xf0\xf0" * 2),
    "gre": _ether() / _ip() / GRE(proto=0x0800) / _ip(C, C) / _udp(),
    "ah over ip": _ether() / _ip() / AH(nh=17, payloadlen=4, icv=b"i" * 12) / _udp(),
    "esp": _ether() / _ip(proto=50) / Raw(b"\0\0\0\x01" * 8),
    "vrrp": _ether() / _ip(A, "224.0.0.18", proto=112) / Raw(b"\x21\x07\x64\x01" * 3),
    "ip in ip": _ether() / _ip(proto=4) / _ip(C, C) / _udp(),
    "multicast udp": _ether(GROUP) / _ip(A, "224.0.0.251", ttl=255) / _udp(5353, 5353),
    "broadcast udp": _ether(EVERYONE) / _ip("0.0.0.0", "255.255.255.255") / _udp(68, 67),
    "subnet broadcast": _ether(EVERYONE) / _ip(A, "10.0.0.255") / _udp(138, 138),
    "from far": _ether(NEAR, FAR) / _ip(B, A) / _udp(53, 40009),
    "ip6 tcp": _ether() / _ip6() / _tcp("S"),
    "ip6 tcp synack": _ether() / _ip6(B6, A6) / _tcp("SA", 443, 40001),
    "ip6 udp": _ether() / _ip6() / _udp(),
    "ip6 udp other": _ether() / _ip6(C6, B6, hlim=1) / _udp(546, 547),
    "ip6 echo": _ether() / _ip6() / ICMPv6EchoRequest(data=b"x" * 20),
    "ip6 solicitation": _ether("33:33:ff:00:00:02")
    / _ip6(A6, "ff02::1:ff00:2", hlim=255)
    / ICMPv6ND_NS(tgt=B6),
    "ip6 sctp": _ether() / _ip6() / SCTP(sport=2905, dport=2905) / _PAYLOAD,
    "ip6 hop by hop udp": _ether() / _ip6() / IPv6ExtHdrHopByHop() / _udp(),
    "ip6 fragment udp": _ether() / _ip6() / IPv6ExtHdrFragment(m=1, id=9) / _udp(),
    "ip6 later fragment": _ether()
    / _ip6()
    / IPv6ExtHdrFragment(nh=17, offset=4, id=9)
    / Raw(b"\0\x35" * 12),
    "ip6 long chain tcp": _ether()
    / _ip6()
    / IPv6ExtHdrHopByHop()
    / IPv6ExtHdrDestOpt()
    / IPv6ExtHdrRouting(addresses=[C6])
    / _tcp("S"),
    "ip6 chain fragment icmp6": _ether()
    / _ip6()
    / IPv6ExtHdrDestOpt()
    / IPv6ExtHdrFragment(id=3)
    / ICMPv6EchoRequest(data=b"y" * 20),
    "ip6 ah udp": _ether() / _ip6(nh=51) / AH(nh=17, payloadlen=4, icv=b"i" * 12) / _udp(),
    "arp request": _ether(EVERYONE) / _arp(),
    "arp reply": _ether() / _arp(B, A, op=2),
    "arp other": _ether(EVERYONE) / _arp(C, "192.168.7.1"),
    "rarp": _ether(EVERYONE, type=0x8035) / _arp(A, C, op=3),
    "stp": Dot3(dst="01:80:c2:00:00:00", src=NEAR) / LLC() / STP(),
    "snap ip": Dot3(dst=FAR, src=NEAR) / LLC(dsap=0xAA, ssap=0xAA, ctrl=3) / SNAP(code=0x0800)
    / _ip() / _udp(),
    "ipx raw": Dot3(dst=FAR, src=NEAR) / Raw(b"\xff\xff\x00\x22" + b"\0" * 40),
    "iso": Dot3(dst=FAR, src=NEAR) / LLC(dsap=0xFE, ssap=0xFE, ctrl=3) / Raw(b"\x83" + b"\0" * 40),
    "lldp": _ether("01:80:c2:00:00:0e", type=0x88CC) / Raw(b"\x02\x07" + b"\x04" * 40),
    "experimental": _ether(type=WANTED_TYPE) / Raw(b"\x45" * 50),
    "mpls one label": _ether(type=0x8847) / MPLS(label=100, s=1, ttl=9) / _ip() / _udp(),
    "mpls two labels": _ether(type=0x8847)
    / MPLS(label=200, s=0)
    / MPLS(label=100, s=1)
    / _ip(C, B)
    / _tcp("S"),
    "mpls ip6": _ether(type=0x8847) / MPLS(label=100, s=1) / _ip6() / _udp(),
    "pppoe discovery": _ether(EVERYONE) / PPPoED(code=9) / Raw(b"\x01\x01\0\0" + b"\0" * 40),
    "pppoe ip": _ether() / PPPoE(sessionid=7) / PPP(proto=0x0021) / _ip() / _udp(),
    "pppoe ip6": _ether() / PPPoE(sessionid=8) / PPP(proto=0x0057) / _ip6() / _tcp("S"),
    "pppoe lcp": _ether() / PPPoE(sessionid=7) / PPP(proto=0xC021) / Raw(b"\x09\x01\0\x08" * 9),
    "vxlan": _ether() / _ip() / UDP(sport=9999, dport=4789) / VXLAN(vni=77, flags=8)
    / _inner()
    / _ip(C, C) / _udp(),
    "vxlan tcp": _ether() / _ip() / UDP(sport=9999, dport=4789) / VXLAN(vni=78, flags=8)
    / _inner() / _ip(C, A) / _tcp("S"),
    "vxlan ip6": _ether() / _ip6() / UDP(sport=9999, dport=4789) / VXLAN(vni=77, flags=8)
    / _inner() / _ip6(C6, C6) / _udp(),
    "vxlan arp": _ether() / _ip(options=_WITH_OPTIONS) / UDP(sport=9999, dport=4789)
    / VXLAN(vni=77, flags=8) / _inner() / _arp(C, A),
    "geneve ethernet": _ether() / _ip() / UDP(sport=9998, dport=6081)
    / GENEVE(vni=66, proto=0x6558) / _inner() / _ip(C, C) / _udp(),
    "geneve bare ip": _ether() / _ip() / UDP(sport=9998, dport=6081)
    / GENEVE(vni=67, proto=0x0800) / _ip(C, A) / _tcp("S"),
    "geneve ip6": _ether() / _ip6() / UDP(sport=9998, dport=6081)
    / GENEVE(vni=66, proto=0x6558) / _inner() / _ip6(C6, C6) / _udp(),
}  # fmt: skip

_TAGGED: dict[str, Packet] = {
    "vlan 100 udp": _ether() / _vlan(100) / _ip() / _udp(),
    "vlan 100 tcp": _ether() / _vlan(100, prio=5) / _ip() / _tcp("S"),
    "vlan 100 arp": _ether(EVERYONE) / _vlan(100) / _arp(),
    "vlan 100 ip6 udp": _ether() / _vlan(100) / _ip6() / _udp(),
    "vlan 200 udp": _ether() / _vlan(200) / _ip(C, B) / _udp(53, 40000),
    "vlan 200 icmp": _ether() / _vlan(200) / _ip() / ICMP() / _PAYLOAD,
    "vlan 0 priority": _ether() / _vlan(0, prio=6) / _ip() / _udp(),
    "vlan 4095 tcp": _ether() / _vlan(4095, prio=7, dei=1) / _ip6() / _tcp("S"),
    "vlan 100 200 udp": _ether() / _vlan(100) / _vlan(200) / _ip() / _udp(),
    "vlan 100 300 tcp": _ether() / _vlan(100) / _vlan(300) / _ip() / _tcp("S"),
    "vlan 200 100 udp": _ether() / _vlan(200) / _vlan(100) / _ip6() / _udp(),
    "qinq 100 200 udp": _ether() / Dot1AD(vlan=100) / _vlan(200) / _ip() / _udp(),
    "qinq 100 only": _ether() / Dot1AD(vlan=100) / _ip() / _udp(),
    "three tags": _ether() / Dot1AD(vlan=1) / _vlan(100) / _vlan(200) / _ip() / _udp(),
    "old qinq 9100": _ether(type=0x9100) / _vlan(100, type=0x8100) / _vlan(200) / _ip() / _udp(),
    "vlan 100 mpls": _ether() / _vlan(100, type=0x8847) / MPLS(label=100, s=1) / _ip() / _udp(),
    "vlan 100 pppoe": _ether() / _vlan(100) / PPPoE(sessionid=7) / PPP(proto=0x21) / _ip() / _udp(),
    "vlan 100 vxlan": _ether() / _vlan(100) / _ip() / UDP(sport=9999, dport=4789)
    / VXLAN(vni=77, flags=8) / _inner() / _ip(C, C) / _udp(),
    "vlan 100 fragment": _ether() / _vlan(100) / _ip(frag=3, proto=17) / Raw(b"\0\x35" * 12),
    "vlan 100 experimental": _ether() / _vlan(100, type=WANTED_TYPE) / Raw(b"\x45" * 50),
}  # fmt: skip


def _bytes_of(packets: dict[str, Packet]) -> dict[str, bytes]:
    """Every frame at least 60 bytes, and different from all others by its last two bytes."""
    frames = {}
    for number, (name, packet) in enumerate(packets.items()):
        marker = b"\xa5" + bytes([number])
        frames[name] = bytes(packet).ljust(58, b"\0") + marker
    return frames


FRAMES = _bytes_of(_UNTAGGED | _TAGGED)

CUT = {
    f"{name} cut to {size}": FRAMES[name][:size]
    for name, size in (
        ("arp request", 14), ("tcp syn", 22), ("tcp syn", 33), ("tcp syn", 35), ("ip6 udp", 40),
        ("udp dns", 37), ("vlan 100 udp", 22), ("vlan 100 tcp", 30), ("icmp echo", 34),
    )
}  # fmt: skip
"""Frames that end inside a header; no marker tells them apart, their length does."""
