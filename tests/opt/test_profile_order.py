"""Tests in the order that the traffic asks for: graphs before and after, and proved."""

from __future__ import annotations

import pytest
from oracles.passes import BENCH, Graphs, filter_name
from oracles.sweep import sampled

from bpfq.graph.nodes import ACCEPT, REJECT, Builder, Node
from bpfq.graph.text import to_text
from bpfq.opt.gates import order_branches, order_gates
from bpfq.opt.likely import order_values
from bpfq.opt.observed import Observed
from bpfq.opt.profile import Profile, Sample
from bpfq.opt.traffic_links import default_profile
from bpfq.operators import Operator, Relation
from bpfq.settings import link_type
from bpfq.targets import TARGETS

FRAMES = (
    bytes.fromhex("0800 06 01"),
    bytes.fromhex("0800 11 02"),
    bytes.fromhex("86dd 11 02"),
    bytes.fromhex("86dd 11"),
)


def observed(*weights: int) -> Observed:
    """The frames above, which hold a type, a protocol and a port of a byte."""
    pairs = zip(FRAMES, weights, strict=True)
    return Observed(Profile(tuple(Sample(frame, 60, weight) for frame, weight in pairs)))


EVEN = observed(1, 1, 1, 1)


def values(builder: Builder) -> Node:
    """The type is 0x806, 0x86dd or 0x800."""
    node: Node = REJECT
    for value in (0x800, 0x86DD, 0x806):
        operand = builder.constant(value)
        node = builder.test(builder.load(None, 0, 2), Relation.EQ, operand, ACCEPT, node)
    return node


def gates(builder: Builder) -> Node:
    """The type is 0x86dd, the protocol 17 or 6, and the port 1."""
    port, protocol = builder.load(None, 3, 1), builder.load(None, 2, 1)
    last = builder.test(port, Relation.EQ, builder.constant(1), ACCEPT, REJECT)
    other = builder.test(protocol, Relation.EQ, builder.constant(6), last, REJECT)
    either = builder.test(protocol, Relation.EQ, builder.constant(17), last, other)
    kind = builder.load(None, 0, 2)
    return builder.test(kind, Relation.EQ, builder.constant(0x86DD), either, REJECT)


@pytest.mark.parametrize(
    "weights, first", [((1, 1, 1, 2), "h[0] = 0x86dd"), ((9, 1, 1, 1), "h[0] = 0x800")]
)
def test_the_likeliest_value_is_asked_for_first(weights: tuple[int, ...], first: str) -> None:
    builder = Builder()
    ordered = to_text(order_values(values(builder), builder, observed(*weights)))
    assert ordered.startswith(f"0: {first} ? accept : 1\n")
    assert ordered.endswith("2: h[0] = 0x806 ? accept : reject")


def test_the_condition_that_most_packets_fail_stands_first() -> None:
    builder = Builder()
    assert to_text(order_gates(gates(builder), builder, observed(1, 9, 9, 1))) == (
        "0: b[3] = 1 ? 1 : reject\n1: h[0] = 0x86dd ? 2 : reject\n"
        "2: b[2] = 0x11 ? accept : 3\n3: b[2] = 6 ? accept : reject"
    )


def test_conditions_that_are_in_the_best_order_stay() -> None:
    builder = Builder()
    root = gates(builder)
    assert order_gates(root, builder, observed(9, 9, 0, 0)) is root


def test_a_strict_program_keeps_its_order() -> None:
    builder = Builder(keep_loads=True)
    root = gates(builder)
    assert order_gates(root, builder, observed(1, 9, 9, 1)) is root


@pytest.mark.parametrize(
    "relation, value, outcome",
    [(Relation.EQ, 0x11, (0b1110, 0b0001)), (Relation.GT, 6, (0b1110, 0b0001))],
)
def test_outcomes_are_the_samples_on_either_side(
    relation: Relation, value: int, outcome: tuple[int, int]
) -> None:
    builder = Builder()
    test = builder.test(builder.load(None, 2, 1), relation, builder.constant(value), ACCEPT, REJECT)
    assert EVEN.outcome(test) == outcome  # type: ignore[arg-type]


def test_a_sample_that_ends_before_the_load_is_on_neither_side() -> None:
    builder = Builder()
    port = builder.load(None, 3, 1)
    test = builder.test(port, Relation.EQ, builder.constant(2), ACCEPT, REJECT)
    assert EVEN.outcome(test) == (0b0110, 0b0001)  # type: ignore[arg-type]


def test_a_division_by_zero_is_on_neither_side() -> None:
    builder = Builder()
    divided = builder.binary(Operator.DIV, builder.constant(12), builder.load(None, 3, 1))
    test = builder.test(divided, Relation.EQ, builder.constant(6), ACCEPT, REJECT)
    zero = Sample(bytes(4), 60)
    frames = tuple(Sample(frame, 60) for frame in FRAMES)
    found = Observed(Profile((*frames, zero))).outcome(test)  # type: ignore[arg-type]
    assert found == (0b00110, 0b00001)


def test_weights_of_samples_add_up() -> None:
    assert observed(1, 20, 300, 4000).weight(0b1010) == 4020


@pytest.mark.parametrize("line", sampled(BENCH, every=3), ids=filter_name)
def test_the_orders_keep_the_contract(line: tuple[str, str]) -> None:
    profile = Observed(default_profile(TARGETS["file"], link_type(line[1])))

    def reordered(root: Node, builder: Builder) -> Node:
        gated = order_gates(order_values(root, builder, profile), builder, profile)
        return order_branches(gated, builder, profile)

    assert Graphs(*line).broken_by(reordered) is None


def test_conditions_of_one_branch_are_put_in_order_there() -> None:
    builder = Builder()
    port, protocol = builder.load(None, 3, 1), builder.load(None, 2, 1)
    last = builder.test(port, Relation.EQ, builder.constant(1), ACCEPT, REJECT)
    udp = builder.test(protocol, Relation.EQ, builder.constant(17), last, REJECT)
    other = builder.test(builder.load(None, 2, 2), Relation.GT, builder.constant(9), ACCEPT, REJECT)
    root = builder.test(builder.load(None, 0, 2), Relation.EQ, builder.constant(0x800), udp, other)
    samples = observed(1, 9, 9, 1)
    assert order_gates(root, builder, samples) is root
    assert to_text(order_branches(root, builder, samples)) == (
        "0: h[0] = 0x800 ? 1 : 3\n1: b[3] = 1 ? 2 : reject\n2: b[2] = 0x11 ? accept : reject\n"
        "3: h[2] > 9 ? accept : reject"
    )
