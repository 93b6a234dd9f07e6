"""P: what the words seem to group, and what they group."""

from __future__ import annotations

import pytest

from bpfq.analysis.lint.oracle import Engine
from bpfq.analysis.lint.precedence import mixed
from bpfq.analysis.lint.reading import read_text
from bpfq.analysis.lint.subject import Subject
from bpfq.frontend.pcap.parse import parse

from .linting import at, codes, fixed, only, settings, tries


@pytest.mark.parametrize(
    ("text", "written_out", "others"),
    [
        (  # libpcap #125
            "host 10.0.0.1 and tcp port 80 or 443",
            "(host 10.0.0.1 and tcp port 80) or tcp port 443",
            ["host 10.0.0.1 and (tcp port 80 or 443)"],
        ),
        (
            "host 1.2.3.4 or host 1.2.3.5 and tcp",
            "(host 1.2.3.4 or host 1.2.3.5) and tcp",
            ["host 1.2.3.4 or (host 1.2.3.5 and tcp)"],
        ),
        (
            "ip && tcp || arp && len > 5",
            "((ip && tcp) || arp) && len > 5",
            ["(ip && tcp) || (arp && len > 5)", "ip && (tcp || arp) && len > 5"],
        ),
        (
            "icmp and port 1 or 2 or (3 and not 4)",
            "(icmp and port 1) or port 2 or (port 3 and not port 4)",
            ["icmp and (port 1 or 2 or (3 and not 4))"],
        ),
        (
            "not (udp and arp or rarp)",
            "not ((udp and arp) or rarp)",
            ["not (udp and (arp or rarp))"],
        ),
        ("port (1 or 2 and 3)", None, ["port (1 or (2 and 3))"]),
    ],
)
def test_mixed_words_are_written_out(text: str, written_out: str | None, others: list[str]) -> None:
    finding = only("P01", text)
    assert (fixed(text, finding), tries(finding)) == (written_out, others)


def test_mixed_words_point_at_their_level_of_parentheses() -> None:
    text = "arp or (ip and tcp or udp)"
    assert at(text, only("P01", text)) == ["ip and tcp or udp"]


def test_every_level_is_a_finding_of_its_own() -> None:
    text = "arp and rarp or (ip and tcp or udp)"
    assert [code for code in codes(text) if code == "P01"] == ["P01", "P01"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tcp",
        "tcp and port 80 and host 10.0.0.1",
        "(tcp and port 80) or udp",
        "tcp and (port 80 or 443)",
        "src or dst port 80 and tcp",
        "src and dst port 80 or arp",
        "ether[0] & 1 = 0 or ip[0] & 0xf = 5",
    ],
)
def test_one_word_on_each_level_is_clear(text: str) -> None:
    assert [code for code in codes(text) if code == "P01"] == []


@pytest.mark.parametrize(
    ("text", "written_out", "other"),
    [
        ("not port 22 and 23", "not port 22 and port 23", "not (port 22 or 23)"),
        ("not port 22 or 23", "not port 22 or port 23", "not (port 22 or 23)"),
        (
            "udp and not src host 10.0.0.1 and 10.0.0.2 and 10.0.0.3",
            "udp and not src host 10.0.0.1 and src host 10.0.0.2 and src host 10.0.0.3",
            "udp and not (src host 10.0.0.1 or 10.0.0.2 or 10.0.0.3)",
        ),
        (
            "!host 10.0.0.1 && 10.0.0.2",
            "!host 10.0.0.1 && host 10.0.0.2",
            "!(host 10.0.0.1 or 10.0.0.2)",
        ),
    ],
)
def test_not_does_not_cover_what_inherits(text: str, written_out: str, other: str) -> None:
    finding = only("P02", text)
    assert (fixed(text, finding), tries(finding)) == (written_out, [other])


def test_not_points_at_itself_and_at_those_it_misses() -> None:
    text = "tcp and not port 22 and 23 and not 24"
    finding = only("P02", text)
    assert at(text, finding) == ["not port 22", "23", "24"]
    assert finding.message == "'not' covers 'port 22' only; what follows is tested as 'port 23'"


@pytest.mark.parametrize(
    "text",
    [
        "not port 22",
        "not (port 22 or 23)",
        "not port 22 and not port 23",
        "not port 22 and port 23",
        "port 22 or 23 and not udp",
        "not host 10.0.0.1 and tcp port 80 or 81",
    ],
)
def test_not_that_covers_all_is_clear(text: str) -> None:
    assert [code for code in codes(text) if code == "P02"] == []


@pytest.mark.parametrize(
    "text",
    ["host 10.0.0.1 and tcp port 80 or 443", "arp or ip and tcp or udp", "not port 22 and 23"],
)
def test_a_fix_means_the_same_query(text: str) -> None:
    finding = only("P02" if text.startswith("not") else "P01", text)
    assert finding.fix is not None
    assert parse(finding.fix.apply(text)) == parse(text)


def test_a_thousand_changes_of_words_are_one_finding_that_nobody_writes_out() -> None:
    text = " ".join(f"len = {n} {('and', 'or')[n % 2]}" for n in range(1200)) + " arp"
    where = settings()
    (finding,) = mixed(Subject(read_text(text, None), where, Engine(where)))
    assert finding.fix is None
