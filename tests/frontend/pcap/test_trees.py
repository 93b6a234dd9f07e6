"""Every primitive and every reading rule of the language, as whole trees."""

from __future__ import annotations

import pytest

from bpfq.frontend.pcap.parse import parse
from bpfq.operators import Operator
from bpfq.query import build as b
from bpfq.query import nodes
from bpfq.query.nodes import Query, Value

EITHER = "src or dst"
ALL = 0xFFFF_FFFF
ALL6 = (1 << 128) - 1
MAC = 0x0102_0304_0506
V = ("vlan",)


def host(address: int, direction: str = EITHER, protocol: str | None = None) -> Query:
    return b.address4(protocol, direction, ((address, ALL),))


def net(address: int, mask: int) -> Query:
    return b.address4(None, EITHER, ((address, mask),))


def port(number: int, direction: str = EITHER, protocol: str | None = None) -> Query:
    return b.port(protocol, direction, number, number)


def n(value: int) -> nodes.Number:
    return b.number(value)


def at(protocol: str, offset: int, size: int = 1) -> nodes.Index:
    return b.index(protocol, n(offset), size)


def is_(left: Value, right: Value) -> Query:
    return b.compare("=", left, right)


P = b.protocol
ONE = 0x0101_0101  # 1.1.1.1
TWO = 0x0202_0202
SIX = 0xFE80 << 112 | 1  # fe80::1

JOINED = {
    "": b.everything(),
    " \t\r\n": b.everything(),
    "ip": P("ip"),
    "ip and udp": b.all_of(P("ip"), P("udp")),
    "ip && udp || tcp": b.any_of(b.all_of(P("ip"), P("udp")), P("tcp")),
    "ip or udp and tcp": b.all_of(b.any_of(P("ip"), P("udp")), P("tcp")),
    "ip or (udp and tcp)": b.any_of(P("ip"), b.all_of(P("udp"), P("tcp"))),
    "ip or (udp or tcp)": b.any_of(P("ip"), P("udp"), P("tcp")),
    "((ip))": P("ip"),
    "not ip": b.negate(P("ip")),
    "!ip": b.negate(P("ip")),
    "not not ip": P("ip"),
    "not ip and udp": b.all_of(b.negate(P("ip")), P("udp")),
    "not (ip and udp)": b.negate(b.all_of(P("ip"), P("udp"))),
}

INHERITED = {
    "tcp port 80 or 443": b.any_of(port(80, protocol="tcp"), port(443, protocol="tcp")),
    "tcp port (80 or 443)": b.any_of(port(80, protocol="tcp"), port(443, protocol="tcp")),
    "not host 1.1.1.1 and 2.2.2.2": b.all_of(b.negate(host(ONE)), host(TWO)),
    "not port 80 or 443": b.any_of(b.negate(port(80)), port(443)),
    "port not 80 or 443": b.any_of(b.negate(port(80)), port(443)),
    "not port (80 or 443)": b.negate(b.any_of(port(80), port(443))),
    "port not (80 or 443)": b.negate(b.any_of(port(80), port(443))),
    "not (port 80 or 443)": b.negate(b.any_of(port(80), port(443))),
    "host 1.1.1.1 and not (2.2.2.2 or fe80::1)": b.all_of(
        host(ONE), b.negate(b.any_of(host(TWO), b.address6(EITHER, ((SIX, ALL6),))))
    ),
    "port 80 and (tcp or udp) and 443": b.all_of(port(80), b.any_of(P("tcp"), P("udp")), port(443)),
    "host 1.1.1.1 or (port 80) or 2.2.2.2": b.any_of(host(ONE), port(80), host(TWO)),
    "host 1.1.1.1 or ((port 80) or 2.2.2.2)": b.any_of(host(ONE), port(80), host(TWO)),
    "host (1.1.1.1 or not 2.2.2.2)": b.any_of(host(ONE), b.negate(host(TWO))),
    "port (80 or (443 and 5))": b.any_of(port(80), b.all_of(port(443), port(5))),
    "tcp or udp port 53": b.any_of(P("tcp"), port(53, protocol="udp")),
    "src 1.1.1.1 or 2.2.2.2": b.any_of(host(ONE, "src"), host(TWO, "src")),
    "ip proto 6 or 17": b.any_of(b.protocol_number("ip", 6), b.protocol_number("ip", 17)),
}

ADDRESSES = {
    "host 1.1.1.1": host(ONE),
    "src 1.1.1.1": host(ONE, "src"),
    "dst host 1.1.1.1": host(ONE, "dst"),
    "src or dst 1.1.1.1": host(ONE),
    "dst or src 1.1.1.1": host(ONE),
    "src and dst 1.1.1.1": host(ONE, "src and dst"),
    "dst and src host 1.1.1.1": host(ONE, "src and dst"),
    "ip host 1.1.1.1": host(ONE, protocol="ip"),
    "arp src 1.1.1.1": host(ONE, "src", "arp"),
    "rarp dst host 1.1.1.1": host(ONE, "dst", "rarp"),
    "host 10": host(10),
    "host 0x0a000001": host(0x0A00_0001),
    "host 010.0.0.1": host(0x0A00_0001),
    "host 1.2.3": net(0x0102_0300, 0xFFFF_FF00),
    "host 1.2": net(0x0102_0000, 0xFFFF_0000),
    "net 10": net(0x0A00_0000, 0xFF00_0000),
    "net 0": net(0, ALL),
    "net 0x0102": net(0x0102_0000, 0xFFFF_0000),
    "net 1.2.3": net(0x0102_0300, 0xFFFF_FF00),
    "net 1.1.1.1": host(ONE),
    "net 10.0.0.0/8": net(0x0A00_0000, 0xFF00_0000),
    "net 192.168/16": net(0xC0A8_0000, 0xFFFF_0000),
    "net 0.0.0.0/0": net(0, 0),
    "net 1.1.1.1/32": host(ONE),
    "net 10.0.0.0 mask 255.0.0.0": net(0x0A00_0000, 0xFF00_0000),
    "net 10.0.3.0 mask 255.0.255.0": net(0x0A00_0300, 0xFF00_FF00),
    "net 192.168 mask 255.255": net(0xC0A8_0000, 0xFFFF_0000),
    "host fe80::1": b.address6(EITHER, ((SIX, ALL6),)),
    "ip6 src host fe80::1": b.address6("src", ((SIX, ALL6),)),
    "host fe80::1/128": b.address6(EITHER, ((SIX, ALL6),)),
    "net fe80::1": b.address6(EITHER, ((SIX, ALL6),)),
    "net fe80::/10": b.address6(EITHER, ((0xFE80 << 112, ALL6 ^ ((1 << 118) - 1)),)),
    "net ::/0": b.address6(EITHER, ((0, 0),)),
    "host ::ffff:1.1.1.1": b.address6(EITHER, ((0xFFFF << 32 | ONE, ALL6),)),
    "host 1:2:3:4:5:6:7:8": b.address6(
        EITHER, ((0x0001_0002_0003_0004_0005_0006_0007_0008, ALL6),)
    ),
    "ether host 1:2:3:4:5:6": b.mac_address(EITHER, (MAC,)),
    "link src 1-2-3-4-5-6": b.mac_address("src", (MAC,)),
    "ether dst host 1.2.3.4.5.6": b.mac_address("dst", (MAC,)),
    "ether host 0102.0304.0506": b.mac_address(EITHER, (MAC,)),
    "ether host 010203040506": b.mac_address(EITHER, (MAC,)),
    "wlan addr1 1:2:3:4:5:6": b.mac_address("addr1", (MAC,)),
    "wlan address4 host 1:2:3:4:5:6": b.mac_address("addr4", (MAC,)),
    "wlan ra 1:2:3:4:5:6": b.mac_address("ra", (MAC,)),
    "wlan ta 1:2:3:4:5:6": b.mac_address("ta", (MAC,)),
    "link host $a1": b.station_address(EITHER, 0xA1),
    "link src $5": b.station_address("src", 5),
    "decnet host 50.764": b.decnet_address(EITHER, 50 << 10 | 764),
    "decnet src 1.2": b.decnet_address("src", 1 << 10 | 2),
}

PORTS = {
    "port 80": port(80),
    "src port 80": port(80, "src"),
    "tcp dst port 0x50": port(80, "dst", "tcp"),
    "sctp src and dst port 80": port(80, "src and dst", "sctp"),
    "port tcp-syn": port(2),
    "portrange 80-90": b.port(None, EITHER, 80, 90),
    "portrange 90-80": b.port(None, EITHER, 80, 90),
    "portrange 80": port(80),
    "udp src portrange 0x50-0132": b.port("udp", "src", 80, 90),
    "port domain": port(53),
    "port http": port(80, protocol="tcp"),
    "port www": port(80, protocol="tcp"),
    "port bootps": port(67, protocol="udp"),
    "udp port domain": port(53, protocol="udp"),
    "sctp port domain": port(53, protocol="sctp"),
    "portrange smtp-domain": b.port(None, EITHER, 25, 53),
    "portrange http-smtp": b.port("tcp", EITHER, 25, 80),
    "portrange 25-domain": b.port(None, EITHER, 25, 53),
    "udp portrange 25-smtp": b.port("udp", EITHER, 25, 25),
}

PROTOCOLS = {
    **{
        word: P(word)
        for word in (
            *("ip", "ip6", "arp", "rarp", "tcp", "udp", "sctp", "icmp", "icmp6", "igmp", "igrp"),
            *("pim", "vrrp", "carp", "ah", "esp", "atalk", "aarp", "decnet", "lat", "sca"),
            *("moprc", "mopdl", "iso", "stp", "ipx", "netbeui", "esis", "isis", "clnp", "l1"),
            *("l2", "iih", "lsp", "snp", "csnp", "psnp"),
        )
    },
    "es-is": P("esis"),
    "is-is": P("isis"),
    "proto 6": b.protocol_number("inet", 6),
    r"proto \tcp": b.protocol_number("inet", 6),
    "proto gre": b.protocol_number("inet", 47),
    r"ip proto \udp": b.protocol_number("ip", 17),
    "ip6 proto 58": b.protocol_number("ip6", 58),
    "ether proto 0x806": b.protocol_number("link", 0x806),
    r"link proto \arp": b.protocol_number("link", 0x806),
    "ether proto lldp": b.protocol_number("link", 0x88CC),
    r"ether proto \stp": b.protocol_number("link", 0x42),
    r"iso proto \clnp": b.protocol_number("iso", 0x81),
    "isis proto 15": b.protocol_number("isis", 15),
    "protochain 6": b.protocol_chain("inet", 6),
    r"ip6 protochain \tcp": b.protocol_chain("ip6", 6),
}

OWN_WORDS = {
    "broadcast": b.broadcast("link"),
    "ether broadcast": b.broadcast("link"),
    "ip broadcast": b.broadcast("ip"),
    "multicast": b.multicast("link"),
    "ip multicast": b.multicast("ip"),
    "ip6 multicast": b.multicast("ip6"),
    "less 64": b.compare("<=", b.length(), n(64)),
    "greater 64": b.compare(">=", b.length(), n(64)),
    "byte 5 = 1": b.link_byte(5, "=", 1),
    "byte 5 == 1": b.link_byte(5, "=", 1),
    "byte 5 & 0xff": b.link_byte(5, "&", 255),
    "byte 5 | 1": b.link_byte(5, "|", 1),
    "inbound": b.packet_direction(True),
    "outbound": b.packet_direction(False),
    "ifindex 3": b.interface_index(3),
    "llc": b.llc(),
    "llc s": b.llc("s"),
    "llc UI": b.llc("ui"),
    "llc rnr": b.llc("rnr"),
    "type mgt": b.frame_type(0),
    "wlan type Control": b.frame_type(4),
    "tcp type data": b.frame_type(8),
    "type 0xc": b.frame_type(12),
    "type data subtype qos": b.frame_type(8, 0xC0),
    "type 0 subtype 0x50": b.frame_type(0, 0x50),
    "subtype beacon": b.frame_type(0, 0x80),
    "subtype ack": b.frame_type(4, 0xD0),
    "subtype cf-ack": b.frame_type(8, 0x50),
    "dir fromds": b.frame_direction(2),
    "direction 3": b.frame_direction(3),
    "ifname em0": b.firewall_log("ifname", "em0"),
    "on em0": b.firewall_log("ifname", "em0"),
    "ruleset foo": b.firewall_log("rset", "foo"),
    "rulenum 3": b.firewall_log("rnr", 3),
    "subrulenum 3": b.firewall_log("srnr", 3),
    "reason memory": b.firewall_log("reason", 5),
    "reason 77": b.firewall_log("reason", 77),
    "action block": b.firewall_log("action", 1),
    "action synproxy-drop": b.firewall_log("action", 10),
    "vpi 5": b.atm_field("vpi", "=", (5,)),
    "vci >= 5": b.atm_field("vci", ">=", (5,)),
    "vci (10 or 0xdb or 0700)": b.atm_field("vci", "=", (10, 0xDB, 0o700)),
    "lane": b.atm_class("lane"),
    "oamf4ec": b.atm_class("oamf4ec"),
    "metaconnect": b.atm_class("metaconnect"),
    "lsu": b.ss7_unit("lssu"),
    "hmsu": b.ss7_unit("hmsu"),
    "opc (1 or 2)": b.ss7_field("opc", "=", (1, 2)),
    "hsls != 5": b.ss7_field("hsls", "!=", (5,)),
}

ENCAPSULATED = {
    "vlan": b.encapsulation("vlan"),
    "vlan 10": b.encapsulation("vlan", 10),
    "vlan (10)": b.encapsulation("vlan", 10),
    "vlan tcp-syn": b.encapsulation("vlan", 2),
    "pppoed": b.encapsulation("pppoed"),
    "vlan and ip": b.all_of(b.encapsulation("vlan"), P("ip", V)),
    "(vlan and ip) or ip": b.any_of(b.all_of(b.encapsulation("vlan"), P("ip", V)), P("ip", V)),
    "not vlan and ip": b.all_of(b.negate(b.encapsulation("vlan")), P("ip", V)),
    "ip and vlan": b.all_of(P("ip"), b.encapsulation("vlan")),
    "vlan 1 or vlan 2": b.any_of(b.encapsulation("vlan", 1), b.encapsulation("vlan", 2, V)),
    "mpls 5 and mpls and ip6": b.all_of(
        b.encapsulation("mpls", 5),
        b.encapsulation("mpls", None, ("mpls",)),
        P("ip6", ("mpls",) * 2),
    ),
    "pppoes 7 and mpls": b.all_of(
        b.encapsulation("pppoes", 7), b.encapsulation("mpls", None, ("pppoes",))
    ),
    "vlan and geneve 3 and tcp": b.all_of(
        b.encapsulation("vlan"), b.encapsulation("geneve", 3, V), P("tcp", ("vlan", "geneve"))
    ),
    "vxlan and port 80": b.all_of(
        b.encapsulation("vxlan"), b.port(None, EITHER, 80, 80, ("vxlan",))
    ),
    "lane and ip and llc and ip": b.all_of(
        b.atm_class("lane"), P("ip", ("lane",)), b.llc(None, ("lane",)), P("ip")
    ),
    "vlan and host 1.1.1.1 and ip[0] = 1": b.all_of(
        b.encapsulation("vlan"),
        b.address4(None, EITHER, ((ONE, ALL),), V),
        is_(b.index("ip", n(0), 1, V), n(1)),
    ),
}


def calculate(operator: str, left: Value, right: Value) -> Value:
    return b.arithmetic(Operator(operator), left, right)


ARITHMETIC = {
    "len = 1": is_(b.length(), n(1)),
    "1 == length": is_(n(1), b.length()),
    "len != 010": b.compare("!=", b.length(), n(8)),
    "len <= 0XfF": b.compare("<=", b.length(), n(255)),
    "ether[0] = 1": is_(at("link", 0), n(1)),
    "ip[2:2] = 1": is_(at("ip", 2, 2), n(1)),
    "icmp6[icmp6type] = icmp6-echo": is_(at("icmp6", 0), n(128)),
    "radio[0:4] > 5": b.compare(">", at("radio", 0, 4), n(5)),
    "ip[tcp[0]] = 1": is_(b.index("ip", at("tcp", 0), 1), n(1)),
    "tcp[tcpflags] & (tcp-syn|tcp-ack) != 0": b.compare(
        "!=", calculate("&", at("tcp", 13), calculate("|", n(2), n(16))), n(0)
    ),
    "len = 1 | 2 & 3": is_(b.length(), calculate("|", n(1), calculate("&", n(2), n(3)))),
    "len = 1 & 2 << 3": is_(b.length(), calculate("&", n(1), calculate("<<", n(2), n(3)))),
    "len = 1 << 2 + 3": is_(b.length(), calculate("<<", n(1), calculate("+", n(2), n(3)))),
    "len = 1 + 2 * 3": is_(b.length(), calculate("+", n(1), calculate("*", n(2), n(3)))),
    "len = 1 - 2 - 3": is_(b.length(), calculate("-", calculate("-", n(1), n(2)), n(3))),
    "len = 8 / 2 * 3": is_(b.length(), calculate("*", calculate("/", n(8), n(2)), n(3))),
    "len = - 2 * 3": is_(b.length(), calculate("*", b.negative(n(2)), n(3))),
    "len = - - 2": is_(b.length(), b.negative(b.negative(n(2)))),
    "len = 10 % 3 + 1": is_(b.length(), calculate("%", n(10), calculate("+", n(3), n(1)))),
    "len = 2 * 10 % 3": is_(b.length(), calculate("*", n(2), calculate("%", n(10), n(3)))),
    "len = 10 % 7 % 2": is_(b.length(), calculate("%", n(10), calculate("%", n(7), n(2)))),
    "len = - 7 % 4": is_(b.length(), b.negative(calculate("%", n(7), n(4)))),
    "len = 1 ^ 2 | 3": is_(b.length(), calculate("^", n(1), calculate("|", n(2), n(3)))),
    "len = (10 % 3) + 1": is_(b.length(), calculate("+", calculate("%", n(10), n(3)), n(1))),
    "((80)) = len": is_(n(80), b.length()),
}

EVERY = {
    **JOINED,
    **INHERITED,
    **ADDRESSES,
    **PORTS,
    **PROTOCOLS,
    **OWN_WORDS,
    **ENCAPSULATED,
    **ARITHMETIC,
}


@pytest.mark.parametrize("text", EVERY, ids=repr)
def test_filter_means_this_tree(text: str) -> None:
    assert parse(text) == EVERY[text]


@pytest.mark.parametrize("word", ["link", "ether", "fddi", "tr", "wlan", "ppp", "slip"])
def test_link_words_are_one_word(word: str) -> None:
    assert parse(f"{word} host 1:2:3:4:5:6") == b.mac_address(EITHER, (MAC,))


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("tcp port 80 or 443", [(0, 11), (15, 18)]),
        ("  ip   and\nnot udp", [(2, 4), (11, 18)]),
        ("port (80 or 443)", [(0, 8), (12, 15)]),
        ("ip[0:2] + 1 = 3 or len > 5", [(0, 15), (19, 26)]),
    ],
)
def test_operands_know_where_they_were_written(text: str, spans: list[tuple[int, int]]) -> None:
    query = parse(text)
    assert isinstance(query, nodes.And | nodes.Or)
    assert [operand.span for operand in query.operands] == spans
