"""I: what IPv6 packets and fragments do to tests of transport headers."""

from __future__ import annotations

import pytest

from .linting import at, codes, only, tries


@pytest.mark.parametrize(
    ("text", "places", "other"),
    [
        ("(ip or ip6) and tcp[13] = 2", ["tcp[13] = 2", "ip6"], ["--tcp6"]),  # libpcap #600
        ("host ::1 or tcp[13] = 2", ["tcp[13] = 2", "host ::1"], ["--tcp6"]),
        ("arp or (udp[8] = 1 and not ip6 host ::1)", ["udp[8] = 1", "ip6 host ::1"], ["--tcp6"]),
        ("(ip or ip6) and icmp[0] = 8", ["icmp[0] = 8", "ip6"], []),
    ],
)
def test_an_index_reads_ipv4_only_where_ipv6_is_spoken_of(
    text: str, places: list[str], other: list[str]
) -> None:
    finding = only("I01", text)
    assert (at(text, finding), tries(finding)) == (places, other)


@pytest.mark.parametrize(
    "text",
    [
        "tcp[13] = 2",
        "ip and tcp[13] = 2 or arp",
        "(ip and tcp[13] = 2) or ip6",
        "tcp[13] = 2 and not ip6",
        "tcp[13] = 2 or ip6",  # all of IPv6 is in already
        "tcp[13] = 2 or (ip6[6] = 6 and ip6[53] = 2)",  # by hand
        "icmp[0] = 8 or icmp6[0] = 128",
        "icmp[0] = 8 or ip6 host ::1",
        "ip6 and udp and len > 5",
    ],
)
def test_an_index_that_loses_no_ipv6(text: str) -> None:
    assert [code for code in codes(text) if code == "I01"] == []


def test_an_index_that_reads_ipv6_is_fine() -> None:
    assert codes("(ip or ip6) and tcp[13] = 2", tcp6=True) == []


@pytest.mark.parametrize(
    ("text", "places", "other"),
    [
        ("ip6 and udp port 53", ["udp port 53"], []),  # libpcap #66
        ("ip6 and tcp", ["tcp"], ["ip6 protochain 6"]),
        ("net 2001:db8::/32 and (tcp or port 53)", ["tcp", "port 53"], ["ip6 protochain 6"]),
        ("arp or (tcp and ip6 and len > 5)", ["tcp"], ["ip6 protochain 6"]),
    ],
)
def test_transport_behind_extension_headers(text: str, places: list[str], other: list[str]) -> None:
    finding = only("I02", text)
    assert (finding.severity, at(text, finding), tries(finding)) == ("note", places, other)


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("ip[6:2] & 0x2000 != 0 and tcp port 80", ["tcp port 80"]),
        ("udp[0:2] = 53 and ip[6] & 0x20 != 0", ["udp[0:2] = 53"]),
    ],
)
def test_transport_in_the_first_fragment_only(text: str, places: list[str]) -> None:
    finding = only("I02", text)
    assert at(text, finding) == places
    assert finding.message.endswith("stands in the first fragment only: the others never match")


@pytest.mark.parametrize(
    "text",
    [
        "port 53",
        "not port 22",
        "tcp or ip6",
        "ip6 and icmp6",
        "ip6 protochain 6",
        "ip[6:2] & 0x1fff = 0 and tcp port 80",
        "ip[6:2] & 0x1fff != 0 or tcp port 80",
        "ip[6:2] & 0x2000 != 0 and udp",
        "ip[8] < 5 and udp port 53",
    ],
)
def test_transport_without_a_word_of_ipv6_or_fragments(text: str) -> None:
    assert [code for code in codes(text) if code == "I02"] == []
