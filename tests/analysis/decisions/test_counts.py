"""Packets through a graph: what arrives at a test leaves it, verdicts are the filter's."""

from __future__ import annotations

from collections import Counter as Multiset

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Dot1Q, Ether

import bpfq
from bpfq.analysis.decisions.counts import Counter
from bpfq.graph.nodes import ACCEPT, REJECT, Builder
from bpfq.operators import Relation

_FRAMES = [
    bytes(Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / body)
    for body in (
        IP(src="10.0.0.1") / TCP(dport=80), IP() / UDP(dport=53), IP(frag=9, proto=6) / b"1234",
        IP() / ICMP(), IPv6() / TCP(sport=80), ARP(), Dot1Q(vlan=5) / IP() / TCP(dport=80),
    )
]  # fmt: skip
PACKETS = [frame[:size] for frame in _FRAMES for size in (*range(0, 60, 4), 200)]
FILTERS = [
    "tcp port 80", "not tcp port 80", "host 10.0.0.1 or arp", "vlan and ip", "ip and ip6", "",
    "ip[20 / ip[60]] = 1", "len > 40", "ip[2:2] + 14 != len", "tcp dst portrange 1-100 or icmp",
]  # fmt: skip


@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize("text", FILTERS)
def test_what_arrives_at_a_test_leaves_it(text: str, level: int) -> None:
    program = bpfq.compile(text, level=level, allow_empty=True)
    drawing = bpfq.draw(program, packets=PACKETS)
    counts = drawing.counts
    assert counts is not None
    arrived = Multiset({drawing.picture.start: len(PACKETS)})
    for one, passed in zip(drawing.tests, counts.tests, strict=True):
        assert arrived[one.number] == passed.yes + passed.no + passed.short
        arrived[one.yes] += passed.yes
        arrived[one.no] += passed.no
        arrived["reject"] += passed.short
    accepted = sum(map(program.matches, PACKETS))
    assert (arrived["accept"], counts.accepted) == (accepted, accepted)
    assert arrived["reject"] + arrived["accept"] == counts.packets == len(PACKETS)


def test_a_packet_cut_short_is_counted_where_it_ends() -> None:
    counts = bpfq.draw("ip and udp", packets=[_FRAMES[1][:20], _FRAMES[1]]).counts
    assert counts is not None
    assert [(one.yes, one.no, one.short) for one in counts.tests] == [(2, 0, 0), (1, 0, 1)]


def test_a_random_word_is_drawn_once_for_a_packet() -> None:
    builder = Builder()
    draw, half = builder.draw(1), builder.constant(1 << 31)
    again = builder.test(draw, Relation.GE, half, ACCEPT, REJECT)
    other = builder.test(draw, Relation.GE, half, REJECT, ACCEPT)
    counter = Counter(builder.test(draw, Relation.GE, half, again, other))
    for _ in range(400):
        counter.count(b"", 0)
    first, *behind = counter.counts().tests
    assert 100 < first.yes < 300
    assert counter.counts().accepted == 400 == sum(one.yes + one.no for one in behind)


def test_without_packets_nothing_is_counted() -> None:
    assert bpfq.draw("ip").counts is None
    counts = bpfq.draw("ip", packets=[]).counts
    assert counts is not None and counts.packets == 0
