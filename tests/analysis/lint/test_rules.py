"""All rules together: the table, the order, filters in daily use, and repairs in rounds."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import bpfq
from bpfq.analysis.lint.findings import Edit, Finding, Fix, applied, compatible
from bpfq.analysis.lint.oracle import Engine
from bpfq.analysis.lint.reading import read_text
from bpfq.analysis.lint.repair import repaired
from bpfq.analysis.lint.rules import RULES, lint
from bpfq.source import Span

from .linting import codes, findings, settings

ROOT = Path(__file__).parent.parent.parent.parent
IN_DAILY_USE = [
    line
    for line in (ROOT / "bench" / "filters.txt").read_text().splitlines()
    if line and not line.startswith("#") and not re.match("[A-Z0-9_]+: ", line)
]
MISTAKEN = {  # looked at one by one: these are what the rule is for
    "not vlan and udp dst port 68": ["V01"],
    "broadcast or multicast": ["S03"],
    "ip6 and udp": ["I02"],
    "host 2001:db8::1 and tcp port 443": ["I02"],
    "net 2001:db8::/32 and not port 22": ["I02"],
}


def test_filters_in_daily_use_have_no_findings() -> None:
    found = {text: codes(text) for text in IN_DAILY_USE}
    assert {text: several for text, several in found.items() if several} == MISTAKEN
    assert len(found) > 300


def test_filters_in_daily_use_have_no_findings_on_a_live_socket_either() -> None:
    several = IN_DAILY_USE[::3]
    found = {text: codes(text, "packet", optmem=131072) for text in several}
    mistaken = {text: codes for text, codes in MISTAKEN.items() if text in several}
    assert mistaken
    assert {text: codes for text, codes in found.items() if codes} == mistaken


def test_the_codes_are_stable() -> None:
    assert list(RULES) == [
        "P01", "P02", "V01", "V02", "V03", "S01", "S02", "S03", "I01", "I02", "N01", "L01", "L02",
        "L03", "L04", "T01", "D01",
    ]  # fmt: skip


def test_findings_come_in_the_order_of_the_text_and_the_whole_filter_last() -> None:
    text = "port http or (ip6 and udp) or not port 22 and 23"
    assert codes(text, "packet", optmem=10) == ["P01", "N01", "I02", "P02", "L03"]


def test_findings_of_a_python_filter_have_no_places_but_words() -> None:
    query = (bpfq.tcp & bpfq.udp) | bpfq.arp
    (finding,) = bpfq.lint(query)
    assert (finding.code, finding.span, finding.fix) == ("S02", None, None)
    assert finding.message == "can never match: 'tcp' contradicts 'udp'"


def test_the_facade_takes_the_options_of_compile() -> None:
    assert [f.code for f in bpfq.lint("ip broadcast", netmask="255.255.255.0")] == []
    assert [f.code for f in bpfq.lint("inbound", target="packet")] == []
    assert [f.code for f in bpfq.lint("tcp", target="packet", optmem=100)] == ["L03"]


def test_an_error_of_the_facade_knows_its_text() -> None:
    with pytest.raises(bpfq.FilterError) as caught:
        bpfq.lint("ip broadcast")
    assert caught.value.text == "ip broadcast"


def test_what_is_no_filter_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="a filter is pcap text or a bpfq expression, not int"):
        bpfq.lint(5)  # type: ignore[arg-type]


# ---------------------------------------------------------------- repairs


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("tcp", "tcp"),
        ("not port 22 and 23 or 24", "(not port 22 and port 23) or port 24"),
        ("port http or smtp or ssh", "tcp port 80 or tcp port 25 or tcp port 22"),
        ("tcp and (tcp and (tcp))", "tcp"),
        (
            "host 10.0.0.1 or host 10.0.0.2 or net 10.0.0.0/8 or host 10.0.0.3 or port 1 and arp",
            "(net 10.0.0.0/8 or port 1) and arp",
        ),
    ],
)
def test_repairs_in_rounds_end(text: str, after: str) -> None:
    done = repaired(text, findings)
    assert done.text == after
    again = repaired(after, findings)
    assert (again.text, again.edits) == (after, ())


def test_edits_are_applied_in_the_order_of_the_text() -> None:
    edits = [Edit(Span(3, 4), "D"), Edit(Span(0, 0), "<"), Edit(Span(1, 3), "")]
    assert applied("abcde", edits) == "<aDe"


def test_deletions_may_overlap_and_insertions_may_not_touch() -> None:
    def fixing(*edits: Edit) -> Finding:
        return Finding("S03", "warning", "", fix=Fix(edits))

    first, inside = fixing(Edit(Span(2, 6), "")), fixing(Edit(Span(4, 8), ""))
    insertion, far = fixing(Edit(Span(6, 6), "x")), fixing(Edit(Span(20, 21), "y"))
    chosen = compatible([first, inside, insertion, far])
    assert chosen == [first.fix, inside.fix, far.fix]
    assert compatible([insertion, first]) == [insertion.fix]


# ---------------------------------------------------------------- filters of any size


@pytest.mark.parametrize(
    "text",
    [
        " or ".join(f"host 10.0.{n // 250}.{n % 250}" for n in range(2000)),
        "(" * 2000 + "ip" + ")" * 2000,
        "not (" * 1000 + "ip" + ")" * 1000,
        "port 1 or " + " or ".join(str(n) for n in range(2, 1000)),
        " ".join(f"port {n} {('and', 'or')[n % 2]}" for n in range(200)) + " ip",
    ],
    ids=["list", "parentheses", "not", "heirs", "mixed"],
)
def test_a_large_filter_takes_a_bounded_number_of_questions(text: str) -> None:
    where = settings()
    engine = Engine(where)
    lint(read_text(text, None), where, engine)
    assert engine.asked <= 4000
    assert engine.solved <= 4
    assert engine.shown <= 4


def test_only_the_first_of_many_findings_are_written_out() -> None:
    text = " or ".join(["port http"] * 60)
    names = [finding for finding in findings(text) if finding.code == "N01"]
    assert (len(names), sum(finding.fix is not None for finding in names)) == (60, 50)
    assert repaired(text, findings).text == "tcp port 80"
