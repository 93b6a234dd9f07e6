"""Filters in one layout: fixed texts, what stays equal, and what pcap text cannot say."""

from __future__ import annotations

from random import Random

import pytest
from differential.queries import query as random_text
from oracles.corpus import filters, visible
from oracles.sweep import FULL, sampled

import bpfq
from bpfq import tcp, udp, vlan
from bpfq.analysis.formatting import formatted as formatting
from bpfq.analysis.formatting.formatted import Formatted, Source, formatted, formatted_text
from bpfq.analysis.formatting.same import same_tests
from bpfq.errors import BpfqError, FilterError
from bpfq.frontend.pcap.parse import parse
from bpfq.query import build
from bpfq.query import nodes as q
from bpfq.settings import settings_of

ETHERNET = settings_of("file", "EN10MB", allow_empty=True)
SEED = 11
RANDOM = 2000 if FULL else 150  # filters
PARSED = [line for line in filters() if "gateway" not in line.text and line.text != "mpls or vlan"]

# text, formatted
TEXTS = {
    "": "",
    "tcp  port 80": "tcp port 80",
    "!arp && ip[0]==0x45": "not arp and ip[0] = 0x45",
    # lists
    "port 80 or 443": "port (80 or 443)",
    "port 80 or port http": "port 80 or tcp port 80",
    "tcp port 80 or tcp port 443 and tcp": "tcp port (80 or 443) and tcp",
    "host 10.0.0.1 or 2001:db8::1": "host (10.0.0.1 or 2001:db8::1)",
    "host 10.0.0.1 or net 10": "host 10.0.0.1 or net 10.0.0.0/8",
    "host 10.0.0.1 or host 10.0.0.2 or net 11": "host (10.0.0.1 or 10.0.0.2) or net 11.0.0.0/8",
    "src host 1.1.1.1 or src net 10 or src host ::1 or src host ::2": (
        "src net (1.1.1.1/32 or 10.0.0.0/8 or ::1/128 or ::2/128)"
    ),
    "not net 10 and not (host 1.1.1.1 or 2.2.2.2) and not net 12": (
        "not net (10.0.0.0/8 or 1.1.1.1/32 or 2.2.2.2/32 or 12.0.0.0/8)"
    ),
    "net 10 or host 1.1.1.1 or src net 12": "net 10.0.0.0/8 or host 1.1.1.1 or src net 12.0.0.0/8",
    "net 10 or tcp or host 1.1.1.1 or net 12": "net 10.0.0.0/8 or tcp or host 1.1.1.1 or net 12.0.0.0/8",
    "net 10 or net 1.0.3.0 mask 255.0.255.0": "net (10.0.0.0/8 or 1.0.3.0 mask 255.0.255.0)",
    "src net 10.0.0.0/8 or 192.168.0.0/16": "src net (10.0.0.0/8 or 192.168.0.0/16)",
    "portrange 1-2 or 5-6 or port 9": "portrange (1-2 or 5-6) or port 9",
    "ether proto \\ip or ether proto 0x806": "ether proto (0x800 or 0x806)",
    "ip proto 6 or ip proto \\udp": "ip proto (6 or 17)",
    "ether src a:b:c:d:e:f or ether src AA-BB-CC-DD-EE-FF": (
        "ether src host (0a:0b:0c:0d:0e:0f or aa:bb:cc:dd:ee:ff)"
    ),
    "src or dst port 53 or src and dst port 53": "port 53 or src and dst port 53",
    "not port 22 and not port 23": "not port (22 or 23)",
    "not port 22 and 23": "not port 22 and port 23",
    "not (port 22 or port 23)": "not port (22 or 23)",
    "not (not host 1.1.1.1 and not host 2.2.2.2)": "host (1.1.1.1 or 2.2.2.2)",
    "host 1.1.1.1 and 2.2.2.2": "host 1.1.1.1 and host 2.2.2.2",
    "port 1 or tcp or port 2": "port 1 or tcp or port 2",
    "port 1 or (not (not port 2 and not port 3))": "port (1 or 2 or 3)",
    # parentheses
    "ip or ip6 and udp": "(ip or ip6) and udp",
    "ip or (ip6 and udp)": "ip or (ip6 and udp)",
    "(ip) and ((udp and tcp))": "ip and udp and tcp",
    "not (ip and udp)": "not (ip and udp)",
    # positions
    "vlan 10 or vlan 20": "vlan 10 or vlan 20",
    "vlan and ip or ip": "(vlan and ip) or ip",
    "vlan and port 80 or port 80": "(vlan and port 80) or port 80",
    # words and numbers
    "len<=64 or greater 1500": "len <= 64 or len >= 1500",
    "tcp[tcpflags]&(tcp-syn|tcp-ack)!=0": "tcp[tcpflags] & (tcp-syn | tcp-ack) != 0",
    "tcp[13]&2!=0 and ether[12:2]==0X0800": "tcp[13] & 2 != 0 and ether[12:2] = 0x0800",
    "icmp[icmptype]=icmp-echo": "icmp[icmptype] = icmp-echo",
    "ip[0]&240=64": "ip[0] & 0xf0 = 64",
    "port 010 and ip[010]=010": "port 8 and ip[8] = 8",
    "wlan addr1 1:2:3:4:5:6 and type mgt": "wlan addr1 01:02:03:04:05:06 and type mgt",
}


@pytest.mark.parametrize(("text", "expected"), TEXTS.items(), ids=TEXTS)
def test_text_is_formatted(text: str, expected: str) -> None:
    assert bpfq.fmt(text) == expected
    assert bpfq.fmt(expected) == expected


MANY = "tcp and not port (" + " or ".join(map(str, range(1, 13))) + ") or arp"
WIDE = """\
(
    tcp
    and not port (
        1 or 2 or 3 or 4 or 5 or 6
        or 7 or 8 or 9 or 10 or 11
        or 12
    )
)
or arp"""


def test_long_lines_are_broken() -> None:
    assert bpfq.fmt(MANY, width=34) == WIDE
    assert bpfq.fmt(WIDE, width=34) == WIDE
    assert bpfq.fmt(WIDE) == f"(tcp and not port ({MANY[18:-8]})) or arp"
    assert bpfq.fmt("ip and tcp", width=10) == "ip and tcp"
    assert bpfq.fmt("ip and tcp", width=9) == "ip\nand tcp"


# Python, formatted
PYTHON = [
    (tcp.dport == 443, "tcp dst port 443"),
    (tcp.dport.in_([80, 443]) & bpfq.ip, "tcp dst port (80 or 443) and ip"),
    (
        bpfq.ip.src.in_(["10.0.0.0/8", "192.0.2.1"]) | bpfq.arp,
        "ip src net 10.0.0.0/8 or ip src host 192.0.2.1 or arp",
    ),
    (
        tcp.flags.syn,
        "tcp[tcpflags] & tcp-syn != 0 or (ip6[6] = 6 and ip6[53] & 2 != 0)",
    ),
    (bpfq.icmp.type == 8, "icmp[icmptype] = icmp-echo"),
    (bpfq.ether[12:2] == 0x0800, "ether[12:2] = 0x800"),
    (vlan / bpfq.ip | bpfq.arp, "arp or (vlan and ip)"),
    (bpfq.when(tcp, tcp.dport == 80, udp), "(tcp and tcp dst port 80) or (not tcp and udp)"),
    (bpfq.everything, ""),
    (bpfq.parse("tcp[tcpflags] = 0x12"), "tcp[tcpflags] = 18"),
]


@pytest.mark.parametrize(("node", "expected"), PYTHON, ids=[text for _, text in PYTHON])
def test_a_python_node_is_formatted_and_proved(node: bpfq.Cond, expected: str) -> None:
    done = formatted(node.query, Source(), ETHERNET)
    assert done == Formatted(expected, proved=True)
    assert bpfq.fmt(expected) == expected
    assert bpfq.compare(expected, node).relation == "equal"


def test_a_program_is_formatted() -> None:
    program = bpfq.compile("tcp port 80 or tcp port 443", link="RAW")
    assert bpfq.fmt(program) == "tcp port (80 or 443)"


def test_sets_are_written_out() -> None:
    sets = {"bad": ["192.0.2.1", "192.0.2.7", "2001:db8::/32"], "odd": [1, "3-5"]}
    assert (
        bpfq.fmt("src net @bad and tcp dst port @odd", sets=sets)
        == "(src host (192.0.2.1 or 192.0.2.7) or src net 2001:db8::/32) "
        "and (tcp dst port 1 or tcp dst portrange 3-5)"
    )
    assert bpfq.fmt("src and dst net @bad", sets={"bad": ["10.0.0.0/8"]}) == (
        "src net 10.0.0.0/8 and dst net 10.0.0.0/8"
    )


def test_what_nobody_can_decide_is_in_plain_words(monkeypatch: pytest.MonkeyPatch) -> None:
    from bpfq.analysis import compare
    from bpfq.analysis.compare import Comparison

    undecided = Comparison("undecided", None, None, None)
    monkeypatch.setattr(compare, "compare", lambda left, right: undecided)
    node = tcp.dport.in_([80, 443]) & (bpfq.ip.ttl > 5)
    assert formatted(node.query, Source(), ETHERNET) == Formatted(
        "(tcp dst port 80 or tcp dst port 443) and ip[8] > 5", proved=False
    )


def test_a_layout_that_does_not_read_as_the_filter_is_not_printed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(formatting, "laid_out", lambda block, below, width: "tcp port (80 or 44)")
    text = "# web\ntcp port 80 # http\nor 443\n# end\n"
    source = Source(text, is_file=True)
    assert formatted_text(source, ETHERNET).text == (
        "# web\n# http\n# end\ntcp port 80 or tcp port 443"
    )


def test_words_that_say_something_else_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from bpfq.analysis import compare
    from bpfq.analysis.compare import Comparison

    monkeypatch.setattr(
        compare, "compare", lambda left, right: Comparison("subset", None, None, None)
    )
    with pytest.raises(FilterError, match="the words found for it say less or more"):
        bpfq.fmt(bpfq.ip.ttl > 5)


UNSAYABLE = {
    "rand(), which draws at random": bpfq.rand(0.5) & bpfq.ip,
    "'gre', which is no word of it": bpfq.gre / bpfq.ip,
    "a comparison of vlan.pcp; vlan.id == n can be": vlan.pcp == 3,
    "'vlan 20' outside of any encapsulation, where the words before it make it behind 'vlan'": (
        vlan(10) / bpfq.ip | vlan(20) / bpfq.arp
    ),
}


@pytest.mark.parametrize("part", UNSAYABLE)
def test_what_pcap_text_cannot_say_is_named(part: str) -> None:
    with pytest.raises(FilterError) as caught:
        bpfq.fmt(UNSAYABLE[part])
    assert caught.value.message == f"cannot be written as pcap text: {part}"


@pytest.mark.parametrize(("option", "given"), [("through", ("vlan",)), ("tcp6", True)])
def test_options_that_words_do_not_say_are_refused(option: str, given: object) -> None:
    program = bpfq.compile("tcp[13] = 2", **{option: given})  # type: ignore[call-overload]
    with pytest.raises(FilterError, match=f"what --{option} adds to the words of a filter"):
        bpfq.fmt(program)


def test_a_wrong_filter_is_quoted() -> None:
    with pytest.raises(FilterError) as caught:
        bpfq.fmt("tcp prot 80")
    assert caught.value.render().splitlines()[:2] == [
        "unknown word 'prot'; did you mean 'port'?",
        "  tcp prot 80",
    ]


# ---------------------------------------------------------------- what stays equal


def test_every_filter_of_the_corpus_keeps_its_tests_and_their_order() -> None:
    wrong = []
    for line in PARSED:
        text = bpfq.fmt(line.text)
        if not same_tests(parse(text), parse(line.text)) or bpfq.fmt(text) != text:
            wrong.append(line.text)
    assert wrong == []
    assert len(PARSED) > 1150


def test_filters_of_the_corpus_are_decided_to_accept_the_same() -> None:
    """Of what ``same_tests`` says, an opinion that knows nothing of words and trees."""
    relations = {
        line.text: bpfq.compare(line.text, bpfq.fmt(line.text), **line.options).relation
        for line in sampled(visible(), every=20, first=7)
    }
    assert {text for text, relation in relations.items() if relation != "equal"} == set()
    assert len(relations) >= 50


def test_random_filters_keep_their_tests_at_every_width() -> None:
    draw = Random(SEED)
    formatted_ones = 0
    for _ in range(RANDOM):
        text = random_text(draw)
        try:
            query = parse(text)
        except BpfqError:
            continue
        for width in (0, 20, 60):
            done = formatted_text(Source(text), ETHERNET, width=width)
            assert same_tests(parse(done.text), query)
            assert formatted_text(Source(done.text), ETHERNET, width=width) == done
        formatted_ones += 1
    assert formatted_ones > RANDOM * 3 // 4


def test_twenty_thousand_nested_operands_are_formatted() -> None:
    query: q.Query = q.Protocol("tcp")
    for number in range(20_000):
        other = q.Port(None, "src", number, number)
        query = build.any_of(query, other) if number % 2 else build.all_of(query, other)
    text = formatted(query, Source(), ETHERNET).text
    assert text.startswith("(" * 19_999 + "tcp and src port 0) or src port 1) and")
