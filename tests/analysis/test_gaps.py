"""What some clause of a filter does not look into, and what becomes of such packets."""

from __future__ import annotations

import pytest
from scapy.contrib.mpls import MPLS
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrHopByHop
from scapy.layers.l2 import GRE, Dot1Q, Ether

import bpfq
from bpfq.analysis.gaps import Gap, gaps
from bpfq.frontend.pcap.parse import parse
from bpfq.lower.context import Options
from bpfq.settings import Settings, link_type
from bpfq.targets import TARGETS

TAG, SHIM, TUNNEL = "frames with an 802.1Q tag", "MPLS and PPPoE frames", "what a tunnel carries"
EXTENSION, FRAGMENT = "IPv6 with extension headers", "2nd and later fragments of IPv4"
INDEX = "IPv6, where the filter indexes a transport header"
CHAIN = "headers behind number 8 of a chain"


def ethernet(target: str = "file", **changed: object) -> Settings:
    return Settings(TARGETS[target], link_type("EN10MB"), **changed)  # type: ignore[arg-type]


def on(link: str, target: str = "file", **changed: object) -> Settings:
    return Settings(TARGETS[target], link_type(link), **changed)  # type: ignore[arg-type]


def fates(text: str, settings: Settings) -> dict[str, tuple[str, ...]]:
    found = list(gaps(parse(text), settings))
    kinds = dict.fromkeys(gap.fate for gap in found)
    return {fate: tuple(gap.what for gap in found if gap.fate == fate) for fate in kinds}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("len > 100", {}),
        ("ether host 2:0:0:0:0:1", {}),
        ("ip", {"not seen": (TAG, SHIM)}),
        ("vlan and ip", {}),
        ("tcp", {"not seen": (TAG, SHIM, TUNNEL), "in part": (EXTENSION,)}),
        ("icmp", {"not seen": (TAG, SHIM, TUNNEL)}),
        ("port 53", {"not seen": (TAG, SHIM, EXTENSION, FRAGMENT)}),
        ("not port 53", {"let in": (TAG, SHIM, EXTENSION, FRAGMENT)}),
        ("tcp[0] = 1", {"not seen": (TAG, SHIM, TUNNEL, INDEX, FRAGMENT)}),
        ("len > 100 and not ip", {"in part": (TAG, SHIM)}),
        ("not ip or not arp", {"let in": (TAG, SHIM, TUNNEL)}),
        ("ip6 protochain 6", {"not seen": (TAG, SHIM, TUNNEL, CHAIN)}),
        ("host 10.0.0.1 or port 53",
         {"not seen": (TAG, SHIM, EXTENSION), "in part": (FRAGMENT,)}),
        ("not host 10.0.0.1 and not port 53",
         {"let in": (TAG, SHIM, EXTENSION), "in part": (FRAGMENT,)}),
    ],
)  # fmt: skip
def test_what_becomes_of_packets_that_a_clause_does_not_look_into(
    text: str, expected: dict[str, tuple[str, ...]]
) -> None:
    assert fates(text, ethernet()) == expected


@pytest.mark.parametrize(
    ("settings", "missed"),
    [
        (ethernet(through=("vlan", "mpls")), (EXTENSION, FRAGMENT)),
        (ethernet("packet"), ("frames with two 802.1Q tags", SHIM, EXTENSION, FRAGMENT)),
        (on("RAW"), (EXTENSION, FRAGMENT)),
        (on("IPV4", "raw4"), ()),  # fragments are put together before
        (on("IPV6", "raw6"), (EXTENSION,)),
        (on("IPV4", "xt_bpf"), (FRAGMENT,)),
        (on("LINUX_SLL"), (EXTENSION, FRAGMENT)),
    ],
)
def test_the_target_decides_what_can_be_missed(settings: Settings, missed: tuple[str, ...]) -> None:
    assert fates("port 53", settings) == ({"not seen": missed} if missed else {})


def test_tcp6_moves_the_gap_to_extension_headers() -> None:
    settings = on("RAW", options=Options(tcp6=True))
    assert fates("tcp[0] = 1", settings) == {"not seen": (EXTENSION, FRAGMENT)}


def test_a_gap_names_the_option_against_it() -> None:
    assert list(gaps(parse("tcp"), ethernet())) == [
        Gap(TAG, "--through vlan", "not seen"),
        Gap(SHIM, "--through mpls,pppoe", "not seen"),
        Gap(TUNNEL, "--through gre,ipip,vxlan,geneve", "not seen"),
        Gap(EXTENSION, "", "in part"),
    ]


DNS = UDP(dport=53)
UNSEEN = {
    TAG: Ether() / Dot1Q(vlan=5) / IP() / DNS,
    SHIM: Ether() / MPLS(label=3) / IP() / DNS,
    EXTENSION: Ether() / IPv6() / IPv6ExtHdrHopByHop() / DNS,
    FRAGMENT: Ether() / IP(frag=9, proto=17) / bytes(8),
    TUNNEL: Ether() / IP() / GRE() / IP() / DNS,
}


@pytest.mark.parametrize("what", UNSEEN)
def test_a_packet_of_the_kind_is_rejected_or_let_in_as_told(what: str) -> None:
    packet = bytes(UNSEEN[what])
    filters = ("udp[2:2] = 53", "not udp[2:2] = 53", "dst port 53", "not dst port 53", "icmp")
    told = {text: fates(text, ethernet()) for text in filters}
    seen = {text: bpfq.compile(text).matches(packet) for text in filters}
    assert not any(seen[text] for text in filters if what in told[text].get("not seen", ()))
    assert all(seen[text] for text in filters if what in told[text].get("let in", ()))
    assert any(what in told[text].get("not seen", ()) for text in filters)


def test_a_list_of_thousands_leaves_it_open() -> None:
    text = " or ".join(f"host 10.0.{n >> 8}.{n & 255}" for n in range(2600))
    assert fates(text, ethernet()) == {"in part": (TAG, SHIM)}
