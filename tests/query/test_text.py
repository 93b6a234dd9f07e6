"""Queries as text: what is written is read back as the same tree."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bpfq
from bpfq.errors import FilterError
from bpfq.frontend.dsl import Cond
from bpfq.frontend.pcap.parse import parse
from bpfq.meaning.evaluate import evaluate
from bpfq.operators import Operator
from bpfq.query import build, checks, walk
from bpfq.query import nodes as q
from bpfq.query.nodes import Leaf, Query, Under, Value
from bpfq.query.text import to_pcap, to_python
from bpfq.tables.fields import FIELDS
from bpfq.tables.names import PF_ACTIONS

NAMES: dict[str, Any] = {name: getattr(bpfq, name) for name in bpfq.__all__}


def evaluated(text: str) -> Any:
    return eval(text, dict(NAMES))


# ---------------------------------------------------------------- fixed texts

TCP, UDP, IP = (build.protocol(word) for word in ("tcp", "udp", "ip"))
LEN = build.length()


def n(number: int) -> q.Number:
    return build.number(number)


def byte(protocol: str, offset: int, size: int = 1, under: Under = ()) -> q.Index:
    return build.index(protocol, n(offset), size, under)


def op(sign: str, left: Value, right: Value) -> q.Arithmetic:
    return build.arithmetic(Operator(sign), left, right)


def field(relation: str, name: str, number: int) -> Query:
    return build.compare(relation, build.field_value(name), n(number))


# query, pcap text, Python
WRITTEN: list[tuple[Query, str, str]] = [
    (build.all_of(IP, UDP), "ip and udp", "ip & udp"),
    (
        build.any_of(build.all_of(IP, TCP), UDP),
        "(ip and tcp) or udp",
        "(ip & tcp) | udp",
    ),
    (
        build.all_of(build.any_of(TCP, UDP), build.negate(IP)),
        "(tcp or udp) and not ip",
        "(tcp | udp) & ~ip",
    ),
    (
        build.negate(build.any_of(TCP, build.compare(">", LEN, n(5)))),
        "not (tcp or len > 5)",
        "~(tcp | (length > 5))",
    ),
    (
        build.negate(build.compare(">", LEN, n(5))),
        "not len > 5",
        "~(length > 5)",
    ),
    (
        build.compare("!=", op("&", byte("tcp", 13), n(2)), n(0)),
        "tcp[13] & 2 != 0",
        "tcp[13] & 2 != 0",
    ),
    (
        build.compare("=", op("&", byte("ip", 6, 2), n(0x1FFF)), n(0)),
        "ip[6:2] & 0x1fff = 0",
        "ip[6:2] & 0x1fff == 0",
    ),
    (
        build.compare("=", op(">>", op("&", byte("ip", 0), n(0xF0)), n(4)), n(4)),
        "(ip[0] & 0xf0) >> 4 = 4",
        "(ip[0] & 0xf0) >> 4 == 4",
    ),
    (
        build.compare("=", op("*", op("+", LEN, n(1)), n(2)), op("-", LEN, op("-", LEN, n(1)))),
        "(len + 1) * 2 = len - (len - 1)",
        "(length + 1) * 2 == length - (length - 1)",
    ),
    (
        build.compare("=", op("+", op("%", LEN, n(3)), n(1)), op("^", LEN, op("*", LEN, n(2)))),
        "(len % 3) + 1 = len ^ (len * 2)",
        "length % 3 + 1 == length ^ length * 2",
    ),
    (
        build.compare("<", n(5), build.negative(LEN)),
        "5 < -len",
        "Value(nodes.Number(5)) < -length",
    ),
    (
        build.compare("=", build.index("link", build.negative(n(4048)), 1), n(1)),
        "ether[-4048] = 1",
        "ether[-4048] == 1",
    ),
    (
        q.And((q.Encapsulation("vlan", 5), q.Protocol("ip", ("vlan",)))),
        "vlan 5 and ip",
        "vlan(5) / ip",
    ),
    (
        q.Or((q.Encapsulation("vlan"), q.Protocol("ip", ("vlan",)))),
        "vlan or ip",
        "vlan | ip.under('vlan')",
    ),
    (
        q.Port("tcp", "dst", 1, 2),
        "tcp dst portrange 1-2",
        "tcp.dport.between(1, 2)",
    ),
    (
        q.Port(None, "src and dst", 80, 80),
        "src and dst port 80",
        "Cond(nodes.Port(None, 'src and dst', 80, 80))",
    ),
    (
        q.Port("udp", "src", 80, 80, ("vlan",)),
        "",
        "(udp.sport == 80).under('vlan')",
    ),
    (
        q.AtmField("vci", "=", (1, 2)),
        "vci (1 or 2)",
        "Cond(nodes.AtmField('vci', '=', (1, 2)))",
    ),
    (q.FirewallLog("ifname", "em0"), "ifname \\em0", "Cond(nodes.FirewallLog('ifname', 'em0'))"),
    (q.Constant(True), "", "everything"),
]


@pytest.mark.parametrize(("query", "pcap", "python"), WRITTEN, ids=[w[2] for w in WRITTEN])
def test_query_is_written(query: Query, pcap: str, python: str) -> None:
    assert to_python(query) == python
    assert evaluated(python) == Cond(query)
    if pcap or query == q.Constant(True):
        assert to_pcap(query) == pcap
        assert parse(pcap) == query


# query, equal pcap text
EQUAL = [
    (
        build.when(TCP, build.port(None, "src or dst", 80, 80), UDP),
        "(tcp and port 80) or (not tcp and udp)",
    ),
    (
        field(">", "tcp.window", 1000),
        "tcp[14:2] > 1000 or (ip6[6] = 6 and ip6[54:2] > 1000)",
    ),
    (
        build.negate(field("!=", "tcp.flags.syn", 0)),
        "not (tcp[13] & 2 != 0 or (ip6[6] = 6 and ip6[53] & 2 != 0))",
    ),
    (field("=", "ip.ttl", 5), "ip[8] = 5"),
    (field("=", "ip.dscp", 46), "(ip[1] & 0xfc) >> 2 = 46"),
    (field("=", "icmp.type", 8), "icmp[0] = 8"),
    (field("=", "icmp6.type", 128), "icmp6[0] = 128"),
    (
        build.compare("=", build.field_value("tcp.sport"), byte("tcp", 2, 2)),
        "tcp[0:2] = tcp[2:2]",
    ),
    (
        build.address4(None, "src", ((1, 0xFFFFFFFF), (2, 0xFFFFFFFF))),
        "src host 0.0.0.1 or src host 0.0.0.2",
    ),
    (build.all_of(IP, q.Constant(False)), "ip and len < 0"),
]


@pytest.mark.parametrize(("query", "pcap"), EQUAL, ids=[pcap for _, pcap in EQUAL])
def test_query_without_a_text_of_its_own_is_written_in_other_words(query: Query, pcap: str) -> None:
    assert to_pcap(query) == pcap


UNSAYABLE = [
    (build.sample(0.1), "rand(), which draws at random"),
    (
        q.And((q.Encapsulation("vlan"), IP)),
        "'ip' outside of any encapsulation, where the words before it make it behind 'vlan'",
    ),
    (
        q.Protocol("ip", ("vlan", "mpls")),
        "'ip' behind 'vlan mpls', where the words before it make it outside of any encapsulation",
    ),
    (
        q.And((q.Encapsulation("mpls"), q.Protocol("arp", ("mpls",)))),
        "'arp' behind 'mpls', where only ip and ip6 can be told",
    ),
    (
        q.And((q.Encapsulation("pppoes"), q.Encapsulation("vlan", None, ("pppoes",)))),
        "'vlan' behind 'pppoes'",
    ),
    (q.Encapsulation("gre"), "'gre', which is no word of it"),
    (q.Gateway(None, (1,), (1,)), "gateway with addresses instead of a name"),
    (q.FirewallLog("rset", "a b"), "the rset 'a b'"),
    (q.FirewallLog("action", 77), "pf action 77, which has no name"),
    (field("=", "vlan.pcp", 5), "a comparison of vlan.pcp; vlan.id == n can be"),
    (q.Address6("src", ((1, 1),)), "an IPv6 mask that is no prefix"),
    (
        build.when(build.when(TCP, IP, UDP), IP, UDP),
        "when() in the condition of when()",
    ),
]


@pytest.mark.parametrize(("query", "part"), UNSAYABLE, ids=[part for _, part in UNSAYABLE])
def test_what_pcap_text_cannot_say_is_named(query: Query, part: str) -> None:
    with pytest.raises(FilterError) as caught:
        to_pcap(query)
    assert caught.value.message == f"cannot be written as pcap text: {part}"
    assert evaluated(to_python(query)) == Cond(query)


def test_twenty_thousand_nested_operands_are_written() -> None:
    query: Query = TCP
    for number in range(20_000):
        query = build.any_of(query, UDP) if number % 2 else build.all_of(query, IP)
    assert parse(to_pcap(build.any_of(*[TCP] * 20_000))) == build.any_of(*[TCP] * 20_000)
    assert to_pcap(query).startswith("(" * 19_999 + "tcp and ip) or udp) and ip)")
    assert evaluated(to_python(query)) == Cond(query)


def test_two_hundred_levels_of_arithmetic_are_written() -> None:
    value: Value = LEN
    for number in range(checks.MAX_DEPTH):
        value = op("-" if number % 2 else "%", n(number + 1), value)
    query = build.compare("=", value, n(1))
    assert parse(to_pcap(query)) == query
    assert evaluated(to_python(query)) == Cond(query)


# ---------------------------------------------------------------- random trees

WORDS = st.integers(0, 0xFFFF_FFFF) | st.integers(0, 40)
PORTS = st.integers(0, 0xFFFF)
DIRECTIONS = st.sampled_from(checks.DIRECTIONS)
SHIMS = ("vlan", "geneve", "vxlan")  # those behind which pcap text can say everything
RELATIONS = st.sampled_from(checks.RELATIONS)


def prefixes(bits: int) -> st.SearchStrategy[tuple[int, int]]:
    full = (1 << bits) - 1
    masks = st.integers(0, bits).map(lambda length: full & ~(full >> length)) | st.just(full)
    return st.tuples(st.integers(0, full), masks).map(lambda pair: (pair[0] & pair[1], pair[1]))


def masked4() -> st.SearchStrategy[tuple[int, int]]:
    return st.tuples(WORDS, WORDS).map(lambda pair: (pair[0] & pair[1], pair[1])) | prefixes(32)


def networks(one: st.SearchStrategy[tuple[int, int]]) -> st.SearchStrategy[Any]:
    return st.lists(one, min_size=1, max_size=3).map(tuple)


def arithmetic(children: st.SearchStrategy[Value]) -> st.SearchStrategy[Value]:
    def combined(sign: Operator, left: Value, right: Value) -> Value:
        try:
            return build.arithmetic(sign, left, right)
        except FilterError:  # a literal zero divisor or long shift
            return left

    return (
        st.builds(combined, st.sampled_from(Operator), children, children)
        | children.map(build.negative)
        | st.builds(
            build.index,
            st.sampled_from(sorted(checks.INDEXED_PROTOCOLS)),
            children,
            st.sampled_from((1, 2, 4)),
        )
    )


VALUES: st.SearchStrategy[Value] = st.recursive(
    WORDS.map(build.number)
    | st.just(build.length())
    | st.sampled_from(sorted(FIELDS)).map(build.field_value),
    arithmetic,
    max_leaves=8,
)

LEAVES: st.SearchStrategy[Query] = st.one_of(
    st.builds(build.protocol, st.sampled_from(sorted(checks.RECOGNISED_PROTOCOLS))),
    st.builds(build.compare, RELATIONS, VALUES, VALUES),
    st.builds(
        build.address4,
        st.sampled_from((None, "ip", "arp", "rarp")),
        DIRECTIONS,
        networks(masked4()),
    ),
    st.builds(build.address6, DIRECTIONS, networks(prefixes(128))),
    st.builds(
        build.mac_address,
        st.sampled_from((*checks.DIRECTIONS, *checks.WLAN_DIRECTIONS)),
        st.lists(st.integers(0, (1 << 48) - 1), min_size=1, max_size=2),
    ),
    st.builds(build.station_address, DIRECTIONS, st.integers(0, 255)),
    st.builds(build.decnet_address, DIRECTIONS, PORTS),
    st.builds(build.port, st.sampled_from((None, "tcp", "udp", "sctp")), DIRECTIONS, PORTS, PORTS),
    st.sampled_from(["link", "ip", "ip6", "inet", "iso", "isis"]).flatmap(
        lambda layer: st.builds(
            build.protocol_number,
            st.just(layer),
            st.integers(0, checks.PROTOCOL_NUMBERS[layer][1]),
        )
    ),
    st.builds(build.protocol_chain, st.sampled_from(("ip", "ip6", "inet")), st.integers(0, 255)),
    st.builds(build.encapsulation, st.sampled_from(SHIMS), st.none() | st.integers(0, 4095)),
    st.sampled_from(["pppoed", "gre", "ipip"]).map(build.encapsulation),
    st.sampled_from(["link", "ip"]).map(build.broadcast),
    st.sampled_from(["link", "ip", "ip6"]).map(build.multicast),
    st.builds(build.link_byte, st.integers(0, 255), st.sampled_from("=<>&|"), st.integers(0, 255)),
    st.booleans().map(build.packet_direction),
    st.booleans().map(q.Constant),
    WORDS.map(build.interface_index),
    st.builds(build.llc, st.none() | st.sampled_from(checks.LLC_KINDS)),
    st.builds(
        build.frame_type,
        st.sampled_from((0, 4, 8, 12)),
        st.none() | st.integers(0, 15).map(lambda n: n << 4),
    ),
    st.integers(0, 3).map(build.frame_direction),
    st.builds(build.firewall_log, st.sampled_from(("ifname", "rset")), st.text(max_size=3)),
    st.builds(build.firewall_log, st.sampled_from(("rnr", "srnr", "reason", "action")), WORDS),
    st.sampled_from(checks.ATM_CLASSES).map(build.atm_class),
    st.sampled_from(checks.SS7_UNITS).map(build.ss7_unit),
    st.builds(
        build.atm_field,
        st.sampled_from(sorted(checks.ATM_FIELDS)),
        st.just("="),
        st.lists(st.integers(0, 255), min_size=1, max_size=3),
    ),
    st.builds(
        build.ss7_field,
        st.sampled_from(sorted(checks.SS7_FIELDS)),
        RELATIONS,
        st.integers(0, 15).map(lambda n: (n,)),
    ),
    st.builds(build.gateway, st.just(None), st.just((1,)), st.just((2,))),
    st.floats(0, 1).map(build.sample),
)


def combined(children: st.SearchStrategy[Query]) -> st.SearchStrategy[Query]:
    lists = st.lists(children, min_size=2, max_size=25)
    return (
        lists.map(lambda parts: build.all_of(*parts))
        | lists.map(lambda parts: build.any_of(*parts))
        | children.map(build.negate)
        | st.builds(build.when, children, children, children)
    )


TREES = st.recursive(LEAVES, combined, max_leaves=20)


def as_read(query: Query) -> Query:
    """The tree with the positions that its order gives it in text."""
    position: Under = ()

    def placed(leaf: Leaf) -> Query:
        nonlocal position
        here = position
        position = walk.position_after(leaf, position)
        return walk.map_unders(leaf, lambda under: here)

    return walk.map_leaves(query, placed)


def sayable(query: Query) -> bool:
    """Whether pcap text has words for every part of the tree, positions aside."""
    if isinstance(query, q.When) or any(not sayable(part) for part in walk.operands(query)):
        return False
    match query:
        case q.Constant() | q.Sample() | q.Gateway():
            return False
        case q.Address4(networks=many) | q.Address6(networks=many):
            return len(many) == 1
        case q.MacAddress(addresses=macs):
            return len(macs) == 1
        case q.Encapsulation(kind=kind):
            return kind not in ("gre", "ipip")
        case q.Compare(left=left, right=right):
            reads = [*walk.reads(left), *walk.reads(right)]
            return not any(isinstance(read, q.FieldValue) for read in reads)
        case q.FirewallLog(name="action", value=value):
            return value in PF_ACTIONS.values()
        case q.FirewallLog(value=str(text)):
            return text != "" and not set(text) & set(" !()\n\t")
        case _:
            return True


@settings(max_examples=400, deadline=None)
@given(TREES, st.data())
def test_python_text_evaluates_to_the_same_tree(query: Query, data: st.DataObject) -> None:
    position = st.lists(st.sampled_from(walk.SHIFTING), max_size=2).map(tuple)
    moved = walk.map_unders(query, lambda under: data.draw(position))
    for tree in (query, as_read(query), moved):
        assert evaluated(to_python(tree)) == Cond(tree)


@settings(max_examples=600, deadline=None)
@given(st.recursive(LEAVES.filter(sayable), combined, max_leaves=20).filter(sayable))
def test_pcap_text_parses_to_the_same_tree(query: Query) -> None:
    tree = as_read(query)
    assert parse(to_pcap(tree)) == tree


@settings(max_examples=300, deadline=None)
@given(TREES)
def test_pcap_text_of_any_tree_is_text_or_a_named_part(query: Query) -> None:
    try:
        text = to_pcap(as_read(query))
    except FilterError as error:
        assert error.message.startswith("cannot be written as pcap text: ")
        return
    parse(text)


ETHERNET = (
    st.builds(build.protocol, st.sampled_from(("ip", "ip6", "arp", "tcp", "udp", "icmp", "icmp6")))
    | st.builds(build.port, st.sampled_from((None, "tcp", "udp")), DIRECTIONS, PORTS, PORTS)
    | st.builds(
        build.compare,
        RELATIONS,
        st.sampled_from(sorted(f for f in FIELDS if not f.startswith("vlan"))).map(
            build.field_value
        ),
        st.integers(0, 20).map(build.number),
    )
    | st.booleans().map(q.Constant)
)
MAC = bytes(12)
FRAMES = st.sampled_from(
    (
        MAC + b"\x08\x00" + bytes([0x45, 0, 0, 60, 0, 1, 0x40, 0, 64, 6, 0, 0]),
        MAC + b"\x08\x00" + bytes([0x46, 0, 0, 60, 0, 1, 0x00, 0, 64, 17, 0, 0]),
        MAC + b"\x08\x00" + bytes([0x45, 0, 0, 60, 0, 1, 0x00, 0, 64, 1, 0, 0]),
        MAC + b"\x86\xdd" + bytes([0x60, 0, 0, 0, 0, 20, 6, 64]),
        MAC + b"\x86\xdd" + bytes([0x60, 0, 0, 0, 0, 20, 58, 64]),
        MAC + b"\x08\x06" + bytes([0, 1, 8, 0, 6, 4, 0, 1]),
    )
)


@settings(max_examples=400, deadline=None)
@given(
    st.recursive(ETHERNET, combined, max_leaves=8), FRAMES, st.binary(min_size=100, max_size=100)
)
def test_text_in_other_words_means_the_same(query: Query, head: bytes, rest: bytes) -> None:
    try:
        text = to_pcap(query)
    except FilterError:
        return
    frame = head + rest
    assert evaluate(parse(text), frame) == evaluate(query, frame)
