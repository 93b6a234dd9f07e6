"""Single primitives as Python expressions; ``dsl_text`` puts them together.

A primitive without a spelling of its own is written as its node, ``Cond(nodes.AtmClass('oam'))``.
"""

from __future__ import annotations

from bpfq.operators import WORD_BITS
from bpfq.query import nodes
from bpfq.query.nodes import Leaf, Network, Under, Value
from bpfq.record import fields
from bpfq.tables.fields import FIELDS
from bpfq.tables.protocols import LARGEST_LENGTH

_DIRECTED = ("src", "dst", "src or dst")
_ADDRESSES = {  # protocol -> field by direction
    **{word: ("src", "dst", "addr") for word in ("ip", "ip6", "link")},
    **{word: ("spa", "tpa", "addr") for word in ("arp", "rarp")},
}


def leaf_text(leaf: Leaf) -> tuple[str, bool]:
    """The expression, and whether it is a bare comparison."""
    text = _spelling(leaf)
    if text is None:
        return f"Cond({node_text(leaf)})", False
    under = () if isinstance(leaf, nodes.Constant | nodes.Sample | nodes.Compare) else leaf.under
    comparison = " == " in text
    if not under:
        return text, comparison
    return (f"({text})" if comparison else text) + under_text(under), False


def under_text(under: Under) -> str:
    """``.under('vlan')``, or nothing."""
    return f".under({', '.join(map(repr, under))})" if under else ""


def node_text(node: Leaf | Value) -> str:
    """``nodes.Port('tcp', 'src', 80, 80)``."""
    shown = [f for f in fields(type(node)) if f.compare]
    values = [getattr(node, f.name) for f in shown]
    while values and values[-1] == shown[len(values) - 1].default:
        values.pop()
    texts = [
        node_text(value)
        if isinstance(value, nodes.Number | nodes.FieldValue)
        else f"{'nodes.' if isinstance(value, nodes.NamedSet) else ''}{value!r}"
        for value in values
    ]
    return f"nodes.{type(node).__name__}({', '.join(texts)})"


def is_flag(name: str) -> bool:
    """A single bit of a field of flags, which Python spells as a filter."""
    return name.count(".") == 2


def comparison_text(node: nodes.Compare) -> str | None:
    """The spelling of a comparison that operators would make into another node."""
    match node:
        case nodes.Compare("!=", nodes.FieldValue(name, under), nodes.Number(0)) if is_flag(name):
            owner, field, flag = name.split(".")
            return f"{owner}.{field}{under_text(under)}.{flag}"
        case nodes.Compare(relation, nodes.FieldValue(name), nodes.Number(number)):
            if is_flag(name) or _is_folded(name, relation, number):
                return f"Cond({node_text(node)})"
    return None


def field_text(field: nodes.FieldValue) -> str:
    """``tcp.window``."""
    if is_flag(field.name):
        return f"Value({node_text(field)})"
    owner, _, name = field.name.partition(".")
    return f"{'ether' if owner == 'link' else owner}.{name}{under_text(field.under)}"


def _is_folded(name: str, relation: str, number: int) -> bool:
    """Whether Python's operators turn this comparison into an address, a port or a protocol."""
    row = FIELDS[name]
    if row.name in ("sport", "dport"):
        return True
    if name in ("ip.src", "ip.dst", "vlan.id") or row.name in ("spa", "tpa"):
        return relation in ("=", "!=")
    return relation == "=" and (
        name == "ip.proto" or (name == "link.type" and number > LARGEST_LENGTH)
    )


# ---------------------------------------------------------------- primitives


def _spelling(leaf: Leaf) -> str | None:
    match leaf:
        case nodes.Constant(value):
            return "everything" if value else "nothing"
        case nodes.Sample(threshold):
            return f"rand({_probability(threshold)})"
        case nodes.Protocol(name):
            return name
        case nodes.ProtocolNumber(layer, number):
            return _protocol_number(layer, number)
        case nodes.Encapsulation(kind, identifier):
            return kind if identifier is None else f"{kind}({identifier})"
        case nodes.Address4() | nodes.Address6() | nodes.MacAddress():
            return _address(leaf)
        case nodes.Port(protocol, direction, low, high):
            return _port(protocol, direction, low, high)
        case nodes.Broadcast(layer):
            return "broadcast" if layer == "link" else f"{layer}.broadcast"
        case nodes.Multicast(layer):
            return "multicast" if layer == "link" else f"{layer}.multicast"
        case nodes.PacketDirection(inbound):
            return "inbound" if inbound else "outbound"
        case nodes.InterfaceIndex(index):
            return f"ifindex({index})"
        case nodes.Llc(kind):
            return "llc" if kind is None else f"llc({kind!r})"
        case _:
            return None


def _probability(threshold: int) -> float:
    """The shortest number that gives the threshold."""
    exact: float = threshold / 2**WORD_BITS
    for digits in range(1, 17):
        short = round(exact, digits)
        if round(short * 2**WORD_BITS) == threshold:
            return short
    return exact


def _protocol_number(layer: str, number: int) -> str:
    match layer:
        case "ip":
            return f"ip.proto == {number}"
        case "link" if number > LARGEST_LENGTH:
            return f"ether.type == {number:#06x}"
        case "inet":
            return f"proto({number})"
        case _:
            return f"proto({number}, {layer!r})"


def _address(leaf: nodes.Address4 | nodes.Address6 | nodes.MacAddress) -> str | None:
    if leaf.direction not in _DIRECTED:
        return None
    match leaf:
        case nodes.Address4(None, direction, (network,)):
            text = network4_text(network)
            if direction != "src or dst":
                return f"{direction}('{text}')"
            return f"net('{text}')" if "/" in text else f"host('{text}')"
        case nodes.Address4(str(word), direction, (network,)):
            return f"{_field(word, direction)} == '{network4_text(network)}'"
        case nodes.Address6(direction, (network,)):
            found = network6_text(network)
            return found and f"{_field('ip6', direction)} == '{found}'"
        case nodes.MacAddress(direction, (mac,)):
            return f"{_field('link', direction)} == '{mac.to_bytes(6, 'big').hex(':')}'"
        case _:
            return None


def _field(word: str, direction: str) -> str:
    name = _ADDRESSES[word][_DIRECTED.index(direction)]
    return f"{'ether' if word == 'link' else word}.{name}"


def network4_text(network: Network) -> str:
    """``10.0.0.1``, ``10.0.0.0/8``, or with a dotted mask where that is no prefix."""
    address, mask = (".".join(map(str, number.to_bytes(4, "big"))) for number in network)
    bits = network[1].bit_count()
    if bits == 32:
        return address
    return f"{address}/{bits if network[1] == (1 << 32) - (1 << 32 - bits) else mask}"


def network6_text(network: Network) -> str | None:
    """``2001:db8::1`` or ``2001:db8::/32``; None for a mask that is no prefix."""
    from ipaddress import IPv6Address  # not needed to import bpfq

    address, mask = network
    bits = mask.bit_count()
    if mask != (1 << 128) - (1 << 128 - bits):
        return None
    return str(IPv6Address(address)) + ("" if bits == 128 else f"/{bits}")


def _port(protocol: str | None, direction: str, low: int, high: int) -> str | None:
    if direction not in _DIRECTED:
        return None
    if protocol is None:
        text = f"port({low})" if low == high else f"portrange({low}, {high})"
        return text if direction == "src or dst" else f"{direction}({text})"
    name = f"{protocol}.{('sport', 'dport', 'port')[_DIRECTED.index(direction)]}"
    return f"{name} == {low}" if low == high else f"{name}.between({low}, {high})"
