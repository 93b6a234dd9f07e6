"""Lists of conjunctions as decision trees: their shape, and that they keep the contract."""

from __future__ import annotations

from random import Random

import pytest

import bpfq
from bpfq.backends.cbpf.cost import longest_path
from bpfq.frontend.pcap.parse import parse
from bpfq.graph.build import build
from bpfq.graph.formula import Formula, size
from bpfq.graph.nodes import Builder
from bpfq.graphs import lowering
from bpfq.opt.candidates import keeps_contract
from bpfq.opt.sets import gather_sets
from bpfq.opt.tabulate import tabulate
from bpfq.settings import Settings, link_type
from bpfq.targets import TARGETS

SETTINGS = Settings(TARGETS["file"], link_type("EN10MB"), level=2)


def lowered(text: str, builder: Builder) -> Formula:
    return lowering(SETTINGS, builder, share=True)(parse(text))


def trees(text: str, builder: Builder) -> tuple[Formula, Formula]:
    """The formula as written, and with every list of three or more as a tree."""
    made = lowered(text, builder)
    return made, tabulate(gather_sets(made), least=3)


LISTS = {
    "pairs": "(host 10.0.0.1 and port 1) or (host 10.0.0.2 and port 80) or (host 10.9.0.3 and port 2)",
    "one-sided pairs": "(src host 10.0.0.1 and dst port 1) or (src host 10.0.0.2 and dst port 2)"
    " or (src host 10.0.0.2 and dst port 3)",
    "flows": "(src host 10.0.0.1 and dst host 10.0.0.2) or (src host 10.0.0.3 and dst host 10.0.0.4)"
    " or (src host 10.0.0.5 and dst host 10.0.0.6)",
    "IPv6": "host 2001:db8::1 or host 2001:db8:1::2 or host fe80::1 or net 2001:db8:2::/48",
    "stations": "ether host 0:0:0:0:0:1 or ether host 0:0:0:0:0:2 or ether host 0:1:0:0:0:1",
    "pairs and hosts": "(host 10.0.0.1 and port 1) or host 10.0.0.7 or (host 10.0.0.2 and port 80)"
    " or (host 10.9.0.3 and port 2)",
}  # fmt: skip
AROUND = ("{}", "not ({})", "({}) and ip[8] = 3", "({}) or (len > 5 and icmp)", "tcp and ({})")


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("text", LISTS.values(), ids=LISTS)
def test_trees_keep_the_contract(text: str, around: str) -> None:
    builder = Builder()
    made, tree = trees(around.format(text), builder)
    kept = keeps_contract(made, build(tree, builder))
    assert kept


@pytest.mark.parametrize("text", LISTS.values(), ids=LISTS)
def test_lists_are_made_trees(text: str) -> None:
    made, tree = trees(text, Builder())
    assert tree is not made
    assert tree is not gather_sets(made)


@pytest.mark.parametrize(
    "text",
    [
        "(udp port 1 or src net 2001:db8::/48 or portrange 2-80) or (len > 5 and ether src 0:1:0:0:0:1)",
        "(host 10.9.0.3 and not port 80) or (host 10.0.0.2 and not port 1) or src host 2001:db8:1::2"
        " or src host 10.0.0.2 or (host 10.0.0.2 and not port 81)",
        "(host 10.0.0.1 and port 80) or ip6 or icmp or (host 10.0.0.2 and port 80)",
    ],
)  # fmt: skip
def test_alternatives_move_past_others_only_where_no_packet_is_lost(text: str) -> None:
    builder = Builder()
    made = lowered(text, builder)
    kept = keeps_contract(made, build(gather_sets(made), builder))
    assert kept


def address(draw: Random) -> str:
    return ".".join(map(str, draw.getrandbits(32).to_bytes(4, "big")))


def long_list(kind: str, count: int) -> str:
    draw = Random(count)
    match kind:
        case "pairs":
            one = lambda: f"(host {address(draw)} and port {draw.randrange(65536)})"  # noqa: E731
        case "IPv6":
            one = lambda: f"host 2001:db8::{draw.getrandbits(16):x}:{draw.getrandbits(16):x}"  # noqa: E731
        case _:
            one = lambda: f"ether host 0:{draw.getrandbits(8):x}:0:0:0:{draw.getrandbits(8):x}"  # noqa: E731
    return " or ".join(one() for _ in range(count))


@pytest.mark.parametrize("kind", ["pairs", "IPv6", "stations"])
def test_steps_grow_with_the_logarithm(kind: str) -> None:
    short, long = (longest_path(bpfq.compile(long_list(kind, n)).words) for n in (20, 160))
    assert long <= short + 14


def test_shared_words_are_tested_once() -> None:
    builder = Builder()
    text = " or ".join(f"ip6 src host 2001:db8::{n:x}" for n in range(0, 90, 3))
    assert size(tabulate(gather_sets(lowered(text, builder)))) == 5
