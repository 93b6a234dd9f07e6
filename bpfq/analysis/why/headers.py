"""Clauses that ask for another family, transport, fragment or direction than the packet's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from bpfq.analysis.why.clauses import Outcome, Step, to_blame
from bpfq.analysis.why.fixes import Case, Guess, Trial, option, other_filter
from bpfq.analysis.why.layers import TUNNELS, Layer, protocol_name
from bpfq.analysis.why.readings import listed
from bpfq.graph.terms import Constant
from bpfq.headers.places import IPV6_HEADER
from bpfq.operators import Operator, Relation
from bpfq.query import build
from bpfq.query import nodes as q
from bpfq.query.walk import reads, unders
from bpfq.record import replace
from bpfq.tables import protocols as p
from bpfq.tables.fields import FIELDS

_NAMES: Final = {
    "ip": "IPv4", "ip6": "IPv6", "arp": "ARP", "rarp": "RARP", "icmp": "ICMP", "icmp6": "ICMPv6",
}  # fmt: skip
_NETWORKS: Final = ("ip", "ip6", "arp", "rarp")
_BEHIND_IP: Final = ("tcp", "udp", "sctp", "icmp", "icmp6", "gre", "ipip", "other")
_PORTS: Final = ("tcp", "udp", "sctp")
_DUAL_INDEX: Final = ("tcp", "udp", "sctp", "pim")  # what tcp6 lets read IPv6
_FRAGMENT: Final = 0x1FFF  # the fragment offset in ip[6:2] (RFC 791)
_FRAGMENT6: Final = 0xFFF8  # the same in the third and fourth byte of IPv6's fragment header


def _failed(case: Case) -> Iterator[tuple[Step, q.Leaf]]:
    """The primitives about the outer headers whose being false made the filter reject."""
    inside = set(TUNNELS) & set(case.settings.through) and any(x.inner for x in case.layers)
    for step in to_blame(case.root):
        leaf = step.leaf
        if step.outcome is not Outcome.FALSE or leaf is None or step.fixed is False or inside:
            continue
        if not any(word in TUNNELS for under in unders(leaf) for word in under):
            yield step, leaf


def _name(word: str) -> str:
    return _NAMES.get(word, word.upper())


# ---------------------------------------------------------------- fragments, extension headers


def later_fragment(case: Case) -> Iterator[Guess]:
    """The transport header is in the first fragment."""
    fragments = [layer for layer in case.outer if layer.kind == "fragment"]
    if not fragments:
        return
    for step, leaf in _failed(case):
        wanted = _transports(leaf)
        if not wanted or not _asked_for_fragment(step, case):
            continue
        name = protocol_name(fragments[0].number).upper()
        subject = "ports stand" if isinstance(leaf, q.Port) else "header stands"
        wider = case.instead(leaf, _or_fragment(leaf, fragments[0]))
        yield Guess(
            f"The packet is a later fragment; the {name} {subject} in the first one, so "
            f"`{case.words(step)}` cannot be true of it",
            other_filter(case, wider, f"and every later fragment of {name}"),
        )


def _asked_for_fragment(step: Step, case: Case) -> bool:
    """The test failed at the fragment offset, or at IPv6's fragment header."""
    for one in step.decision.because:
        operand = one.atom.operand
        bits = one.atom.relation is Relation.SET and isinstance(operand, Constant)
        if bits and case.facts.value(operand) == _FRAGMENT:
            return True
        if case.facts.value(one.atom.term) == p.PROTO_FRAGMENT:
            return True
    return False


def _or_fragment(leaf: q.Leaf, fragment: Layer) -> q.Query:
    """The primitive, or any later fragment of its transport."""
    under = next(iter(unders(leaf)), ())
    if fragment.word == "ip":
        is_its = build.protocol_number("ip", fragment.number, under)
        return build.any_of(leaf, build.all_of(is_its, _bits("ip", 6, _FRAGMENT, under)))
    has_header = build.protocol_number("ip6", p.PROTO_FRAGMENT, under)
    following = build.index("ip6", build.number(IPV6_HEADER), 1, under)
    is_that = build.compare("=", following, build.number(fragment.number))
    offset = _bits("ip6", IPV6_HEADER + 2, _FRAGMENT6, under)
    return build.any_of(leaf, build.all_of(has_header, is_that, offset))


def _bits(word: str, at: int, mask: int, under: q.Under) -> q.Query:
    """Some bit of a half-word is set."""
    half = build.index(word, build.number(at), 2, under)
    bits = build.arithmetic(Operator.AND, half, build.number(mask))
    return build.compare("!=", bits, build.number(0))


def extension_header(case: Case) -> Iterator[Guess]:
    """IPv6 headers between the fixed one and the transport."""
    extensions = [layer for layer in case.outer if layer.kind == "extension"]
    if not extensions:
        return
    behind = next((layer for layer in case.outer if layer.kind in _BEHIND_IP), None)
    numbers = {layer.number for layer in extensions}
    for step, leaf in _failed(case):
        if not any(case.facts.value(one.atom.term) in numbers for one in step.decision.because):
            continue
        kinds = " and ".join(dict.fromkeys(layer.label for layer in extensions))
        end = "the transport header" if behind is None else f"the {_label(behind)} header"
        yield Guess(
            f"Extension headers ({kinds}) stand before {end}; `{case.words(step)}` looks "
            "only right behind the fixed IPv6 header",
            () if behind is None else _past_extensions(case, leaf, behind),
        )


def _label(layer: Layer) -> str:
    return layer.label if layer.kind == "other" else layer.label.split()[0]


def _past_extensions(case: Case, leaf: q.Leaf, behind: Layer) -> tuple[Trial, ...]:
    under = next(iter(unders(leaf)), ())
    chain = build.protocol_chain("ip6", behind.number, under)
    match leaf:
        case q.Protocol() | q.ProtocolNumber():
            wider = chain if _families(leaf, False) == {"ip6"} else build.any_of(leaf, chain)
            return other_filter(case, case.instead(leaf, wider), "behind extension headers, too")
        case q.Port():
            ip6 = next(layer for layer in case.outer if layer.kind == "ip6")
            ports = _ports_at(leaf, behind.start - ip6.start)
            wider = build.any_of(leaf, build.all_of(chain, ports))
            why = "behind extension headers of this length, too"
            return other_filter(case, case.instead(leaf, wider), why)
        case _:
            return ()


def _ports_at(leaf: q.Port, at: int) -> q.Query:
    """The ports of the primitive, ``at`` bytes from the start of the IPv6 header."""
    ends = {"src": (0,), "dst": (2,)}.get(leaf.direction, (0, 2))
    values = [build.index("ip6", build.number(at + end), 2, leaf.under) for end in ends]
    tests = [_in_range(value, leaf.low, leaf.high) for value in values]
    return build.all_of(*tests) if leaf.direction == "src and dst" else build.any_of(*tests)


def _in_range(value: q.Value, low: int, high: int) -> q.Query:
    if low == high:
        return build.compare("=", value, build.number(low))
    return build.all_of(
        build.compare(">=", value, build.number(low)),
        build.compare("<=", value, build.number(high)),
    )


# ---------------------------------------------------------------- families


def other_family(case: Case) -> Iterator[Guess]:
    """An IPv6 packet for a clause about IPv4, ARP for one about IP, and so on."""
    network = next((layer for layer in case.outer if layer.kind in (*_NETWORKS, "other")), None)
    if network is None:
        return
    for step, leaf in _failed(case):
        families = _families(leaf, case.settings.options.tcp6)
        if not families or network.kind in families:
            continue
        name = _NAMES.get(network.kind, network.label)
        names = listed([_name(word) for word in sorted(families, key=_order)])
        yield Guess(
            f"The packet is {name}; `{case.words(step)}` looks only at {names}",
            _for_family(case, leaf, network.kind),
        )


def _order(word: str) -> int:
    return _NETWORKS.index(word) if word in _NETWORKS else len(_NETWORKS)


def _families(leaf: q.Leaf, tcp6: bool) -> set[str]:
    """The network protocols that a primitive can be true of; empty where it is of none."""
    match leaf:
        case q.Protocol(name):
            layers = p.PROTOCOLS[name].layers
            return {name} if layers == ("link",) else set(layers) & {"ip", "ip6"}
        case q.ProtocolNumber(layer) | q.ProtocolChain(layer):
            return {"ip", "ip6"} if layer == "inet" else {layer} & {"ip", "ip6"}
        case q.Address4(protocol):
            return {"ip", "arp", "rarp"} if protocol is None else {protocol}
        case q.Address6():
            return {"ip6"}
        case q.Port():
            return {"ip", "ip6"}
        case q.InSet(protocol, _, members) if members.kind != "mac":
            every = {"ip", "ip6"} if members.kind == "port" else {"ip", "ip6", "arp", "rarp"}
            return every if protocol not in every else {protocol}
        case q.Broadcast(layer) | q.Multicast(layer):
            return {layer} & {"ip", "ip6"}
        case q.Compare(left=left, right=right):
            found = [_read_families(r, tcp6) for side in (left, right) for r in reads(side)]
            return set.intersection(*found) if found and all(found) else set()
        case _:
            return set()


def _read_families(read: q.Index | q.FieldValue, tcp6: bool) -> set[str]:
    indexed = isinstance(read, q.Index)
    name = read.protocol if isinstance(read, q.Index) else FIELDS[read.name].protocol
    row = p.PROTOCOLS.get(name)
    if row is None or row.base in (None, "link", "packet"):
        return set()
    if row.base == "network":
        return {name}
    if row.base == "icmp6":
        return {"ip6"}
    dual = not indexed or (tcp6 and name in _DUAL_INDEX)
    return set(row.layers) if dual else {"ip"}


def _for_family(case: Case, leaf: q.Leaf, family: str) -> tuple[Trial, ...]:
    both = "IPv4 and IPv6"
    match leaf:
        case q.Protocol("ip" | "ip6", under) if family in ("ip", "ip6"):
            either = build.any_of(build.protocol("ip", under), build.protocol("ip6", under))
            return other_filter(case, case.instead(leaf, either), both)
        case q.Protocol("icmp" | "icmp6", under):
            either = build.any_of(build.protocol("icmp", under), build.protocol("icmp6", under))
            return other_filter(case, case.instead(leaf, either), both)
        case q.ProtocolNumber("ip" | "ip6") | q.ProtocolChain("ip" | "ip6"):
            return other_filter(case, case.instead(leaf, replace(leaf, layer="inet")), both)
        case q.Address4(protocol="ip"):
            wider = replace(leaf, protocol=None)
            return other_filter(case, case.instead(leaf, wider), "IPv4, ARP and RARP")
        case q.Compare() if family == "ip6" and not case.settings.options.tcp6:
            options = replace(case.settings.options, tcp6=True)
            settings = replace(case.settings, options=options)
            return option(case, "--tcp6", "tcp[...] and its kind read IPv6, too", settings)
        case _:
            return ()


# ---------------------------------------------------------------- transports and directions


def other_transport(case: Case) -> Iterator[Guess]:
    """A TCP packet for a clause about UDP."""
    there = next((layer for layer in case.outer if layer.kind in _BEHIND_IP), None)
    if there is None:
        return
    for step, leaf in _failed(case):
        wanted = _transports(leaf)
        if not wanted or there.kind in wanted or not _met(there.number, step, case):
            continue
        trials: tuple[Trial, ...] = ()
        if isinstance(leaf, q.Port) and there.kind in _PORTS:
            every = case.instead(leaf, replace(leaf, protocol=None))
            trials = other_filter(case, every, "TCP, UDP and SCTP")
        names = listed([_name(word) for word in wanted])
        yield Guess(
            f"The packet is {_label(there)}; `{case.words(step)}` looks only at {names}", trials
        )


def _met(number: int, step: Step, case: Case) -> bool:
    """The clause failed at this number of a protocol."""
    return any(case.facts.value(one.atom.term) == number for one in step.decision.because)


def _transports(leaf: q.Leaf) -> list[str]:
    """The transports that a primitive can be true of; none where it does not say."""
    match leaf:
        case q.Port(protocol) | q.InSet(protocol, _, q.NamedSet(kind="port")):
            return list(_PORTS) if protocol is None else [protocol]
        case q.Protocol(name) if set(p.PROTOCOLS[name].layers) <= {"ip", "ip6"}:
            return [name] if p.PROTOCOLS[name].layers else []
        case q.Compare(left=left, right=right):
            names = [
                read.protocol if isinstance(read, q.Index) else FIELDS[read.name].protocol
                for side in (left, right)
                for read in reads(side)
            ]
            rows = [row for name in names if (row := p.PROTOCOLS.get(name)) is not None]
            found = [row.name for row in rows if row.base in ("transport", "icmp6")]
            return list(dict.fromkeys(found))
        case _:
            return []


_OPPOSITE: Final = {"src": "dst", "dst": "src"}
_WAYS: Final = {"src": "source", "dst": "destination"}


def other_direction(case: Case) -> Iterator[Guess]:
    """The address or port stands at the other end."""
    for step, leaf in _failed(case):
        match leaf:
            case q.Port() | q.Address4() | q.Address6() | q.MacAddress() | q.InSet():
                other = _OPPOSITE.get(leaf.direction)
            case _:
                continue
        if other is None or not case.would(replace(leaf, direction=other)).holds:
            continue
        is_port = isinstance(leaf, q.Port) or (
            isinstance(leaf, q.InSet) and leaf.members.kind == "port"
        )
        what = "port" if is_port else "address"
        wider = replace(leaf, direction="src or dst")
        yield Guess(
            f"It is the other end: `{case.words(step)}` asks for the {_WAYS[leaf.direction]} "
            f"{what}, and this is the {_WAYS[other]} {what}",
            other_filter(case, case.instead(leaf, wider), "either direction"),
        )
