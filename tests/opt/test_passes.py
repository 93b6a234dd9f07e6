"""What the passes do to small graphs, as text before and after."""

from __future__ import annotations

import pytest

from bpfq.graphs import decide
from bpfq.frontend.pcap.parse import parse
from bpfq.graph.text import to_text
from bpfq.settings import Settings, link_type
from bpfq.targets import TARGETS


def graph(text: str, level: int, strict: bool = False) -> str:
    settings = Settings(TARGETS["file"], link_type("EN10MB"), level=level, strict=strict)
    return to_text(decide(parse(text), settings))


CASES = {
    "a test implied by its context is skipped": (
        "ip and udp",
        "0: h[12] = 0x800 ? 1 : reject\n1: b[23] = 0x11 ? accept : reject",
    ),
    "masked equality with zero becomes a bit test": (
        "ip[6] & 0x40 = 0",
        "0: h[12] = 0x800 ? 1 : reject\n1: b[20] & 0x40 ? reject : accept",
    ),
    "exclusive tests leave nothing": ("tcp and udp", "reject"),
    "a range already given is not tested again": (
        "len > 100 and len > 50",
        "0: len > 0x64 ? accept : reject",
    ),
    "a value too large for its width is never there": ("ether[0] = 256", "reject"),
    "alternatives meet in one tail": (
        "ip proto 6 or ip proto 17",
        "0: h[12] = 0x800 ? 1 : reject\n1: b[23] = 6 ? accept : 2\n"
        "2: b[23] = 0x11 ? accept : reject",
    ),
}


@pytest.mark.parametrize("text, expected", CASES.values(), ids=CASES)
def test_level_1_turns_the_filter_into(text: str, expected: str) -> None:
    assert graph(text, 1) == expected


def test_level_0_keeps_every_test_as_written() -> None:
    assert graph("ip and ip", 0) == (
        "0: h[12] = 0x800 ? 1 : reject\n1: h[12] = 0x800 ? accept : reject"
    )


def test_strict_keeps_a_test_whose_load_can_still_reject() -> None:
    assert graph("ether[100] = 256 or ip", 1, strict=True) == (
        "0: b[100] = 0x100 ? accept : 1\n1: h[12] = 0x800 ? accept : reject"
    )


def test_random_draws_are_never_shared() -> None:
    from bpfq.query import build

    query = build.all_of(build.sample(0.5), build.sample(0.5))
    settings = Settings(TARGETS["packet"], link_type("EN10MB"))
    assert to_text(decide(query, settings)) == (
        "0: random1 >= 0x80000000 ? reject : 1\n1: random2 >= 0x80000000 ? reject : accept"
    )
