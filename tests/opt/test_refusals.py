"""What a filter refuses stands in front where that makes the program smaller."""

from __future__ import annotations

import pytest

import bpfq
from bpfq.frontend.pcap.parse import parse
from bpfq.graph.formula import Formula
from bpfq.graph.nodes import Builder
from bpfq.graphs import lowering
from bpfq.opt.refusals import refusals_first
from bpfq.settings import Settings, link_type
from bpfq.targets import TARGETS


def lowered(text: str) -> Formula:
    settings = Settings(TARGETS["file"], link_type("EN10MB"), level=2)
    return lowering(settings, Builder(), share=True)(parse(text))


@pytest.mark.parametrize(
    ("wanted", "refused"),
    [
        ("udp port 53", "net 10.0.0.0/8"),
        ("tcp port 22", "(src host 10.1.1.1 or src host 10.2.7.9)"),
    ],
)
def test_the_order_in_which_they_are_written_does_not_matter_to_size(
    wanted: str, refused: str
) -> None:
    after = bpfq.compile(f"{wanted} and not {refused}", optimise_for="size")
    before = bpfq.compile(f"not {refused} and {wanted}", optimise_for="size")
    assert len(after) == len(before)
    assert after.prove().verdict == "proved"


@pytest.mark.parametrize(
    "text",
    ["not ip and len > 5", "ip or not arp", "ip and ip[0] % ip[1] = 3 and not tcp", "tcp"],
)
def test_other_filters_are_left_as_they_are(text: str) -> None:
    formula = lowered(text)
    assert refusals_first(formula) is formula
