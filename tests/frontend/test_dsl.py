"""Python expressions: the trees they make, their texts, and what slips are told."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable

import pytest

from bpfq.errors import FilterError
from bpfq.frontend import dsl
from bpfq.frontend.dsl import (
    Cond,
    all_of,
    any_of,
    arp,
    broadcast,
    dst,
    ether,
    everything,
    gateway,
    gre,
    host,
    icmp,
    icmp6,
    ifindex,
    inbound,
    ip,
    ip6,
    ipip,
    length,
    llc,
    mpls,
    multicast,
    net,
    nothing,
    outbound,
    port,
    portrange,
    pppoed,
    pppoes,
    proto,
    radio,
    rand,
    rarp,
    sctp,
    src,
    tcp,
    udp,
    vlan,
    vxlan,
    when,
)
from bpfq.frontend.pcap.parse import parse
from bpfq.query import build, nodes
from bpfq.query import nodes as q
from bpfq.tables.protocols import PROTOCOLS

NO_TRUTH = (
    "a filter has no truth value: use & | ~ with parentheses, "
    "and .between(low, high) for a chained comparison"
)

# expression, pcap text with the same tree
SAME_TREES = [
    (ip & udp & host("10.0.0.1"), "ip and udp and host 10.0.0.1"),
    (
        (udp | tcp) & src("10.0.0.1") & dst("10.0.0.2"),
        "(udp or tcp) and src host 10.0.0.1 and dst host 10.0.0.2",
    ),
    (
        ~ip.src.in_("10.0.0.0/8", "192.0.2.1"),
        "not (ip src net 10.0.0.0/8 or ip src host 192.0.2.1)",
    ),
    (host("10.0.0.1", "2001:db8::1"), "host 10.0.0.1 or host 2001:db8::1"),
    (net("10.0.0.0/8"), "net 10.0.0.0/8"),
    (net("10.0.0.0/255.0.0.255"), "net 10.0.0.0 mask 255.0.0.255"),
    (src("10.0.0.0/8", "2001:db8::/32"), "src net 10.0.0.0/8 or src net 2001:db8::/32"),
    (src(port(80)), "src port 80"),
    (dst(host("10.0.0.1") | port(80)), "dst host 10.0.0.1 or dst port 80"),
    (ip.addr == "10.0.0.1", "ip host 10.0.0.1"),
    (ip.src != "10.0.0.1", "ip and not ip src host 10.0.0.1"),
    (ip6.src == "2001:db8::/32", "ip6 src net 2001:db8::/32"),
    (ip6.dst != "::1", "ip6 and not ip6 dst host ::1"),
    (arp.spa == "10.0.0.1", "arp src host 10.0.0.1"),
    (rarp.tpa == "10.0.0.1", "rarp dst host 10.0.0.1"),
    (arp.addr == "10.0.0.1", "arp host 10.0.0.1"),
    (arp.sha == "02:00:00:00:00:01", "arp[8:4] = 0x02000000 and arp[12:2] = 1"),
    (arp.tha != "02:00:00:00:00:01", "arp and not (arp[18:4] = 0x02000000 and arp[22:2] = 1)"),
    (ether.src == "aa:bb:cc:dd:ee:ff", "ether src aa:bb:cc:dd:ee:ff"),
    (ether.dst != "aa-bb-cc-dd-ee-ff", "not ether dst aa:bb:cc:dd:ee:ff"),
    (tcp.dport == 443, "tcp dst port 443"),
    (tcp.dport == "https", "tcp dst port 443"),
    (tcp.dport != 443, "tcp dst portrange 0-442 or tcp dst portrange 444-65535"),
    (tcp.dport != 0, "tcp dst portrange 1-65535"),
    (udp.dport > 1000, "udp dst portrange 1001-65535"),
    (udp.dport >= 1000, "udp dst portrange 1000-65535"),
    (sctp.sport < 1000, "sctp src portrange 0-999"),
    (sctp.sport <= 1000, "sctp src portrange 0-1000"),
    (tcp.sport.between(1024, 65535), "tcp src portrange 1024-65535"),
    (tcp.port.in_(80, "https"), "tcp port 80 or tcp port 443"),
    (tcp.port > 1000, "tcp portrange 1001-65535"),
    (
        udp.dport.in_(80, (90, 99), range(5, 9), [1, 2], range(10, 31, 20)),
        "udp dst port 80 or udp dst portrange 90-99 or udp dst portrange 5-8"
        " or udp dst port 1 or udp dst port 2 or udp dst port 10 or udp dst port 30",
    ),
    (port(80, "domain", (90, 99)), "port 80 or port 53 or portrange 90-99"),
    (port("http"), "tcp port 80"),
    (portrange(80, 90), "portrange 80-90"),
    (ip.proto == 6, "ip proto 6"),
    (ip.proto == "gre", "ip proto 47"),
    (ip.proto.in_(6, 17), "ip proto 6 or ip proto 17"),
    (proto(47), "proto 47"),
    (proto("gre", "ip6"), "ip6 proto 47"),
    (proto(0x42, "link"), "ether proto 0x42"),
    (ether.type == 0x88CC, "ether proto 0x88cc"),
    (ip.broadcast | ip.multicast | ip6.multicast, "ip broadcast or ip multicast or ip6 multicast"),
    (broadcast | multicast, "broadcast or ether multicast"),
    (ether.broadcast | ether.multicast, "ether broadcast or multicast"),
    (inbound | outbound | ifindex(3), "inbound or outbound or ifindex 3"),
    (llc | llc("ui"), "llc or llc ui"),
    (length > 100, "len > 100"),
    (length <= 100, "less 100"),
    (tcp[13] & 2 != 0, "tcp[13] & 2 != 0"),
    (ip[6:2] & 0x1FFF == 0, "ip[6:2] & 0x1fff = 0"),
    (ether[-4048] != 0, "ether[-4048] != 0"),
    (radio[0] == 1, "radio[0] = 1"),
    (ip[length - 4 : 2] == 7, "ip[len - 4:2] = 7"),
    (tcp[tcp[12] >> 2] == 0, "tcp[tcp[12] >> 2] = 0"),
    (5 + tcp[0] * 3 > length // 2, "5 + tcp[0] * 3 > len / 2"),
    (5 - length / 2 == 1 << udp[0], "5 - len / 2 = 1 << udp[0]"),
    (-length == 5 ^ tcp[0], "-len = 5 ^ tcp[0]"),
    ((1 | length) == (6 % length), "(1 | len) = 6 % len"),
    (tcp[0].between(3, 5), "tcp[0] >= 3 and tcp[0] <= 5"),
    (tcp[0].in_(1, (7, 7), (3, 5)), "tcp[0] = 1 or tcp[0] = 7 or tcp[0] >= 3 and tcp[0] <= 5"),
    (vlan(100), "vlan 100"),
    (vlan.id == 100, "vlan 100"),
    (vlan(100) / (ip & udp), "vlan 100 and ip and udp"),
    (vlan / vlan / ip, "vlan and vlan and ip"),
    (vlan / (vlan / ip), "vlan and vlan and ip"),
    (vlan / ip / udp, "vlan and ip and udp"),
    (mpls(5) / mpls / ip, "mpls 5 and mpls and ip"),
    (pppoes / (tcp[13] == 2), "pppoes and tcp[13] = 2"),
    (vxlan(7) / (ip & (tcp.dport == 80)), "vxlan 7 and ip and tcp dst port 80"),
    ((vlan / ip) | ip.under("vlan"), "vlan and ip or ip"),
    (vlan / (tcp.dport.under() == 80), "vlan and tcp dst port 80"),
    (vlan & (tcp.dport.under("vlan") == 80), "vlan and tcp dst port 80"),
    (any_of(tcp, udp, icmp), "tcp or udp or icmp"),
    (all_of(ip, ~tcp), "ip and not tcp"),
    (everything, ""),
]


@pytest.mark.parametrize(("cond", "text"), SAME_TREES, ids=[text for _, text in SAME_TREES])
def test_expression_makes_the_tree_of_the_text(cond: Cond, text: str) -> None:
    expected = parse(text.replace(" or tcp[0] >= 3 and tcp[0] <= 5", ""))
    if "tcp[0] >= 3 and tcp[0] <= 5" in text and " or " in text:
        expected = build.any_of(expected, parse("tcp[0] >= 3 and tcp[0] <= 5"))
    assert cond.query == expected


def field(relation: str, name: str, number: int) -> nodes.Query:
    return build.compare(relation, build.field_value(name), build.number(number))


TREES = [
    (ip.ttl < 5, field("<", "ip.ttl", 5)),
    (ip.proto != 6, field("!=", "ip.proto", 6)),
    (ip6.nh == 6, field("=", "ip6.nh", 6)),
    (ether.type == 100, field("=", "link.type", 100)),
    (ip.src > "10.0.0.5", field(">", "ip.src", 0x0A000005)),
    (tcp.flags == 0x12, field("=", "tcp.flags", 0x12)),
    (tcp.flags == "SA", field("=", "tcp.flags", 0x12)),
    (tcp.flags.syn, field("!=", "tcp.flags.syn", 0)),
    (
        tcp.flags.syn & ~tcp.flags.ack,
        build.all_of(
            field("!=", "tcp.flags.syn", 0), build.negate(field("!=", "tcp.flags.ack", 0))
        ),
    ),
    (ip.flags.df, field("!=", "ip.flags.df", 0)),
    (vlan.pcp > 3, field(">", "vlan.pcp", 3)),
    (vlan.id > 3, field(">", "vlan.id", 3)),
    (
        vlan.id != 3,
        q.And((q.Encapsulation("vlan"), q.Not(q.Encapsulation("vlan", 3)))),
    ),
    (
        tcp.sport == tcp.dport,
        build.compare("=", build.field_value("tcp.sport"), build.field_value("tcp.dport")),
    ),
    (
        tcp.flags.syn.under("vlan"),
        build.compare("!=", build.field_value("tcp.flags.syn", ("vlan",)), build.number(0)),
    ),
    (when(tcp, port(80), port(53)), q.When(tcp.query, port(80).query, port(53).query)),
    (ip & rand(0.1), q.And((q.Protocol("ip"), q.Sample(429496730)))),
    (rand(1) | rand(0), q.Or((q.Constant(True), q.Constant(False)))),
    (gre / ip, q.And((q.Encapsulation("gre"), q.Protocol("ip", ("gre",))))),
    (ipip, q.Encapsulation("ipip")),
    (nothing, q.Constant(False)),
    (tcp.dport > 65535, q.Constant(False)),
    (any_of(), q.Constant(False)),
    (all_of(), q.Constant(True)),
    (
        gateway("02:00:00:00:00:01", "10.0.0.1"),
        q.Gateway(None, (0x020000000001,), (0x0A000001,)),
    ),
    (host(0x0A000001), q.Address4(None, "src or dst", ((0x0A000001, 0xFFFFFFFF),))),
]


@pytest.mark.parametrize(("cond", "query"), TREES, ids=[repr(cond) for cond, _ in TREES])
def test_expression_makes_the_tree(cond: Cond, query: nodes.Query) -> None:
    assert cond.query == query


@pytest.mark.parametrize("word", [word for word, row in PROTOCOLS.items() if row.layers])
def test_every_protocol_word_is_a_filter(word: str) -> None:
    assert getattr(dsl, word).query == parse(word)


@pytest.mark.parametrize("name", dsl.__all__)
def test_every_listed_name_is_defined(name: str) -> None:
    assert hasattr(dsl, name)


def test_ipaddress_objects_are_addresses() -> None:
    from ipaddress import IPv4Address, ip_network

    assert host(IPv4Address("10.0.0.1")) == host("10.0.0.1")
    assert net(ip_network("2001:db8::/32")) == net("2001:db8::/32")


# ---------------------------------------------------------------- slips of Python


SLIPS: list[tuple[str, Callable[[], object], str]] = [
    ("bool", lambda: bool(ip), NO_TRUTH),
    ("and", lambda: ip and udp, NO_TRUTH),
    ("or", lambda: (tcp.dport == 80) or udp, NO_TRUTH),
    ("not", lambda: not ip, NO_TRUTH),
    ("chained", lambda: 1 < tcp.dport < 5, NO_TRUTH),
    ("truth of a field", lambda: bool(tcp.dport), NO_TRUTH),
    (
        "number & filter",
        lambda: tcp.dport == 80 & udp,
        "80 & udp is not a filter: Python's & binds tighter than ==, write (tcp.dport == 80) & udp",
    ),
    (
        "number | filter",
        lambda: tcp.dport == 80 | udp,
        "80 | udp is not a filter: Python's | binds tighter than ==, write (tcp.dport == 80) | udp",
    ),
    (
        "filter & field",
        lambda: ip & udp.dport == 53,
        "ip & udp.dport is not a filter: Python's & binds tighter than ==, "
        "write ip & (udp.dport == ...)",
    ),
    (
        "field & filter",
        lambda: tcp[13] & udp,
        "tcp[13] & udp is not a filter: Python's & binds tighter than ==, "
        "write (tcp[13] == ...) & udp",
    ),
    (
        "filter & text",
        lambda: ip & "udp",  # type: ignore[operator]
        "ip & 'udp' is not a filter: 'udp' is a str, not a filter",
    ),
    (
        "text | filter",
        lambda: "udp" | ip,  # type: ignore[operator]
        "'udp' | ip is not a filter: 'udp' is a str, not a filter",
    ),
    (
        "long operand",
        lambda: 80 & any_of(*(tcp.dport == n for n in range(9))),
        "80 & (...) is not a filter: Python's & binds tighter than ==, "
        "write (tcp.dport == 80) & (...)",
    ),
    (
        "filter == number",
        lambda: (ip & udp) == 53,
        "ip & udp is a filter, it cannot be compared with 53; "
        "compare a field, as in tcp.dport == 443",
    ),
    (
        "inverted field",
        lambda: ~tcp.dport,
        "~ negates filters; tcp.dport is a number, write ~(... == ...)",
    ),
    (
        "field and text",
        lambda: tcp.window == "x",
        "tcp.window is a number, it cannot be compared with 'x'",
    ),
    (
        "field + text",
        lambda: tcp.window + "x",
        "tcp.window is a number, + cannot join it with 'x'",
    ),
    ("hash of a field", lambda: {tcp.dport}, "tcp.dport cannot be hashed: == gives a filter"),
    (
        "no inside",
        lambda: ip / udp,
        "ip has no inside: before / stands an encapsulation, as in vlan / ip",
    ),
    (
        "pppoed has no inside",
        lambda: pppoed / ip,
        "pppoed has no inside: before / stands an encapsulation, as in vlan / ip",
    ),
    ("field inside", lambda: vlan / ip.ttl, "behind / stands a filter, not ip.ttl"),  # type: ignore[arg-type]
    ("number as source", lambda: src(80), "src(80) is no address: write src(port(80))"),
    (
        "protocol as source",
        lambda: dst(tcp),
        "dst takes addresses, or a filter of hosts, networks and ports, not tcp",
    ),
    (
        "either address !=",
        lambda: ip.addr != "10.0.0.1",
        "!= could mean either address: write ~(... == ...) for neither",
    ),
    (
        "either port !=",
        lambda: tcp.port != 80,
        "!= could mean either port: write ~(... == ...) for neither",
    ),
    (
        "order of addresses",
        lambda: ip6.src > "::1",
        "addresses have no order, > cannot compare them; use .in_()",
    ),
    (
        "field in any_of",
        lambda: any_of(tcp.dport),  # type: ignore[arg-type]
        "an operand of any_of is a filter, not tcp.dport",
    ),
    (
        "number in when",
        lambda: when(tcp, 1, udp),  # type: ignore[arg-type]
        "'then' of when is a filter, not 1",
    ),
    ("list index", lambda: tcp["x"], "an offset is a number, not 'x'"),  # type: ignore[index]
    (
        "open slice",
        lambda: tcp[1:],
        "an index is [offset] or [offset:size], with a size of 1, 2 or 4",
    ),
    (
        "odd port",
        lambda: port(8.0),  # type: ignore[arg-type]
        "a port is in numbers, (first, last) pairs and ranges, not 8.0",
    ),
    (
        "odd address",
        lambda: host(None),
        "an address is text such as '10.0.0.1' or '10.0.0.0/8', not None",
    ),
]


@pytest.mark.parametrize(("slip", "message"), [s[1:] for s in SLIPS], ids=[s[0] for s in SLIPS])
def test_slip_is_told_the_right_spelling(slip: Callable[[], object], message: str) -> None:
    with pytest.raises(TypeError) as caught:
        slip()
    assert str(caught.value) == message


def test_a_header_is_not_iterated_without_end() -> None:
    for header in (tcp, ether):
        with pytest.raises(TypeError, match="not iterable"):
            list(header)


UNKNOWN: list[tuple[Callable[[], object], str]] = [
    (
        lambda: udp.dprt,
        "udp has no field 'dprt'; did you mean 'dport'? it has sport, dport, len, chksum, port",
    ),
    (lambda: udp.zzz, "udp has no field 'zzz'; it has sport, dport, len, chksum, port"),
    (
        lambda: tcp.ack,
        "tcp has no field 'ack'; did you mean 'ack_number'? it has sport, dport, seq, "
        "ack_number, data_offset, flags, window, chksum, urgent, port",
    ),
    (lambda: ip.flags.dt, "ip.flags has no field 'dt'; it has rb, df, mf"),
    (
        lambda: ether.typ,
        "ether has no field 'typ'; did you mean 'type'? "
        "it has type, src, dst, addr, broadcast, multicast",
    ),
    (lambda: vlan.vid, "vlan has no field 'vid'; did you mean 'id'? it has pcp, dei, id"),
    (lambda: tcp.window.x, "tcp.window has no fields"),
    (lambda: mpls.label, "mpls has no fields"),
    (lambda: length.x, "length has no fields"),
]


@pytest.mark.parametrize(("access", "message"), UNKNOWN, ids=[m for _, m in UNKNOWN])
def test_unknown_field_lists_the_known_ones(access: Callable[[], object], message: str) -> None:
    with pytest.raises(AttributeError) as caught:
        access()
    assert str(caught.value) == message


def test_completion_lists_fields() -> None:
    assert {"dport", "window", "port", "in_"} - set(dir(tcp)) == {"in_"}
    assert {"syn", "ack", "between"} <= set(dir(tcp.flags))
    assert {"type", "src"} <= set(dir(ether))
    assert "pcp" in dir(vlan)


WRONG: list[tuple[Callable[[], object], str]] = [
    (lambda: tcp.dport == 70000, "port number 70000 is greater than the maximum 65535"),
    (lambda: tcp.dport < -1, "port number -1 is negative"),
    (lambda: tcp.dport == "htps", "unknown port 'htps'; did you mean 'https'?"),
    (lambda: udp.dport == "http", "port 'http' is tcp, not udp"),
    (lambda: ip.ttl == -1, "number -1 is negative"),
    (lambda: proto("gree"), "unknown protocol 'gree'; did you mean 'gre'?"),
    (lambda: host("1.2.3"), "'1.2.3' is not an IPv4 or IPv6 address"),
    (
        lambda: host("10.0.0.0/8"),
        "'10.0.0.0/8' is a network, not a host; did you mean net('10.0.0.0/8')?",
    ),
    (
        lambda: net("10.0.0.1/8"),
        "'10.0.0.1/8' has bits set outside its prefix; did you mean '10.0.0.0/8'?",
    ),
    (lambda: net("10.0.0.0/33"), "the prefix length of '10.0.0.0/33' is not 0 to 32"),
    (lambda: net("10.0.0.0/1.2"), "the mask of '10.0.0.0/1.2' is not an IPv4 mask"),
    (lambda: ip.src == "::1", "'::1' is not an address that 'ip' packets carry"),
    (
        lambda: ether.src == "aa:bb",
        "'aa:bb' is not a MAC address; it has six groups of hexadecimal digits, "
        "such as 02:00:00:00:00:01",
    ),
    (lambda: tcp[0:3] == 1, "3 bytes cannot be read at once; read 1, 2 or 4"),
    (lambda: tcp[0] // 0 == 1, "division by zero"),
    (lambda: vlan(5000), "VLAN tag 5000 is greater than the maximum 4095"),
    (lambda: rand(2), "probability 2 is not between 0 and 1"),
    (lambda: tcp.dport.between(9, 3), "(9, 3) is empty: the smaller bound comes first"),
    (
        lambda: ip.under("tcp"),
        "'tcp' is not an encapsulation; one of vlan, mpls, pppoes, lane, geneve, vxlan, gre, ipip is",
    ),
    (
        lambda: gateway("02:00:00:00:00:01", "10.0.0.0/8"),
        "'10.0.0.0/8' is not the IPv4 address of a gateway",
    ),
]


@pytest.mark.parametrize(("make", "message"), WRONG, ids=[m for _, m in WRONG])
def test_wrong_value_is_a_filter_error(make: Callable[[], object], message: str) -> None:
    with pytest.raises(FilterError) as caught:
        make()
    assert caught.value.message == message
    assert caught.value.span is None


# ---------------------------------------------------------------- equality and size


def test_equal_filters_are_equal_and_hash_alike() -> None:
    assert (ip & udp) == all_of(ip, udp)
    assert (ip & udp) != (udp & ip)
    assert len({ip & udp, all_of(ip, udp), udp}) == 2


def test_twenty_thousand_chained_operands_make_one_node() -> None:
    ports = [tcp.dport == n for n in range(20_000)]
    chained = functools.reduce(operator.or_, ports)
    assert chained == any_of(*ports)


def test_deep_trees_are_written_and_evaluated() -> None:
    cond: Cond = tcp
    for n in range(20_000):
        cond = ~((cond & udp) | ip) if n % 2 else when(ip, cond, icmp6)
    assert eval(repr(cond), {**vars(dsl), "nodes": nodes}) == cond


def test_deep_encapsulations_are_written_and_evaluated() -> None:
    cond: Cond = tcp
    for n in range(60):
        cond = vlan / (cond & udp) if n % 2 else vlan(n) / cond | ip
    assert eval(repr(cond), {**vars(dsl), "nodes": nodes}) == cond
