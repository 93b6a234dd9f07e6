"""Arithmetic on packet bytes, and the protocols that reading those bytes implies."""

from __future__ import annotations

from typing import assert_never

from bpfq.errors import UnsupportedError
from bpfq.isa.cbpf.instructions import ANCILLARY
from bpfq.meaning.encapsulation import frame_under, tag_control, tagged
from bpfq.meaning.frame import Frame, unsupported
from bpfq.meaning.linktype import type_is
from bpfq.meaning.logic import Leaf, Test, every, holds, some
from bpfq.meaning.network import first_fragment, next_is, protocol_is
from bpfq.meaning.packet import Packet, Place, Reader
from bpfq.meaning.records import compare, related
from bpfq.meaning.setting import Setting
from bpfq.operators import calculate, wrap
from bpfq.query import nodes
from bpfq.query.nodes import Value
from bpfq.tables.fields import FIELDS, Field
from bpfq.tables.protocols import (
    ETHERTYPE_IP,
    ETHERTYPE_IPV6,
    PROTOCOLS,
)

_RADIO_HEADERS = ("PRISM_HEADER", "IEEE802_11_RADIO", "IEEE802_11_RADIO_AVS")
_BOTH_FAMILIES = ("tcp", "udp", "sctp")  # where tcp6 is asked for
_METADATA = {address: name for name, address in ANCILLARY.items()}


def comparison(node: nodes.Compare, setting: Setting) -> Test:
    """All protocols first, those of the right side before those of the left; then the values."""
    left, right = value_of(node.left, setting), value_of(node.right, setting)
    relation = node.relation
    here = Leaf(lambda packet: compare(relation, left(packet), right(packet)))
    return every(*_protocols(node.right, setting), *_protocols(node.left, setting), here)


def link_byte(node: nodes.LinkByte, setting: Setting) -> Test:
    place = _link_header(frame_under(setting, node.under), setting).at(node.offset)
    value = node.value
    match node.operator:
        case "&":
            return Leaf(lambda packet: place.load(packet, 1) & value != 0)
        case "|":
            return Leaf(lambda packet: place.load(packet, 1) | value != 0)
        case operator:
            return related(lambda packet: place.load(packet, 1), operator, value)


def value_of(value: Value, setting: Setting) -> Reader:
    """What the value is in a packet; its nesting is bounded by its constructors."""
    match value:
        case nodes.Number(constant):
            return lambda packet: constant
        case nodes.Length():
            return lambda packet: packet.length
        case nodes.Index():
            return _index(value, setting)
        case nodes.FieldValue(name, under):
            return _field(FIELDS[name], frame_under(setting, under), setting)
        case nodes.Negative(operand):
            inner = value_of(operand, setting)
            return lambda packet: wrap(-inner(packet))
        case nodes.Arithmetic(operator, left_value, right_value):
            left, right = value_of(left_value, setting), value_of(right_value, setting)
            return lambda packet: calculate(operator, left(packet), right(packet))
        case _:
            assert_never(value)


def _protocols(value: Value, setting: Setting) -> list[Test]:
    """What must be there for the value to mean anything, inner indexes first."""
    match value:
        case nodes.Number() | nodes.Length():
            return []
        case nodes.Index(name, offset, _, under):
            frame = frame_under(setting, under)
            return [*_protocols(offset, setting), _indexed(frame, name, setting)]
        case nodes.FieldValue(name, under):
            return [_field_present(FIELDS[name], frame_under(setting, under), setting)]
        case nodes.Negative(operand):
            return _protocols(operand, setting)
        case nodes.Arithmetic(_, left, right):
            return [*_protocols(left, setting), *_protocols(right, setting)]
        case _:
            assert_never(value)


# ---------------------------------------------------------------- protocols and places


def _link_header(frame: Frame, setting: Setting) -> Place:
    if setting.start != "link" and not frame.inner:
        raise UnsupportedError("the link header cannot be read: the packet starts behind it")
    return frame.link


def _over_ip(frame: Frame, name: str, setting: Setting) -> Test:
    (number,) = PROTOCOLS[name].numbers
    ip = type_is(frame, ETHERTYPE_IP, setting)
    return every(ip, protocol_is(frame, number), first_fragment(frame))


def _over_ip6(frame: Frame, name: str, setting: Setting) -> Test:
    (number,) = PROTOCOLS[name].numbers
    return every(type_is(frame, ETHERTYPE_IPV6, setting), next_is(frame, number))


def _indexed(frame: Frame, name: str, setting: Setting) -> Test:
    """The protocol's header is where an index counts from."""
    row = PROTOCOLS[name]
    match row.base:
        case "link" | "packet":
            return True
        case "network":
            return type_is(frame, row.numbers[0], setting)
        case "transport":
            over4 = _over_ip(frame, name, setting)
            both = setting.tcp6 and name in _BOTH_FAMILIES
            return some(over4, _over_ip6(frame, name, setting)) if both else over4
        case "icmp6":
            return _over_ip6(frame, name, setting)
        case _:
            raise UnsupportedError(f"'{name}' has no bytes to index")


def _base(frame: Frame, name: str, both: bool, setting: Setting) -> Place:
    """Where the protocol's header starts; both: over IPv4 or IPv6, as the packet is."""
    match PROTOCOLS[name].base:
        case "link":
            return _link_header(frame, setting)
        case "packet":
            if frame.name not in _RADIO_HEADERS:
                raise UnsupportedError(f"there is no radio header on {frame.name}")
            return Place(0)
        case "network":
            return frame.net(0)
        case "transport" if both:
            return _either_transport(frame, setting)
        case "transport":
            return frame.transport4()
        case "icmp6":
            return frame.transport6()
        case _:
            raise UnsupportedError(f"'{name}' has no bytes to index")


def _either_transport(frame: Frame, setting: Setting) -> Place:
    over4 = type_is(frame, ETHERTYPE_IP, setting)
    header = frame.net(0)

    def length(packet: Packet) -> int:
        return 4 * (header.load(packet, 1) & 15) if holds(over4, packet) else 40

    return header.moved(length)


# ---------------------------------------------------------------- index and field


def _index(node: nodes.Index, setting: Setting) -> Reader:
    frame = frame_under(setting, node.under)
    both = setting.tcp6 and node.protocol in _BOTH_FAMILIES
    place = _base(frame, node.protocol, both, setting)
    offset, size = value_of(node.offset, setting), node.size
    name = _metadata_name(node, place, setting)
    if name is not None:
        return lambda packet: packet.word(name)
    return lambda packet: place.indexed(packet, offset(packet), size)


def _metadata_name(node: nodes.Index, place: Place, setting: Setting) -> str | None:
    """Fixed offsets at the far end of the link header are the kernel's words: ether[-4048]."""
    if not setting.ancillary or node.protocol != "link" or place.variable is not None:
        return None
    at: Value = node.offset
    negative = isinstance(at, nodes.Negative)
    if isinstance(at, nodes.Negative):
        at = at.operand
    if not isinstance(at, nodes.Number):
        return None
    return _METADATA.get(wrap(place.constant + (-at.value if negative else at.value)))


def _field_present(row: Field, frame: Frame, setting: Setting) -> Test:
    if row.protocol == "vlan":
        return tagged(frame, None, setting)
    protocol = PROTOCOLS[row.protocol]
    if protocol.base == "link":
        if frame.kind != "ethernet":
            raise unsupported(f"{row.protocol}.{row.name}", frame)
        return frame.station
    over = _indexed(frame, row.protocol, setting)
    if protocol.base == "transport" and "ip6" in protocol.layers:
        return some(over, _over_ip6(frame, row.protocol, setting))
    return over


def _field(row: Field, frame: Frame, setting: Setting) -> Reader:
    if row.protocol == "vlan":
        control = tag_control(frame, setting)
        return lambda packet: (control(packet) & row.mask) >> row.shift
    both = "ip6" in PROTOCOLS[row.protocol].layers
    place = _base(frame, row.protocol, both, setting).at(row.offset)
    return lambda packet: (place.load(packet, row.size) & row.mask) >> row.shift
