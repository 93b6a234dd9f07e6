"""Near misses fail the clause that they name, and no other."""

from __future__ import annotations

import pytest
from oracles.corpus import filters

import bpfq
from bpfq.analysis.witness.nearmiss import clauses
from bpfq.frontend.pcap.parse import parse
from bpfq.query.text import to_pcap

from .meanings import interpreted, means, program_of

SLICES = 6


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("ip", ["ip"]),
        ("ip and udp and port 53", ["ip", "udp", "port 53"]),
        ("ip or arp", ["ip or arp"]),
        ("ip and (udp or tcp)", ["ip", "udp or tcp"]),
        ("not (ip or arp)", ["not ip", "not arp"]),
        ("ip and not (src 10.0.0.1 or udp) and not tcp",
         ["ip", "not src host 10.0.0.1", "not udp", "not tcp"]),
        ("not (ip and udp)", ["not (ip and udp)"]),
    ],
)  # fmt: skip
def test_clauses_are_what_must_all_hold(text: str, parts: list[str]) -> None:
    assert [to_pcap(part) for part in clauses(parse(text))] == parts


def test_each_clause_has_its_near_miss() -> None:
    missed = bpfq.near_misses("tcp dst port 443 and tcp[tcpflags] & tcp-syn != 0 and less 100")
    assert [(miss.clause, miss.witness and miss.witness.summary) for miss in missed] == [
        ("tcp dst port 443", "TCP 192.0.2.1:1024 > 192.0.2.2:442 S"),
        ("tcp[tcpflags] & tcp-syn != 0", "TCP 192.0.2.1:1024 > 192.0.2.2:443 none"),
        ("less 100", "TCP 192.0.2.1:1024 > 192.0.2.2:443 S"),
    ]
    assert [miss.witness and miss.witness.wire_length for miss in missed] == [54, 54, 101]


def test_a_clause_that_follows_from_the_others_has_none() -> None:
    first, second = bpfq.near_misses("tcp and tcp dst port 80")
    assert (first.clause, first.witness) == ("tcp", None)
    assert second.witness is not None


def test_a_clause_is_quoted_with_its_own_not() -> None:
    missed = bpfq.near_misses("udp and not (port 53 or  src  10.0.0.1)")
    assert [miss.clause for miss in missed] == ["udp", "not port 53", "not src 10.0.0.1"]
    assert [miss.span for miss in missed] == [(0, 3), (13, 20), (25, 38)]


def test_nothing_nearly_misses_a_filter_without_a_match() -> None:
    with pytest.raises(bpfq.FilterError, match="^matches no packet on DLT_EN10MB$"):
        bpfq.near_misses("ether[-1] = 0 and ip")


@pytest.mark.parametrize("target", ["packet", "packet-cooked", "raw4", "udp", "xt_bpf", "tc"])
def test_near_misses_on_a_target(target: str) -> None:
    program = bpfq.compile("dst port 53 and len > 90 and not src host 10.0.0.1", target=target)
    missed = bpfq.near_misses(program)
    parts = clauses(program.query)
    assert len(missed) == len(parts) == 3
    for miss, part in zip(missed, parts, strict=True):
        assert miss.witness is not None
        assert [means(one, program, miss.witness) for one in parts] == [
            one is not part for one in parts
        ]


@pytest.mark.parametrize("part", range(SLICES))
def test_a_near_miss_fails_exactly_its_clause(part: int) -> None:
    wrong: list[str] = []
    for line in filters()[part :: 3 * SLICES]:
        try:
            program = program_of(line.text, line.link, line.savefile)
            missed = bpfq.near_misses(program)
        except bpfq.BpfqError:
            continue
        parts = clauses(program.query)
        for miss, failed in zip(missed, parts, strict=True):
            if miss.witness is None:
                continue
            said = [means(one, program, miss.witness) for one in parts]
            if said != [one is not failed for one in parts] or interpreted(program, miss.witness):
                wrong.append(f"{line}: {miss} {said}")
    assert wrong == []
