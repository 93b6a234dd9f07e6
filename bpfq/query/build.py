"""One checked constructor for every node of the query tree.

Arguments stand in the order of the node's fields; ``span`` is where the filter text says it.
A value out of range or a word that means nothing raises FilterError with that span; arithmetic
nested deeper than MAX_DEPTH raises LimitError.
"""

from __future__ import annotations

from collections.abc import Iterable

from bpfq.errors import FilterError
from bpfq.operators import WORD_BITS, WORD_MASK, Operator
from bpfq.query import nodes
from bpfq.query.checks import (
    ATM_CLASSES,
    ATM_FIELDS,
    BARE_ENCAPSULATIONS,
    DIRECTIONS,
    FIREWALL_NUMBERS,
    FIREWALL_TEXTS,
    IDENTIFIERS,
    INDEXED_PROTOCOLS,
    LLC_KINDS,
    LONGEST_FIREWALL_TEXT,
    PROTOCOL_NUMBERS,
    RECOGNISED_PROTOCOLS,
    RELATIONS,
    SET_PROTOCOLS,
    SS7_FIELDS,
    SS7_UNITS,
    WLAN_DIRECTIONS,
    depth_of,
    in_range,
    limited,
    listed,
    literal_operand,
    networks_of,
    one_of,
    shallow,
)
from bpfq.query.nodes import Network, Query, Under, Value
from bpfq.source import Span
from bpfq.tables.fields import FIELDS

# ---------------------------------------------------------------- Boolean structure


def everything(*, span: Span | None = None) -> nodes.Constant:
    """Every packet."""
    return nodes.Constant(True, span=span)


def nothing(*, span: Span | None = None) -> nodes.Constant:
    """No packet."""
    return nodes.Constant(False, span=span)


def all_of(*operands: Query, span: Span | None = None) -> Query:
    """All operands hold; nested conjunctions are merged, none at all is everything."""
    flat: list[Query] = []
    for operand in operands:
        if isinstance(operand, nodes.And):
            flat.extend(operand.operands)
        else:
            flat.append(operand)
    if not flat:
        return everything(span=span)
    return flat[0] if len(flat) == 1 else nodes.And(tuple(flat), span=span)


def any_of(*operands: Query, span: Span | None = None) -> Query:
    """Some operand holds; nested disjunctions are merged, none at all is nothing."""
    flat: list[Query] = []
    for operand in operands:
        if isinstance(operand, nodes.Or):
            flat.extend(operand.operands)
        else:
            flat.append(operand)
    if not flat:
        return nothing(span=span)
    return flat[0] if len(flat) == 1 else nodes.Or(tuple(flat), span=span)


def negate(operand: Query, *, span: Span | None = None) -> Query:
    """The opposite; not not x -> x."""
    if isinstance(operand, nodes.Not):
        return operand.operand
    return nodes.Not(operand, span=span)


def when(
    condition: Query, then: Query, otherwise: Query, *, span: Span | None = None
) -> nodes.When:
    return nodes.When(condition, then, otherwise, span=span)


def sample(probability: float, *, span: Span | None = None) -> Query:
    """Each packet with this probability, drawn anew at every occurrence."""
    if not 0 <= probability <= 1:
        raise FilterError(f"probability {probability} is not between 0 and 1", span=span)
    threshold = round(probability * 2**WORD_BITS)
    if threshold in (0, 2**WORD_BITS):
        return nodes.Constant(threshold != 0, span=span)
    return nodes.Sample(threshold, span=span)


# ---------------------------------------------------------------- protocols


def protocol(name: str, under: Under = (), *, span: Span | None = None) -> nodes.Protocol:
    one_of(name, RECOGNISED_PROTOCOLS, "protocol", span)
    return nodes.Protocol(name, under, span=span)


def protocol_number(
    layer: str, number: int, under: Under = (), *, span: Span | None = None
) -> nodes.ProtocolNumber:
    """The largest link number depends on the link type; here it is that of an EtherType."""
    one_of(layer, PROTOCOL_NUMBERS, "protocol layer", span)
    name, largest = PROTOCOL_NUMBERS[layer]
    return nodes.ProtocolNumber(layer, in_range(number, largest, name, span), under, span=span)


def protocol_chain(
    layer: str, number: int, under: Under = (), *, span: Span | None = None
) -> nodes.ProtocolChain:
    one_of(layer, ("ip", "ip6", "inet"), "protocol layer", span)
    in_range(number, 0xFF, "protocol number", span)
    return nodes.ProtocolChain(layer, number, under, span=span)


def encapsulation(
    kind: str, identifier: int | None = None, under: Under = (), *, span: Span | None = None
) -> nodes.Encapsulation:
    one_of(kind, (*IDENTIFIERS, *BARE_ENCAPSULATIONS), "encapsulation", span)
    shallow(under, span)
    if identifier is not None:
        if kind not in IDENTIFIERS:
            raise FilterError(f"'{kind}' takes no number", span=span)
        name, largest = IDENTIFIERS[kind]
        in_range(identifier, largest, name, span)
    return nodes.Encapsulation(kind, identifier, under, span=span)


# ---------------------------------------------------------------- addresses and ports


def address4(
    protocol: str | None,
    direction: str,
    networks: Iterable[Network],
    under: Under = (),
    *,
    span: Span | None = None,
) -> nodes.Address4:
    if protocol is not None:
        one_of(protocol, ("ip", "arp", "rarp"), "protocol of an IPv4 address", span)
    one_of(direction, DIRECTIONS, "direction", span)
    return nodes.Address4(protocol, direction, networks_of(networks, 32, span), under, span=span)


def address6(
    direction: str, networks: Iterable[Network], under: Under = (), *, span: Span | None = None
) -> nodes.Address6:
    one_of(direction, DIRECTIONS, "direction", span)
    return nodes.Address6(direction, networks_of(networks, 128, span), under, span=span)


def mac_address(
    direction: str, addresses: Iterable[int], under: Under = (), *, span: Span | None = None
) -> nodes.MacAddress:
    one_of(direction, (*DIRECTIONS, *WLAN_DIRECTIONS), "direction", span)
    checked = tuple(in_range(a, (1 << 48) - 1, "MAC address", span) for a in addresses)
    if not checked:
        raise FilterError("an address test needs at least one address", span=span)
    return nodes.MacAddress(direction, checked, under, span=span)


def station_address(
    direction: str, address: int, under: Under = (), *, span: Span | None = None
) -> nodes.StationAddress:
    one_of(direction, DIRECTIONS, "direction", span)
    in_range(address, 0xFF, "station address", span)
    return nodes.StationAddress(direction, address, under, span=span)


def decnet_address(
    direction: str, address: int, under: Under = (), *, span: Span | None = None
) -> nodes.DecnetAddress:
    one_of(direction, DIRECTIONS, "direction", span)
    in_range(address, 0xFFFF, "DECnet address", span)
    return nodes.DecnetAddress(direction, address, under, span=span)


def gateway(
    protocol: str | None,
    macs: Iterable[int],
    addresses: Iterable[int],
    under: Under = (),
    *,
    span: Span | None = None,
) -> nodes.Gateway:
    if protocol is not None:
        one_of(protocol, ("ip", "arp", "rarp"), "protocol of a gateway", span)
    links = tuple(in_range(m, (1 << 48) - 1, "MAC address", span) for m in macs)
    hosts = tuple(in_range(a, WORD_MASK, "address", span) for a in addresses)
    if not links or not hosts:
        raise FilterError("a gateway needs a MAC address and an IPv4 address", span=span)
    return nodes.Gateway(protocol, links, hosts, under, span=span)


def port(
    protocol: str | None,
    direction: str,
    low: int,
    high: int,
    under: Under = (),
    *,
    span: Span | None = None,
) -> nodes.Port:
    """The bounds may come in either order."""
    if protocol is not None:
        one_of(protocol, ("tcp", "udp", "sctp"), "protocol of a port", span)
    one_of(direction, DIRECTIONS, "direction", span)
    for bound in (low, high):
        in_range(bound, 0xFFFF, "port number", span)
    return nodes.Port(protocol, direction, min(low, high), max(low, high), under, span=span)


def in_set(
    protocol: str | None,
    direction: str,
    members: nodes.NamedSet,
    under: Under = (),
    *,
    span: Span | None = None,
) -> nodes.InSet:
    one_of(members.kind, SET_PROTOCOLS, "kind of set", span)
    if protocol is not None:
        what = f"protocol of a set of {members.kind}s"
        one_of(protocol, SET_PROTOCOLS[members.kind], what, span)
    stations = WLAN_DIRECTIONS if members.kind == "mac" else ()
    one_of(direction, (*DIRECTIONS, *stations), "direction", span)
    if not members.entries:
        raise FilterError(f"the set '{members.name}' is empty", span=span)
    return nodes.InSet(protocol, direction, members, under, span=span)


def broadcast(layer: str, under: Under = (), *, span: Span | None = None) -> nodes.Broadcast:
    one_of(layer, ("link", "ip"), "layer of a broadcast", span)
    return nodes.Broadcast(layer, under, span=span)


def multicast(layer: str, under: Under = (), *, span: Span | None = None) -> nodes.Multicast:
    one_of(layer, ("link", "ip", "ip6"), "layer of a multicast", span)
    return nodes.Multicast(layer, under, span=span)


# ---------------------------------------------------------------- bytes and arithmetic


def number(value: int, *, span: Span | None = None) -> nodes.Number:
    return nodes.Number(in_range(value, WORD_MASK, "number", span), span=span)


def length(*, span: Span | None = None) -> nodes.Length:
    return nodes.Length(span=span)


def index(
    protocol: str, offset: Value, size: int, under: Under = (), *, span: Span | None = None
) -> nodes.Index:
    if protocol in RECOGNISED_PROTOCOLS and protocol not in INDEXED_PROTOCOLS:
        raise FilterError(f"'{protocol}' has no bytes to index", span=span)
    one_of(protocol, INDEXED_PROTOCOLS, "protocol", span)
    if size not in (1, 2, 4):
        raise FilterError(f"{size} bytes cannot be read at once; read 1, 2 or 4", span=span)
    limited(1 + depth_of(offset), span)
    return nodes.Index(protocol, offset, size, under, span=span)


def field_value(name: str, under: Under = (), *, span: Span | None = None) -> nodes.FieldValue:
    return nodes.FieldValue(one_of(name, FIELDS, "field", span), under, span=span)


def arithmetic(
    operator: Operator, left: Value, right: Value, *, span: Span | None = None
) -> nodes.Arithmetic:
    """left operator right; a literal right operand must not be a zero divisor or a long shift."""
    if isinstance(right, nodes.Number):
        literal_operand(operator, right)
    depth = limited(1 + max(depth_of(left), depth_of(right)), span)
    return nodes.Arithmetic(operator, left, right, span=span, depth=depth)


def negative(operand: Value, *, span: Span | None = None) -> nodes.Negative:
    depth = limited(1 + depth_of(operand), span)
    return nodes.Negative(operand, span=span, depth=depth)


def compare(relation: str, left: Value, right: Value, *, span: Span | None = None) -> nodes.Compare:
    return nodes.Compare(one_of(relation, RELATIONS, "relation", span), left, right, span=span)


def link_byte(
    offset: int, operator: str, value: int, under: Under = (), *, span: Span | None = None
) -> nodes.LinkByte:
    in_range(offset, WORD_MASK, "byte offset", span)
    one_of(operator, ("=", "<", ">", "&", "|"), "byte operator", span)
    return nodes.LinkByte(offset, operator, in_range(value, 0xFF, "byte", span), under, span=span)


# ---------------------------------------------------------------- link layers of their own


def packet_direction(
    inbound: bool, under: Under = (), *, span: Span | None = None
) -> nodes.PacketDirection:
    return nodes.PacketDirection(inbound, under, span=span)


def interface_index(
    index: int, under: Under = (), *, span: Span | None = None
) -> nodes.InterfaceIndex:
    in_range(index, WORD_MASK, "interface index", span)
    return nodes.InterfaceIndex(index, under, span=span)


def llc(kind: str | None = None, under: Under = (), *, span: Span | None = None) -> nodes.Llc:
    if kind is not None:
        one_of(kind, LLC_KINDS, "LLC type", span)
    return nodes.Llc(kind, under, span=span)


def frame_type(
    type: int, subtype: int | None = None, under: Under = (), *, span: Span | None = None
) -> nodes.FrameType:
    if type not in (0, 4, 8, 12):
        raise FilterError(f"802.11 frame type {type} is not 0, 4, 8 or 12", span=span)
    if subtype is not None and subtype & ~0xF0:
        raise FilterError(f"802.11 frame subtype {subtype:#x} has bits outside 0xf0", span=span)
    return nodes.FrameType(type, subtype, under, span=span)


def frame_direction(
    value: int, under: Under = (), *, span: Span | None = None
) -> nodes.FrameDirection:
    in_range(value, 3, "802.11 direction", span)
    return nodes.FrameDirection(value, under, span=span)


def firewall_log(
    name: str, value: int | str, under: Under = (), *, span: Span | None = None
) -> nodes.FirewallLog:
    one_of(name, (*FIREWALL_NUMBERS, *FIREWALL_TEXTS), "pf log field", span)
    if isinstance(value, str) != (name in FIREWALL_TEXTS):
        kind = "text" if name in FIREWALL_TEXTS else "a number"
        raise FilterError(f"'{name}' is compared with {kind}", span=span)
    if isinstance(value, int):
        in_range(value, WORD_MASK, f"{name} value", span)
    elif len(value.encode()) > LONGEST_FIREWALL_TEXT:
        raise FilterError(
            f"'{value}' is longer than the {LONGEST_FIREWALL_TEXT} bytes of {name}", span=span
        )
    return nodes.FirewallLog(name, value, under, span=span)


def atm_field(
    name: str,
    relation: str,
    values: Iterable[int],
    under: Under = (),
    *,
    span: Span | None = None,
) -> nodes.AtmField:
    one_of(name, ATM_FIELDS, "ATM field", span)
    checked = listed(relation, values, *ATM_FIELDS[name], span)
    return nodes.AtmField(name, relation, checked, under, span=span)


def atm_class(name: str, under: Under = (), *, span: Span | None = None) -> nodes.AtmClass:
    return nodes.AtmClass(one_of(name, ATM_CLASSES, "ATM class", span), under, span=span)


def ss7_unit(name: str, under: Under = (), *, span: Span | None = None) -> nodes.Ss7Unit:
    return nodes.Ss7Unit(one_of(name, SS7_UNITS, "SS7 unit", span), under, span=span)


def ss7_field(
    name: str,
    relation: str,
    values: Iterable[int],
    under: Under = (),
    *,
    span: Span | None = None,
) -> nodes.Ss7Field:
    one_of(name, SS7_FIELDS, "SS7 field", span)
    checked = listed(relation, values, *SS7_FIELDS[name], span)
    return nodes.Ss7Field(name, relation, checked, under, span=span)
