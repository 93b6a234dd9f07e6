"""S03: what another clause has said already."""

from __future__ import annotations

import pytest

from bpfq.analysis.lint.containment import covered
from bpfq.analysis.lint.repair import repaired
from bpfq.frontend.pcap.parse import parse
from bpfq.query import nodes as q

from .linting import at, codes, findings, fixed, only


@pytest.mark.parametrize(
    ("text", "message", "left"),
    [
        (
            "net 10.0.0.0/8 or host 10.1.2.3",
            "'host 10.1.2.3' is already covered by 'net 10.0.0.0/8'",
            "net 10.0.0.0/8",
        ),
        (
            "host 10.1.2.3 or arp or net 10.0.0.0/8",
            "'host 10.1.2.3' is already covered by 'net 10.0.0.0/8'",
            "arp or net 10.0.0.0/8",
        ),
        (
            "not host 10.1.2.3 and not net 10.0.0.0/8",
            "'not host 10.1.2.3' is already covered by 'net 10.0.0.0/8'",
            "not net 10.0.0.0/8",
        ),
        (
            "not (net 10.0.0.0/8 or arp) and not host 10.1.2.3",
            "'not host 10.1.2.3' is already covered by 'net 10.0.0.0/8'",
            "not (net 10.0.0.0/8 or arp)",
        ),
        ("port 80 or 80 or 443", "'80' is already covered by 'port 80'", "port 80 or 443"),
        (
            "tcp port 80 and not udp",
            "'not udp' always holds here, after 'tcp port 80'",
            "tcp port 80",
        ),
        ("len >= 0 and ip", "'len >= 0' always holds here", "ip"),
        (
            "tcp and (tcp or arp)",
            "'tcp or arp' always holds here, after 'tcp'",
            "tcp",
        ),
    ],
)
def test_a_clause_that_another_one_makes_superfluous(text: str, message: str, left: str) -> None:
    finding = only("S03", text)
    assert (finding.message, fixed(text, finding)) == (message, left)


def test_an_alternative_that_several_others_cover_together() -> None:
    text = "portrange 1-100 or portrange 101-200 or portrange 50-150"
    assert only("S03", text).message == (
        "'portrange 50-150' is already covered by 'portrange 1-100' and 'portrange 101-200'"
    )


def test_places_are_the_clause_and_what_covers_it() -> None:
    text = "net 10.0.0.0/8\nor host 10.1.2.3"
    finding = only("S03", text)
    assert at(text, finding) == ["host 10.1.2.3", "net 10.0.0.0/8"]
    assert finding.message == "'host 10.1.2.3' is already covered by 'net 10.0.0.0/8' (line 1)"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("(host 10.0.0.1 or 10.0.0.1) and not arp", "(host 10.0.0.1) and not arp"),
        ("port (80 or 80)", "port (80)"),
        ("port 80 or port 80 or 443", "port 80 or port 443"),  # 443 keeps its words
        ("arp or\n host 10.1.2.3 or\n net 10.0.0.0/8", "arp or\n net 10.0.0.0/8"),
        ("net 10.0.0.0/8 or\n host 10.1.2.3 or\n arp", "net 10.0.0.0/8 or\n arp"),
        ("net 10.0.0.0/8 or\n host 10.1.2.3", "net 10.0.0.0/8\n "),
        ("net 10.0.0.0/8\n  or host 10.1.2.3\n  or arp", "net 10.0.0.0/8\n  or arp"),
        ("host 10.1.2.3\n  or net 10.0.0.0/8", "  net 10.0.0.0/8"),
        ("host 10.1.2.3\nor\nnet 10.0.0.0/8\nor\narp", "net 10.0.0.0/8\nor\narp"),
    ],
)
def test_a_clause_goes_with_the_word_that_joins_it(text: str, left: str) -> None:
    assert fixed(text, only("S03", text)) == left


def test_parentheses_are_quoted_whole() -> None:
    text = "tcp port 80 and (not udp and (not rarp))"
    messages = [finding.message for finding in findings(text)]
    assert messages == [
        "'not udp' always holds here, after 'tcp port 80'",
        "'not rarp' always holds here, after 'tcp port 80'",
    ]
    text = "tcp and (tcp or (arp or (rarp)))"
    assert at(text, only("S03", text))[0] == "tcp or (arp or (rarp))"


@pytest.mark.parametrize(
    "text",
    [
        "tcp port 80 or udp port 80",
        "host 10.0.0.1 or net 11.0.0.0/8",
        "src host 10.0.0.1 or dst net 10.0.0.0/8",
        "ip and tcp and tcp port 80",  # from the general to the special, as people write
        "tcp and tcp[13] = 2",
        "ip src net 10.0.0.0/8 or arp src net 10.0.0.0/16",
        "portrange 1-10 or portrange 5-15",
        "vlan and vlan",
        "udp port 67 or udp port 68",
    ],
)
def test_clauses_that_say_something_new(text: str) -> None:
    assert [code for code in codes(text) if code == "S03"] == []


def test_a_shim_that_says_nothing_new_stays_in_the_text() -> None:
    finding = only("S03", "(vlan and ip) or ip")
    assert finding.message == "'vlan and ip' is already covered by 'ip'"
    assert finding.fix is None  # without it the second ip would not stand behind a tag


# ---------------------------------------------------------------- long lists


def entries(text: str) -> tuple[q.Query, ...]:
    query = parse(text)
    assert isinstance(query, q.Or)
    return query.operands


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("net 10.0.0.0/8 or host 10.1.2.3", {1: 0}),
        ("host 10.1.2.3 or net 10.1.0.0/16 or net 10.0.0.0/8", {0: 1, 1: 2}),
        ("net 0.0.0.0/0 or ip src host 1.2.3.4 or arp dst net 9.0.0.0/8", {1: 0, 2: 0}),
        ("src net 10.0.0.0/8 or src and dst net 10.1.0.0/16 or dst net 10.0.0.0/8", {1: 0}),
        ("ip net 10.0.0.0/8 or net 10.0.0.0/8", {0: 1}),
        ("ip6 net 2001:db8::/32 or host 2001:db8::1 or host ::1", {1: 0}),
        ("port 80 or tcp dst port 80 or portrange 79-80", {0: 2, 1: 2}),
        ("portrange 1-9 or portrange 3-4 or portrange 2-8", {1: 0, 2: 0}),
        ("udp portrange 1-9 or tcp port 5 or port 5", {1: 2}),
        ("tcp or udp or tcp or tcp", {2: 0, 3: 0}),
        ("host 10.0.0.1 or host 10.0.0.2", {}),
    ],
)
def test_containment_is_found_by_prefix_and_interval(text: str, found: dict[int, int]) -> None:
    assert covered(entries(text)) == found


def test_what_covers_is_never_covered_by_what_it_covers() -> None:
    text = " or ".join(["port 80", "tcp port 80", "port 80", "portrange 80-80", "tcp port 80"])
    found = covered(entries(text))
    assert found == {1: 0, 2: 0, 3: 0, 4: 1}


def test_a_thousand_entries_take_no_thousand_questions() -> None:
    hosts = [f"host 10.{n // 250}.{n % 250}.1" for n in range(999)]
    text = " or\n".join([*hosts, "net 10.2.0.0/16"])
    found = [finding for finding in findings(text) if finding.code == "S03"]
    assert len(found) == 250
    assert found[0].message == "'host 10.2.0.1' is already covered by 'net 10.2.0.0/16' (line 1000)"
    assert found[0].fix is not None
    assert "host 10.2.0.1 " not in found[0].fix.apply(text)
    assert len(repaired(text, findings).text.split("\n")) == 750
