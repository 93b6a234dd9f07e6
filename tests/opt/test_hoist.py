"""What must be tested in any case, tested once: before and after, and proved."""

from __future__ import annotations

import pytest
from oracles.passes import BENCH, Graphs, filter_name

from bpfq.graph.text import to_text
from bpfq.opt.coalesce import merge_loads
from bpfq.opt.hoist import hoist_gates

CASES = {
    "both alternatives end in one test": (
        "(ether[0] = 1 and ether[9] = 7) or (ether[1] = 2 and ether[9] = 7 and ether[3] = 5)",
        (
            "0: b[9] = 7 ? 1 : reject\n1: b[0] = 1 ? accept : 2\n2: b[1] = 2 ? 3 : reject\n"
            "3: b[3] = 5 ? accept : reject"
        ),
    ),
    "protocols of host and port pairs": (
        "(src host 10.0.0.1 and src port 80) or (dst host 10.0.0.1 and dst port 80)",
        (
            "0: h[12] = 0x800 ? 1 : reject\n1: (w[20] & 0x1fff00ff) = 6 ? 4 : 2\n"
            "2: (w[20] & 0x1fff00ff) = 0x11 ? 4 : 3\n3: (w[20] & 0x1fff00ff) = 0x84 ? 4 : reject\n"
            "4: w[26] = 0xa000001 ? 5 : 6\n5: h[((b[14] & 0xf) << 2) + 14] = 0x50 ? accept : 6\n"
            "6: w[30] = 0xa000001 ? 7 : reject\n"
            "7: h[((b[14] & 0xf) << 2) + 16] = 0x50 ? accept : reject"
        ),
    ),
    "a way that does without the test keeps it where it is": (
        "(ether[0] = 1 and ether[9] = 7) or ether[1] = 2",
        ("0: b[0] = 1 ? 1 : 2\n1: b[9] = 7 ? accept : 2\n2: b[1] = 2 ? accept : reject"),
    ),
    "what is rejected otherwise is tested before": (
        "ip and ((ether[0] = 1 and ether[33] = 7) or (ether[1] = 2 and ether[33] = 7 and len > 9))",
        (
            "0: h[12] = 0x800 ? 1 : reject\n1: b[33] = 7 ? 2 : reject\n"
            "2: b[0] = 1 ? accept : 3\n3: b[1] = 2 ? 4 : reject\n4: len > 9 ? accept : reject"
        ),
    ),
    "under not, where every packet has been read as far": (
        "not ((ether[9] = 1 and ether[3] = 7) or (ether[9] = 2 and ether[3] = 7 and len > 9))",
        (
            "0: b[3] = 7 ? 1 : accept\n1: b[9] = 1 ? reject : 2\n2: b[9] = 2 ? 3 : accept\n"
            "3: len > 9 ? reject : accept"
        ),
    ),
}


@pytest.mark.parametrize("text, expected", CASES.values(), ids=CASES)
def test_hoisting_turns_the_filter_into(text: str, expected: str) -> None:
    assert to_text(Graphs(text).after(merge_loads, hoist_gates)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "(ether[0] = 1 and 10 / ether[9] = 7) or (ether[1] = 2 and 10 / ether[9] = 7 and len > 9)",
        "(ether[0] = 1 and ether[len] = 7) or ether[1] = 2",
        "not ((ether[3] = 1 and ether[9] = 7) or (ether[5] = 2 and ether[9] = 7 and len > 9))",
    ],
    ids=["can divide by zero", "stands once", "shorter packets are accepted"],
)
def test_what_stays_where_it_is(text: str) -> None:
    graphs = Graphs(text)
    assert graphs.after(hoist_gates) is graphs.after()


PAIRS = tuple(
    (text, "EN10MB")
    for text in (
        "(host 10.0.0.1 and port 80) or (host 10.0.0.2 and port 443) or (host 10.0.0.3 and port 25)",
        "(src host 10.0.0.1 and src port 80) or (dst host 10.0.0.1 and dst port 80)",
        "(ether[0] = 1 and ether[9] = 7) or (ether[1] = 2 and ether[9] = 7 and ether[3] = 5)",
        "not ((host 10.0.0.1 and port 80) or (host 10.0.0.2 and port 443))",
        "not ((ether[0] = 1 and ether[9] = 7) or (ether[1] = 2 and ether[9] = 7 and len > 9))",
    )
)


@pytest.mark.parametrize("strict", [False, True], ids=["", "strict"])
@pytest.mark.parametrize("line", PAIRS + BENCH, ids=filter_name)
def test_hoisting_keeps_the_contract(line: tuple[str, str], strict: bool) -> None:
    assert Graphs(*line, strict=strict).broken_by(merge_loads, hoist_gates) is None
