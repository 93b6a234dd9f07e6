"""Graphs by fields: which are made, and that merged loads in them are proved or refused."""

from __future__ import annotations

from random import Random

import pytest

from bpfq.frontend.pcap.parse import parse
from bpfq.graph.build import build
from bpfq.graph.formula import Formula
from bpfq.graph.nodes import ACCEPT, REJECT, Builder, Node
from bpfq.graphs import formula_of
from bpfq.operators import Operator, Relation
from bpfq.opt.candidates import by_fields_where_worth, keeps_contract
from bpfq.opt.pipeline import optimise
from bpfq.settings import Settings, link_type
from bpfq.targets import TARGETS


def formula(text: str, builder: Builder) -> Formula:
    settings = Settings(TARGETS["file"], link_type("EN10MB"), level=2)
    return formula_of(parse(text), settings, builder, share=True)


def by_fields(text: str, builder: Builder) -> Node | None:
    made = formula(text, builder)
    written = build(made, builder)
    return by_fields_where_worth(made, written, optimise(written, builder, 2), builder)


@pytest.mark.parametrize(
    "text",
    ["port 80 and port 443", "port 80 and portrange 1-100", "tcp port 80 or udp port 53"],
)
def test_two_ports_that_one_load_reads_are_tried_by_fields_and_proved(text: str) -> None:
    builder = Builder()
    fields = by_fields(text, builder)
    assert fields is not None
    merged = optimise(fields, builder, 2)
    assert merged is not fields
    kept = keeps_contract(formula(text, builder), merged)
    assert kept


def many_bits(count: int) -> str:
    """Bits of bytes that overlap each other, which multiply in a diagram."""
    draw = Random(9)
    return " or ".join(
        f"(ip[{draw.randrange(12, 19)}] & {draw.randrange(1, 256)} = 0"
        f" and ip[{draw.randrange(12, 17)}:4] & {draw.getrandbits(32)} != 0)"
        for _ in range(count)
    )


def test_fields_that_multiply_are_not_tried() -> None:
    assert by_fields(many_bits(5), Builder()) is not None
    assert by_fields(many_bits(20), Builder()) is None


# ---------------------------------------------------------------- a wide load in place of narrow ones


def within(builder: Builder, first: int, last: int) -> Node:
    """The four bytes from byte 0 are a number from first to last."""
    load = builder.load(None, 0, 4)
    most = builder.test(load, Relation.GT, builder.constant(last), REJECT, ACCEPT)
    return builder.test(load, Relation.GE, builder.constant(first), most, REJECT)


@pytest.mark.parametrize(
    ("text", "first", "last", "kept"),
    [
        ("ether[0:2] = 5", 0x50000, 0x5FFFF, False),  # a packet of two bytes is lost
        ("ether[0:2] = 5 and ether[2] >= 0", 0x50000, 0x5FFFF, False),  # and one of three
        ("ether[0:2] = 5 and ether[3] >= 0", 0x50000, 0x5FFFF, True),
        ("ether[0:2] = 5 and ether[2:2] < 7", 0x50000, 0x50006, True),
        ("ether[0:2] = 5 and ether[2:2] < 7", 0x50000, 0x50007, False),
        ("ether[0:2] = 5 and ether[2:2] < 7", 0x50001, 0x50006, False),
        ("ether[0:2] = 5 and ether[2] = 1 and ether[3] < 7", 0x50100, 0x50106, True),
        ("ether[3] < 7 and ether[2] = 1 and ether[0:2] = 5", 0x50100, 0x50106, True),
    ],
)
def test_a_wide_load_may_stand_for_narrow_ones_that_reach_as_far(
    text: str, first: int, last: int, *, kept: bool
) -> None:
    builder = Builder()
    found = keeps_contract(formula(text, builder), within(builder, first, last))
    assert found is kept


@pytest.mark.parametrize(("mask", "kept"), [(0x1FFF00FF, True), (0x3FFF00FF, False)])
def test_protocol_and_fragment_offset_are_one_masked_word(mask: int, *, kept: bool) -> None:
    builder = Builder()
    word = builder.binary(Operator.AND, builder.load(None, 20, 4), builder.constant(mask))
    udp = builder.test(word, Relation.EQ, builder.constant(17), ACCEPT, REJECT)
    text = "ether[23] = 17 and ether[20:2] & 0x1fff = 0"
    found = keeps_contract(formula(text, builder), udp)
    assert found is kept
