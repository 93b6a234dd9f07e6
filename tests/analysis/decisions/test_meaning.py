"""What tests are called: their text as listings have it, and their meaning in words."""

from __future__ import annotations

from typing import Any

import pytest
from oracles.corpus import filters
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Dot1Q, Ether

import bpfq
from bpfq.analysis.decisions.counts import Counter
from bpfq.analysis.decisions.landmarks import landmarks
from bpfq.analysis.decisions.meaning import meanings
from bpfq.analysis.decisions.picture import Decision
from bpfq.graph.nodes import ACCEPT, REJECT, Builder
from bpfq.graph.walk import topological
from bpfq.operators import Relation

NAMED: dict[str, tuple[str, dict[str, Any], list[tuple[str, str]]]] = {
    "types, protocols and ports of both families": (
        "tcp dst port 80",
        {"level": 1},
        [
            ("[12:2] = 0x86dd", "ip6"),
            ("[20] = 6", "tcp"),
            ("[56:2] = 0x50", "dst port 80"),
            ("[12:2] = 0x800", "ip"),
            ("[23] = 6", "tcp"),
            ("[20:2] & 0x1fff != 0", "later fragment"),
            ("[x+16:2] = 0x50", "dst port 80"),
        ],
    ),
    "addresses and networks": (
        "ip src host 192.0.2.1 or ip dst net 10.0.0.0/8",
        {"level": 0},
        [
            ("[12:2] = 0x800", "ip"),
            ("[26:4] = 0xc0000201", "src 192.0.2.1"),
            ("[12:2] = 0x800", "ip"),
            ("[30:4] & 0xff000000 = 0xa000000", "dst net 10.0.0.0/8"),
        ],
    ),
    "an address of 128 bits is read in words": (
        "ip6 src host 2001:db8::1",
        {"level": 0},
        [
            ("[12:2] = 0x86dd", "ip6"),
            ("[22:4] = 0x20010db8", "ip6 src[0:4] = 2001:db8"),
            ("[26:4] = 0", "ip6 src[4:4] = 0:0"),
            ("[30:4] = 0", "ip6 src[8:4] = 0:0"),
            ("[34:4] = 1", "ip6 src[12:4] = 0:1"),
        ],
    ),
    "stations": (
        "ether src 02:00:00:00:00:01 and ether multicast",
        {"level": 0},
        [
            ("[8:4] = 1", "ether src[2:4] = 00:00:00:01"),
            ("[6:2] = 0x200", "ether src[0:2] = 02:00"),
            ("[0] & 1 != 0", "ether multicast"),
        ],
    ),
    "bits of a header and bytes without a name": (
        "tcp[tcpflags] & (tcp-syn|tcp-ack) != 0 and tcp[20:4] = 0x47455420",
        {"level": 1},
        [
            ("[12:2] = 0x800", "ip"),
            ("[23] = 6", "tcp"),
            ("[20:2] & 0x1fff != 0", "later fragment"),
            ("[x+27] & 0x12 != 0", "tcp-syn|tcp-ack"),
            ("[x+34:4] = 0x47455420", "tcp[20:4] = 0x47455420"),
        ],
    ),
    "what stands behind a tag": (
        "vlan 100 and arp",
        {"level": 0},
        [
            ("[12:2] = 0x8100", "802.1Q tag"),
            ("[12:2] = 0x88a8", "802.1ad tag"),
            ("[12:2] = 0x9100", "QinQ tag"),
            ("[14:2] & 0xfff = 0x64", "vlan 100"),
            ("[16:2] = 0x806", "arp"),
        ],
    ),
    "a tag that the kernel took off": (
        "vlan 100",
        {"level": 0, "target": "packet"},
        [
            ("vlanp = 1", "tag in metadata"),
            ("[12:2] = 0x8100", "802.1Q tag"),
            ("[12:2] = 0x88a8", "802.1ad tag"),
            ("[12:2] = 0x9100", "QinQ tag"),
            ("v & 0xfff = 0x64", "vlan 100"),
        ],
    ),
    "a link type without a type field": (
        "udp src port 53",
        {"level": 1, "link": "RAW"},
        [
            ("[0] & 0xf0 = 0x60", "ip6"),
            ("[6] = 0x11", "udp"),
            ("[40:2] = 0x35", "src port 53"),
            ("[0] & 0xf0 = 0x40", "ip"),
            ("[9] = 0x11", "udp"),
            ("[6:2] & 0x1fff != 0", "later fragment"),
            ("[x:2] = 0x35", "src port 53"),
        ],
    ),
    "the host's byte order": (
        "ip",
        {"link": "NULL"},
        [("[0:4] = 0x2000000", "ip")],
    ),
    "places before byte 0": (
        "ip src host 10.0.0.1",
        {"level": 0, "target": "udp"},
        [("[net+0] & 0xf0 = 0x40", "ip"), ("[net+12:4] = 0xa000001", "src 10.0.0.1")],
    ),
    "places near the end of the numbers": (
        "ether[0xffffffff] = 1",
        {},
        [("[0xffffffff+0] = 1", "")],
    ),
    "lengths are no bytes": ("len > 100", {}, [("len > 100", "")]),
}  # fmt: skip


@pytest.mark.parametrize("text, options, expected", NAMED.values(), ids=NAMED)
def test_tests_are_named(
    text: str, options: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    assert [(one.test, one.meaning) for one in bpfq.draw(text, **options).tests] == expected


def test_one_load_of_several_fields_says_each() -> None:
    text = "vlan 100 or ether[12:4] & 0xffff0fff = 0x81000064 or ip[6:4] & 0x1fff00ff = 6"
    words = [one.meaning for one in bpfq.draw(text, level=0).tests]
    assert "802.1Q tag, vlan 100" in words and "first fragment, tcp" in words


def test_a_term_that_depends_on_other_tests_says_what_it_can_be() -> None:
    builder = Builder()
    kind, ip6, tcp = builder.load(None, 12, 2), builder.constant(0x86DD), builder.constant(6)
    ends = builder.load(None, 20, 1), builder.load(None, 23, 1)
    last = builder.test(
        builder.choose(Relation.EQ, kind, ip6, *ends), Relation.EQ, tcp, ACCEPT, REJECT
    )
    other = builder.test(kind, Relation.EQ, builder.constant(0x0800), last, REJECT)
    root = builder.test(kind, Relation.EQ, ip6, last, other)
    program = bpfq.compile("ip or ip6")
    words = meanings(topological(root), root, landmarks(program.query, program.settings))
    assert [words[test] for test in topological(root)] == ["ip6", "ip", "tcp"]
    assert meanings([last], last, landmarks(program.query, program.settings)) == {last: ""}


def test_a_large_set_is_one_test_of_its_field() -> None:
    hosts = " or ".join(f"host 10.0.{number}.1" for number in range(0, 60, 2))
    picture = bpfq.draw(f"ip and ({hosts})").picture
    words = {one.test: one.meaning for one in picture.decisions}
    assert words["[26:4] in s"] == "src in a set of 30"
    assert dict(picture.definitions)["s"].startswith("a set of 30: 0xa000001, 0xa000201, ")


def test_letters_are_explained_by_what_is_short() -> None:
    text = "geneve and vlan and tcp port 80"
    picture = bpfq.draw(text, level=0).picture
    assert picture.definitions
    assert all(len(meant) < 200 for _, meant in picture.definitions)
    assert all(len(one.test) < 100 for one in picture.decisions)


def test_a_sum_of_any_depth_has_a_short_text() -> None:
    text = f"{' + '.join(['len * len'] * 30)} = 5"
    (one,) = bpfq.draw(text, level=0).tests
    assert len(one.test) < 60


# ---------------------------------------------------------------- the words are true

_ETHERNET = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
_LAYERS = {
    "ip": IP, "ip6": IPv6, "arp": ARP, "tcp": TCP, "udp": UDP, "icmp": ICMP, "802.1Q tag": Dot1Q,
}  # fmt: skip
_PACKETS = [
    _ETHERNET / body
    for body in (
        IP() / TCP(), IP() / UDP(), IP() / ICMP(), IP(options=[b"\x01"] * 4) / TCP(),
        IPv6() / TCP(), IPv6() / UDP(), ARP(), Dot1Q(vlan=5) / IP() / TCP(),
        Dot1Q(vlan=100) / IPv6() / UDP(), Dot1Q(vlan=100) / ARP(),
    )
]  # fmt: skip


_NOT_HERE = (  # tunnels, whose inner packet is no layer here; bytes that any packet can have
    "vxlan", "geneve", "gre", "mpls", "pppoe", "lane", "vlan or", "ether[", "link[", "gateway",
)  # fmt: skip
_FILTERS = [
    line.text
    for line in filters()
    if line.link == "EN10MB" and not any(word in line.text for word in _NOT_HERE)
]


def held(packet: Ether, program: bpfq.Program, tests: tuple[Decision, ...]) -> list[str]:
    """The meanings of the tests that hold for a packet."""
    counter = Counter(program._graph)
    counter.count(bytes(packet), len(packet))
    took = zip(tests, counter.counts().tests, strict=True)
    return [one.meaning for one, passed in took if passed.yes]


@pytest.mark.parametrize("level", [0, 1])
def test_a_packet_has_the_layers_that_its_tests_name(level: int) -> None:
    wrong = []  # from level 2 on a field may be asked for before its header is known to be there
    for text in _FILTERS[level::17]:
        program = bpfq.compile(text, level=level, allow_empty=True, netmask="255.255.255.0")
        tests = bpfq.draw(program).tests
        for packet in _PACKETS:
            named = [_LAYERS[word] for word in held(packet, program, tests) if word in _LAYERS]
            wrong += [(text, packet.summary()) for layer in named if layer not in packet]
    assert wrong == []
