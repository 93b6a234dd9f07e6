"""The constructors: what they build, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bpfq.errors import BpfqError, FilterError, LimitError
from bpfq.operators import Operator
from bpfq.query import build as b
from bpfq.query import nodes
from bpfq.query.checks import MAX_DEPTH
from bpfq.query.structure import Node
from bpfq.source import Span

IP, TCP, UDP = b.protocol("ip"), b.protocol("tcp"), b.protocol("udp")
HERE = Span(3, 7)


@pytest.mark.parametrize(
    ("built", "node"),
    [
        (b.everything(), nodes.Constant(True)),
        (b.nothing(), nodes.Constant(False)),
        (b.all_of(), nodes.Constant(True)),
        (b.any_of(), nodes.Constant(False)),
        (b.all_of(IP), IP),
        (b.any_of(IP), IP),
        (b.all_of(IP, b.all_of(TCP, UDP)), nodes.And((IP, TCP, UDP))),
        (b.any_of(b.any_of(IP, TCP), UDP), nodes.Or((IP, TCP, UDP))),
        (b.all_of(IP, b.any_of(TCP, UDP)), nodes.And((IP, nodes.Or((TCP, UDP))))),
        (b.negate(IP), nodes.Not(IP)),
        (b.negate(b.negate(IP)), IP),
        (b.when(IP, TCP, UDP), nodes.When(IP, TCP, UDP)),
        (b.sample(0.25), nodes.Sample(1 << 30)),
        (b.sample(1), nodes.Constant(True)),
        (b.sample(0), nodes.Constant(False)),
        (b.protocol("arp", ("vlan",)), nodes.Protocol("arp", ("vlan",))),
        (b.protocol_number("isis", 31), nodes.ProtocolNumber("isis", 31)),
        (b.protocol_chain("ip6", 6), nodes.ProtocolChain("ip6", 6)),
        (b.encapsulation("vlan", 4095), nodes.Encapsulation("vlan", 4095)),
        (b.encapsulation("gre"), nodes.Encapsulation("gre")),
        (
            b.address4("ip", "src", [(8, 15 << 28 | 8)]),
            nodes.Address4("ip", "src", ((8, 15 << 28 | 8),)),
        ),
        (b.address6("dst", [(0, 0)]), nodes.Address6("dst", ((0, 0),))),
        (b.mac_address("ta", [5, 6]), nodes.MacAddress("ta", (5, 6))),
        (b.station_address("src", 255), nodes.StationAddress("src", 255)),
        (b.decnet_address("src", 65535), nodes.DecnetAddress("src", 65535)),
        (b.gateway(None, [1], [2]), nodes.Gateway(None, (1,), (2,))),
        (b.port("sctp", "src or dst", 9, 5), nodes.Port("sctp", "src or dst", 5, 9)),
        (b.broadcast("ip"), nodes.Broadcast("ip")),
        (b.multicast("ip6"), nodes.Multicast("ip6")),
        (b.number(2**32 - 1), nodes.Number(2**32 - 1)),
        (b.length(), nodes.Length()),
        (b.index("radio", b.length(), 4), nodes.Index("radio", nodes.Length(), 4)),
        (b.field_value("ip.ttl"), nodes.FieldValue("ip.ttl")),
        (b.negative(b.length()), nodes.Negative(nodes.Length())),
        (
            b.arithmetic(Operator.LSH, b.length(), b.number(31)),
            nodes.Arithmetic(Operator.LSH, nodes.Length(), nodes.Number(31)),
        ),
        (
            b.compare("!=", b.length(), b.number(1)),
            nodes.Compare("!=", nodes.Length(), nodes.Number(1)),
        ),
        (b.link_byte(7, "|", 255), nodes.LinkByte(7, "|", 255)),
        (b.packet_direction(False), nodes.PacketDirection(False)),
        (b.interface_index(3), nodes.InterfaceIndex(3)),
        (b.llc("frmr"), nodes.Llc("frmr")),
        (b.frame_type(8, 0xF0), nodes.FrameType(8, 0xF0)),
        (b.frame_direction(3), nodes.FrameDirection(3)),
        (b.firewall_log("ifname", "em0"), nodes.FirewallLog("ifname", "em0")),
        (b.firewall_log("rnr", 5), nodes.FirewallLog("rnr", 5)),
        (b.atm_field("vpi", "=", [1, 2]), nodes.AtmField("vpi", "=", (1, 2))),
        (b.atm_class("lane"), nodes.AtmClass("lane")),
        (b.ss7_unit("msu"), nodes.Ss7Unit("msu")),
        (b.ss7_field("opc", ">", [16383]), nodes.Ss7Field("opc", ">", (16383,))),
    ],
    ids=lambda value: type(value).__name__,
)
def test_constructor_builds_the_node(built: Node, node: Node) -> None:
    assert built == node


NUMBER = b.number(0, span=Span(5, 6))

REFUSED: list[tuple[Callable[[], object], str]] = [
    (lambda: b.sample(1.5), "probability 1.5 is not between 0 and 1"),
    (lambda: b.sample(float("nan")), "probability nan is not between 0 and 1"),
    (lambda: b.protocol("tpc"), "unknown protocol 'tpc'"),
    (lambda: b.protocol_number("ip", 256), "protocol number 256 is greater than the maximum 255"),
    (lambda: b.protocol_number("link", -1), "EtherType -1 is negative"),
    (
        lambda: b.protocol_chain("iso", 1),
        "unknown protocol layer 'iso'; it is one of ip, ip6, inet",
    ),
    (lambda: b.encapsulation("vlan", 4096), "VLAN tag 4096 is greater than the maximum 4095"),
    (lambda: b.encapsulation("pppoed", 1), "'pppoed' takes no number"),
    (lambda: b.address4(None, "src", []), "an address test needs at least one address"),
    (
        lambda: b.address4(None, "src", [(1, 0)]),
        "address 0x1 has bits set outside the network mask 0x0",
    ),
    (
        lambda: b.address4(None, "up", [(1, 1)]),
        "unknown direction 'up'; it is one of src, dst, src or dst, src and dst",
    ),
    (
        lambda: b.mac_address("src", [1 << 48]),
        "MAC address 281474976710656 is greater than the maximum 281474976710655",
    ),
    (lambda: b.station_address("src", 256), "station address 256 is greater than the maximum 255"),
    (lambda: b.gateway(None, [1], []), "a gateway needs a MAC address and an IPv4 address"),
    (lambda: b.port(None, "src", 0, 65536), "port number 65536 is greater than the maximum 65535"),
    (lambda: b.number(1 << 32), "number 4294967296 is greater than the maximum 4294967295"),
    (lambda: b.index("esp", NUMBER, 1), "'esp' has no bytes to index"),
    (lambda: b.index("ip", NUMBER, 3), "3 bytes cannot be read at once; read 1, 2 or 4"),
    (lambda: b.field_value("ip.tll"), "unknown field 'ip.tll'; did you mean 'ip.ttl'?"),
    (lambda: b.arithmetic(Operator.DIV, NUMBER, NUMBER), "division by zero"),
    (lambda: b.arithmetic(Operator.MOD, NUMBER, NUMBER), "remainder of a division by zero"),
    (lambda: b.arithmetic(Operator.RSH, NUMBER, b.number(32)), "shift by 32 bits; a word has 32"),
    (
        lambda: b.compare("~", NUMBER, NUMBER),
        "unknown relation '~'; it is one of =, !=, >, >=, <, <=",
    ),
    (lambda: b.link_byte(0, "=", 256), "byte 256 is greater than the maximum 255"),
    (
        lambda: b.llc("zz"),
        (
            "unknown LLC type 'zz'; it is one of i, s, u, rr, rnr, rej, ui, ua, "
            "disc, dm, sabme, test, xid, frmr"
        ),
    ),
    (lambda: b.frame_type(3), "802.11 frame type 3 is not 0, 4, 8 or 12"),
    (lambda: b.frame_type(0, 1), "802.11 frame subtype 0x1 has bits outside 0xf0"),
    (lambda: b.frame_direction(4), "802.11 direction 4 is greater than the maximum 3"),
    (
        lambda: b.firewall_log("ifname", "a" * 16),
        "'aaaaaaaaaaaaaaaa' is longer than the 15 bytes of ifname",
    ),
    (lambda: b.firewall_log("rnr", "a"), "'rnr' is compared with a number"),
    (lambda: b.firewall_log("rset", 1), "'rset' is compared with text"),
    (lambda: b.atm_field("vpi", ">", [1, 2]), "'>' compares with one value"),
    (lambda: b.ss7_field("hsls", "=", [16]), "sls value 16 is greater than the maximum 15"),
]


@pytest.mark.parametrize(("make", "message"), REFUSED, ids=[message for _, message in REFUSED])
def test_constructor_refuses(make: Callable[[], object], message: str) -> None:
    with pytest.raises(FilterError) as caught:
        make()
    assert caught.value.message == message


def test_refusal_carries_the_span() -> None:
    with pytest.raises(BpfqError) as caught:
        b.port(None, "src", 70000, 1, span=HERE)
    assert caught.value.span == HERE


def test_literal_operand_is_blamed_alone() -> None:
    with pytest.raises(FilterError) as caught:
        b.arithmetic(Operator.DIV, b.length(), NUMBER, span=Span(0, 6))
    assert caught.value.span == Span(5, 6)


def test_depth_is_counted_through_indices() -> None:
    value: nodes.Value = b.length()
    for _ in range(MAX_DEPTH // 2):
        value = b.index("ip", b.negative(value), 1)
    with pytest.raises(LimitError) as caught:
        b.negative(value, span=HERE)
    assert caught.value.message == f"arithmetic is nested deeper than {MAX_DEPTH} levels"


def test_twenty_thousand_operands_make_one_node() -> None:
    ports = [b.port(None, "dst", n, n) for n in range(20_000)]
    assert b.any_of(*ports) == nodes.Or(tuple(ports))
