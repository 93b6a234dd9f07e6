"""Display filters and what they are in this language."""

from __future__ import annotations

import pytest

from bpfq.frontend.pcap.display import looks_like, translation
from bpfq.frontend.pcap.parse import parse

TRANSLATED = {
    "tcp.port == 80 && ip.addr == 10.0.0.1": "tcp port 80 and host 10.0.0.1",
    "ip.src == 10.0.0.0/8": "src net 10.0.0.0/8",
    "not ip.dst eq 1.2.3.4": "not dst host 1.2.3.4",
    "ip.addr != 1.2.3.4": "not host 1.2.3.4",
    "ipv6.src == fe80::1": "ip6 src host fe80::1",
    "eth.addr == 1:2:3:4:5:6": "ether host 1:2:3:4:5:6",
    "udp.dstport >= 1024": "udp dst portrange 1024-65535",
    "tcp.flags.syn == 1 and tcp.flags.ack == 0": (
        "tcp[tcpflags] & tcp-syn != 0 and tcp[tcpflags] & tcp-ack = 0"
    ),
    "tcp.flags == 0x12": "tcp[tcpflags] == 0x12",
    "icmp.type == 8 || icmpv6.type == 128": "icmp[icmptype] == 8 or icmp6[icmp6type] == 128",
    "frame.len > 100 && !arp": "len > 100 and not arp",
    "vlan.id == 5": "vlan 5",
    "(dns || http) && ip.ttl < 5": "(port 53 or tcp port 80) and ip[8] < 5",
}


@pytest.mark.parametrize("text", TRANSLATED, ids=repr)
def test_translation_is_a_capture_filter(text: str) -> None:
    assert translation(text) == TRANSLATED[text]
    parse(TRANSLATED[text])


@pytest.mark.parametrize(
    "text",
    [
        'http.host == "a.b"',
        "tcp.port in {80 443}",
        "tcp.stream == 5",
        "tcp.port > 65535",
        "ip.src > 1.2.3.4",
        "ip.addr == 1.1.1.1 or tcp.port == 80 and udp.port == 53",
        "ip.addr[0] == 1",
    ],
)
def test_what_has_no_counterpart_is_not_guessed(text: str) -> None:
    assert translation(text) is None


def test_field_names_are_told_from_host_names() -> None:
    assert looks_like("tcp.flags.syn")
    assert not looks_like("www.example.org")
