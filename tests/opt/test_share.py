"""Tests that differ in where they look, as one test: before and after, and proved."""

from __future__ import annotations

import pytest
from oracles.passes import BENCH, Graphs, filter_name

from bpfq.graph.text import to_text
from bpfq.opt.coalesce import merge_loads
from bpfq.opt.order import order_chains
from bpfq.opt.share import share_tests

CASES = {
    "ports of both families are one block": (
        "tcp port 80",
        (
            "0: h[12] = 0x86dd ? 2 : 1\n1: h[12] = 0x800 ? 2 : reject\n"
            "2: (h[12] = 0x86dd ? b[20] : (w[20] & 0x1fff00ff)) = 6 ? 3 : reject\n"
            "3: h[(h[12] = 0x86dd ? 0x28 : ((b[14] & 0xf) << 2)) + 14] = 0x50 ? accept : 4\n"
            "4: h[(h[12] = 0x86dd ? 0x28 : ((b[14] & 0xf) << 2)) + 16] = 0x50 ? accept : reject"
        ),
    ),
    "protocols of both families are one chain": (
        "src port 80",
        (
            "0: h[12] = 0x86dd ? 2 : 1\n1: h[12] = 0x800 ? 2 : reject\n"
            "2: (h[12] = 0x86dd ? b[20] : (w[20] & 0x1fff00ff)) = 6 ? 5 : 3\n"
            "3: (h[12] = 0x86dd ? b[20] : (w[20] & 0x1fff00ff)) = 0x11 ? 5 : 4\n"
            "4: (h[12] = 0x86dd ? b[20] : (w[20] & 0x1fff00ff)) = 0x84 ? 5 : reject\n"
            "5: h[(h[12] = 0x86dd ? 0x28 : ((b[14] & 0xf) << 2)) + 14] = 0x50 ? accept : reject"
        ),
    ),
    "the second address is at one index": (
        "host 10.0.0.1",
        (
            "0: h[12] = 0x800 ? 3 : 1\n1: h[12] = 0x806 ? 3 : 2\n2: h[12] = 0x8035 ? 3 : reject\n"
            "3: (h[12] = 0x800 ? w[26] : w[28]) = 0xa000001 ? accept : 4\n"
            "4: w[(h[12] = 0x800 ? 0 : 8) + 30] = 0xa000001 ? accept : reject"
        ),
    ),
    "a single address is at one index": (
        "src host 10.0.0.1",
        (
            "0: h[12] = 0x800 ? 3 : 1\n1: h[12] = 0x806 ? 3 : 2\n2: h[12] = 0x8035 ? 3 : reject\n"
            "3: w[(h[12] = 0x800 ? 0 : 2) + 26] = 0xa000001 ? accept : reject"
        ),
    ),
    "one comparison behind three loads": (
        "tcp",
        (
            "0: h[12] = 0x800 ? 2 : 1\n1: h[12] = 0x86dd ? 2 : reject\n"
            "2: (h[12] = 0x800 ? b[23] : (b[20] = 0x2c ? b[54] : b[20])) = 6 ? accept : reject"
        ),
    ),
    "what saves nothing is left alone": (
        "ip[8] = 5 or ip6[4:2] = 5",
        (
            "0: h[12] = 0x800 ? 1 : 2\n1: b[22] = 5 ? accept : reject\n"
            "2: h[12] = 0x86dd ? 3 : reject\n3: h[18] = 5 ? accept : reject"
        ),
    ),
    "what nothing known tells apart is left alone": (
        "(ether[0] = 1 and ether[20] = 5) or ether[30] = 5",
        ("0: b[0] = 1 ? 1 : 2\n1: b[20] = 5 ? accept : 2\n2: b[30] = 5 ? accept : reject"),
    ),
}


@pytest.mark.parametrize("text, expected", CASES.values(), ids=CASES)
def test_sharing_turns_the_filter_into(text: str, expected: str) -> None:
    made = Graphs(text).after(order_chains, merge_loads, share_tests)
    assert to_text(made) == expected


@pytest.mark.parametrize("text", ["port 80", "host 10.0.0.1", "tcp or udp", "net 10.0.0.0/8"])
def test_a_second_time_changes_nothing(text: str) -> None:
    graphs = Graphs(text)
    once = graphs.after(order_chains, merge_loads, share_tests)
    assert graphs.after(order_chains, merge_loads, share_tests, share_tests) is once


@pytest.mark.parametrize("strict", [False, True], ids=["", "strict"])
@pytest.mark.parametrize("line", BENCH, ids=filter_name)
def test_sharing_keeps_the_contract(line: tuple[str, str], strict: bool) -> None:
    graphs = Graphs(*line, strict=strict)
    assert graphs.broken_by(order_chains, merge_loads, share_tests) is None
