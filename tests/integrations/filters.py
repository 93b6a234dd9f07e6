"""Filters that scapy is given: pcap text, and the same as expressions.

What each is meant to receive is told by scapy, in live.filters.
"""

from __future__ import annotations

import bpfq
from bpfq import arp, inbound, ip, outbound, port, tcp, udp, vlan

SENTINEL_TYPE = 0x88B6  # of the frame behind all others, see live.network

TEXTS = (
    "ip", "arp", "not ip and not ip6", "broadcast", "host 10.0.0.1", "tcp", "udp", "not port 53",
    "tcp port 80", "udp dst port 53", "greater 1000", "portrange 5000-6500",
    "tcp[tcpflags] & tcp-syn != 0", "ip[6:2] & 0x1fff != 0", "vlan", "not vlan", "vlan 100",
    "vlan and ip", "vlan 100 and udp", "vlan 100 and vlan 200", "ip or vlan", "not vlan and udp",
    "mpls and ip", "inbound and tcp", "outbound and vlan 100", "not inbound or arp",
)  # fmt: skip

NODES = {
    "ip": ip,
    "tcp port 80": tcp.port == 80,
    "not port 53": ~port(53),
    "tcp[tcpflags] & tcp-syn != 0": tcp[13] & 2 != 0,
    "vlan 100": vlan(100),
    "vlan and ip": vlan / ip,
    "vlan 100 and udp": vlan(100) / udp,
    "ip or vlan": ip | vlan,
    "not vlan and udp": ~vlan & udp.under("vlan"),
    "inbound and tcp": inbound & tcp,
    "outbound and vlan 100": outbound & vlan(100),
    "not inbound or arp": ~inbound | arp,
}

PROGRAMS = {
    "vlan 100 and udp": bpfq.compile("vlan 100 and udp", target="packet"),
    "vlan and ip": bpfq.compile("vlan and ip"),  # for a file: compiled again for the socket
    "tcp port 80": bpfq.compile("tcp port 80", link="RAW"),
}

KINDS: dict[str, dict[str, object]] = {
    "text": {text: text for text in TEXTS},
    "node": dict(NODES),
    "program": dict(PROGRAMS),
}
