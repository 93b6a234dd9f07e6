"""The link-layer type test: the frame's payload is of this type.

Types are EtherTypes; up to 1500 they are LLC service access points.  Sources: IEEE 802.2, RFC
1042 (SNAP), RFC 1661 (PPP), RFC 2427 (frame relay), RFC 1201 (ARCnet), <pcap/sll.h>.
"""

from __future__ import annotations

import socket
from collections.abc import Callable

from bpfq.errors import UnsupportedError
from bpfq.meaning.frame import Frame
from bpfq.meaning.logic import Leaf, Test, equals, every, reads, some
from bpfq.meaning.packet import Packet, Place, Reader
from bpfq.meaning.setting import Setting
from bpfq.operators import WORD_MASK
from bpfq.tables.protocols import (
    ETHERTYPE_AARP,
    ETHERTYPE_ARP,
    ETHERTYPE_ATALK,
    ETHERTYPE_DECNET,
    ETHERTYPE_IP,
    ETHERTYPE_IPV6,
    ETHERTYPE_IPX,
    ETHERTYPE_RARP,
    LARGEST_LENGTH,
    NLPID_CLNP,
    NLPID_ESIS,
    NLPID_ISIS,
    SAP_IP,
    SAP_IPX,
    SAP_ISO,
    SAP_NETBEUI,
    SAP_STP,
)

_BOTH_SAPS = (SAP_ISO, SAP_IP, SAP_NETBEUI)  # source and destination are the same
_APPLE, _ENCAPSULATED_ETHERNET = 0x08_0007, 0x00_0000  # SNAP organisation codes
_SNAP_ORGANISATIONS = {ETHERTYPE_ATALK: _APPLE, ETHERTYPE_AARP: _ENCAPSULATED_ETHERNET}

_PPP_TYPES = {
    ETHERTYPE_IP: 0x0021,
    ETHERTYPE_IPV6: 0x0057,
    ETHERTYPE_DECNET: 0x0027,
    ETHERTYPE_ATALK: 0x0029,
    0x0600: 0x0025,  # Xerox NS
    SAP_ISO: 0x0023,
    SAP_STP: 0x0031,
    SAP_IPX: 0x002B,
}
_PPP_BSDOS_IP = (0x0021, 0x002D, 0x002F)  # plain, and with Van Jacobson's header compression

_ARCNET_TYPES = {
    ETHERTYPE_IP: 0xD4,
    ETHERTYPE_ARP: 0xD5,
    ETHERTYPE_RARP: 0xD6,
    ETHERTYPE_IPV6: 0xC4,
    ETHERTYPE_ATALK: 0xDD,
}
_FRELAY_TYPES = {
    ETHERTYPE_IP: (0x03CC,),
    ETHERTYPE_IPV6: (0x038E,),
    SAP_ISO: tuple(0x0300 | nlpid for nlpid in (NLPID_CLNP, NLPID_ESIS, NLPID_ISIS)),
}
_IPNET_TYPES = {ETHERTYPE_IP: 2, ETHERTYPE_IPV6: 26}

AF_INET = 2  # the same on every system
_AF_INET6_FOREIGN = (24, 28, 30)  # NetBSD and OpenBSD, FreeBSD, Darwin

_SLL_8023, _SLL_8022 = 1, 4  # LINUX_SLL_P_802_3, LINUX_SLL_P_802_2
_JUNIPER_MAGIC = 0x4D47_4300


def type_is(frame: Frame, number: int, setting: Setting) -> Test:
    """The payload's type; raises UnsupportedError where the frame has no type field."""
    if frame.labels:
        return _over_mpls(frame, number)
    test = _TYPE_TESTS.get(frame.kind)
    if test is None:
        raise UnsupportedError(f"link-layer type filtering is not supported on {frame.name}")
    return every(frame.data, test(frame, number, setting))


def data_frame(frame: Frame) -> Test:
    """An 802.11 frame that carries data."""
    return equals(frame.link, 1, 0x08, 0x0C)


def carries_length(frame: Frame) -> Test:
    """The type field of an Ethernet frame is an 802.3 length."""
    return Leaf(lambda packet: frame.type.load(packet, 2) <= LARGEST_LENGTH)


def llc_cell(frame: Frame) -> Test:
    """A SunATM cell of the LLC kind."""
    return equals(frame.link, 1, 2, 0x0F)


def _over_mpls(frame: Frame, number: int) -> Test:
    """Nothing names the protocol: the label stack ends and the version nibble fits."""
    versions = {ETHERTYPE_IP: 0x40, ETHERTYPE_IPV6: 0x60}
    if number not in versions:
        raise UnsupportedError(f"protocol {number:#x} is not supported over mpls")
    bottom = equals(frame.net(-2), 1, 1, 1)
    return every(bottom, equals(frame.net(0), 1, versions[number], 0xF0))


def _sap(number: int) -> int:
    if number > 0xFF:
        raise UnsupportedError(f"LLC DSAP {number} is greater than the maximum 255")
    return number


def _snap(header: Place, organisation: int, number: int) -> Test:
    """The protocol and the organisation's low half are compared first."""
    low = equals(header.at(4), 4, (organisation & 0xFFFF) << 16 | number)
    return every(low, equals(header, 4, 0xAAAA_0300 | organisation >> 16))


def _ethernet(frame: Frame, number: int, setting: Setting) -> Test:
    llc = frame.payload
    typed = equals(frame.type, 2, number)
    if number in _BOTH_SAPS:
        return every(carries_length(frame), equals(llc, 2, number << 8 | number))
    if number == SAP_IPX:
        snap = _snap(llc, _ENCAPSULATED_ETHERNET, ETHERTYPE_IPX)
        bare = some(snap, equals(llc, 1, SAP_IPX), equals(llc, 2, 0xFFFF))
        typed = equals(frame.type, 2, ETHERTYPE_IPX)
        return some(typed, every(carries_length(frame), bare))
    if number in _SNAP_ORGANISATIONS:
        snap = _snap(llc, _SNAP_ORGANISATIONS[number], number)
        return some(typed, every(carries_length(frame), snap))
    if number <= LARGEST_LENGTH:
        return every(carries_length(frame), equals(llc, 1, _sap(number)))
    return typed


def _llc(frame: Frame, number: int, setting: Setting) -> Test:
    llc = frame.payload
    if number in _BOTH_SAPS:
        return equals(llc, 2, number << 8 | number)
    if number == ETHERTYPE_ATALK:
        return _snap(llc, _APPLE, number)
    if number <= LARGEST_LENGTH:
        return equals(llc, 1, _sap(number))
    return equals(llc.at(6), 2, number)


def _wlan(frame: Frame, number: int, setting: Setting) -> Test:
    return every(data_frame(frame), _llc(frame, number, setting))


def _sunatm(frame: Frame, number: int, setting: Setting) -> Test:
    return every(llc_cell(frame), _llc(frame, number, setting))


def _sll(frame: Frame, number: int, setting: Setting) -> Test:
    """Linux cooked: the type field is an EtherType, or 1 for 802.3, 4 for 802.2."""

    def typed(value: int) -> Test:
        if frame.kind == "cooked":
            return reads(_cooked_type(frame, setting), value)
        return equals(frame.type, 2, value)

    llc = frame.payload
    if number in _BOTH_SAPS:
        return every(typed(_SLL_8022), equals(llc, 2, number << 8 | number))
    if number == SAP_IPX:
        snap = _snap(llc, _ENCAPSULATED_ETHERNET, ETHERTYPE_IPX)
        bare = every(typed(_SLL_8022), some(equals(llc, 1, SAP_IPX), snap))
        return some(typed(ETHERTYPE_IPX), typed(_SLL_8023), bare)
    if number in _SNAP_ORGANISATIONS:
        snap = _snap(llc, _SNAP_ORGANISATIONS[number], number)
        return some(typed(number), every(typed(_SLL_8022), snap))
    if number <= LARGEST_LENGTH:
        return every(typed(_SLL_8022), equals(llc, 1, _sap(number)))
    return typed(number)


def _cooked_type(frame: Frame, setting: Setting) -> Reader:
    """The kernel's word for the protocol, or the last two bytes of a VLAN tag in the packet."""
    setting.require_metadata("proto")

    def reader(packet: Packet) -> int:
        in_packet = frame.tags - (setting.live and packet.word("vlanp") == 1)
        return packet.word("proto") if in_packet <= 0 else packet.load(4 * in_packet - 2, 2)

    return reader if frame.tags else lambda packet: packet.word("proto")


def _ethertype(frame: Frame, number: int, setting: Setting) -> Test:
    return equals(frame.type, 2, number)


def _ppp(frame: Frame, number: int, setting: Setting) -> Test:
    return equals(frame.type, 2, _PPP_TYPES.get(number, number))


def _ppp_bsdos(frame: Frame, number: int, setting: Setting) -> Test:
    if number == ETHERTYPE_IP:
        return some(*[equals(frame.type, 2, value) for value in _PPP_BSDOS_IP])
    return _ppp(frame, number, setting)


def _hdlc(frame: Frame, number: int, setting: Setting) -> Test:
    return equals(frame.type, 2, SAP_ISO << 8 | SAP_ISO if number == SAP_ISO else number)


def _nibble(frame: Frame, number: int, setting: Setting) -> Test:
    versions = {ETHERTYPE_IP: 0x40, ETHERTYPE_IPV6: 0x60}
    return number in versions and equals(frame.link, 1, versions[number], 0xF0)


def _ipv4(frame: Frame, number: int, setting: Setting) -> Test:
    return number == ETHERTYPE_IP


def _ipv6(frame: Frame, number: int, setting: Setting) -> Test:
    return number == ETHERTYPE_IPV6


def _families(number: int, setting: Setting) -> tuple[int, ...]:
    """The address families that mean a type; the file's system is unknown."""
    if number == ETHERTYPE_IP:
        return (AF_INET,)
    if number == ETHERTYPE_IPV6:
        return (socket.AF_INET6,) if setting.savefile is None else _AF_INET6_FOREIGN
    return ()


def _af_network(frame: Frame, number: int, setting: Setting) -> Test:
    return some(*[equals(frame.link, 4, value) for value in _families(number, setting)])


def _af_host(frame: Frame, number: int, setting: Setting) -> Test:
    """The family is in the byte order of the capturing host: little-endian, or the file's."""
    values: list[int] = []
    for family in _families(number, setting):
        if setting.savefile != "swapped":
            values.append(int.from_bytes(family.to_bytes(4, "little"), "big"))
        if setting.savefile in ("swapped", "both"):
            values.append(family)
    return some(*[equals(frame.link, 4, value) for value in values])


def _pflog(frame: Frame, number: int, setting: Setting) -> Test:
    return some(*[equals(frame.link.at(1), 1, value) for value in _families(number, setting)])


def _frelay(frame: Frame, number: int, setting: Setting) -> Test:
    values = _FRELAY_TYPES.get(number, ())
    return some(*[equals(frame.link.at(2), 2, value) for value in values])


def _arcnet(frame: Frame, number: int, setting: Setting) -> Test:
    return number in _ARCNET_TYPES and equals(frame.type, 1, _ARCNET_TYPES[number])


def _ltalk(frame: Frame, number: int, setting: Setting) -> Test:
    return number == ETHERTYPE_ATALK


def _ipnet(frame: Frame, number: int, setting: Setting) -> Test:
    return number in _IPNET_TYPES and equals(frame.type, 1, _IPNET_TYPES[number])


def _juniper(frame: Frame, number: int, setting: Setting) -> Test:
    """Only the magic number: every type matches."""
    return equals(frame.link, 4, _JUNIPER_MAGIC, WORD_MASK & ~0xFF)


_TYPE_TESTS: dict[str, Callable[[Frame, int, Setting], Test]] = {
    "ethernet": _ethernet,
    "llc": _llc,
    "wlan": _wlan,
    "sunatm": _sunatm,
    "sll": _sll,
    "cooked": _sll,
    "ethertype": _ethertype,
    "ppp": _ppp,
    "ppp_bsdos": _ppp_bsdos,
    "hdlc": _hdlc,
    "nibble": _nibble,
    "ipv4": _ipv4,
    "ipv6": _ipv6,
    "af_host": _af_host,
    "af_network": _af_network,
    "pflog": _pflog,
    "frelay": _frelay,
    "arcnet": _arcnet,
    "ltalk": _ltalk,
    "ipnet": _ipnet,
    "juniper": _juniper,
}
