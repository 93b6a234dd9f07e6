"""Why a filter matches one packet: drawings, causes and fixes of the classic mysteries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from oracles.corpus import Line, visible
from oracles.directed import Sample, bases, search, truncations
from oracles.sweep import sampled
from scapy.contrib.mpls import MPLS
from scapy.layers.inet import GRE, IP, TCP, UDP
from scapy.layers.inet6 import (
    ICMPv6EchoRequest,
    IPv6,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
)
from scapy.layers.l2 import ARP, CookedLinux, Dot1AD, Dot1Q, Ether
from scapy.layers.ppp import PPP, PPPoE
from scapy.layers.vxlan import VXLAN

import bpfq
from bpfq import ip, ip6, tcp, udp, when
from bpfq.analysis.why.answer import Why
from bpfq.analysis.why.clauses import Outcome, evaluated
from bpfq.analysis.why.readings import Reading
from bpfq.analysis.why.trace import Facts
from bpfq.graph.nodes import Builder
from bpfq.headers.places import Headers
from bpfq.lower.context import Context

ETHERNET = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
V4 = IP(src="10.1.0.9", dst="8.8.8.8")
V6 = IPv6(src="2001:db8::1", dst="2001:db8::2")
DNS = UDP(sport=40112, dport=53)
SYN = TCP(sport=1024, dport=443, flags="S")
INNER = Ether() / IP(src="1.1.1.1", dst="2.2.2.2") / TCP(sport=5, dport=80)

PLAIN = bytes(ETHERNET / V4 / DNS)
PLAIN_TCP = bytes(ETHERNET / V4 / SYN)
OVER_IPV6 = bytes(ETHERNET / V6 / SYN)
TAGGED = bytes(ETHERNET / Dot1Q(vlan=100) / V4 / DNS)
TWICE = bytes(ETHERNET / Dot1AD(vlan=7) / Dot1Q(vlan=100) / V4 / DNS)
LABELLED = bytes(ETHERNET / MPLS(label=16, s=1) / V4 / DNS)
SESSION = bytes(ETHERNET / PPPoE(sessionid=9) / PPP() / V4 / DNS)
OVERLAY = bytes(ETHERNET / V4 / UDP() / VXLAN(vni=5, flags=8, NextProtocol=0) / INNER)
GRE_TUNNEL = bytes(ETHERNET / V4 / GRE() / IP(src="1.1.1.1") / TCP(sport=5, dport=80))
FRAGMENT = bytes(ETHERNET / IP(src="10.0.0.1", dst="10.0.0.2", proto=17, frag=185) / bytes(20))
FRAGMENT6 = bytes(ETHERNET / V6 / IPv6ExtHdrFragment(offset=3, nh=17) / bytes(8))
OPTIONS6 = bytes(ETHERNET / V6 / IPv6ExtHdrHopByHop() / DNS)
PING6_OPTIONS = bytes(ETHERNET / V6 / IPv6ExtHdrHopByHop() / ICMPv6EchoRequest())
PING6 = bytes(ETHERNET / V6 / ICMPv6EchoRequest())
WHO_HAS = bytes(ETHERNET / ARP(psrc="10.0.0.1", pdst="10.0.0.2"))
COOKED_TAGGED = bytes(CookedLinux(proto=0x8100) / Dot1Q(vlan=4) / V4 / DNS)

HOSTS = " or ".join(f"host 10.0.0.{number}" for number in range(1, 100))

# name -> filter, packet, options
CASES: dict[str, tuple[Any, bytes, dict[str, Any]]] = {
    "tagged": ("ip and udp port 53", TAGGED, {}),
    "tagged and the wrong port": ("udp port 54", TAGGED, {}),
    "QinQ": ("udp port 53", TWICE, {}),
    "QinQ behind one vlan": ("vlan and udp port 53", TWICE, {}),
    "QinQ looked through one tag": ("udp port 53", TWICE, {"through": ("vlan",)}),
    "vlan too late": ("ip and vlan 100", TAGGED, {}),
    "vlan or vlan": ("vlan 10 or vlan 100", TAGGED, {}),
    "other vlan": ("vlan 7 and ip", TAGGED, {}),
    "not tagged": ("vlan and udp", PLAIN, {}),
    "a tag on a link without vlan": ("udp port 53", COOKED_TAGGED, {"link": "LINUX_SLL"}),
    "MPLS": ("udp port 53", LABELLED, {}),
    "PPPoE": ("udp port 53 or tcp", SESSION, {}),
    "VXLAN": ("tcp port 80", OVERLAY, {}),
    "inside VXLAN": ("vxlan 5 and tcp port 81", OVERLAY, {}),
    "GRE": ("tcp port 80", GRE_TUNNEL, {}),
    "IPv6 for ip": ("ip and tcp", OVER_IPV6, {}),
    "IPv6 for an index": ("tcp[tcpflags] & tcp-syn != 0", OVER_IPV6, {}),
    "IPv6 for icmp": ("icmp", PING6, {}),
    "ARP for ip host": ("ip host 10.0.0.1", WHO_HAS, {}),
    "ARP matches host": ("host 10.0.0.1", WHO_HAS, {}),
    "ARP of another host": ("arp and host 10.0.0.3", WHO_HAS, {}),
    "later fragment": ("udp port 53", FRAGMENT, {}),
    "later fragment of IPv6": ("udp port 53", FRAGMENT6, {}),
    "extension header": ("udp port 53", OPTIONS6, {}),
    "extension header for icmp6": ("icmp6", PING6_OPTIONS, {}),
    "wrong port": ("udp port 54", PLAIN, {}),
    "inherited qualifier": ("udp port 54 or 55", PLAIN, {}),
    "wrong transport": ("tcp port 53", PLAIN, {}),
    "wrong direction": ("src port 53", PLAIN, {}),
    "wrong address": ("ip6 host fe80::1 or ether host 2:0:0:0:0:9", OVER_IPV6, {}),
    "wrong flags": ("tcp[13] & 0x12 = 0x12", PLAIN_TCP, {}),
    "not over truncated": ("not tcp port 80", PLAIN_TCP[:35], {"wire_length": 54}),
    "truncated but certain": ("host 10.0.0.1 or ip", PLAIN[:28], {"wire_length": 42}),
    "short packet": ("udp[8] = 0", PLAIN, {}),
    "division by zero": ("ip[8] / ip[1] = 64 or ip", PLAIN, {}),
    "matched": ("udp port 53 and (ip6 or ip)", PLAIN, {}),
    "matched below not": ("not (tcp or arp) and not vlan", PLAIN, {}),
    "rejected by not": ("ip and not udp port 53", PLAIN, {}),
    "nothing below it": ("arp and not (ip or udp)", PLAIN, {}),
    "metadata not given": ("vlan 3 and ip", PLAIN, {"target": "packet"}),
    "metadata given": (
        "vlan 3 and ip",
        PLAIN,
        {"target": "packet", "metadata": {"vlanp": 1, "vlan_tci": 3}},
    ),
    "a family the target never has": (
        "ip6 or udp port 54",
        PLAIN[14:],
        {"target": "xt_bpf", "family": 4},
    ),
    "network header not given": ("udp port 53", PLAIN[34:], {"target": "udp"}),
    "raw link type": ("ip6", PLAIN[14:], {"link": "RAW"}),
    "PPI without 802.11": ("type mgt", bytes(100), {"link": "PPI"}),
    "every packet": ("", PLAIN, {}),
    "long list": (HOSTS, PLAIN, {}),
    "Python expression": ((tcp.dport == 443) & ~ip.src.in_("10.0.0.0/8"), PLAIN_TCP, {}),
    "Python choice": (when(ip, udp.dport == 54, ip6), PLAIN, {}),
}

DRAWINGS = {
    section.partition("\n")[0]: section.partition("\n")[2].rstrip("\n")
    for section in f"\n{(Path(__file__).parent / 'why_drawings.txt').read_text()}".split("\n== ")[
        1:
    ]
}
REJECTED = [name for name in CASES if "✗" in DRAWINGS[name].split("\n")[1]]


def asked(name: str) -> Why:
    cond, packet, options = CASES[name]
    return bpfq.why(cond, packet, **options)


def test_every_drawing_is_of_a_case() -> None:
    assert list(DRAWINGS) == list(CASES)


@pytest.mark.parametrize("name", CASES)
def test_drawing_tells_what_decided_and_what_would_match(name: str) -> None:
    assert str(asked(name)) == DRAWINGS[name]


@pytest.mark.parametrize("name", CASES)
def test_verdict_is_that_of_the_program(name: str) -> None:
    cond, packet, options = CASES[name]
    given = {key: options[key] for key in ("wire_length", "metadata") if key in options}
    compiled = {key: value for key, value in options.items() if key not in given}
    program = bpfq.compile(cond, allow_empty=True, **compiled)
    assert asked(name).matched is program.matches(packet, **given)


@pytest.mark.parametrize("name", REJECTED)
def test_every_fix_matches_the_packet(name: str) -> None:
    cond, packet, options = CASES[name]
    for fix in asked(name).fixes:
        option, _, words = fix.text.partition(" ")
        match option:
            case "--through":
                found = bpfq.why(cond, packet, **{**options, "through": tuple(words.split(","))})
            case "--tcp6":
                found = bpfq.why(cond, packet, tcp6=True, **options)
            case _:
                found = bpfq.why(fix.text, packet, **options)
        assert found.matched, fix


# ---------------------------------------------------------------- every filter of the corpus


TEXTS = ("tcp port 80", "not udp port 53", "ip6 or icmp or host 8.8.8.8", "vlan and ip")


def as_written(line: Line, **options: Any) -> bpfq.Program:
    """The program that follows the sequential reading on every packet."""
    return bpfq.compile(
        line.text, allow_empty=True, level=0, strict=True, **line.options, **options
    )


LINES = sampled(visible(), every=2)


def tree_accepts(program: bpfq.Program, sample: Sample) -> bool:
    """The verdict of the clauses alone."""
    settings = program.settings
    headers = Headers(
        Builder(), settings.target, settings.link, settings.savefile, frozenset(settings.through)
    )
    facts = Facts(sample.packet, sample.length, {})
    context = Context(headers, settings.options)
    root = evaluated(program.query, context, facts, settings.through)
    return root.outcome is Outcome.TRUE


def test_most_filters_of_the_corpus_are_compared() -> None:
    assert len(LINES) > 250


@pytest.mark.parametrize("line", LINES, ids=lambda line: f"{line.link}-{line.text}")
def test_tree_decides_as_the_program_as_written(line: Line) -> None:
    program = as_written(line)
    found = search(program.words, bases(len(line.text)), most=8)
    short = [cut for one in found.new[:2] for cut in truncations(program.words, one)]
    for sample in (*found.samples, *short[::3]):
        expected = program.matches(sample.packet, wire_length=sample.length)
        assert tree_accepts(program, sample) is expected, sample


@pytest.mark.parametrize("line", LINES[::4], ids=lambda line: f"{line.link}-{line.text}")
def test_answer_agrees_with_the_optimised_program(line: Line) -> None:
    program = bpfq.compile(line.text, allow_empty=True, **line.options)
    for sample in search(program.words, bases(len(line.text)), most=4).samples:
        found = bpfq.why(line.text, sample.packet, wire_length=sample.length, **line.options)
        assert found.matched is program.matches(sample.packet, wire_length=sample.length)
        assert str(found).startswith(f"{len(sample.packet)} ")


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize(
    "through", [("vlan",), ("qinq", "mpls", "pppoe"), ("vlan", "vxlan")], ids="-".join
)
def test_tree_decides_as_the_program_through_encapsulations(
    text: str, through: tuple[str, ...]
) -> None:
    program = as_written(Line("EN10MB", text, None), through=through)
    for packet in (PLAIN, TAGGED, TWICE, LABELLED, SESSION, OVERLAY):
        for size in range(len(packet) + 1):
            cut = Sample(packet[:size], len(packet))
            expected = program.matches(cut.packet, wire_length=cut.length)
            assert tree_accepts(program, cut) is expected, cut


# ---------------------------------------------------------------- the data


def test_readings_are_numbers_with_their_place() -> None:
    ip_clause, port_clause = asked("tagged").tree.operands
    assert ip_clause.readings == (Reading("ether[12:2]", 12, 2, 0x8100, "0x8100", "0x0800", False),)
    assert (ip_clause.decided, ip_clause.span) == (True, (0, 2))
    assert (port_clause.outcome, port_clause.readings) == (Outcome.SKIPPED, ())


def test_all_that_a_clause_read_is_kept_in_order() -> None:
    clause = asked("not over truncated").tree.operands[0]
    assert list(map(str, clause.reads)) == [
        "ether[12:2] = 0x0800, wanted 0x86dd",
        "ether[12:2] = 0x0800",
        "ip[9] = 6 (tcp)",
        "ip[6:2] & 0x1fff = 0",
        "tcp[0:2] is cut off: bytes 34 to 35, captured 35",
    ]


def test_reading_past_the_end_has_no_value() -> None:
    clause = asked("not over truncated").tree.operands[0]
    (reading,) = clause.readings
    assert (clause.outcome, reading.offset, reading.size, reading.value) == (
        Outcome.ENDED, 34, 2, None,
    )  # fmt: skip


def test_draw_is_the_same_for_tree_and_program() -> None:
    for _ in range(20):
        found = bpfq.why(bpfq.rand(0.5), PLAIN, target="packet")
        assert found.matched is (found.tree.outcome is Outcome.TRUE)


def test_trees_of_any_depth_are_answered() -> None:
    nested = ip
    for _ in range(1000):
        nested = tcp & ~(udp | nested)
    found = bpfq.why(nested, PLAIN)
    assert not found.matched
    assert len(str(found).split("\n")) < 200
    assert hash(found.tree) == hash(bpfq.why(nested, PLAIN).tree)


def test_wrong_filter_is_told_with_its_place() -> None:
    with pytest.raises(bpfq.FilterError) as error:
        bpfq.why("tcp prot 80", PLAIN)
    assert (error.value.text, error.value.span) == ("tcp prot 80", (4, 8))
