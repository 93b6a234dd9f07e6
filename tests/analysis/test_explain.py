"""What a filter tests in full, and which packets it does not look into."""

from __future__ import annotations

import pytest

from bpfq.analysis.explain import explain, in_full
from bpfq.frontend.pcap.parse import parse
from bpfq.query import build
from bpfq.query.dsl_text import to_python
from bpfq.settings import Settings, link_type
from bpfq.targets import TARGETS

ETHERNET = Settings(TARGETS["file"], link_type("EN10MB"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ip", "ip (EtherType 0x0800)"),
        ("stp", "stp (LLC SAP 0x42)"),
        ("tcp", "ip or ip6, next protocol 6 (tcp)"),
        ("icmp", "ip proto 1 (icmp)"),
        ("icmp6", "ip6 next header 58 (icmp6)"),
        ("clnp", "iso 129 (clnp)"),
        ("l1", "isis 26 or 24 or 18 or 15 or 17 (l1)"),
        ("ip proto 47", "ip proto 47 (gre)"),
        ("proto 250", "ip or ip6, next protocol 250"),
        ("ether proto 0x88cc", "EtherType 0x88cc"),
        ("ip6 protochain 6", "ip6: 6 (tcp) somewhere in the chain of headers"),
        ("vlan", "an 802.1Q tag"),
        ("vlan 5", "an 802.1Q tag, vlan 5"),
        ("mpls 7", "an MPLS label 7"),
        ("pppoes 3", "a PPPoE session 3"),
        ("geneve 4", "geneve 4"),
        ("host 10.0.0.1", "(ip or arp or rarp) src or dst host 10.0.0.1"),
        ("ip src net 10.0.0.0/8", "ip src net 10.0.0.0/8"),
        ("arp dst net 10.0.0.1 mask 255.0.0.255", "arp dst net 10.0.0.1 mask 255.0.0.255"),
        ("src host 2001:db8::1", "ip6 src host 2001:db8::1"),
        ("ip6 net fe80::/10", "ip6 src or dst net fe80::/10"),
        ("ether dst 2:0:0:0:0:1", "link-layer dst 02:00:00:00:00:01"),
        ("udp src port 53", "(ip proto udp, first fragment) or (ip6 next header udp): src port 53"),
        ("tcp portrange 5-9", "(ip proto tcp, first fragment) or (ip6 next header tcp): "
         "src or dst port 5-9"),
        ("ether broadcast", "link-layer dst is broadcast"),
        ("ip6 multicast", "ip6 dst is multicast"),
        ("inbound", "received, not sent by this host"),
        ("ifindex 3", "interface index 3"),
        ("len  >  100", "len > 100"),
        ("tcp[13] & 2 != 0", "ip proto tcp, first fragment: tcp[13] & 2 != 0"),
        ("ip[8] < ip6[7]", "ip and ip6: ip[8] < ip6[7]"),
        ("ether[0] & 1 = 1", "ether[0] & 1 = 1"),
        ("ifname em0", "ifname em0"),
        ("llc ui", "802.2 LLC frame, ui"),
    ],
)  # fmt: skip
def test_primitive_in_full(text: str, words: str) -> None:
    assert list(in_full(parse(text), text)) == [words]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("arp and not ip", ["arp (EtherType 0x0806)", "and not (ip (EtherType 0x0800))"]),
        ("arp or len > 9", ["any of", "    arp (EtherType 0x0806)", "    len > 9"]),
        ("len > 1 and (len > 2 or (len > 3 and len > 4))",
         ["len > 1", "and any of", "    len > 2", "    all of", "        len > 3",
          "        len > 4"]),
        ("not (len > 1 or len > 2)", ["not any of", "    len > 1", "    len > 2"]),
        ("vlan 5 and ip", ["an 802.1Q tag, vlan 5", "and behind vlan: ip (EtherType 0x0800)"]),
    ],
)  # fmt: skip
def test_structure_in_full(text: str, lines: list[str]) -> None:
    assert list(in_full(parse(text), text)) == lines


def test_choice_in_full() -> None:
    choice = build.when(build.protocol("arp"), build.everything(), build.sample(0.5))
    assert list(in_full(choice)) == [
        "a choice",
        "    if arp (EtherType 0x0806)",
        "    then every packet",
        "    else a random 50 % of packets",
    ]


def test_filter_without_text_is_shown_as_python() -> None:
    relation = build.compare("=", build.field_value("tcp.seq"), build.number(443))
    present = "(ip proto tcp, first fragment) or (ip6 next header tcp)"
    assert list(in_full(relation)) == [f"{present}: {to_python(relation)}"]


def test_ten_thousand_clauses_do_not_recurse() -> None:
    nested = build.protocol("arp")
    for _ in range(10_000):
        nested = build.any_of(build.all_of(nested, build.protocol("ip")), build.protocol("ip6"))
    assert len(explain(nested, ETHERNET).in_full) == 40_001
