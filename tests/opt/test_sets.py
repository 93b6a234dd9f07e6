"""Lists as tests of sets: what is gathered, and that it keeps the contract."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.corpus import filters
from oracles.sweep import sampled

from bpfq.analysis.decide import Questions
from bpfq.errors import BpfqError
from bpfq.frontend.pcap.parse import parse
from bpfq.graph.build import build
from bpfq.graph.formula import Formula, size
from bpfq.graph.nodes import Builder, Node
from bpfq.graphs import formula_of
from bpfq.lower.context import Options
from bpfq.opt.candidates import by_fields_where_worth, keeps_contract
from bpfq.opt.pipeline import optimise
from bpfq.opt.sets import gather_sets
from bpfq.settings import Settings, link_type
from bpfq.symbolic import formula as meaning
from bpfq.symbolic import graph as graphs
from bpfq.symbolic.propositions import Accepts, Every, Opposite, Packet
from bpfq.targets import TARGETS


def formula(text: str, builder: Builder, link: str = "EN10MB") -> Formula:
    options = Options(netmask=0xFFFF_FF00)
    chosen = Settings(TARGETS["file"], link_type(link), level=2, options=options)
    return formula_of(parse(text), chosen, builder, share=True)


@pytest.mark.parametrize(
    ("text", "atoms"),
    [
        ("ip src host 10.0.0.1 or ip src host 10.0.0.9", 2),
        ("ip src net 10.0.0.0/8 or ip src host 192.168.0.1 or ip src net 10.1.0.0/16", 2),
        ("host 10.0.0.1 or host 10.0.0.2 or host 10.0.0.3", 6),
        ("host 10.0.0.1 or arp or host 10.0.0.2", 7),
        ("not host 10.0.0.1 and not host 10.0.0.2", 6),
        ("tcp port 80 or tcp portrange 100-200 or tcp port 443", 9),
        ("ether host 0:0:0:0:0:1 or ether host 0:0:0:0:0:2", 4),
        ("ether[0] = 1 or ether[0] = 2 or ether[0] > 100", 1),
        ("ip host 10.0.0.1 and (udp port 53 or udp port 54)", 12),
    ],
)
def test_a_list_becomes_one_test_a_field(text: str, atoms: int) -> None:
    found = size(gather_sets(formula(text, Builder())))
    assert found == atoms


@pytest.mark.parametrize(
    "text",
    [
        "ip and udp",
        "tcp[13] & 2 != 0 and len > 100",
        "ether[0] = 1 or 1 % ether[5] = 0 or ether[0] = 2",
        "(ip host 10.0.0.1 and tcp[0] = 1) or (ip host 10.0.0.2 and tcp[0] = 2)",
    ],
)
def test_what_is_no_list_stays_itself(text: str) -> None:
    made = formula(text, Builder())
    stays = gather_sets(made) is made
    assert stays


def outside(made: Formula, graph: Node) -> list[object]:
    """Packets that only one side of the contract accepts."""
    packet = Packet()
    readings = (meaning.SEQUENTIAL, meaning.TOTAL)
    least, most = (Accepts(meaning.encode(made, packet, reading)) for reading in readings)
    accepted = Accepts(graphs.encode(graph, packet))
    questions = Questions(packet)
    pairs = ((least, accepted), (accepted, most))
    return [questions.find(Every((left, Opposite(right)))) for left, right in pairs]


@pytest.mark.parametrize(
    "line", sampled(filters(), every=3), ids=lambda line: f"{line.link} {line.text[:50]}"
)
def test_gathering_keeps_the_contract(line: object) -> None:
    builder = Builder()
    try:
        made = formula(line.text, builder, line.link)  # type: ignore[attr-defined]
    except BpfqError:
        return  # refused before there is anything to gather
    gathered = gather_sets(made)
    if gathered is not made:
        assert outside(made, build(gathered, builder)) == [None, None]


ATOMS = st.sampled_from(
    [f"ether[{at}] {relation} {value}" for at in (0, 1) for relation in ("=", ">", "<")
     for value in (0, 3, 4, 5, 200)]
    + ["ether[0] & 0xf0 = 0x40", "ether[0] & 3 = 1", "ether[0:2] = 0x405", "len > 3",
       "host 1.2.3.4", "host 1.2.3.5", "net 1.2.0.0/16", "port 5", "port 6", "tcp port 5"]
)  # fmt: skip
FILTERS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=5).map(lambda parts: f"({' or '.join(parts)})"),
        st.lists(inner, min_size=2, max_size=5).map(lambda parts: f"({' and '.join(parts)})"),
        inner.map(lambda part: f"(not {part})"),
    ),
    max_leaves=12,
)


def test_a_division_is_not_dropped_beside_a_list_that_nothing_is_in() -> None:
    text = "not (len / udp[30:2] <= len and len + 256 < len and less 64 and len > 80)"
    builder = Builder()
    made = formula(text, builder)
    kept = keeps_contract(made, build(gather_sets(made), builder))
    assert kept


@settings(max_examples=150, deadline=None, derandomize=True)
@given(FILTERS)
def test_random_filters_keep_the_contract_gathered_and_by_fields(text: str) -> None:
    builder = Builder()
    made = formula(text, builder)
    gathered = gather_sets(made)
    graph = optimise(build(gathered, builder), builder, 1)
    kept = keeps_contract(made, graph)
    assert kept
    fields = by_fields_where_worth(gathered, graph, graph, builder)
    if fields is not None and keeps_contract(gathered, fields):
        kept = keeps_contract(made, fields)
        assert kept
