"""The options of ``compile`` mean the same in every question about a filter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import bpfq

ASKED: dict[str, Callable[..., Any]] = {
    "witness": bpfq.witness,
    "near misses": bpfq.near_misses,
    "branches": bpfq.branches,
    "proof": bpfq.prove,
    "stages": bpfq.stages,
    "stats": bpfq.stats,
}


@pytest.mark.parametrize("ask", ASKED.values(), ids=ASKED)
@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("ip broadcast", {"netmask": "255.255.255.0"}),
        ("ip6 and tcp[13] = 2", {"tcp6": True}),
        ("udp", {"through": ("vlan",), "link": "LINUX_SLL"}),
        ("tcp port 80", {"target": "xt_bpf", "family": 4}),
        ("ip", {"link": "NULL", "savefile": "swapped"}),
        ("tcp[0] = 1 or arp", {"strict": True}),
        ("ip protochain 6", {"protochain": 2, "level": 1}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_filter_with_options_is_the_program_of_those_options(
    ask: Callable[..., Any], text: str, options: dict[str, Any]
) -> None:
    assert ask(text, **options) == ask(bpfq.compile(text, **options))


def test_a_filter_that_matches_nothing_is_quoted() -> None:
    with pytest.raises(bpfq.FilterError) as raised:
        bpfq.near_misses("ether[-1] = 0 and ip")
    assert raised.value.text == "ether[-1] = 0 and ip"
