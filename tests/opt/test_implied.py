"""Tests that later tests make again are left out: before and after, and proved."""

from __future__ import annotations

import pytest
from oracles.passes import BENCH, Graphs, filter_name

from bpfq.graph.text import to_text
from bpfq.opt.implied import skip_implied

CASES = {
    "a lower limit before a higher one": (
        "len > 100 and len > 200",
        "0: len > 0xc8 ? accept : reject",
    ),
    "a value that is not the one wanted": (
        "not ip6 and ip",
        "0: h[12] = 0x800 ? accept : reject",
    ),
    "a value of a range that is accepted": (
        "ether[0] = 5 or ether[0] > 3",
        "0: b[0] > 3 ? accept : reject",
    ),
    "several tests behind it decide together": (
        "ether[0] != 9 and ether[0] > 3 and ether[0] < 7",
        "0: b[0] > 3 ? 1 : reject\n1: b[0] >= 7 ? reject : accept",
    ),
    "tests of another term between them are not passed": (
        "len > 100 and ether[0] = 1 and len > 200",
        ("0: len > 0x64 ? 1 : reject\n1: b[0] = 1 ? 2 : reject\n2: len > 0xc8 ? accept : reject"),
    ),
    "another exit is another exit": (
        "ether[0] = 5 and ether[1] = 1 or ether[0] > 7",
        ("0: b[0] = 5 ? 1 : 2\n1: b[1] = 1 ? accept : reject\n2: b[0] > 7 ? accept : reject"),
    ),
}


@pytest.mark.parametrize("text, expected", CASES.values(), ids=CASES)
def test_without_implied_tests_the_filter_is(text: str, expected: str) -> None:
    assert to_text(Graphs(text).after(skip_implied)) == expected


@pytest.mark.parametrize("strict", [False, True], ids=["", "strict"])
@pytest.mark.parametrize("line", BENCH, ids=filter_name)
def test_leaving_out_implied_tests_keeps_the_contract(line: tuple[str, str], strict: bool) -> None:
    assert Graphs(*line, strict=strict).broken_by(skip_implied) is None
