"""How a filter is written: what is joined, and who takes over whose words."""

from __future__ import annotations

import pytest

from bpfq.errors import FilterError
from bpfq.frontend.pcap.parse import parse
from bpfq.frontend.pcap.written import Written, read
from bpfq.source import Span


def words(written: Written, span: Span) -> str:
    return written.text[span.start : span.end]


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        ("", []),
        ("tcp port 80", []),
        ("tcp and port 80", [["tcp", "and", "port 80"]]),
        ("not port 22 && 23 || (udp)", [["not port 22", "and", "23", "or", "(udp)"]]),
        ("((ip or arp))", [["ip", "or", "arp"]]),
        (
            "(ip or arp) and not (len > 5)",
            [["(ip or arp)", "and", "not (len > 5)"], ["ip", "or", "arp"]],
        ),
        ("port (80 or 443)", [["80", "or", "443"]]),
        ("src or dst port 80 and (1 + len) > 3", [["src or dst port 80", "and", "(1 + len) > 3"]]),
        ("vpi (1 or 2)", []),
        ("ether[0] & 1 = 1", []),
    ],
)
def test_operands_are_read_with_the_words_between_them(text: str, groups: list[list[str]]) -> None:
    written = read(text)
    found = []
    for group in written.groups:
        parts = [words(written, group.operands[0])]
        for joiner, operand in zip(group.joiners, group.operands[1:], strict=True):
            parts += [joiner.word, words(written, operand)]
        found.append(parts)
    assert found == groups


@pytest.mark.parametrize(
    ("text", "heirs"),
    [
        ("port 80", []),
        ("tcp dst port 80 or 443", [("443", "tcp dst port")]),
        ("host 10.0.0.1 or (port 80) or 10.0.0.2", [("10.0.0.2", "host")]),
        ("port (80 or not 443)", [("443", "port")]),
        ("src 10.0.0.1 or 10.0.0.2 or port 1 or 2", [("10.0.0.2", "src"), ("2", "port")]),
        ("net 10.0.0.0/8 or 192.168.0.0/16", [("192.168.0.0/16", "net")]),
    ],
)
def test_a_bare_id_knows_whose_words_it_takes_over(text: str, heirs: list[tuple[str, str]]) -> None:
    written = read(text)
    found = [(words(written, heir.span), words(written, heir.head)) for heir in written.heirs]
    assert found == heirs


def test_not_knows_what_it_covers() -> None:
    written = read("not port 22 and 23 and not (udp or not tcp)")
    found = [words(written, negation.operand) for negation in written.negations]
    assert found == ["port 22", "tcp", "udp or not tcp"]


def test_names_know_their_type_word() -> None:
    written = read("udp port domain or ntp or ip proto \\icmp or ether proto \\arp")
    found = [
        (words(written, name.span), words(written, name.whole), name.protocol, name.type)
        for name in written.names
    ]
    assert found == [
        ("domain", "udp port domain", "udp", "port"),
        ("ntp", "ntp", "udp", "port"),
        ("\\icmp", "ip proto \\icmp", "ip", "proto"),
        ("\\arp", "ether proto \\arp", "link", "proto"),
    ]


@pytest.mark.parametrize("text", ["", "ip", "not port 22 and 23 or (udp)", "vlan and ip or arp"])
def test_the_query_is_the_one_that_is_parsed(text: str) -> None:
    assert read(text).query == parse(text)


def test_a_wrong_filter_is_refused_with_its_text() -> None:
    with pytest.raises(FilterError, match="unknown word 'prot'") as caught:
        read("tcp prot 80")
    assert caught.value.text == "tcp prot 80"
