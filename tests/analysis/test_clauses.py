"""Which clause each test of a graph is there for."""

from __future__ import annotations

import pytest

from bpfq.analysis.clauses import clauses
from bpfq.api import query_of
from bpfq.graph.text import term_text
from bpfq.graph.walk import topological
from bpfq.graphs import decide
from bpfq.query.text import to_pcap
from bpfq.settings import settings_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ip and udp", ["ip", "udp"]),
        (
            "ip src net 10.0.0.0/8 and ip src host 10.1.2.3",
            ["ip src net 10.0.0.0/8"] * 2 + ["ip src host 10.1.2.3"],
        ),
        ("len > 100 and arp", ["len > 100", "arp"]),
        ("ether[0] = 1 or icmp", ["ether[0] = 1", "icmp", "icmp"]),
    ],
)
def test_tests_belong_to_the_first_clause_that_asks_so(text: str, expected: list[str]) -> None:
    query, settings = query_of(text, None), settings_of("file", "EN10MB")
    order = topological(decide(query, settings))
    found = clauses(query, settings, order)
    assert [to_pcap(found[test]) for test in order] == expected


def test_joined_loads_belong_to_a_clause_with_bytes_in_common() -> None:
    query, settings = (
        query_of("tcp src port 1 and tcp dst port 2", None),
        settings_of("file", "EN10MB"),
    )
    order = topological(decide(query, settings))
    found = clauses(query, settings, order)
    assert {term_text(test.term) for test in order if test not in found} == set()
