"""Filters as sentences."""

from __future__ import annotations

import pytest

from bpfq.analysis.english import sentence
from bpfq.frontend.pcap.parse import parse
from bpfq.query import build


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "Every packet."),
        ("ip", "Packets that are IPv4."),
        ("not ip", "All packets except those that are IPv4."),
        ("port 53 and not host 10.0.0.1",
         "Packets that are TCP, UDP or SCTP from or to port 53 (domain), except those that are "
         "IPv4, ARP or RARP from or to 10.0.0.1."),
        ("tcp[tcpflags] & (tcp-syn|tcp-ack) == tcp-syn and dst port 443",
         "Packets that are TCP over IPv4 with SYN set and ACK clear and are TCP, UDP or SCTP to "
         "port 443 (https)."),
        ("tcp[tcpflags] & (tcp-syn|tcp-fin) != 0",
         "Packets that are TCP over IPv4 with FIN or SYN set."),
        ("tcp[13] = 2", "Packets that are TCP over IPv4 with SYN set and no other flag."),
        ("tcp[13] = 0", "Packets that are TCP over IPv4 with no flag."),
        ("tcp[13] & 2 = 4", "Packets that are such that tcp[13] & 2 = 4."),
        ("icmp[icmptype] = icmp-echo", "Packets that are ICMP type 8 (icmp-echo)."),
        ("ip[8] < 5", "Packets that are IPv4 with TTL < 5."),
        ("ip[2:2] > 576", "Packets that are such that ip[2:2] > 576."),
        ("vlan 100 and ip", "Packets that carry VLAN tag 100 and are IPv4 (behind a VLAN tag)."),
        ("ip and (tcp or udp)", "Packets that are IPv4 and (are TCP or UDP)."),
        ("ip and not (tcp or udp)", "Packets that are IPv4, except those that are TCP or are UDP."),
        ("arp or ip and udp", "Packets that (are ARP or IPv4) and are UDP."),
        ("arp or (ip and not udp)", "Packets that are ARP or (are IPv4 and are not UDP)."),
        ("not (ip and udp)", "All packets except those that are IPv4 and are UDP."),
        ("greater 100", "Packets that are at least 100 bytes long."),
        ("port 80 or port 443", "Packets that are TCP, UDP or SCTP from or to ports 80 (http) or "
         "443 (https)."),
        ("ether src 2:0:0:0:0:1", "Packets that are from station 02:00:00:00:00:01."),
        ("ip6 multicast or ether broadcast",
         "Packets that are IPv6 multicasts or link-layer broadcasts."),
        ("dst net 10.0.0.0/8", "Packets that are IPv4, ARP or RARP to 10.0.0.0/8."),
        ("inbound and tcp", "Packets that are received by this host and are TCP."),
    ],
)  # fmt: skip
def test_a_filter_as_a_sentence(text: str, words: str) -> None:
    assert sentence(parse(text), text) == words


def test_a_long_list_is_counted() -> None:
    text = " or ".join(f"host 10.0.0.{n}" for n in range(200))
    assert sentence(parse(text)) == (
        "Packets that are IPv4, ARP or RARP from or to one of 200 "
        "(10.0.0.0, 10.0.0.1, ... 10.0.0.199)."
    )


def test_no_sentence_for_what_nobody_would_read() -> None:
    many = build.any_of(*(parse(f"ether[{n}] = {n}") for n in range(60)))
    assert sentence(many) is None
    deep = build.protocol("arp")
    for _ in range(10_000):
        deep = build.any_of(build.all_of(deep, build.protocol("ip")), build.protocol("ip6"))
    assert sentence(deep) is None
