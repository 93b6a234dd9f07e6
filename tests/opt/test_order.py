"""Equalities of one term in an order common to all terms: before and after, and proved."""

from __future__ import annotations

import pytest
from oracles.passes import BENCH, Graphs, filter_name

from bpfq.graph.text import to_text
from bpfq.opt.order import order_chains

CASES = {
    "what only one term is tested for stands first": (
        "tcp",
        (
            "0: h[12] = 0x800 ? 1 : 2\n1: b[23] = 6 ? accept : reject\n"
            "2: h[12] = 0x86dd ? 3 : reject\n3: b[20] = 0x2c ? 4 : 5\n"
            "4: b[54] = 6 ? accept : reject\n5: b[20] = 6 ? accept : reject"
        ),
    ),
    "several values keep one order for all terms": (
        "ip proto 6 or ip proto 1 or ip proto 17 or ip6 proto 17 or ip6 proto 6",
        (
            "0: h[12] = 0x800 ? 1 : 4\n1: b[23] = 1 ? accept : 2\n2: b[23] = 6 ? accept : 3\n"
            "3: b[23] = 0x11 ? accept : reject\n4: h[12] = 0x86dd ? 5 : reject\n"
            "5: b[20] = 0x2c ? 6 : 8\n6: b[54] = 6 ? accept : 7\n"
            "7: b[54] = 0x11 ? accept : reject\n8: b[20] = 6 ? accept : 9\n"
            "9: b[20] = 0x11 ? accept : reject"
        ),
    ),
    "values that only one term is tested for stay in their order": (
        "ip proto 17 or ip proto 6",
        (
            "0: h[12] = 0x800 ? 1 : reject\n1: b[23] = 0x11 ? accept : 2\n"
            "2: b[23] = 6 ? accept : reject"
        ),
    ),
}


@pytest.mark.parametrize("text, expected", CASES.values(), ids=CASES)
def test_order_turns_the_filter_into(text: str, expected: str) -> None:
    assert to_text(Graphs(text).after(order_chains)) == expected


@pytest.mark.parametrize("text", ["tcp", "tcp or udp or icmp", "esp or ah or udp port 500"])
def test_a_second_time_changes_nothing(text: str) -> None:
    graphs = Graphs(text)
    assert graphs.after(order_chains, order_chains) is graphs.after(order_chains)


@pytest.mark.parametrize("strict", [False, True], ids=["", "strict"])
@pytest.mark.parametrize("line", BENCH, ids=filter_name)
def test_order_keeps_the_contract(line: tuple[str, str], strict: bool) -> None:
    assert Graphs(*line, strict=strict).broken_by(order_chains) is None
