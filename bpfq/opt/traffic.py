"""The packets that programs are made quick for where no capture says otherwise.

A synthetic mix as on the uplink of an office or a small server farm, in parts of about a thousand:

    IPv4 TCP      454   most of it port 443, both ways, large and empty segments
    IPv4 UDP      223   QUIC, DNS, NTP, media, tunnels, discovery
    IPv4 others    28   ICMP, fragments, ESP, GRE, IGMP, OSPF, SCTP
    IPv6          232   TCP, UDP, ICMPv6, an extension header now and then
    ARP            24
    tagged         29   IPv4, IPv6 and ARP in VLANs
    others         14   spanning tree, LLDP, PPPoE, MPLS

The rows below are all there is to it.  ``traffic_links`` puts the packets behind link headers.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import chain
from typing import Final, NamedTuple

from bpfq.tables import protocols as p

_CAPTURED: Final = 120  # bytes of a network packet that are kept
_TCP, _UDP, _SCTP, _ICMP, _ICMP6 = 6, 17, 132, 1, 58
_ACK, _PUSH, _SYN, _SYN_ACK, _FIN, _RST = 0x10, 0x18, 0x02, 0x12, 0x11, 0x14


class Packet(NamedTuple):
    """A network packet.

    ethertype: up to 1500 the length of an LLC frame.  length: bytes on the wire, from the network
    header.  vlan: its tag.  spread: "unicast", "multicast" or "broadcast".  transport: where the
    transport header starts, None for all that is not a whole IP packet.
    """

    weight: int
    ethertype: int
    octets: bytes
    length: int
    vlan: int | None = None
    spread: str = "unicast"
    transport: int | None = None
    protocol: int | None = None


# protocol, server port; then weight and payload bytes towards the server, and towards the client
_SERVICES: Final = (
    (_TCP, 443, 60, 0, 25, 0),
    (_TCP, 443, 25, 300, 115, 1400),
    (_TCP, 443, 10, 1400, 30, 200),
    (_TCP, 80, 10, 0, 20, 1400),
    (_TCP, 80, 5, 250, 3, 0),
    (_TCP, 22, 12, 40, 15, 60),
    (_TCP, 25, 5, 500, 2, 0),
    (_TCP, 993, 3, 0, 5, 700),
    (_TCP, 445, 6, 150, 8, 1400),
    (_TCP, 3389, 4, 0, 6, 900),
    (_TCP, 5432, 5, 100, 7, 600),
    (_TCP, 8080, 4, 200, 6, 1400),
    (_TCP, 40222, 20, 0, 25, 1400),
    (_UDP, 443, 35, 60, 60, 1200),
    (_UDP, 53, 12, 40, 12, 120),
    (_UDP, 123, 3, 48, 3, 48),
    (_UDP, 161, 2, 60, 2, 90),
    (_UDP, 514, 4, 180, 0, 0),
    (_UDP, 4500, 6, 140, 6, 1300),
    (_UDP, 51820, 6, 120, 8, 1300),
    (_UDP, 30480, 25, 172, 25, 172),
)
_SERVICES_IPV6: Final = (
    (_TCP, 443, 40, 0, 15, 0),
    (_TCP, 443, 10, 300, 60, 1400),
    (_TCP, 22, 2, 40, 2, 60),
    (_TCP, 40222, 5, 0, 6, 1400),
    (_UDP, 443, 25, 60, 35, 1200),
    (_UDP, 53, 6, 50, 6, 140),
    (_UDP, 123, 1, 48, 1, 48),
)
_FLAGS: Final = ((_SYN, 6), (_SYN_ACK, 4), (_FIN, 4), (_RST, 3))

_HOSTS: Final = ("0a000517", "c0a8010f", "0a010203", "c0a80022", "ac10053a")
_SERVERS: Final = ("8efa4a2e", "97650145", "0a000a02", "5db8d822", "c0a80005", "08080404")
_HOST6: Final = "20014c501a2b0003021122fffe334455"
_SERVERS6: Final = ("2a00145040010830000000000000200e", "26064700000000000000000068101234")
_LINK_LOCAL6: Final = "fe80000000000000021122fffe334455"
_ALL_NODES6: Final = "ff020000000000000000000000000001"
_ROUTERS6: Final = "ff020000000000000000000000000016"
_DISCOVERY6: Final = "ff0200000000000000000000000000fb"


@cache
def packets() -> tuple[Packet, ...]:
    """The mix, as network packets."""
    return tuple(
        chain(_services(), _services_ipv6(), _others(), _others_ipv6(), _tagged(), _link())
    )


# ---------------------------------------------------------------- headers


def _ipv4(
    weight: int, protocol: int, transport: bytes, size: int, number: int, *,
    answer: bool = False, to: str | None = None, fragment: int = 0x4000, options: bytes = b"",
) -> Packet:  # fmt: skip
    """size: bytes behind the transport header.  answer: from the server."""
    ends = [_HOSTS[number % len(_HOSTS)], to or _SERVERS[number % len(_SERVERS)]]
    addresses = bytes.fromhex("".join(reversed(ends) if answer else ends))
    header = 20 + len(options)
    length = header + len(transport) + size
    first = (
        bytes((0x40 + header // 4, 0))
        + length.to_bytes(2, "big")
        + (4660 + number).to_bytes(2, "big")
    )
    hops = bytes((56 if answer else 64, protocol, 0, 0))
    octets = first + fragment.to_bytes(2, "big") + hops + addresses + options + transport
    whole = not fragment & 0x3FFF
    spread = "unicast" if to is None else "broadcast" if to == "ffffffff" else "multicast"
    return Packet(
        weight, p.ETHERTYPE_IP, _filled(octets, length), length, None, spread,
        header if whole else None, protocol,
    )  # fmt: skip


def _ipv6(
    weight: int, protocol: int, transport: bytes, size: int, number: int, *,
    answer: bool = False, to: str | None = None,
) -> Packet:  # fmt: skip
    host = _HOST6 if to is None else _LINK_LOCAL6
    ends = [host, to or _SERVERS6[number % len(_SERVERS6)]]
    addresses = bytes.fromhex("".join(reversed(ends) if answer else ends))
    length = len(transport) + size
    octets = (
        b"\x60\0\0\0" + length.to_bytes(2, "big") + bytes((protocol, 60)) + addresses + transport
    )
    return Packet(
        weight, p.ETHERTYPE_IPV6, _filled(octets, 40 + length), 40 + length, None,
        "multicast" if to else "unicast", 40, protocol,
    )  # fmt: skip


def _filled(octets: bytes, length: int) -> bytes:
    """The captured part of a packet; the rest of it is no pattern that filters look for."""
    return octets + bytes(17 + 5 * n & 0xFF for n in range(min(length, _CAPTURED) - len(octets)))


def _transport(protocol: int, ports: tuple[int, int], size: int, flags: int | None = None) -> bytes:
    head = b"".join(port.to_bytes(2, "big") for port in ports)
    if protocol == _UDP:
        return head + (8 + size).to_bytes(2, "big") + b"\x1c\x46"
    if flags is None:
        flags = _PUSH if size else _ACK
    payload = _PAYLOADS.get(ports[0] if ports[0] < ports[1] else ports[1], b"")[:size]
    return (
        head
        + bytes.fromhex("3a5b11020be5771a")
        + bytes((0x50, flags))
        + b"\1\xf5\x9a\x3c\0\0"
        + payload
    )


_PAYLOADS: Final = {
    443: b"\x17\3\3\4\0",
    80: b"HTTP/1.1 200 OK\r\n",
    8080: b"GET / HTTP/1.1\r\n",
    22: b"SSH",
}


# ---------------------------------------------------------------- rows


def _services() -> Iterator[Packet]:
    for number, (protocol, port, asked, ask, answered, answer) in enumerate(_SERVICES):
        client = 49200 + 311 * number
        yield _ipv4(asked, protocol, _transport(protocol, (client, port), ask), ask, number)
        if answered:
            reply = _transport(protocol, (port, client), answer)
            yield _ipv4(answered, protocol, reply, answer, number, answer=True)
    for number, (flags, weight) in enumerate(_FLAGS):
        ports = (50311, 443) if flags == _SYN else (443, 50311)
        yield _ipv4(weight, _TCP, _transport(_TCP, ports, 0, flags), 0, number, answer=number > 0)


def _services_ipv6() -> Iterator[Packet]:
    for number, (protocol, port, asked, ask, answered, answer) in enumerate(_SERVICES_IPV6):
        client = 51400 + 173 * number
        yield _ipv6(asked, protocol, _transport(protocol, (client, port), ask), ask, number)
        reply = _transport(protocol, (port, client), answer)
        yield _ipv6(answered, protocol, reply, answer, number, answer=True)


def _others() -> Iterator[Packet]:
    udp = _transport(_UDP, (5353, 5353), 90)
    yield _ipv4(4, _UDP, udp, 90, 1, to="e00000fb")
    yield _ipv4(2, _UDP, _transport(_UDP, (68, 67), 300), 300, 2, to="ffffffff")
    yield _ipv4(1, _UDP, _transport(_UDP, (1900, 1900), 120), 120, 3, to="effffffa")
    yield _ipv4(3, _UDP, _transport(_UDP, (30480, 30522), 1400), 1400, 4, fragment=0x2000)
    yield _ipv4(4, _UDP, bytes.fromhex("2f3d0a7791c46802"), 900, 4, fragment=0x00B9)
    yield _ipv4(6, _ICMP, bytes.fromhex("08004d3f00010002"), 56, 0)
    yield _ipv4(6, _ICMP, bytes.fromhex("0000553f00010002"), 56, 0, answer=True)
    yield _ipv4(2, _ICMP, bytes.fromhex("0303fc1300000000"), 28, 1, answer=True)
    yield _ipv4(1, 2, bytes.fromhex("16000904e00000fb"), 0, 2, to="e00000fb", options=b"\x94\4\0\0")
    yield _ipv4(6, 50, bytes.fromhex("c17a44d100000a31"), 900, 3)
    yield _ipv4(4, 47, bytes.fromhex("00000800"), 700, 4)
    yield _ipv4(2, 89, bytes.fromhex("0201002c0a000001"), 36, 2, to="e0000005")
    yield _ipv4(1, _SCTP, bytes.fromhex("0b590b5900000001"), 40, 1)
    yield _ipv4(1, _TCP, _transport(_TCP, (50017, 443), 0), 0, 3, options=b"\x94\4\0\0")


def _others_ipv6() -> Iterator[Packet]:
    yield _ipv6(4, _ICMP6, bytes.fromhex("8700c1a200000000"), 24, 0, to=_ALL_NODES6)
    yield _ipv6(4, _ICMP6, bytes.fromhex("8800c1a260000000"), 24, 0)
    yield _ipv6(3, _ICMP6, bytes.fromhex("8000c1a200010001"), 56, 1)
    yield _ipv6(2, 0, bytes.fromhex("3a000502000001008f00"), 26, 0, to=_ROUTERS6)
    yield _ipv6(4, _UDP, _transport(_UDP, (5353, 5353), 90), 90, 0, to=_DISCOVERY6)
    yield _ipv6(1, 44, bytes.fromhex("11000001000000ab"), 1200, 1)


def _tagged() -> Iterator[Packet]:
    for packet, vlan in (
        (_ipv4(6, _TCP, _transport(_TCP, (52001, 443), 0), 0, 1), 10),
        (_ipv4(10, _TCP, _transport(_TCP, (443, 52001), 1400), 1400, 1, answer=True), 10),
        (_ipv4(5, _UDP, _transport(_UDP, (30480, 30522), 172), 172, 2), 20),
        (_ipv6(6, _UDP, _transport(_UDP, (443, 52007), 1200), 1200, 0, answer=True), 30),
        (_arp(2, 1, 3), 10),
    ):
        yield packet._replace(vlan=vlan)


def _arp(weight: int, operation: int, number: int) -> Packet:
    host, server = (bytes.fromhex(a[number % 5]) for a in (_HOSTS, _SERVERS))
    target = bytes(6) if operation == 1 else b"\2\0\0\0\0\7"
    octets = b"\0\1\x08\0\6\4\0" + bytes((operation,)) + b"\2\0\0\0\0\5" + host + target + server
    spread = "broadcast" if operation == 1 else "unicast"
    return Packet(weight, p.ETHERTYPE_ARP, octets + bytes(18), 46, None, spread)


def _link() -> Iterator[Packet]:
    yield _arp(18, 1, 0)
    yield _arp(6, 2, 1)
    yield Packet(6, 39, bytes.fromhex("424203") + bytes(43), 46, None, "multicast")
    for weight, ethertype, first in (
        (3, 0x88CC, "0207040200000000050405"),
        (3, p.ETHERTYPE_PPPOES, "1100000100160021"),
        (2, p.ETHERTYPE_MPLS, "00064140"),
    ):
        octets = bytes.fromhex(first)
        yield Packet(weight, ethertype, _filled(octets, 60), 60)
