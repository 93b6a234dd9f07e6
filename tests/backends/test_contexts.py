"""Tests that several kinds of packets share, though their fields lie in different places."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from oracles.passes import Graphs

import bpfq
from bpfq.analysis.decide import Questions
from bpfq.backends.cbpf.emit import emit
from bpfq.backends.cbpf.select import select
from bpfq.graph.nodes import ACCEPT, REJECT, Builder, Node
from bpfq.graph.terms import Term
from bpfq.isa.cbpf.check import check
from bpfq.isa.cbpf.instructions import SockFilter
from bpfq.isa.cbpf.text import dump_d
from bpfq.isa.cbpf.vm import Machine
from bpfq.operators import Operator, Relation
from bpfq.symbolic import classic, graph
from bpfq.symbolic.propositions import Accepts, Every, Opposite, Packet

IP, ARP, RARP, IP6 = 0x800, 0x806, 0x8035, 0x86DD
TCP, UDP, SCTP, FRAGMENT = 6, 17, 132, 44
HOST = 0x0A000001


class Graph:
    """Graphs by hand; ``by_family`` is the first term in IPv4 packets, else the second."""

    def __init__(self, keep_loads: bool = False) -> None:
        self.builder = Builder(keep_loads)
        self.ethertype = self.load(12, 2)

    def load(self, offset: int, size: int, index: Term | None = None) -> Term:
        return self.builder.load(index, offset, size)

    def number(self, value: int) -> Term:
        return self.builder.constant(value)

    def masked(self, term: Term, mask: int) -> Term:
        return self.builder.binary(Operator.AND, term, self.number(mask))

    def header_length(self) -> Term:
        low = self.masked(self.load(14, 1), 0x0F)
        return self.builder.binary(Operator.LSH, low, self.number(2))

    def by_family(self, ip: Term, other: Term, of: int = IP) -> Term:
        return self.builder.choose(Relation.EQ, self.ethertype, self.number(of), ip, other)

    def equal(self, term: Term, value: int, yes: Node, no: Node) -> Node:
        return self.builder.test(term, Relation.EQ, self.number(value), yes, no)

    def among(self, term: Term, values: tuple[int, ...], yes: Node, no: Node) -> Node:
        for value in reversed(values):
            no = self.equal(term, value, yes, no)
        return no

    def protocols(self, values: tuple[int, ...], yes: Node, no: Node) -> Node:
        """The protocol, of IPv4 only in packets that are no later fragments."""
        word = self.masked(self.load(20, 4), 0x1FFF00FF)
        return self.among(self.by_family(word, self.load(20, 1)), values, yes, no)

    def port(self, offset: int, *, apart: bool = False) -> Term:
        length = self.header_length()
        if apart:
            return self.by_family(self.load(offset, 2, length), self.load(40 + offset, 2))
        return self.load(offset, 2, self.by_family(length, self.number(40)))

    def families(self, families: tuple[int, ...], yes: Node) -> Node:
        return self.among(self.ethertype, families, yes, REJECT)


def port_80(g: Graph, apart: bool = False) -> Node:
    source, destination = g.port(14, apart=apart), g.port(16, apart=apart)
    ports = g.equal(source, 80, ACCEPT, g.equal(destination, 80, ACCEPT, REJECT))
    return g.families((IP, IP6), g.protocols((TCP, UDP, SCTP), ports, REJECT))


def not_port_80(g: Graph) -> Node:
    ports = g.equal(g.port(14), 80, REJECT, g.equal(g.port(16), 80, REJECT, ACCEPT))
    return g.among(g.ethertype, (IP, IP6), g.protocols((TCP, UDP, SCTP), ports, ACCEPT), ACCEPT)


def tcp_dst_port_443(g: Graph) -> Node:
    port = g.equal(g.port(16), 443, ACCEPT, REJECT)
    return g.families((IP, IP6), g.protocols((TCP,), port, REJECT))


def host(g: Graph) -> Node:
    source = g.by_family(g.load(26, 4), g.load(28, 4))
    destination = g.by_family(g.load(30, 4), g.load(38, 4))
    rest = g.equal(destination, HOST, ACCEPT, REJECT)
    return g.families((IP, ARP, RARP), g.equal(source, HOST, ACCEPT, rest))


def net(g: Graph) -> Node:
    source = g.by_family(g.masked(g.load(26, 4), 0xFF000000), g.masked(g.load(28, 4), 0xFF000000))
    rest = g.by_family(g.masked(g.load(30, 4), 0xFF000000), g.masked(g.load(38, 4), 0xFF000000))
    node = g.equal(source, 0x0A000000, ACCEPT, g.equal(rest, 0x0A000000, ACCEPT, REJECT))
    return g.families((IP, ARP, RARP), node)


def tcp(g: Graph) -> Node:
    shared = g.equal(g.by_family(g.load(23, 1), g.load(54, 1)), TCP, ACCEPT, REJECT)
    header = g.load(20, 1)
    ip6 = g.equal(header, TCP, ACCEPT, g.equal(header, FRAGMENT, shared, REJECT))
    return g.equal(g.ethertype, IP6, ip6, g.equal(g.ethertype, IP, shared, REJECT))


def tcp_or_udp(g: Graph) -> Node:
    """The second test is of what A holds already, under a name that says more."""
    header = g.load(20, 1)
    fragment = g.builder.choose(Relation.EQ, header, g.number(FRAGMENT), g.load(54, 1), header)
    udp = g.equal(g.by_family(g.load(23, 1), fragment), UDP, ACCEPT, REJECT)
    shared = g.equal(g.by_family(g.load(23, 1), g.load(54, 1)), TCP, ACCEPT, udp)
    ip6 = g.equal(header, TCP, ACCEPT, g.equal(header, FRAGMENT, shared, udp))
    return g.equal(g.ethertype, IP, shared, g.equal(g.ethertype, IP6, ip6, REJECT))


def three_families(g: Graph) -> Node:
    """A byte that three kinds of packets have in different places, tested twice."""
    first = g.by_family(g.load(26, 1), g.by_family(g.load(28, 1), g.load(22, 1), ARP))
    second = g.by_family(g.load(30, 1), g.by_family(g.load(38, 1), g.load(38, 1), ARP))
    node = g.equal(first, 1, g.equal(second, 2, ACCEPT, REJECT), g.equal(second, 3, ACCEPT, REJECT))
    return g.families((IP, ARP, IP6), node)


def unknown_family(g: Graph) -> Node:
    """One edge into the port tests does not know the family."""
    ports = g.equal(g.port(14), 80, ACCEPT, g.equal(g.port(16), 80, ACCEPT, REJECT))
    return g.equal(g.load(0, 1), 1, ports, g.families((IP, IP6), ports))


def length_between(g: Graph) -> Node:
    """A test that has nothing to do with the family stands before the ports."""
    ports = g.equal(g.port(14), 80, ACCEPT, REJECT)
    long = g.builder.test(g.builder.wire_length(), Relation.GT, g.number(100), ports, REJECT)
    return g.families((IP, IP6), long)


def ports_only_sometimes(g: Graph) -> Node:
    """A packet can be accepted of which the header length was never read."""
    ports = g.equal(g.port(14), 80, ACCEPT, REJECT)
    short = g.builder.test(g.builder.wire_length(), Relation.GT, g.number(100), ports, ACCEPT)
    return g.families((IP, IP6), short)


def operands_by_family(g: Graph) -> Node:
    """What a field is compared with depends on the family, and so on a register."""
    operand = g.by_family(g.load(2, 2), g.number(7))
    node = g.builder.test(g.load(16, 2), Relation.GE, operand, ACCEPT, REJECT)
    return g.families((IP, IP6), node)


def two_operands(g: Graph) -> Node:
    """A word of two loads, each where the family says."""
    both = g.builder.binary(Operator.ADD, g.port(14), g.port(16))
    return g.families((IP, IP6), g.equal(both, 80, ACCEPT, REJECT))


def loads_that_do_not_matter(g: Graph) -> Node:
    """In a graph that keeps loads, a test with one exit."""
    port = g.port(14)
    keeps = g.equal(port, 1, ACCEPT, ACCEPT)
    return g.families((IP, IP6), g.builder.test(g.load(60, 1), Relation.GT, port, keeps, keeps))


Make = Callable[[Graph], Node]
GRAPHS: dict[str, tuple[Make, int]] = {
    "port 80": (port_80, 18),
    "port 80, loads apart": (lambda g: port_80(g, apart=True), 18),
    "not port 80": (not_port_80, 18),
    "tcp dst port 443": (tcp_dst_port_443, 14),
    "host 10.0.0.1": (host, 13),
    "net 10.0.0.0/8": (net, 16),
    "tcp": (tcp, 11),
    "tcp or udp": (tcp_or_udp, 12),
    "three families": (three_families, 18),
    "a family that is not known": (unknown_family, 17),
    "a test between": (length_between, 13),
    "ports only sometimes": (ports_only_sometimes, 14),
    "operands by family": (operands_by_family, 12),
    "two operands by family": (two_operands, 17),
}


def difference(words: tuple[SockFilter, ...], root: Node) -> object:
    """A packet, of any length, on which a program and a graph differ."""
    packet = Packet()
    program = classic.encode(words, packet, machine=Machine.LIBPCAP, metadata=False)
    wanted = graph.encode(root, packet)
    questions = Questions(packet)
    for left, right in ((program, wanted), (wanted, program)):
        found = questions.find(Every((Accepts(left), Opposite(Accepts(right)))))
        if found is not None:
            return found
    return None


@pytest.mark.parametrize("level", [0, 1])
@pytest.mark.parametrize("name", GRAPHS)
def test_a_program_is_its_graph_on_packets_of_any_length(name: str, level: int) -> None:
    make, _ = GRAPHS[name]
    root = make(Graph())
    words = emit(root, 1, level)
    check(words)
    assert difference(words, root) is None


@pytest.mark.parametrize("name", GRAPHS)
def test_code_is_shared_between_families(name: str) -> None:
    make, expected = GRAPHS[name]
    words = emit(make(Graph()), 1, 1)
    assert len(words) == expected, dump_d(words)


def test_selections_are_given_up_where_they_grow_longer_than_the_plain_one() -> None:
    """A header's place behind a chain of others, written out for each way, doubles each time."""
    chain = Graphs("ip6 protochain 6").after()
    assert len(select(chain, late_entries=True)) == 1
    assert len(select(port_80(Graph()), late_entries=True)) > 1


def test_a_choice_of_choices_is_not_asked_for_what_is_known() -> None:
    """Three tags of which one is metadata: no comparison is made for ever."""
    assert bpfq.compile("vlan and vlan and vlan", target="packet-cooked").prove().verdict == "proved"
