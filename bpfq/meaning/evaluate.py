"""The executable meaning of a filter: does it accept this packet?

    query -> test        what the link type and the setting leave open, in order
    test, packet -> bool

Two readings.  The sequential one goes from left to right and stops early; a load past the
captured bytes ends the whole filter with "reject", below ``not`` too.  The total one reads bytes
past the end as ``fill`` gives them.  A division by zero that is reached rejects in both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import assert_never

from bpfq.meaning import linkaddress, network, records, values
from bpfq.meaning.encapsulation import encapsulation, frame_under
from bpfq.meaning.logic import Leaf, Test, choice, equals, every, holds, opposite, some
from bpfq.meaning.packet import Fill, Packet, Place, Rejected
from bpfq.meaning.setting import READINGS, SAVEFILES, STARTS, Setting
from bpfq.operators import DivisionByZero
from bpfq.query import nodes
from bpfq.query.nodes import Leaf as Primitive
from bpfq.query.nodes import Query
from bpfq.query.sets import expanded

_PPI_80211 = 0x6900_0000  # the DLT field of a PPI header, 105 in little-endian


def zeroes(address: int) -> int:
    """The plainest fill: every byte past the end is 0."""
    return 0


def evaluate(
    query: Query,
    packet: bytes,
    *,
    link: str = "EN10MB",
    reading: str = "sequential",
    wire_length: int | None = None,
    metadata: Mapping[str, int] | None = None,
    live: bool = False,
    netmask: int | None = None,
    savefile: str | None = None,
    tcp6: bool = False,
    family: int | None = None,
    protochain: int = 8,
    fill: Fill = zeroes,
    start: str = "link",
    network_header: bytes = b"",
) -> bool:
    """Whether the filter accepts the packet; options as in Setting and Meaning.accepts.

    Raises UnsupportedError for what the link type or the metadata cannot tell.
    """
    words = metadata is not None
    setting = Setting(link, live, words, netmask, savefile, tcp6, family, protochain, start)
    return meaning(query, setting).accepts(
        packet,
        reading=reading,
        wire_length=wire_length,
        metadata=metadata,
        fill=fill,
        network_header=network_header,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Meaning:
    """A query's meaning in one setting, for any number of packets."""

    test: Test

    def accepts(
        self,
        packet: bytes,
        *,
        reading: str = "sequential",
        wire_length: int | None = None,
        metadata: Mapping[str, int] | None = None,
        fill: Fill = zeroes,
        network_header: bytes = b"",
    ) -> bool:
        """packet: the captured bytes; wire_length: as many where it is None.

        network_header: what lies before byte 0 where the filter starts at the transport header.
        """
        if reading not in READINGS:
            raise ValueError(f"unknown reading '{reading}'")
        length = len(packet) if wire_length is None else wire_length
        beyond = fill if reading == "total" else None
        try:
            return holds(self.test, Packet(network_header + packet, length, metadata, beyond))
        except (Rejected, DivisionByZero):
            return False


def meaning(query: Query, setting: Setting) -> Meaning:
    """Settle what the link type and the setting settle; raises UnsupportedError."""
    if setting.start not in STARTS:
        raise ValueError(f"unknown start '{setting.start}'")
    if setting.savefile not in (None, *SAVEFILES):
        raise ValueError(f"unknown byte order of a file '{setting.savefile}'")
    test = _combined(query, setting)
    if setting.link == "PPI" and setting.start == "link" and not isinstance(query, nodes.Constant):
        test = every(equals(Place(4), 4, _PPI_80211), test)
    return Meaning(test)


def _combined(query: Query, setting: Setting) -> Test:
    """Operands before operators, without recursion."""
    work: list[tuple[Query, bool]] = [(query, False)]
    done: list[Test] = []
    while work:
        node, operands_done = work.pop()
        match node:
            case nodes.And(operands) | nodes.Or(operands):
                parts: tuple[Query, ...] = operands
            case nodes.Not(operand):
                parts = (operand,)
            case nodes.When(condition, then, otherwise):
                parts = (condition, then, otherwise)
            case _:
                done.append(_primitive(node, setting))
                continue
        if not operands_done:
            work.append((node, True))
            work.extend((part, False) for part in reversed(parts))
            continue
        tests = done[len(done) - len(parts) :]
        del done[len(done) - len(parts) :]
        done.append(_operator(node, tests))
    (test,) = done
    return test


def _operator(node: nodes.And | nodes.Or | nodes.Not | nodes.When, tests: list[Test]) -> Test:
    match node:
        case nodes.And():
            return every(*tests)
        case nodes.Or():
            return some(*tests)
        case nodes.Not():
            return opposite(*tests)
        case nodes.When():
            return choice(*tests)
        case _:
            assert_never(node)


def _primitive(node: Primitive, setting: Setting) -> Test:
    match node:
        case nodes.Constant(value):
            return value
        case nodes.Sample(threshold):
            setting.require_metadata("rand")
            return Leaf(lambda packet: packet.word("random") < threshold)
        case nodes.Compare():
            return values.comparison(node, setting)
        case nodes.LinkByte():
            return values.link_byte(node, setting)
        case nodes.Encapsulation():
            return encapsulation(node, setting)
        case nodes.Protocol() | nodes.ProtocolNumber() | nodes.ProtocolChain():
            return _protocol(node, setting)
        case nodes.Address4() | nodes.Address6() | nodes.DecnetAddress() | nodes.Port():
            return _address(node, setting)
        case nodes.InSet():
            return _combined(expanded(node), setting)
        case nodes.Broadcast() | nodes.Multicast():
            return _group(node, setting)
        case _:
            return _link_primitive(node, setting)


def _protocol(
    node: nodes.Protocol | nodes.ProtocolNumber | nodes.ProtocolChain, setting: Setting
) -> Test:
    frame = frame_under(setting, node.under)
    match node:
        case nodes.Protocol(name):
            return network.protocol(frame, name, setting)
        case nodes.ProtocolNumber(layer, number):
            return network.protocol_number(frame, layer, number, setting)
        case nodes.ProtocolChain(layer, number):
            return network.protocol_chain(frame, layer, number, setting)
        case _:
            assert_never(node)


def _address(
    node: nodes.Address4 | nodes.Address6 | nodes.DecnetAddress | nodes.Port, setting: Setting
) -> Test:
    frame = frame_under(setting, node.under)
    match node:
        case nodes.Address4():
            return network.address4(frame, node, setting)
        case nodes.Address6():
            return network.address6(frame, node, setting)
        case nodes.DecnetAddress():
            return network.decnet_address(frame, node, setting)
        case nodes.Port():
            return network.port(frame, node, setting)
        case _:
            assert_never(node)


def _group(node: nodes.Broadcast | nodes.Multicast, setting: Setting) -> Test:
    frame = frame_under(setting, node.under)
    match node:
        case nodes.Broadcast("link"):
            return linkaddress.broadcast(frame)
        case nodes.Broadcast():
            return network.ip_broadcast(frame, setting)
        case nodes.Multicast("link"):
            return linkaddress.multicast(frame)
        case nodes.Multicast(layer):
            return network.ip_multicast(frame, layer, setting)
        case _:
            assert_never(node)


_LinkPrimitive = (
    nodes.MacAddress
    | nodes.StationAddress
    | nodes.Gateway
    | nodes.PacketDirection
    | nodes.InterfaceIndex
    | nodes.Llc
    | nodes.FrameType
    | nodes.FrameDirection
    | nodes.FirewallLog
    | nodes.AtmField
    | nodes.AtmClass
    | nodes.Ss7Unit
    | nodes.Ss7Field
)


def _link_primitive(node: _LinkPrimitive, setting: Setting) -> Test:
    frame = frame_under(setting, node.under)
    match node:
        case nodes.MacAddress(direction, addresses):
            return linkaddress.mac_address(frame, direction, addresses)
        case nodes.StationAddress():
            return linkaddress.station_address(frame, node)
        case nodes.Gateway():
            return linkaddress.gateway(frame, node, setting)
        case nodes.PacketDirection(inbound):
            return records.packet_direction(frame, inbound, setting)
        case nodes.InterfaceIndex(index):
            return records.interface_index(frame, index, setting)
        case nodes.Llc(kind):
            return linkaddress.llc(frame, kind)
        case nodes.FrameType():
            return linkaddress.frame_type(frame, node)
        case nodes.FrameDirection():
            return linkaddress.frame_direction(frame, node)
        case nodes.FirewallLog():
            return records.firewall_log(frame, node)
        case nodes.AtmField():
            return records.atm_field(frame, node)
        case nodes.AtmClass(name):
            return records.atm_class(frame, name)
        case nodes.Ss7Unit(name):
            return records.ss7_unit(frame, name)
        case nodes.Ss7Field():
            return records.ss7_field(frame, node)
        case _:
            assert_never(node)
