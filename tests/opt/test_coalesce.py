"""Neighbouring bytes tested with one load: before and after, and proved."""

from __future__ import annotations

import pytest
from oracles.passes import BENCH, Graphs, filter_name

from bpfq.graph.text import to_text
from bpfq.opt.coalesce import merge_loads

CASES = {
    "protocol and fragment are one word": (
        "ip and tcp[13] = 2",
        (
            "0: h[12] = 0x800 ? 1 : reject\n1: (w[20] & 0x1fff00ff) = 6 ? 2 : reject\n"
            "2: b[((b[14] & 0xf) << 2) + 27] = 2 ? accept : reject"
        ),
    ),
    "protocols that share a test behind them share its load": (
        "ip and (src port 5 and not ip6)",
        (
            "0: h[12] = 0x800 ? 1 : reject\n1: (w[20] & 0x1fff00ff) = 6 ? 4 : 2\n"
            "2: (w[20] & 0x1fff00ff) = 0x11 ? 4 : 3\n3: (w[20] & 0x1fff00ff) = 0x84 ? 4 : reject\n"
            "4: h[((b[14] & 0xf) << 2) + 14] = 5 ? accept : reject"
        ),
    ),
    "ethertype and type of service are one word": (
        "ip[1] & 0xfc = 0xb8",
        "0: (w[12] & 0xffff00fc) = 0x80000b8 ? accept : reject",
    ),
    "tag type and tag are one word": (
        "vlan 100",
        (
            "0: (w[12] & 0xffff0fff) = 0x81000064 ? accept : 1\n"
            "1: (w[12] & 0xffff0fff) = 0x88a80064 ? accept : 2\n"
            "2: (w[12] & 0xffff0fff) = 0x91000064 ? accept : reject"
        ),
    ),
    "both ports are one word": (
        "ether[14:2] > 0 and ether[16:2] = 80 and ether[18:2] = 443",
        "0: h[14] > 0 ? 1 : reject\n1: w[16] = 0x5001bb ? accept : reject",
    ),
    "four bytes are one word": (
        "ether[20] = 1 and ether[21] = 2 and ether[22] = 3 and ether[23] = 4",
        "0: w[20] = 0x1020304 ? accept : reject",
    ),
    "any of several bits is one bit test": (
        "ether[5] & 4 != 0 or ether[5] & 1 != 0",
        "0: b[5] & 5 ? accept : reject",
    ),
    "no bit of two neighbours is one bit test": (
        "ether[5] & 4 = 0 and ether[6] & 1 = 0",
        "0: h[5] & 0x401 ? reject : accept",
    ),
    "values that contradict each other are left out": (
        "(ether[5] & 6 = 2 or ether[5] & 6 = 4) and ether[5] & 12 = 4",
        "0: (b[5] & 0xe) = 4 ? accept : reject",
    ),
    "a packet too short for the second test may still be accepted": (
        "ether[5] != 4 or ether[6] != 1",
        "0: b[5] = 4 ? 1 : accept\n1: b[6] = 1 ? reject : accept",
    ),
    "a packet long enough for the first test cannot be": (
        "ether[6] != 4 or ether[5] != 1",
        "0: h[5] = 0x104 ? reject : accept",
    ),
    "what is read later anyway may be read now": (
        "not (ether[5] = 4 and ether[6] = 1) and ether[7] = 2",
        "0: h[5] = 0x401 ? reject : 1\n1: b[7] = 2 ? accept : reject",
    ),
    "bytes too far apart stay apart": (
        "ether[5] = 4 and ether[9] = 1",
        "0: b[5] = 4 ? 1 : reject\n1: b[9] = 1 ? accept : reject",
    ),
    "nothing before the packet is read": (
        "ether[0] = 1 and ether[1] = 2 and ether[2] = 3",
        "0: h[0] = 0x102 ? 1 : reject\n1: b[2] = 3 ? accept : reject",
    ),
}


@pytest.mark.parametrize("text, expected", CASES.values(), ids=CASES)
def test_merged_loads_turn_the_filter_into(text: str, expected: str) -> None:
    assert to_text(Graphs(text).after(merge_loads)) == expected


def test_strict_keeps_every_load() -> None:
    graphs = Graphs("vlan 100", strict=True)
    assert graphs.after(merge_loads) is graphs.after()


@pytest.mark.parametrize("line", BENCH, ids=filter_name)
def test_merged_loads_keep_the_contract(line: tuple[str, str]) -> None:
    assert Graphs(*line).broken_by(merge_loads) is None
