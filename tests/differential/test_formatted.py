"""libpcap compiles a formatted filter to a program that does what that of the filter does.

Mostly it is the same program; where ``less 64`` became ``len <= 64`` and the like, the two are
decided to accept the same packets.
"""

from __future__ import annotations

import json
from functools import cache
from typing import NamedTuple

import pytest
from oracles import libpcap
from oracles.corpus import NETMASK, TESTS, filters
from oracles.libpcap import Refused

import bpfq
from bpfq.isa.cbpf.instructions import SockFilter
from bpfq.settings import link_type

MOST_OTHER = 30  # programs that are not the same, instruction for instruction
MISREAD = ("link host $1",)  # which 1.10.3 takes for $d1; formatted it is $01


class Case(NamedTuple):
    link: str
    text: str
    savefile: str | None


@cache
def cases() -> tuple[Case, ...]:
    """The corpus, and the filters of the reference's own tests."""
    lines = (TESTS / "corpus" / "reference.jsonl").read_text().splitlines()
    rows = [row for row in map(json.loads, lines) if row["kind"] == "accept"]
    found = [
        *(Case(*line) for line in filters()),
        *(Case(row["dlt"], row["expr"], row.get("offline")) for row in rows),
    ]
    return tuple(dict.fromkeys(found))


def compiled(case: Case, text: str) -> tuple[SockFilter, ...]:
    number = link_type(case.link).number
    return libpcap.compiled(text, number, optimise=False, netmask=NETMASK, savefile=case.savefile)


@pytest.mark.oracle
def test_libpcap_reads_a_formatted_filter_as_the_filter() -> None:
    try:
        libpcap.library()
    except OSError:
        pytest.skip("needs libpcap: install libpcap0.8")
    same, others = 0, []
    for case in cases():
        try:
            before = compiled(case, case.text)
        except Refused:
            continue  # as it stands
        after = compiled(case, bpfq.fmt(case.text))
        if before == after:
            same += 1
        elif case.text not in MISREAD:
            others.append((case, before, after))
    assert same > 1500 and len(others) <= MOST_OTHER
    relations = {
        case.text: bpfq.compare(list(before), list(after), link=case.link).relation
        for case, before, after in others
    }
    assert {text for text, relation in relations.items() if relation != "equal"} == set()
