"""S01, S02: what can never match, and what always does."""

from __future__ import annotations

import pytest

import bpfq
from bpfq.analysis.lint.oracle import Engine, Oracle
from bpfq.analysis.lint.reading import read_text
from bpfq.analysis.lint.rules import lint
from bpfq.query.nodes import Query

from .linting import at, codes, findings, only, settings, tries


@pytest.mark.parametrize(
    ("text", "message", "places"),
    [
        (  # tcpdump #1063
            "len>100 and less 50",
            "matches no packet on DLT_EN10MB: 'less 50' contradicts 'len>100'",
            ["less 50", "len>100"],
        ),
        (
            "udp port 53 and host 10.0.0.1 and tcp",
            "matches no packet on DLT_EN10MB: 'tcp' contradicts 'udp port 53'",
            ["tcp", "udp port 53"],
        ),
        (
            "ip src 10.0.0.1 and not ip src net 10.0.0.0/8",
            "matches no packet on DLT_EN10MB: 'not ip src net 10.0.0.0/8' contradicts "
            "'ip src 10.0.0.1'",
            ["not ip src net 10.0.0.0/8", "ip src 10.0.0.1"],
        ),
        (
            "ip[6:2] & 0x1fff != 0 and tcp port 80",
            "matches no packet on DLT_EN10MB: 'tcp port 80' contradicts 'ip[6:2] & 0x1fff != 0'",
            ["tcp port 80", "ip[6:2] & 0x1fff != 0"],
        ),
        (  # only the solver sees that two reads share a byte
            "ether[12:2] = 0x800 and ether[12] = 9",
            "matches no packet on DLT_EN10MB: 'ether[12] = 9' contradicts 'ether[12:2] = 0x800'",
            ["ether[12] = 9", "ether[12:2] = 0x800"],
        ),
        ("len < 0", "matches no packet on DLT_EN10MB: 'len < 0' cannot hold", ["len < 0"]),
        (
            "host 10.0.0.1 and host 10.0.0.2 and host 10.0.0.3",
            "matches no packet on DLT_EN10MB: these 3 clauses exclude each other",
            ["host 10.0.0.3", "host 10.0.0.2", "host 10.0.0.1"],
        ),
    ],
)
def test_no_packet_matches(text: str, message: str, places: list[str]) -> None:
    finding = only("S01", text)
    assert (finding.severity, finding.message, at(text, finding)) == ("error", message, places)


def test_an_index_of_ipv4_beside_ip6_is_told_how_to_read_ipv6() -> None:
    finding = only("S01", "ip6 and tcp[tcpflags] & tcp-syn != 0")
    assert finding.message == ("matches no packet: tcp[...] reads IPv4 only, but ip6 excludes IPv4")
    assert tries(finding)[0] == "--tcp6"


@pytest.mark.parametrize(
    ("text", "message", "places"),
    [
        ("len >= 0", "matches every packet: this cannot fail", ["len >= 0"]),
        (
            "tcp or udp or not tcp",
            "matches every packet: these clauses together cannot fail",
            ["tcp", "tcp"],
        ),
        (
            "not (tcp and udp)",
            "matches every packet: these clauses together cannot fail",
            ["tcp", "udp"],
        ),
    ],
)
def test_every_packet_matches(text: str, message: str, places: list[str]) -> None:
    finding = only("S01", text)
    assert (finding.severity, finding.message, at(text, finding)) == ("warning", message, places)


@pytest.mark.parametrize("text", ["", "tcp", "not arp", "port 80 and not host 10.0.0.1"])
def test_some_packets_match(text: str) -> None:
    assert [code for code in codes(text) if code == "S01"] == []


@pytest.mark.parametrize(
    ("text", "message", "places"),
    [
        (
            "arp or (len > 100 and less 50)",
            "can never match: 'less 50' contradicts 'len > 100'",
            ["less 50", "len > 100"],
        ),
        (
            "tcp and (port 80 or udp port 53)",
            "can never match: 'udp port 53' contradicts 'tcp'",
            ["udp port 53", "tcp"],
        ),
        (
            "(port 80 or udp port 53) and tcp",
            "can never match: 'tcp' contradicts 'udp port 53'",
            ["tcp", "udp port 53"],
        ),
        (
            "not (arp or (tcp and udp))",
            "can never match: 'udp' contradicts 'tcp'",
            ["udp", "tcp"],
        ),
    ],
)
def test_an_alternative_never_matches(text: str, message: str, places: list[str]) -> None:
    finding = only("S02", text)
    assert (finding.severity, finding.message, at(text, finding)) == ("error", message, places)


def test_places_in_a_file_have_lines() -> None:
    finding = only("S02", "arp\nor (len > 100\n and less 50)")
    assert finding.message == "can never match: 'less 50' contradicts 'len > 100' (line 2)"


def test_a_dead_alternative_is_reported_once_whatever_it_holds() -> None:
    assert codes("arp or (udp and (tcp port 80 or tcp port 81))").count("S02") == 1


def test_a_filter_that_matches_nothing_has_no_dead_alternatives() -> None:
    assert codes("tcp and udp and (arp or rarp)") == ["S01"]


@pytest.mark.parametrize(
    "text",
    ["tcp or udp", "tcp and (port 80 or port 443)", "arp or (len > 100 and less 150)", "not arp"],
)
def test_alternatives_that_can_match(text: str) -> None:
    assert [code for code in codes(text) if code == "S02"] == []


class Silent:
    """An oracle that knows nothing."""

    def never(self, query: Query) -> bool | None:
        return None

    def implies(self, query: Query, other: Query) -> bool | None:
        return None

    def example(self, query: Query) -> None:
        return None


@pytest.mark.parametrize(
    "text", ["len>100 and less 50", "tcp or not tcp", "arp or (tcp and udp)", "tcp and not udp"]
)
def test_what_is_not_known_is_not_reported(text: str) -> None:
    oracle: Oracle = Silent()
    assert lint(read_text(text, None), settings(), oracle) == ()
    assert findings(text) != ()


def test_the_engine_answers_the_same_question_once() -> None:
    engine = Engine(settings())
    query = read_text("ip", None).query
    assert [engine.never(query), engine.never(query), engine.solved] == [False, False, 1]


def test_the_engine_does_not_know_what_the_target_cannot_see() -> None:
    assert Engine(settings()).never(read_text("inbound", None).query) is None


def test_the_engine_looks_below_encapsulations_where_asked() -> None:
    tagged = read_text("ether[12:2] = 0x8100 and ip", None).query
    assert Engine(settings()).never(tagged) is True
    assert Engine(settings(through=("vlan",))).never(tagged) is False


def test_the_engine_shows_a_packet() -> None:
    engine = Engine(settings())
    witness = engine.example(read_text("udp port 53 and host 10.0.0.1", None).query)
    assert witness is not None
    assert bpfq.compile("udp port 53 and host 10.0.0.1").matches(witness.octets)
    assert engine.example(read_text("udp and tcp", None).query) is None


def test_a_finding_shows_a_packet_that_is_decided_wrongly() -> None:
    text = "not port 22 and 23"
    finding = only("P02", text)
    assert finding.witness is not None
    assert finding.shows == "matches as written, not as tried"
    assert bpfq.compile(text).matches(finding.witness.octets)
    assert not bpfq.compile(tries(finding)[0]).matches(finding.witness.octets)


def test_a_tag_behind_an_alternative_shows_a_packet_that_is_lost() -> None:
    finding = only("V01", "vlan 10 or vlan 20")
    assert finding.witness is not None
    assert not bpfq.compile("vlan 10 or vlan 20").matches(finding.witness.octets)
    assert bpfq.compile(bpfq.vlan(10) | bpfq.vlan(20)).matches(finding.witness.octets)
