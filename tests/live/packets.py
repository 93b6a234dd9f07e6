"""IP packets for layer-3 sockets: each carries its own name behind the transport header."""

from __future__ import annotations

from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_NOP, fragment
from scapy.layers.inet6 import (
    ICMPv6EchoReply,
    ICMPv6EchoRequest,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
)
from scapy.layers.l2 import GRE, Ether
from scapy.layers.sctp import SCTP
from scapy.packet import Packet, Raw

from .frames import A6, B6, C6, FAR, NEAR, A, B, C

LONG_OPTIONS = [IPOption_NOP()] * 8  # an IPv4 header of 28 bytes


def _named(packets: dict[str, Packet]) -> dict[str, Packet]:
    """The packets as they are on the wire, with their names behind them."""
    return {
        name: type(packet)(bytes(packet / Raw(name.encode()))) for name, packet in packets.items()
    }


def _ip(source: str = A, destination: str = B, **fields: object) -> Packet:
    return IP(src=source, dst=destination, **fields)


def _ip6(source: str = A6, destination: str = B6, **fields: object) -> Packet:
    return IPv6(src=source, dst=destination, **fields)


IP4 = _named({
    "dns": _ip() / UDP(sport=40000, dport=53),
    "dns reply": _ip(C) / UDP(sport=53, dport=7000),
    "same ports": _ip() / UDP(sport=7000, dport=7000),
    "low ttl": _ip(C, ttl=3) / UDP(sport=40001, dport=53),
    "options": _ip(options=LONG_OPTIONS) / UDP(sport=40000, dport=53),
    "options and marks": _ip(C, tos=0xB8, options=LONG_OPTIONS) / UDP(sport=53, dport=7000),
    "reassembled": _ip(id=77) / UDP(sport=40002, dport=7000) / Raw(b"-" * 600),
    "large": _ip() / UDP(sport=40000, dport=53) / Raw(b"*" * 1000),
    "magic": _ip() / UDP(sport=40000, dport=7000) / Raw(b"\xca\xfe\xba\xbe"),
    "no fragments": _ip(flags="DF") / UDP(sport=6001, dport=53),
    "everybody": _ip(destination="255.255.255.255") / UDP(sport=68, dport=7000),
    "tcp syn": _ip() / TCP(sport=40000, dport=80, flags="S"),
    "tcp ack": _ip(C) / TCP(sport=443, dport=40000, flags="A"),
    "tcp syn options": _ip(options=LONG_OPTIONS) / TCP(sport=40003, dport=80, flags="S"),
    "tcp rst": _ip() / TCP(sport=80, dport=40000, flags="RA"),
    "echo": _ip() / ICMP(type=8, seq=1),
    "echo reply": _ip(C) / ICMP(type=0, seq=2),
    "echo options": _ip(options=LONG_OPTIONS) / ICMP(type=8, seq=3),
    "sctp": _ip() / SCTP(sport=80, dport=36412),
    "gre": _ip() / GRE(proto=0x0800) / _ip(C, C) / UDP(sport=53, dport=53),
})  # fmt: skip

IP6 = _named({
    "dns 6": _ip6() / UDP(sport=40000, dport=53),
    "dns reply 6": _ip6(C6) / UDP(sport=53, dport=7000),
    "same ports 6": _ip6() / UDP(sport=7000, dport=7000),
    "low hop limit 6": _ip6(C6, hlim=3) / UDP(sport=40001, dport=53),
    "flow label 6": _ip6(fl=0xABCDE) / UDP(sport=40000, dport=53),
    "large 6": _ip6() / UDP(sport=40000, dport=53) / Raw(b"*" * 1000),
    "hop by hop 6": _ip6() / IPv6ExtHdrHopByHop() / UDP(sport=40000, dport=53),
    "destination options 6": _ip6() / IPv6ExtHdrDestOpt() / UDP(sport=40000, dport=7000),
    "atomic fragment 6": _ip6() / IPv6ExtHdrFragment(id=5) / UDP(sport=40000, dport=53),
    "two extensions 6": _ip6() / IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt()
    / TCP(sport=40000, dport=80, flags="S"),
    "magic 6": _ip6() / UDP(sport=40000, dport=7000) / Raw(b"\xca\xfe\xba\xbe"),
    "tcp syn 6": _ip6() / TCP(sport=40000, dport=80, flags="S"),
    "tcp ack 6": _ip6(C6) / TCP(sport=443, dport=40000, flags="A"),
    "echo 6": _ip6() / ICMPv6EchoRequest(seq=1),
    "echo reply 6": _ip6(C6) / ICMPv6EchoReply(seq=2),
    "hop by hop echo 6": _ip6() / IPv6ExtHdrHopByHop() / ICMPv6EchoRequest(seq=3),
    "sctp 6": _ip6() / SCTP(sport=80, dport=36412),
})  # fmt: skip

PACKETS = IP4 | IP6


def _frames() -> list[bytes]:
    pieces = fragment(IP4["reassembled"], fragsize=400)
    whole = [packet for name, packet in PACKETS.items() if name != "reassembled"]
    return [bytes(Ether(src=NEAR, dst=FAR) / packet) for packet in (*whole, *pieces)]


SENT = _frames()
"""As they are sent to the interface far; one of them in two fragments."""


def name_of(data: bytes) -> str:
    """The packet whose name ends the data, the longest one that does."""
    found = [name for name in PACKETS if data.endswith(name.encode())]
    return max(found, key=len, default=f"unknown {data.hex()}")
