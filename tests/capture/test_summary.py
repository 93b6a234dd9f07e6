"""The line about a packet."""

from __future__ import annotations

import pytest
from scapy.contrib.mpls import MPLS
from scapy.layers.inet import GRE, ICMP, IP, TCP, UDP
from scapy.layers.inet6 import (
    ICMPv6EchoRequest,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
)
from scapy.layers.l2 import ARP, Dot1AD, Dot1Q, Ether
from scapy.layers.ppp import PPP, PPPoE
from scapy.layers.sctp import SCTP
from scapy.packet import Packet

from bpfq.capture.summary import summary

ETHERNET = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
V4 = IP(src="10.0.0.1", dst="10.0.0.2")
V6 = IPv6(src="2001:db8::1", dst="::2")


@pytest.mark.parametrize(
    ("packet", "words"),
    [
        (ETHERNET / V4 / TCP(sport=1, dport=2, flags="SA"), "TCP 10.0.0.1:1 > 10.0.0.2:2 S."),
        (ETHERNET / V4 / TCP(sport=1, dport=2, flags=0), "TCP 10.0.0.1:1 > 10.0.0.2:2 none"),
        (ETHERNET / V6 / UDP(sport=1, dport=2), "UDP [2001:db8::1]:1 > [::2]:2"),
        (ETHERNET / V4 / SCTP(sport=1, dport=2), "SCTP 10.0.0.1:1 > 10.0.0.2:2"),
        (ETHERNET / V4 / ICMP(), "ICMP 10.0.0.1 > 10.0.0.2"),
        (ETHERNET / V4 / GRE(), "GRE 10.0.0.1 > 10.0.0.2"),
        (ETHERNET / V4 / b"x", "HOPOPT 10.0.0.1 > 10.0.0.2"),
        (ETHERNET / IP(src="10.0.0.1", dst="10.0.0.2", proto=17, frag=185) / b"xxxxxxxx",
         "UDP 10.0.0.1 > 10.0.0.2 fragment at 1480"),
        (ETHERNET / V6 / IPv6ExtHdrFragment(offset=3, nh=17) / b"x",
         "UDP 2001:db8::1 > ::2 fragment at 24"),
        (ETHERNET / V6 / IPv6ExtHdrDestOpt() / ICMPv6EchoRequest(),
         "IPv6-ICMP 2001:db8::1 > ::2"),
        (ETHERNET / Dot1AD(vlan=7) / Dot1Q(vlan=8) / V4 / UDP(sport=1, dport=2),
         "vlan 7 vlan 8 UDP 10.0.0.1:1 > 10.0.0.2:2"),
        (ETHERNET / MPLS(label=16, s=0) / MPLS(label=17, s=1) / V4 / ICMP(),
         "mpls 16 mpls 17 ICMP 10.0.0.1 > 10.0.0.2"),
        (ETHERNET / PPPoE(sessionid=9) / PPP() / V4 / ICMP(),
         "pppoe 9 ICMP 10.0.0.1 > 10.0.0.2"),
        (ETHERNET / ARP(psrc="10.0.0.1", pdst="10.0.0.2"), "ARP who-has 10.0.0.2 tell 10.0.0.1"),
        (ETHERNET / ARP(op=2, psrc="10.0.0.1", hwsrc="02:00:00:00:00:01"),
         "ARP 10.0.0.1 is-at 02:00:00:00:00:01"),
        (Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02", type=0x88CC) / b"x",
         "EtherType 0x88cc 02:00:00:00:00:01 > 02:00:00:00:00:02"),
        (Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02", type=38) / b"x",
         "802.3 02:00:00:00:00:01 > 02:00:00:00:00:02"),
    ],
)  # fmt: skip
def test_endpoints_are_shown(packet: Packet, words: str) -> None:
    assert summary("EN10MB", bytes(packet)) == words


@pytest.mark.parametrize(
    ("link", "before"),
    [
        ("RAW", b""),
        ("IPV4", b""),
        ("NULL", bytes(4)),
        ("LINUX_SLL", bytes(14) + b"\x08\x00"),
        ("LINUX_SLL2", b"\x08\x00" + bytes(18)),
    ],
)
def test_other_link_types_are_known(link: str, before: bytes) -> None:
    assert summary(link, before + bytes(V4 / ICMP())) == "ICMP 10.0.0.1 > 10.0.0.2"


def test_unknown_link_type_shows_its_name() -> None:
    assert summary("USB_LINUX", b"\0" * 64) == "USB_LINUX"


def test_cut_packet_says_so_at_every_length() -> None:
    whole = bytes(ETHERNET / Dot1Q(vlan=7) / V6 / TCP(sport=1, dport=2))
    lines = [summary("EN10MB", whole[:length]) for length in range(len(whole))]
    assert lines[0] == "[cut]"
    assert lines[30] == "vlan 7 [cut]"
    assert lines[60] == "vlan 7 TCP 2001:db8::1 > ::2 [cut]"
    assert lines[65] == "vlan 7 TCP [2001:db8::1]:1 > [::2]:2 [cut]"
