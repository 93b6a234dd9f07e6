"""The traffic that executed instructions are counted on: a synthetic mix, the same every time.

    IPv4   TCP 44 %, UDP 22 %, ICMP 3 %; fragments, IGMP, ESP, GRE, OSPF, VRRP, SCTP 4 %
    IPv6   TCP 9 %, UDP 6 %, ICMPv6 3 %; extension headers and fragments 1 %
    else   ARP 3 %; 802.1Q and QinQ 3 %; spanning tree, LLDP, PPPoE, MPLS, EAPOL 2 %

Frames are whole; payloads that filters look into are real (DNS, DHCP, HTTP, TLS, SSH).  Addresses,
ports and flags are drawn with popularities, in networks that filters name and in others.  The
frames are split in two at random and none is in both halves: what is tuned on ``training`` is
measured on ``test``.  Service tables and payloads: traffic_services.py.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from random import Random
from typing import NamedTuple, TypeAlias

from traffic_layers import Table, completed, ethernet, ipv4, ipv6, picked, short, tcp, udp
from traffic_services import FLAGS, SERVICES_TCP, SERVICES_UDP, Service, payload

SEED = 2_024_229
FRAMES = 2000  # of each half

TCP, UDP, ICMP, ICMP6 = 6, 17, 1, 58
IPV4, IPV6, ARP = 0x0800, 0x86DD, 0x0806

Make: TypeAlias = Callable[[Random], bytes]

# Weight, and the first bytes of the address; the rest is drawn.
CLIENTS: Table[str] = (
    (3, "0a000001"), (3, "0a000002"), (2, "0a000003"), (2, "0a000009"), (25, "0a0000"),
    (12, "0a0001"), (5, "0a01"), (7, "0af4"), (3, "c0a80101"), (20, "c0a801"), (4, "ac1005"),
    (2, "ac14"), (4, "644a"), (8, ""),
)  # fmt: skip
SERVERS: Table[str] = (
    (4, "0a000001"), (2, "0a000005"), (3, "0a000a"), (4, "0a000035"), (4, "0a60000a"),
    (3, "0a60"), (3, "c0a80101"), (2, "c0000207"), (2, "c000020a"), (4, "c6336409"),
    (4, "cb0071"), (3, "08080808"), (2, "01010101"), (8, "6810"), (6, "0d20"), (6, "3454"),
    (2, "a9fea9fe"), (38, ""),
)  # fmt: skip
CLIENTS6: Table[str] = (
    (6, "20010db8000000000000000000000001"), (3, "20010db8000000000000000000000002"),
    (30, "20010db800000000"), (20, "20010db800010000"), (20, "2a02810c1a2b0003"),
)  # fmt: skip
SERVERS6: Table[str] = (
    (4, "20010db8000000000000000000000001"), (8, "20010db800020000"), (30, "26064700"),
    (20, "2a001450400108"), (4, "20014860486000000000000000008888"), (20, "2a032880f12d0083"),
)  # fmt: skip
LINK_LOCAL6, ALL_NODES6, DNS6 = (
    "fe80000000000000",
    "ff02" + 13 * "00" + "01",
    "ff02" + 13 * "00" + "fb",
)


class Traffic(NamedTuple):
    """Ethernet frames."""

    training: tuple[bytes, ...]
    test: tuple[bytes, ...]


@cache
def traffic() -> Traffic:
    draw = Random(SEED)
    found: dict[bytes, None] = {}
    while len(found) < 2 * FRAMES:
        found[picked(draw, MIX)(draw)] = None
    frames = list(found)
    draw.shuffle(frames)
    return Traffic(tuple(frames[:FRAMES]), tuple(frames[FRAMES:]))


def conversation(draw: Random, services: Table[Service], protocol: int) -> tuple[bytes, bool]:
    """A TCP segment or UDP datagram, and whether it is from the server."""
    service = picked(draw, services)
    back = draw.random() < service.answers
    port = draw.randint(*service.ports)
    client = port if service.symmetric else draw.randint(32768, 60999)
    ends = (port, client) if back else (client, port)
    if protocol == UDP:
        return udp(draw, *ends, payload(draw, service, back)), back
    flags = picked(draw, FLAGS)
    if flags == 2:
        ends, back = (client, port), False
    elif flags == 18:
        ends, back = (port, client), True
    return tcp(draw, *ends, flags, payload(draw, service, back) if flags & 8 else b""), back


def spoken(services: Table[Service], protocol: int, version: int = 4) -> Callable[[Random], bytes]:
    """The network packets of services."""
    clients, servers, size = (CLIENTS, SERVERS, 4) if version == 4 else (CLIENTS6, SERVERS6, 16)

    def packet(draw: Random) -> bytes:
        body, back = conversation(draw, services, protocol)
        near = completed(draw, picked(draw, clients), size)
        far = completed(draw, picked(draw, servers), size)
        source, target = (far, near) if back else (near, far)
        return (ipv4 if version == 4 else ipv6)(draw, protocol, body, source, target)

    return packet


tcp4, udp4 = spoken(SERVICES_TCP, TCP), spoken(SERVICES_UDP, UDP)
tcp6, udp6 = spoken(SERVICES_TCP, TCP, 6), spoken(SERVICES_UDP, UDP, 6)


def of_hosts(draw: Random, protocol: int, body: bytes) -> bytes:
    """Between a client and a server, in either direction."""
    ends = [completed(draw, picked(draw, CLIENTS), 4), completed(draw, picked(draw, SERVERS), 4)]
    draw.shuffle(ends)
    return ipv4(draw, protocol, body, *ends)


def icmp4(draw: Random) -> bytes:
    kind = picked(
        draw, ((40, b"\x08\0"), (35, b"\0\0"), (8, b"\3\3"), (4, b"\3\4"), (8, b"\x0b\0"))
    )
    body = kind + draw.randbytes(6) + draw.randbytes(draw.choice((28, 56)))
    return of_hosts(draw, ICMP, body)


def icmp6(draw: Random) -> bytes:
    kind = picked(draw, ((30, 135), (30, 136), (8, 134), (2, 133), (14, 128), (14, 129)))
    body = bytes((kind, 0)) + draw.randbytes(2) + bytes(4) + draw.randbytes(20)
    source = completed(draw, LINK_LOCAL6 if kind > 129 else "20010db800000000", 16)
    target = completed(draw, ALL_NODES6 if kind == 134 else "20010db800000000", 16)
    return ipv6(draw, ICMP6, body, source, target, 255 if kind > 129 else None)


def fragment4(draw: Random) -> bytes:
    """A first, a middle or a last fragment of a datagram."""
    offset = draw.choice((0x2000, 0x2000 | 185, 370))
    body = udp(draw, 53, 40999, draw.randbytes(1200)) if offset == 0x2000 else draw.randbytes(900)
    near, far = completed(draw, picked(draw, CLIENTS), 4), completed(draw, picked(draw, SERVERS), 4)
    return ipv4(draw, UDP, body, far, near, fragment=offset)


def announced4(draw: Random) -> bytes:
    """To a multicast group: mDNS, SSDP, IGMP, OSPF, VRRP."""
    source = completed(draw, "0a0000", 4)
    kind = draw.randrange(5)
    if kind < 2:
        port, group = ((5353, "e00000fb"), (1900, "effffffa"))[kind]
        return ipv4(
            draw, UDP, udp(draw, port, port, draw.randbytes(90)), source, bytes.fromhex(group)
        )
    protocol, group = ((2, "e0000016"), (89, "e0000005"), (112, "e0000012"))[kind - 2]
    options = bytes.fromhex("94040000") if protocol == 2 else b""
    return ipv4(
        draw, protocol, draw.randbytes(24), source, bytes.fromhex(group), hops=1, options=options
    )


def other4(draw: Random) -> bytes:
    protocol = picked(draw, ((40, 50), (25, 47), (10, 51), (10, 132), (10, 4), (5, 41)))
    body = (
        bytes.fromhex("00000800") + draw.randbytes(100) if protocol == 47 else draw.randbytes(200)
    )
    return of_hosts(draw, protocol, body)


def other6(draw: Random) -> bytes:
    """With an extension header, or to a group."""
    source = completed(draw, LINK_LOCAL6, 16)
    kind = draw.randrange(3)
    if kind == 0:
        return ipv6(
            draw,
            0,
            b"\x3a\0\5\2\0\0\1\0\x8f\0" + draw.randbytes(26),
            source,
            bytes.fromhex(ALL_NODES6),
            1,
        )
    if kind == 1:
        head = b"\x11\0\0\1" + draw.randbytes(4)
        return ipv6(
            draw,
            44,
            head + udp(draw, 53, 40999, draw.randbytes(1200)),
            source,
            bytes.fromhex(ALL_NODES6),
        )
    return ipv6(
        draw, UDP, udp(draw, 5353, 5353, draw.randbytes(90)), source, bytes.fromhex(DNS6), 255
    )


def dhcp(draw: Random) -> bytes:
    """A discover, request, offer or acknowledgement."""
    kind = draw.choice((1, 3, 2, 5))
    asks = kind in (1, 3)
    body = bytes((1 if asks else 2, 1, 6, 0)) + draw.randbytes(4) + bytes(20)
    body += completed(draw, "0200000000", 6) + bytes(202) + bytes.fromhex("63825363")
    body += bytes((53, 1, kind)) + bytes.fromhex("3704010306") + b"\xff" + bytes(40)
    ports = (68, 67) if asks else (67, 68)
    source = bytes(4) if asks else bytes.fromhex("0a000001")
    return ipv4(draw, UDP, udp(draw, *ports, body), source, b"\xff" * 4)


def arp(draw: Random) -> bytes:
    asks = draw.random() < 0.7
    near, far = completed(draw, "0a0000", 4), completed(draw, picked(draw, CLIENTS[:5]), 4)
    if draw.random() < 0.1:
        far = near  # announces itself
    mac = completed(draw, "0200000000", 6)
    body = bytes.fromhex("0001080006040001" if asks else "0001080006040002")
    body += mac + near + (bytes(6) if asks else completed(draw, "0200000000", 6)) + far
    return ethernet(draw, ARP, body, to="ff" * 6 if asks or draw.random() < 0.2 else "")


def tagged(draw: Random) -> bytes:
    ethertype, make = picked(draw, ((50, (IPV4, tcp4)), (30, (IPV4, udp4)), (20, (IPV6, tcp6))))
    tags = picked(draw, ((50, (100,)), (25, (20,)), (10, (300,)), (10, (7, 100)), (5, (300, 400))))
    return ethernet(draw, ethertype, make(draw), tags=tags)


def link(draw: Random) -> bytes:
    """What only the link layer knows, and what it carries in a header of its own."""
    kind = draw.randrange(6)
    if kind == 0:
        bpdu = bytes.fromhex("424203000000000080000200000000") + draw.randbytes(20)
        return ethernet(draw, 39, bpdu, to="0180c2000000")
    if kind == 1:
        return ethernet(draw, 0x88CC, draw.randbytes(60), to="0180c200000e")
    if kind == 2:
        return ethernet(draw, 0x888E, draw.randbytes(46), to="0180c2000003")
    inner = tcp4(draw)
    if kind == 3:
        session = bytes.fromhex("11000027") + short(2 + len(inner)) + bytes.fromhex("0021")
        return ethernet(draw, 0x8864, session + inner)
    if kind == 4:
        labels = bytes.fromhex(draw.choice(("186a0140", "186a0040004001ff")))
        return ethernet(draw, 0x8847, labels + inner)
    return ethernet(draw, 0x88F7, draw.randbytes(44), to="011b19000000")


def carried(ethertype: int, make: Make, to: str = "") -> Make:
    return lambda draw: ethernet(draw, ethertype, make(draw), to=to)


MIX: Table[Make] = (
    (44, carried(IPV4, tcp4)),
    (22, carried(IPV4, udp4)),
    (3, carried(IPV4, icmp4)),
    (1, carried(IPV4, fragment4)),
    (1.5, carried(IPV4, announced4, "01005e0000fb")),
    (1, carried(IPV4, dhcp, "ff" * 6)),
    (1.5, carried(IPV4, other4)),
    (9, carried(IPV6, tcp6)),
    (6, carried(IPV6, udp6)),
    (3, carried(IPV6, icmp6)),
    (1, carried(IPV6, other6, "333300000001")),
    (3, arp),
    (3, tagged),
    (2, link),
)
