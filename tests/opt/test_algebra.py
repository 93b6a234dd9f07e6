"""Arithmetic moved out of tests: before and after, and proved on the filters of the bench."""

from __future__ import annotations

import pytest
from oracles.passes import BENCH, Graphs, filter_name

from bpfq.graph.text import to_text
from bpfq.opt.algebra import fold_algebra

CASES = {
    "a difference of nothing is an equality": (
        "ip[12:4] - ip[16:4] = 0",
        "0: h[12] = 0x800 ? 1 : reject\n1: w[26] = w[30] ? accept : reject",
    ),
    "a constant moves to the other side of an equality": (
        "ip[4:2] + 5 = 7 or ip[4:2] - 5 = 7 or ip[4:2] ^ 0xff = 7",
        (
            "0: h[12] = 0x800 ? 1 : reject\n1: h[18] = 2 ? accept : 2\n"
            "2: h[18] = 0xc ? accept : 3\n3: h[18] = 0xf8 ? accept : reject"
        ),
    ),
    "a difference equal to something is a sum": (
        "ip[2:2] - ip[6] - ip[8] != 0",
        "0: h[12] = 0x800 ? 1 : reject\n1: h[16] = (b[22] + b[20]) ? reject : accept",
    ),
    "high bits above a limit are a limit": (
        "ip[1] & 0xf0 > 0x50 or ip[8] >> 4 > 5",
        (
            "0: h[12] = 0x800 ? 1 : reject\n1: b[15] >= 0x60 ? accept : 2\n"
            "2: b[22] >= 0x60 ? accept : reject"
        ),
    ),
    "a mask of whole bytes is a smaller load": (
        "ip src net 10.0.0.0/8 and ip dst net 192.168.0.0/16",
        (
            "0: h[12] = 0x800 ? 1 : reject\n1: b[26] = 0xa ? 2 : reject\n"
            "2: h[30] = 0xc0a8 ? accept : reject"
        ),
    ),
    "shifted bits are compared where they are": (
        "(ip[0] & 0xf0) >> 4 = 4",
        "0: h[12] = 0x800 ? 1 : reject\n1: (b[14] & 0xf0) = 0x40 ? accept : reject",
    ),
    "every way to write the header length is one": (
        "ip[(ip[0] & 0xf) * 4] = 1 or ip[(ip[0] << 2) & 0x3c] = 2",
        (
            "0: h[12] = 0x800 ? 1 : reject\n1: b[((b[14] & 0xf) << 2) + 14] = 1 ? accept : 2\n"
            "2: b[((b[14] & 0xf) << 2) + 14] = 2 ? accept : reject"
        ),
    ),
    "a product is compared by its factor": (
        "ip[8] * 3 > 10 and ip[9] * 3 = 18",
        "0: h[12] = 0x800 ? 1 : reject\n1: b[22] > 3 ? 2 : reject\n2: b[23] = 6 ? accept : reject",
    ),
    "what may wrap stays": (
        "ip[12:4] * 3 = 18",
        "0: h[12] = 0x800 ? 1 : reject\n1: (w[26] * 3) = 0x12 ? accept : reject",
    ),
}


@pytest.mark.parametrize("text, expected", CASES.values(), ids=CASES)
def test_algebra_turns_the_filter_into(text: str, expected: str) -> None:
    assert to_text(Graphs(text).after(fold_algebra)) == expected


def test_strict_keeps_the_end_of_every_load() -> None:
    made = Graphs("ip src net 10.0.0.0/8 and ip[0:2] & 0xff = 3", strict=True).after(fold_algebra)
    assert to_text(made) == (
        "0: h[12] = 0x800 ? 1 : reject\n1: (w[26] & 0xff000000) = 0xa000000 ? 2 : reject\n"
        "2: b[15] = 3 ? accept : reject"
    )


@pytest.mark.parametrize("strict", [False, True], ids=["", "strict"])
@pytest.mark.parametrize("line", BENCH, ids=filter_name)
def test_algebra_keeps_the_contract(line: tuple[str, str], strict: bool) -> None:
    assert Graphs(*line, strict=strict).broken_by(fold_algebra) is None
