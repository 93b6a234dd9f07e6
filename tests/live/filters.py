"""Filters on packet sockets and, by scapy, the packets that each is meant to accept."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

from scapy.contrib.mpls import MPLS
from scapy.layers.l2 import Dot3, Ether
from scapy.layers.ppp import PPPoE, PPPoED

from . import seen as w
from .frames import A6, B6, C6, A, B, C
from .seen import Seen

Wanted = Callable[[Seen], bool]


def _on_net(question: Callable[..., object], *extra: object) -> Wanted:
    return lambda s: bool(question(s.net(), *extra))


def _host(*addresses: str) -> Wanted:
    return lambda s: any(end in addresses for end in w.ends(s.net()))


def _port(*numbers: int, protocol: tuple[int, ...] = ()) -> Wanted:
    return lambda s: any(port in numbers for port in w.ports(s.net(), *protocol))


def _proto(number: int) -> Wanted:
    return lambda s: number in w.protocols(s.net())


def _has(flags: int) -> Wanted:
    return lambda s: w.flags(s.net()) & flags != 0


def _mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))


def _inside(text: str) -> Wanted:
    network = ipaddress.ip_network(text)
    return lambda s: any(ipaddress.ip_address(end) in network for end in w.ends(s.net()))


def _len(s: Seen) -> int:
    return len(s.data)


NEAR_MAC, FAR_MAC = "02:00:00:00:00:01", "02:00:00:00:00:02"

_MANY_HOSTS = " or ".join(f"10.0.0.{number}" for number in range(2, 100))

FILTERS: dict[str, Wanted] = {
    # link layer
    "": lambda s: True,
    "ip": _on_net(w.ip),
    "ip6": _on_net(w.ip6),
    "arp": _on_net(w.arp),
    "rarp": lambda s: w.arp(s.net(), 0x8035),
    "not ip and not ip6": lambda s: not w.ip(s.net()) and not w.ip6(s.net()),
    "ether proto 0x88b5": lambda s: s.type == 0x88B5,
    "ether proto \\lldp": lambda s: s.type == 0x88CC,
    "ether[12:2] <= 1500": lambda s: isinstance(s.link, Dot3),
    "ether[12:2] = 0x8100": lambda s: s.type == 0x8100,
    f"ether host {NEAR_MAC}": lambda s: _mac(NEAR_MAC) in (s.data[:6], s.data[6:12]),
    f"ether src {FAR_MAC}": lambda s: s.data[6:12] == _mac(FAR_MAC),
    f"ether dst {FAR_MAC} and ip": lambda s: s.data[:6] == _mac(FAR_MAC) and w.ip(s.net()),
    "broadcast": lambda s: s.data[:6] == b"\xff" * 6,
    "multicast": lambda s: s.data[0] & 1 == 1,
    "multicast and not broadcast": lambda s: s.data[0] & 1 == 1 and s.data[:6] != b"\xff" * 6,
    "stp": lambda s: isinstance(s.link, Dot3) and s.data[14] == 0x42,
    "iso": lambda s: isinstance(s.link, Dot3) and s.data[14:16] == b"\xfe\xfe",
    "ipx": lambda s: (
        isinstance(s.link, Dot3) and (s.data[14] == 0xE0 or s.data[14:16] == b"\xff\xff")
    ),
    "llc": lambda s: isinstance(s.link, Dot3) and s.data[14:16] != b"\xff\xff",
    "llc u": lambda s: (
        isinstance(s.link, Dot3) and s.data[14:16] != b"\xff\xff" and s.data[16] & 3 == 3
    ),
    "ether[0] & 1 = 0": lambda s: s.data[0] & 1 == 0,
    "byte 14 = 0x45": lambda s: s.data[14] == 0x45,
    # addresses
    f"host {A}": _host(A),
    f"src host {B}": lambda s: w.source(s.net()) == B,
    f"dst host {B}": lambda s: w.destination(s.net()) == B,
    f"ip host {C}": lambda s: w.ip(s.net()) and C in w.ends(s.net()),
    f"arp host {C}": lambda s: w.arp(s.net()) and C in w.ends(s.net()),
    f"not host {A}": lambda s: A not in w.ends(s.net()),
    f"host {A} and host {B}": lambda s: {A, B} <= set(w.ends(s.net())),
    f"host ({A} or {C}) and not arp": lambda s: (
        not w.arp(s.net()) and bool({A, C} & set(w.ends(s.net())))
    ),
    f"src {A} or src {C}": lambda s: w.source(s.net()) in (A, C),
    f"dst host ({_MANY_HOSTS})": lambda s: (
        w.in_net(w.destination(s.net()), "10.0.0.")
        and 2 <= int(w.ends(s.net())[1].split(".")[3]) < 100
    ),
    "net 10.0.0.0/8": _inside("10.0.0.0/8"),
    "net 192.168.7": _inside("192.168.7.0/24"),
    "src net 192.168.0.0/16": lambda s: w.in_net(w.source(s.net()), "192.168."),
    "net 10.0.0.0 mask 255.255.255.254": _inside("10.0.0.0/31"),
    "ip multicast": lambda s: w.ip(s.net()) and 224 <= int(s.net().dst.split(".")[0]) < 240,
    "ip6 multicast": lambda s: w.ip6(s.net()) and w.in_net(s.net().dst, "ff"),
    f"host {A6}": _host(A6),
    f"src host {C6}": lambda s: w.source(s.net()) == C6,
    f"host {B6} and udp": lambda s: B6 in w.ends(s.net()) and 17 in w.protocols(s.net()),
    "net 2001:db8::/32": lambda s: any(w.in_net(end, "2001:db8:") for end in w.ends(s.net())),
    "dst net ff02::/16": lambda s: w.in_net(w.destination(s.net()), "ff02:"),
    # protocols
    "tcp": _proto(6),
    "udp": _proto(17),
    "icmp": lambda s: w.proto4(s.net(), 1),
    "icmp6": _proto(58),
    "sctp": _proto(132),
    "igmp": lambda s: w.proto4(s.net(), 2),
    "ah": _proto(51),
    "esp": _proto(50),
    "vrrp": lambda s: w.proto4(s.net(), 112),
    "ip proto 47": lambda s: w.proto4(s.net(), 47),
    "ip6 proto 44": lambda s: w.ip6(s.net()) and s.net().nh == 44,
    "proto 4": _proto(4),
    "not tcp and not udp and ip": lambda s: w.ip(s.net()) and s.net().proto not in (6, 17),
    "ip protochain 17": lambda s: w.ip(s.net()) and 17 in w.chain(s.net()),
    "ip6 protochain 6": lambda s: w.ip6(s.net()) and 6 in w.chain(s.net()),
    "protochain 58": lambda s: 58 in w.chain(s.net()),
    "not protochain 17": lambda s: 17 not in w.chain(s.net()),
    # ports
    "port 53": _port(53),
    "tcp port 80": _port(80, protocol=(6,)),
    "udp port 53": _port(53, protocol=(17,)),
    "src port 53": lambda s: w.source_port(s.net()) == 53,
    "udp dst port 53": lambda s: w.destination_port(s.net(), 17) == 53,
    "port (80 or 443)": _port(80, 443),
    "tcp port 80 or 443 or 22": _port(80, 443, 22, protocol=(6,)),
    "src or dst port 40000": _port(40000),
    "src and dst port 5353": lambda s: w.ports(s.net()) == (5353, 5353),
    "portrange 5000-6500": lambda s: any(5000 <= port <= 6500 for port in w.ports(s.net())),
    "udp dst portrange 33434-33534": lambda s: (
        33434 <= (w.destination_port(s.net(), 17) or 0) <= 33534
    ),
    "not port 53": lambda s: 53 not in w.ports(s.net()),
    "not port 53 and udp": lambda s: 53 not in w.ports(s.net()) and 17 in w.protocols(s.net()),
    "ip and port 80 and not tcp": lambda s: (
        w.ip(s.net()) and 80 in w.ports(s.net()) and s.net().proto != 6
    ),
    f"udp port 53 and src host {B}": lambda s: (
        53 in w.ports(s.net(), 17) and w.source(s.net()) == B
    ),
    # bytes, flags and arithmetic
    "tcp[tcpflags] & tcp-syn != 0": _has(0x02),
    "tcp[tcpflags] & (tcp-syn|tcp-ack) = tcp-syn": lambda s: w.flags(s.net()) & 0x12 == 0x02,
    "tcp[13] = 18": lambda s: w.flags(s.net()) == 18,
    "not tcp[13] & 2 != 0": lambda s: w.flags(s.net()) & 2 == 0,
    "tcp[tcpflags] & (tcp-rst|tcp-fin) != 0": _has(0x05),
    "tcp[((tcp[12] & 0xf0) >> 2):4] = 0x47455420": lambda s: (
        w.tcp4(s.net()) is not None and w.body(s.net()).startswith(b"GET ")
    ),
    "icmp[icmptype] = icmp-echo": lambda s: getattr(w.icmp4(s.net()), "type", None) == 8,
    "icmp[icmptype] != icmp-echo and icmp[icmptype] != icmp-echoreply": lambda s: (
        getattr(w.icmp4(s.net()), "type", None) == 3
    ),
    "icmp6[icmp6type] = icmp6-echo": lambda s: (
        w.ip6(s.net()) and s.net().nh == 58 and s.net().payload.type == 128
    ),
    "ip[8] < 5": lambda s: w.ip(s.net()) and s.net().ttl < 5,
    "ip[0] & 0xf != 5": lambda s: w.ip(s.net()) and s.net().ihl != 5,
    "ip[6:2] & 0x1fff != 0": lambda s: w.ip(s.net()) and s.net().frag != 0,
    "ip[6:2] & 0x3fff != 0 and udp": lambda s: (
        w.proto4(s.net(), 17) and (s.net().frag != 0 or s.net().flags.MF)
    ),
    "ip[6] & 0x40 != 0": lambda s: w.ip(s.net()) and bool(s.net().flags.DF),
    "ip[1] & 0xfc >> 2 = 46": lambda s: w.ip(s.net()) and s.net().tos & (0xFC >> 2) == 46,
    "(ip[1] & 0xfc) >> 2 = 46": lambda s: w.ip(s.net()) and s.net().tos >> 2 == 46,
    "ip6[7] = 1": lambda s: w.ip6(s.net()) and s.net().hlim == 1,
    "udp[4:2] > 100": lambda s: getattr(w.udp4(s.net()), "len", 0) > 100,
    "udp[0:2] = udp[2:2]": lambda s: (
        w.udp4(s.net()) is not None and s.net().payload.sport == s.net().payload.dport
    ),
    "udp[ip[0] & 0xf] = 42": lambda s: (
        w.udp4(s.net()) is not None and bytes(s.net().payload)[s.net().ihl] == 42
    ),
    "ip[2:2] + 14 < len": lambda s: w.ip(s.net()) and s.net().len + 14 < _len(s),
    "len - 14 = 52": lambda s: _len(s) == 66,
    "(ip[12:4] ^ ip[16:4]) = 3": lambda s: (
        w.ip(s.net())
        and int(ipaddress.ip_address(s.net().src)) ^ int(ipaddress.ip_address(s.net().dst)) == 3
    ),
    "ip[2:2] / (ip[0] & 0xf) > 12": lambda s: w.ip(s.net()) and s.net().len // s.net().ihl > 12,
    "ip[4:2] % 4 = 3": lambda s: w.ip(s.net()) and s.net().id % 4 == 3,
    "ip[8] * 2 - 1 = 127": lambda s: w.ip(s.net()) and s.net().ttl == 64,
    "1 << ip[8] = 2": lambda s: w.ip(s.net()) and s.net().ttl == 1,
    "1 << ip[8] = 0": lambda s: w.ip(s.net()) and s.net().ttl >= 32,
    "ip[4:2] / (ip[8] - 64) = 0": lambda s: w.ip(s.net()) and s.net().ttl != 64,
    # length
    "greater 1000": lambda s: _len(s) >= 1000,
    "less 62": lambda s: _len(s) <= 62,
    "len = 66 and udp": lambda s: _len(s) == 66 and 17 in w.protocols(s.net()),
    "not greater 70 and ip": lambda s: _len(s) < 70 and w.ip(s.net()),
    # VLAN tags
    "vlan": lambda s: s.vlan(0),
    "not vlan": lambda s: not s.vlan(0),
    "vlan 100": lambda s: s.vlan(0, 100),
    "vlan 0": lambda s: s.vlan(0, 0),
    "vlan 4095": lambda s: s.vlan(0, 4095),
    "not vlan 100": lambda s: not s.vlan(0, 100),
    "vlan and ip": lambda s: s.vlan(0) and w.ip(s.net(1)),
    "vlan and arp": lambda s: s.vlan(0) and w.arp(s.net(1)),
    "vlan 100 and udp": lambda s: s.vlan(0, 100) and 17 in w.protocols(s.net(1)),
    "vlan 100 and tcp port 80": lambda s: s.vlan(0, 100) and 80 in w.ports(s.net(1), 6),
    f"vlan 200 and host {C}": lambda s: s.vlan(0, 200) and C in w.ends(s.net(1)),
    "vlan 100 and not udp": lambda s: s.vlan(0, 100) and 17 not in w.protocols(s.net(1)),
    "vlan and ip[8] = 64": lambda s: s.vlan(0) and w.ip(s.net(1)) and s.net(1).ttl == 64,
    "vlan and tcp[13] = 2": lambda s: s.vlan(0) and w.flags(s.net(1)) == 2,
    "vlan and ip6": lambda s: s.vlan(0) and w.ip6(s.net(1)),
    "vlan 100 and vlan 200": lambda s: s.vlan(0, 100) and s.vlan(1, 200),
    "vlan and vlan": lambda s: s.vlan(1),
    "vlan and vlan 100 and ip6": lambda s: s.vlan(1, 100) and w.ip6(s.net(2)),
    "vlan 100 and vlan 200 and udp port 53": lambda s: (
        s.vlan(0, 100) and s.vlan(1, 200) and 53 in w.ports(s.net(2), 17)
    ),
    "vlan and vlan and vlan": lambda s: s.vlan(2),
    "vlan 1 and vlan 100 and vlan 200 and udp": lambda s: (
        s.vids()[:3] == [1, 100, 200] and 17 in w.protocols(s.net(3))
    ),
    "ip or vlan": lambda s: w.ip(s.net()) or s.vlan(0),
    "udp or (vlan 100 and udp)": lambda s: (
        17 in w.protocols(s.net()) or (s.vlan(0, 100) and 17 in w.protocols(s.net(1)))
    ),
    "vlan 100 or vlan 200": lambda s: s.vlan(0, 100) or s.vlan(1, 200),
    "(vlan 100 and udp) or vlan 300": lambda s: (
        s.vlan(1, 300) or (s.vlan(0, 100) and 17 in w.protocols(s.net(1)))
    ),
    "not vlan and udp": lambda s: not s.vlan(0) and 17 in w.protocols(s.net(1)),
    "vlan and broadcast": lambda s: s.vlan(0) and s.data[:6] == b"\xff" * 6,
    "vlan and ether proto 0x88b5": lambda s: s.vlan(0) and s.type_behind(1) == 0x88B5,
    "vlan 100 and mpls": lambda s: s.vlan(0, 100) and bool(w.labels(s.net(1))),
    "vlan 100 and pppoes and ip": lambda s: s.vlan(0, 100) and w.ip(w.session(s.net(1))),
    "vlan and vxlan 77": lambda s: s.vlan(0) and w.vxlan(s.net(1), 77) is not None,
    "vlan and vxlan and udp": lambda s: (
        s.vlan(0) and 17 in w.protocols(w.inside(w.vxlan(s.net(1))))
    ),
    "ether[-4048] = 1": lambda s: s.tci is not None,
    "ether[-4052:2] & 0xfff = 100": lambda s: (s.tci or 0) & 0xFFF == 100,
    # labels, sessions and tunnels
    "mpls": lambda s: isinstance(s.net(), MPLS),
    "mpls 100": lambda s: w.labels(s.net())[:1] == [100],
    "mpls 200 and mpls 100": lambda s: w.labels(s.net())[:2] == [200, 100],
    "mpls and ip": lambda s: len(w.labels(s.net())) == 1 and w.ip(w.below_labels(s.net())),
    "mpls and udp port 53": lambda s: (
        len(w.labels(s.net())) == 1 and 53 in w.ports(w.below_labels(s.net()), 17)
    ),
    f"mpls and mpls and host {C}": lambda s: (
        len(w.labels(s.net())) == 2 and C in w.ends(w.below_labels(s.net()))
    ),
    "pppoed": lambda s: isinstance(s.net(), PPPoED),
    "pppoes": lambda s: type(s.net()) is PPPoE,
    "pppoes 7": lambda s: type(s.net()) is PPPoE and s.net().sessionid == 7,
    "pppoes and ip": lambda s: w.ip(w.session(s.net())),
    "pppoes 8 and tcp port 80": lambda s: 80 in w.ports(w.session(s.net(), 8), 6),
    "pppoes and ip6": lambda s: w.ip6(w.session(s.net())),
    "vxlan": lambda s: w.vxlan(s.net()) is not None,
    "vxlan 77": lambda s: w.vxlan(s.net(), 77) is not None,
    "vxlan and ip": lambda s: w.ip(w.inside(w.vxlan(s.net()))),
    f"vxlan 78 and tcp and host {C}": lambda s: (
        6 in w.protocols(w.inside(w.vxlan(s.net(), 78))) and C in w.ends(w.inside(w.vxlan(s.net())))
    ),
    "vxlan and arp": lambda s: w.arp(w.inside(w.vxlan(s.net()))),
    "vxlan and ether src 02:00:00:00:0a:01": lambda s: w.vxlan(s.net()) is not None,
    "geneve": lambda s: w.geneve(s.net()) is not None,
    "geneve 66": lambda s: w.geneve(s.net(), 66) is not None,
    "geneve and ip": lambda s: w.ip(w.inside(w.geneve(s.net()))),
    "geneve and udp port 53": lambda s: 53 in w.ports(w.inside(w.geneve(s.net())), 17),
    "geneve 67 and tcp": lambda s: 6 in w.protocols(w.inside(w.geneve(s.net(), 67))),
    "geneve and ether dst 02:00:00:00:0a:02": lambda s: isinstance(
        getattr(w.geneve(s.net()), "payload", None), Ether
    ),
    # metadata
    "inbound": lambda s: not s.outgoing,
    "outbound": lambda s: s.outgoing,
    "inbound and tcp": lambda s: not s.outgoing and 6 in w.protocols(s.net()),
    "outbound and vlan 100": lambda s: s.outgoing and s.vlan(0, 100),
    "not inbound or arp": lambda s: s.outgoing or w.arp(s.net()),
}
