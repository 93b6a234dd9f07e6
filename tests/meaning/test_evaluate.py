"""The two readings, folding, Boolean structure, arithmetic and fields."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpfq.frontend.pcap.parse import parse
from bpfq.meaning import evaluate
from bpfq.operators import Operator
from bpfq.query import build, nodes

from .frames import (
    ARP,
    BARE,
    OVER4,
    OVER6,
    SESSION,
    TAG_7,
    TAGGED,
    TCP4,
    TCP6,
    TCP_SYN,
    TWICE,
    VXLAN4,
    accepts,
    ethernet,
    ip4,
    ports,
    tag,
)

# ---------------------------------------------------------------- readings


def test_short_packet_rejects_even_under_not() -> None:
    assert not accepts("not tcp port 80", TCP4[:20])


def test_short_packet_is_accepted_where_an_earlier_operand_decides() -> None:
    assert accepts("ip or link[100] = 1", TCP4[:14])


def test_short_packet_rejects_where_a_later_operand_would_decide() -> None:
    assert not accepts("link[100] = 1 or ip", TCP4[:14])


def test_total_reading_takes_bytes_past_the_end_from_fill() -> None:
    asked: list[int] = []

    def fill(address: int) -> int:
        asked.append(address)
        return 0x50

    assert accepts("link[60:2] = 0x5050", TCP4[:14], reading="total", fill=fill)
    assert asked == [60, 61]


def test_total_reading_joins_captured_bytes_with_fill() -> None:
    assert accepts("ether proto 0x08aa", TCP4[:13], reading="total", fill=lambda address: 0xAA)


@pytest.mark.parametrize("reading", ["sequential", "total"])
@pytest.mark.parametrize("text", ["not 1 / link[0] = 3", "not 1 % link[0] = 3"])
def test_division_by_zero_rejects_even_under_not(text: str, reading: str) -> None:
    assert not accepts(text, bytes(64), reading=reading)


def test_division_that_is_not_reached_does_not_reject() -> None:
    assert accepts("link[1] = 0 or 1 / link[0] = 3", bytes(64))


def test_shift_by_32_gives_zero() -> None:
    assert accepts("link[0] << link[1] = 0", bytes([1, 32]))


def test_negative_offset_is_an_address_that_no_packet_reaches() -> None:
    assert not accepts("not link[-1] = 0", bytes(64))


def test_negative_offset_from_the_fixed_network_header_does_not_wrap() -> None:
    assert not accepts("not ip[-2] = 0", TCP4)


def test_negative_offset_from_the_transport_header_reads_before_it() -> None:
    assert accepts("tcp[-4:4] = 0xc0000214", TCP4)


def test_length_is_that_on_the_wire() -> None:
    assert accepts("len = 1500", TCP4, wire_length=1500)
    assert accepts(f"len = {len(TCP4)}", TCP4)


def test_unknown_reading_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown reading 'lazy'"):
        accepts("ip", TCP4, reading="lazy")


# ---------------------------------------------------------------- folding


@pytest.mark.parametrize(
    ("link", "text"),
    [
        ("IPV4", "link[100] = 1 or ip"),
        ("IPV4", "not (link[100] = 1 and ip6)"),
        ("RAW", "not (link[100] = 1 and arp)"),
        ("IPV4", "not arp[100] = 1"),
        ("LTALK", "link[100] = 1 or atalk"),
    ],
)
def test_what_the_link_type_decides_is_not_read(link: str, text: str) -> None:
    assert accepts(text, b"", link=link)


def test_arithmetic_on_constants_is_not_folded() -> None:
    assert not accepts("link[100] = 1 or 1 = 1", b"")


# ---------------------------------------------------------------- Boolean structure


def test_twenty_thousand_operands_are_ordinary() -> None:
    query = nodes.Or(tuple(build.port(None, "dst", n, n) for n in range(20_000, 40_000)))
    assert evaluate(query, ethernet(0x0800, ip4(17, ports(1, 39_999))))


def test_twenty_thousand_levels_are_ordinary() -> None:
    query: nodes.Query = build.protocol("ip")
    for level in range(20_000):
        other = build.protocol("ip6")
        query = nodes.Not(nodes.And((query, query)) if level == 0 else nodes.Or((query, other)))
    assert evaluate(query, TCP4)


def test_when_takes_the_branch_that_its_condition_chooses() -> None:
    query = build.when(build.protocol("ip"), build.protocol("tcp"), build.protocol("arp"))
    assert [evaluate(query, packet) for packet in (TCP4, TCP6, ARP)] == [True, False, True]


def test_when_reads_its_condition_first() -> None:
    query = build.when(parse("link[100] = 1"), build.everything(), build.everything())
    assert not evaluate(query, TCP4)


@pytest.mark.parametrize(("draw", "verdict"), [(99, True), (100, False)])
def test_sample_draws_from_metadata(draw: int, verdict: bool) -> None:
    assert evaluate(nodes.Sample(100), TCP4, metadata={"random": draw}) is verdict


# ---------------------------------------------------------------- arithmetic


def test_right_operand_of_arithmetic_keeps_its_protocol() -> None:
    reads_flags = parse("1 + tcp[13] = 3")
    assert evaluate(reads_flags, TCP4)
    assert not evaluate(reads_flags, ethernet(0x0800, ip4(17, TCP_SYN)))


def test_negated_index_matches_packets_without_the_protocol() -> None:
    assert accepts("not ip[0] = 3", ARP)


def test_protocols_of_the_right_side_come_first() -> None:
    cut_before_the_protocol = ARP[:14]
    assert accepts("not ip[0] = tcp[0]", cut_before_the_protocol)
    short_ip = TCP4[:20]
    assert accepts("not tcp[0] = arp[0]", short_ip)
    assert not accepts("not arp[0] = tcp[0]", short_ip)


def test_index_in_an_index_implies_its_protocol_too() -> None:
    assert not accepts("ip[udp[0]] = 0x45", TCP4)


def test_fixed_far_link_offsets_are_the_kernels_words() -> None:
    assert accepts("ether[-4048] = 1 and ether[-4052:2] & 0xfff = 7", TCP4, metadata=TAG_7)


def test_transport_index_reads_ip6_only_if_asked() -> None:
    assert not accepts("tcp[13] = 2", TCP6)
    assert accepts("tcp[13] = 2", TCP6, tcp6=True)
    assert accepts("tcp[13] = 2", TCP4, tcp6=True)


# ---------------------------------------------------------------- fields


def field_is(name: str, value: int) -> nodes.Query:
    return build.compare("=", build.field_value(name), build.number(value))


@pytest.mark.parametrize("packet", [TCP4, TCP6], ids=["ip4", "ip6"])
def test_transport_field_is_read_over_both_families(packet: bytes) -> None:
    assert evaluate(field_is("tcp.flags", 2), packet)


def test_transport_field_is_absent_from_later_fragments() -> None:
    later = ethernet(0x0800, ip4(6, TCP_SYN, fragment=10))
    assert not evaluate(field_is("tcp.flags", 2), later)
    assert evaluate(build.negate(field_is("tcp.flags", 2)), later)


def test_field_is_masked_then_shifted() -> None:
    assert evaluate(field_is("ip.flags.df", 1), ethernet(0x0800, ip4(6, b"", fragment=0x4000)))


def test_vlan_field_comes_from_the_packet_or_from_metadata() -> None:
    tagged = ethernet(0x8100, tag(0x2007, 0x0800, ip4(6, TCP_SYN)))
    assert evaluate(field_is("vlan.id", 7), tagged)
    assert evaluate(field_is("vlan.pcp", 1), TCP4, live=True, metadata=TAG_7)


# ---------------------------------------------------------------- properties


PRIMITIVES = [
    *("ip", "ip6", "arp", "tcp", "udp port 53", "host 1.2.3.4", "port 80", "vlan and ip"),
    *("link[12:2] = 0x0800", "tcp[13] & 2 != 0", "ip[2:2] > len", "1 / link[3] = 1"),
    *("geneve and ip", "mpls and ip", "llc", "atalk", "ip6 protochain 17", "net 1.0.0.0/8"),
]
QUERIES = st.recursive(
    st.sampled_from(PRIMITIVES).map(parse),
    lambda inner: st.one_of(
        inner.map(build.negate),
        st.lists(inner, min_size=2, max_size=3).map(lambda found: build.all_of(*found)),
        st.lists(inner, min_size=2, max_size=3).map(lambda found: build.any_of(*found)),
        st.tuples(inner, inner, inner).map(lambda found: build.when(*found)),
    ),
    max_leaves=8,
)
PACKETS = st.one_of(
    st.sampled_from([TCP4, TCP6, ARP, TAGGED, TWICE, SESSION, OVER4, OVER6, BARE, VXLAN4]),
    st.binary(max_size=80),
)


@given(QUERIES, PACKETS, st.integers(0, 120), st.binary(min_size=300, max_size=300))
def test_what_a_cut_packet_is_accepted_for_every_completion_is_too(
    query: nodes.Query, packet: bytes, size: int, rest: bytes
) -> None:
    cut = packet[:size]
    options: dict[str, Any] = {"wire_length": len(packet)}
    if evaluate(query, cut, **options):
        completion = (cut + rest)[:300]
        assert evaluate(
            query, cut, reading="total", fill=lambda at: rest[at % len(rest)], **options
        )
        assert evaluate(query, completion, reading="total", **options)


@given(PACKETS, st.sampled_from(list(Operator)), st.integers(0, 80))
def test_a_value_equals_itself_wherever_it_can_be_read(
    packet: bytes, operator: Operator, offset: int
) -> None:
    value = nodes.Arithmetic(
        operator, nodes.Index("link", nodes.Number(offset), 1), nodes.Number(3)
    )
    same = nodes.Compare("=", value, value)
    assert evaluate(same, packet) is (offset < len(packet))
