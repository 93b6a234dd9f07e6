"""bpfq.attach on sockets that start at layer 3 or 4; the target follows from the socket.

Packets come in on a veth pair and pass the kernel's IP layer, so raw and UDP sockets hear them.
A filter means there what it means on a wire: IPv6 extension headers are not passed over by
``udp`` or ``port``, although the socket's first byte stands behind them.
"""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest
from scapy.layers.inet import UDP
from scapy.packet import Packet

import bpfq
from kernel.namespaces import add_ipv6_address, in_namespace, ip, needs_ip, needs_root

from . import seen as w
from .frames import A6, B6, C6, FAR, A, B, C
from .network import heard, opened, quiet_pair
from .packets import IP4, IP6, PACKETS, SENT, name_of

pytestmark = [pytest.mark.root, pytest.mark.oracle, needs_root, needs_ip]

Wanted = Callable[[Packet, int], bool]
Heard = dict[str, frozenset[str]]

# filter -> what a packet and the length from the socket's byte 0 must be
BOTH: dict[str, Wanted] = {
    "": lambda n, size: True,
    "ip or ip6": lambda n, size: True,
    "udp": lambda n, size: 17 in w.protocols(n),
    "not udp": lambda n, size: 17 not in w.protocols(n),
    "port 53": lambda n, size: 53 in w.ports(n),
    "udp port 53": lambda n, size: 53 in w.ports(n, 17),
    "src port 53": lambda n, size: w.source_port(n) == 53,
    "udp dst port 7000": lambda n, size: w.destination_port(n, 17) == 7000,
    "not port 53": lambda n, size: 53 not in w.ports(n),
    "portrange 6000-8000": lambda n, size: any(6000 <= port <= 8000 for port in w.ports(n)),
    "src and dst port 7000": lambda n, size: w.ports(n) == (7000, 7000),
    "port (68 or 40001 or 6001)": lambda n, size: bool({68, 40001, 6001} & set(w.ports(n))),
    "less 40": lambda n, size: size <= 40,
    "greater 900": lambda n, size: size >= 900,
    "inbound": lambda n, size: True,
    "outbound or port 53": lambda n, size: 53 in w.ports(n),
    "ifindex FAR": lambda n, size: True,
    "not ifindex FAR": lambda n, size: False,
}

ONLY_4: dict[str, Wanted] = {
    "ip": lambda n, size: w.ip(n),
    f"host {C}": lambda n, size: C in w.ends(n),
    f"src host {A}": lambda n, size: w.source(n) == A,
    f"not src {A} and udp": lambda n, size: w.source(n) != A and 17 in w.protocols(n),
    f"dst host {B} and dst port 53": lambda n, size: (
        w.destination(n) == B and w.destination_port(n) == 53
    ),
    "src net 192.168.0.0/16": lambda n, size: w.in_net(w.source(n), "192.168."),
    f"src ({A} or {C}) and port 53": lambda n, size: w.source(n) in (A, C) and 53 in w.ports(n),
    "ip[8] = 3": lambda n, size: w.ip(n) and n.ttl == 3,
    "ip[8] > 3": lambda n, size: w.ip(n) and n.ttl > 3,
    "ip[6] & 0x40 != 0": lambda n, size: w.ip(n) and bool(n.flags.DF),
    "(ip[1] & 0xfc) >> 2 = 46": lambda n, size: w.ip(n) and n.tos == 0xB8,
    "ip[0] & 0xf > 5 and udp": lambda n, size: w.ip(n) and n.ihl > 5 and n.proto == 17,
    "ip[ip[0] & 0xf] = 0": lambda n, size: w.ip(n) and bytes(n)[n.ihl] == 0,
    "udp[8:4] = 0xcafebabe": lambda n, size: (
        w.udp4(n) is not None and bytes(n.payload)[8:12] == bytes.fromhex("cafebabe")
    ),
    "udp[4:2] > 100": lambda n, size: w.udp4(n) is not None and n.payload.len > 100,
    "udp[0:2] = udp[2:2]": lambda n, size: (
        w.udp4(n) is not None and n.payload.sport == n.payload.dport
    ),
    "ip[12:4] = 0x0a000001 and udp[2:2] = 53": lambda n, size: (
        w.source(n) == A and w.udp4(n) is not None and n.payload.dport == 53
    ),
    "ip proto 17 and less 200": lambda n, size: w.proto4(n, 17) and size <= 200,
    "ip protochain 17": lambda n, size: w.ip(n) and n.proto == 17,
}

ONLY_6: dict[str, Wanted] = {
    "not ip": lambda n, size: not w.ip(n),
    "ip6": lambda n, size: w.ip6(n),
    f"host {C6}": lambda n, size: C6 in w.ends(n),
    f"src host {A6}": lambda n, size: w.source(n) == A6,
    f"dst host {B6} and src port 53": lambda n, size: (
        w.destination(n) == B6 and w.source_port(n) == 53
    ),
    "src net fd00::/8": lambda n, size: w.in_net(w.source(n), "fd"),
    f"not host {C6} and udp": lambda n, size: C6 not in w.ends(n) and 17 in w.protocols(n),
    "ip6[7] = 3": lambda n, size: w.ip6(n) and n.hlim == 3,
    "ip6[0:4] & 0xfffff = 0xabcde": lambda n, size: w.ip6(n) and n.fl == 0xABCDE,
    "ip6 proto 17": lambda n, size: w.ip6(n) and 17 in w.protocols(n),
    "ip6 proto 0": lambda n, size: w.ip6(n) and n.nh == 0,
    "ip6 proto 44": lambda n, size: w.ip6(n) and n.nh == 44,
    "ip6 protochain 17": lambda n, size: w.ip6(n) and 17 in w.chain(n),
    "ip6 protochain 60": lambda n, size: w.ip6(n) and 60 in w.chain(n),
    "ip6[4:2] > 500": lambda n, size: w.ip6(n) and n.plen > 500,
}

TRANSPORTS: dict[str, Wanted] = {
    "tcp": lambda n, size: 6 in w.protocols(n),
    "sctp port 80": lambda n, size: 80 in w.ports(n, 132),
    "tcp port 80 or 443": lambda n, size: bool({80, 443} & set(w.ports(n, 6))),
    "port 80": lambda n, size: 80 in w.ports(n),
    "proto 132": lambda n, size: 132 in w.protocols(n),
}

RAW4: dict[str, Wanted] = {
    "icmp": lambda n, size: w.proto4(n, 1),
    "icmp[icmptype] = icmp-echo": lambda n, size: getattr(w.icmp4(n), "type", None) == 8,
    "tcp[tcpflags] & tcp-syn != 0": lambda n, size: w.flags(n) & 2 != 0,
    "tcp[tcpflags] & (tcp-syn|tcp-ack) = tcp-ack": lambda n, size: w.flags(n) & 0x12 == 0x10,
    "not tcp[13] & 2 != 0": lambda n, size: w.flags(n) & 2 == 0,
    "ip proto 47": lambda n, size: w.proto4(n, 47),
    "ip[2:2] = len": lambda n, size: w.ip(n) and n.len == size,
}

RAW6: dict[str, Wanted] = {
    "icmp6": lambda n, size: 58 in w.protocols(n),
    "icmp6[icmp6type] = icmp6-echo": lambda n, size: (
        w.ip6(n) and n.nh == 58 and n.payload.type == 128
    ),
    "protochain 58": lambda n, size: 58 in w.chain(n),
    "ip6 protochain 6": lambda n, size: 6 in w.chain(n),
}

RAW4_FILTERS = BOTH | ONLY_4 | TRANSPORTS | RAW4
RAW6_FILTERS = BOTH | ONLY_6 | TRANSPORTS | RAW6
UDP4_FILTERS = {text: wanted for text, wanted in (BOTH | ONLY_4).items() if text != "not udp"}
"""``not udp`` can match nothing there and is refused."""
UDP6_FILTERS = BOTH | ONLY_4 | ONLY_6
"""An IPv6 UDP socket that is bound to :: hears IPv4, too."""

PORTS = (53, 7000)
UPPER = {"raw4": (1, 6, 17, 47, 132), "raw6": (6, 17, 58, 132)}


def ip_layer() -> int:
    """The interface far takes packets for B and B6, from anywhere; its index."""
    quiet_pair()
    ip("link", "set", "far", "address", FAR)
    with open("/proc/sys/net/ipv6/conf/far/disable_ipv6", "w", encoding="ascii") as file:
        file.write("0")
    ip("address", "add", f"{B}/8", "dev", "far")
    ip("route", "add", "default", "dev", "far")
    add_ipv6_address(B6, 64, "far")
    ip("route", "add", "default", "dev", "far", "metric", "1")
    return socket.if_nametoindex("far")


def spell(text: str, index: int) -> str:
    return text.replace("FAR", str(index))


def listen_raw(family: int, filters: dict[str, Wanted], protocols: tuple[int, ...]) -> Heard:
    index = ip_layer()

    def raw_socket(key: tuple[str, int]) -> socket.socket:
        text, protocol = key
        sock = socket.socket(family, socket.SOCK_RAW, protocol)
        bpfq.attach(sock, spell(text, index))
        return sock

    keys = [(text, protocol) for text in filters for protocol in protocols]
    sockets, refusals = opened(keys, raw_socket)
    sets: Heard = {text: frozenset() for text in filters}
    for (text, _), packets in heard(sockets, SENT).items():
        sets[text] |= frozenset(map(name_of, packets))
    for (text, _), message in refusals.items():
        sets[text] |= message
    return sets


@pytest.fixture(scope="module")
def raw4_sets() -> Heard:
    return in_namespace(lambda: listen_raw(socket.AF_INET, RAW4_FILTERS, UPPER["raw4"]))


@pytest.fixture(scope="module")
def raw6_sets() -> Heard:
    return in_namespace(lambda: listen_raw(socket.AF_INET6, RAW6_FILTERS, UPPER["raw6"]))


def upper_layer(packet: Packet) -> bytes:
    """From the header behind IPv6 and its extension headers."""
    layer = packet.payload
    while type(layer).__name__.startswith("IPv6ExtHdr"):
        layer = layer.payload
    return bytes(layer)


@pytest.mark.parametrize("text", RAW4_FILTERS)
def test_raw_ip_socket(raw4_sets: Heard, text: str) -> None:
    wanted = RAW4_FILTERS[text]
    assert raw4_sets[text] == {name for name, p in IP4.items() if wanted(p, len(p))}


@pytest.mark.parametrize("text", RAW6_FILTERS)
def test_raw_ip6_socket(raw6_sets: Heard, text: str) -> None:
    wanted = RAW6_FILTERS[text]
    assert raw6_sets[text] == {name for name, p in IP6.items() if wanted(p, len(upper_layer(p)))}


# ---------------------------------------------------------------- UDP


def listen_udp(family: int, everywhere: str, filters: dict[str, Wanted]) -> Heard:
    index = ip_layer()
    sets = {}
    for text in filters:

        def udp_socket(port: int, text: str = text) -> socket.socket:
            sock = socket.socket(family, socket.SOCK_DGRAM)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            bpfq.attach(sock, spell(text, index))
            sock.bind((everywhere, port))
            return sock

        sockets, refusals = opened(PORTS, udp_socket)
        found = heard(sockets, SENT)
        received = {name_of(data) for packets in found.values() for data in packets}
        sets[text] = frozenset(received).union(*refusals.values())
    return sets


@pytest.fixture(scope="module")
def udp4_sets() -> Heard:
    return in_namespace(lambda: listen_udp(socket.AF_INET, "0.0.0.0", UDP4_FILTERS))


@pytest.fixture(scope="module")
def udp6_sets() -> Heard:
    return in_namespace(lambda: listen_udp(socket.AF_INET6, "::", UDP6_FILTERS))


def datagrams(packets: dict[str, Packet], wanted: Wanted) -> set[str]:
    """Those of the packets that carry UDP and that the filter wants."""
    return {
        name
        for name, p in packets.items()
        if p.haslayer(UDP) and name != "gre" and wanted(p, len(bytes(p[UDP])))
    }


@pytest.mark.parametrize("text", UDP4_FILTERS)
def test_udp_socket(udp4_sets: Heard, text: str) -> None:
    assert udp4_sets[text] == datagrams(IP4, UDP4_FILTERS[text])


@pytest.mark.parametrize("text", UDP6_FILTERS)
def test_udp_socket_of_ip6_hears_both_families(udp6_sets: Heard, text: str) -> None:
    assert udp6_sets[text] == datagrams(PACKETS, UDP6_FILTERS[text])
