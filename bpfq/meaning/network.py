"""Network and transport layers: protocols, addresses, ports, extension headers.

Sources: RFC 791, RFC 8200, RFC 826, RFC 903, RFC 4302 (AH); ISO/IEC TR 9577 and ISO 10589;
DECnet Phase IV routing.
"""

from __future__ import annotations

from bpfq.errors import UnsupportedError
from bpfq.meaning.frame import Frame
from bpfq.meaning.linktype import type_is
from bpfq.meaning.logic import Leaf, Test, directed, equals, every, opposite, some
from bpfq.meaning.packet import Packet, Place
from bpfq.meaning.setting import Setting
from bpfq.operators import WORD_MASK, wrap
from bpfq.query import nodes
from bpfq.tables.protocols import (
    ETHERTYPE_ARP,
    ETHERTYPE_DECNET,
    ETHERTYPE_IP,
    ETHERTYPE_IPV6,
    ETHERTYPE_RARP,
    NLPID_ISIS,
    PROTO_FRAGMENT,
    PROTO_SCTP,
    PROTO_TCP,
    PROTO_UDP,
    PROTOCOLS,
    SAP_ISO,
)

_TRANSPORTS = {"tcp": PROTO_TCP, "udp": PROTO_UDP, "sctp": PROTO_SCTP}
_NO_NEXT_HEADER = 59
_AUTHENTICATION = 51  # length in words of 4 bytes, less 2; RFC 4302
_EXTENSIONS = (0, 60, 43, PROTO_FRAGMENT)  # length in words of 8 bytes, less 1; RFC 8200

# EtherType, source and destination address in the network header
_ADDRESSES4 = {
    "ip": (ETHERTYPE_IP, 12, 16),
    "arp": (ETHERTYPE_ARP, 14, 24),
    "rarp": (ETHERTYPE_RARP, 14, 24),
}


# ---------------------------------------------------------------- protocols


def protocol_is(frame: Frame, number: int) -> Test:
    """The IPv4 header's protocol field."""
    return equals(frame.net(9), 1, number)


def next_is(frame: Frame, number: int) -> Test:
    """The IPv6 header's next-header field."""
    return equals(frame.net(6), 1, number)


def first_fragment(frame: Frame) -> Test:
    """Not a later fragment of an IPv4 packet."""
    place = frame.net(6)
    return Leaf(lambda packet: place.load(packet, 2) & 0x1FFF == 0)


def protocol(frame: Frame, name: str, setting: Setting) -> Test:
    """The protocol that a word names, whichever of its layers and numbers it is."""
    row = PROTOCOLS[name]
    tests = [
        protocol_number(frame, layer, number, setting)
        for layer in row.layers
        for number in row.numbers
    ]
    if not tests:
        raise UnsupportedError(f"'{name}' is not a protocol that packets can be tested for")
    return some(*tests)


def protocol_number(frame: Frame, layer: str, number: int, setting: Setting) -> Test:
    match layer:
        case "link":
            return type_is(frame, number, setting)
        case "ip":
            return every(type_is(frame, ETHERTYPE_IP, setting), protocol_is(frame, number))
        case "ip6":
            fragment = every(next_is(frame, PROTO_FRAGMENT), equals(frame.net(40), 1, number))
            here = some(next_is(frame, number), fragment)
            return every(type_is(frame, ETHERTYPE_IPV6, setting), here)
        case "iso":
            return _iso(frame, number, setting)
        case "isis":
            at = 5 if frame.kind == "hdlc" else 4
            here = _iso(frame, NLPID_ISIS, setting)
            return every(here, equals(frame.osi(at), 1, number, 0x1F))
        case _:
            ip4 = protocol_number(frame, "ip", number, setting)
            return some(ip4, protocol_number(frame, "ip6", number, setting))


def _iso(frame: Frame, number: int, setting: Setting) -> Test:
    """An OSI network-layer protocol; HDLC puts a byte before it."""
    if frame.kind == "frelay":
        return equals(frame.link.at(2), 2, 0x0300 | number)
    at = 1 if frame.kind == "hdlc" else 0
    return every(type_is(frame, SAP_ISO, setting), equals(frame.osi(at), 1, number))


def protocol_chain(frame: Frame, layer: str, number: int, setting: Setting) -> Test:
    """The protocol stands somewhere in the chain of at most setting.protochain headers."""
    if frame.kind in ("wlan", "pflog"):
        raise UnsupportedError("'protochain' is not supported with variable length headers")
    tests: list[Test] = []
    if layer != "ip6":
        walk4 = Leaf(lambda packet: _walk(packet, frame, 4, number, setting.protochain))
        tests.append(every(type_is(frame, ETHERTYPE_IP, setting), walk4))
    if layer != "ip":
        walk6 = Leaf(lambda packet: _walk(packet, frame, 6, number, setting.protochain))
        tests.append(every(type_is(frame, ETHERTYPE_IPV6, setting), walk6))
    return some(*tests)


def _walk(packet: Packet, frame: Frame, family: int, wanted: int, bound: int) -> bool:
    """Skip up to bound headers; over IPv4 only authentication headers."""
    network = frame.net(0)
    if family == 4:
        found = frame.net(9).load(packet, 1)
        at = 4 * (network.load(packet, 1) & 15)
    else:
        found, at = frame.net(6).load(packet, 1), 40
    for _ in range(bound):
        if found in (wanted, _NO_NEXT_HEADER):
            break
        if found == _AUTHENTICATION:
            unit, extra = 4, 2
        elif family == 6 and found in _EXTENSIONS:
            unit, extra = 8, 1
        else:
            break
        found = network.indexed(packet, at, 1)
        length = network.at(1).indexed(packet, at, 1)
        at = wrap(at + (length + extra) * unit)
    return found == wanted


# ---------------------------------------------------------------- addresses


def address4(frame: Frame, node: nodes.Address4, setting: Setting) -> Test:
    return some(
        *[
            every(
                type_is(frame, _ADDRESSES4[name][0], setting),
                _hosts4(frame, name, node.direction, node.networks),
            )
            for name in _families4(frame, node.protocol)
        ]
    )


def _families4(frame: Frame, name: str | None) -> tuple[str, ...]:
    """Behind MPLS labels an address without a protocol is an IPv4 one only."""
    if name is not None:
        return (name,)
    return ("ip",) if frame.labels else tuple(_ADDRESSES4)


def _hosts4(
    frame: Frame, name: str, direction: str, networks: tuple[nodes.Network, ...]
) -> Test:
    _, source, destination = _ADDRESSES4[name]
    return some(
        *[
            directed(
                direction,
                _masked(frame.net(source), network),
                _masked(frame.net(destination), network),
            )
            for network in networks
        ]
    )


def _masked(place: Place, network: nodes.Network) -> Test:
    """A word whose mask is 0 is not even read."""
    address, mask = network
    if mask == 0:
        return address == 0
    return equals(place, 4, address, None if mask == WORD_MASK else mask)


def address6(frame: Frame, node: nodes.Address6, setting: Setting) -> Test:
    tests = [
        directed(node.direction, _masked6(frame.net(8), network), _masked6(frame.net(24), network))
        for network in node.networks
    ]
    return every(type_is(frame, ETHERTYPE_IPV6, setting), some(*tests))


def _masked6(place: Place, network: nodes.Network) -> Test:
    """Four words, the first one first."""
    address, mask = network
    tests: list[Test] = []
    for at in (0, 4, 8, 12):
        shift = 96 - 8 * at
        word = (address >> shift & WORD_MASK, mask >> shift & WORD_MASK)
        tests.append(_masked(place.at(at), word))
    return every(*tests)


def not_from_hosts(
    frame: Frame, name: str | None, addresses: tuple[int, ...], setting: Setting
) -> Test:
    """An IPv4, ARP or RARP packet neither from nor to one of the addresses."""
    hosts = tuple((address, WORD_MASK) for address in addresses)
    return some(
        *[
            every(
                type_is(frame, _ADDRESSES4[family][0], setting),
                opposite(_hosts4(frame, family, "src or dst", hosts)),
            )
            for family in _families4(frame, name)
        ]
    )


def ip_broadcast(frame: Frame, setting: Setting) -> Test:
    """The host part of the IPv4 destination is all zeroes or all ones."""
    if setting.netmask is None:
        raise UnsupportedError("the netmask is not known, which 'ip broadcast' needs: --netmask")
    hosts = WORD_MASK & ~setting.netmask
    place = frame.net(16)
    ends = some(equals(place, 4, 0, hosts), equals(place, 4, hosts, hosts))
    return every(type_is(frame, ETHERTYPE_IP, setting), ends)


def ip_multicast(frame: Frame, layer: str, setting: Setting) -> Test:
    if layer == "ip":
        return every(type_is(frame, ETHERTYPE_IP, setting), equals(frame.net(16), 1, 0xE0, 0xF0))
    return every(type_is(frame, ETHERTYPE_IPV6, setting), equals(frame.net(24), 1, 0xFF))


def decnet_address(frame: Frame, node: nodes.DecnetAddress, setting: Setting) -> Test:
    swapped = int.from_bytes(node.address.to_bytes(2, "little"), "big")
    here = directed(
        node.direction, _decnet_source(frame, swapped), _decnet_destination(frame, swapped)
    )
    return every(type_is(frame, ETHERTYPE_DECNET, setting), here)


def _decnet_source(frame: Frame, swapped: int) -> Test:
    """Short header (flags 2) or long one (6), each with or without one byte of padding."""
    plain, padded = frame.net(2), frame.net(3)
    tests: list[Test] = []
    for flags, at in ((2, 3), (6, 15)):
        tests.append(every(equals(plain, 1, flags, 7), equals(plain.at(at), 2, swapped)))
        marked = equals(plain, 2, 0x8100 | flags, 0xFF07)
        tests.append(every(marked, equals(padded.at(at), 2, swapped)))
    return some(*tests)


def _decnet_destination(frame: Frame, swapped: int) -> Test:
    """As the source; short headers are compared together with the address."""
    plain, padded = frame.net(2), frame.net(3)
    return some(
        equals(plain, 4, 0x0200_0000 | swapped << 8, 0x07FF_FF00),
        equals(plain, 4, 0x8102_0000 | swapped, 0xFF07_FFFF),
        every(equals(plain, 1, 6, 7), equals(plain.at(7), 2, swapped)),
        every(equals(plain, 2, 0x8106, 0xFF07), equals(padded.at(7), 2, swapped)),
    )


# ---------------------------------------------------------------- ports


def port(frame: Frame, node: nodes.Port, setting: Setting) -> Test:
    """IPv6 comes first; neither its extension headers nor fragments are followed."""
    names = tuple(_TRANSPORTS) if node.protocol is None else (node.protocol,)
    numbers = [_TRANSPORTS[name] for name in names]
    over6 = every(
        type_is(frame, ETHERTYPE_IPV6, setting),
        some(*[next_is(frame, number) for number in numbers]),
        _ports(frame.transport6(), node),
    )
    over4 = every(
        type_is(frame, ETHERTYPE_IP, setting),
        some(*[protocol_is(frame, number) for number in numbers]),
        first_fragment(frame),
        _ports(frame.transport4(), node),
    )
    return some(over6, over4)


def _ports(header: Place, node: nodes.Port) -> Test:
    def within(place: Place) -> Test:
        return Leaf(lambda packet: node.low <= place.load(packet, 2) <= node.high)

    return directed(node.direction, within(header), within(header.at(2)))

