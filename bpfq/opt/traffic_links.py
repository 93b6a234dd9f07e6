"""The default traffic as the link type of a target shows it.

    EN10MB          link addresses, tag, type, packet
    LINUX_SLL2      type at 0, packet at 20
    RAW             packet, IPv4 and IPv6 only
    udp (target)    what is behind the network header, UDP only

A link type that says in a way of its own what it carries has no default traffic.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final, Literal

from bpfq.opt.profile import Profile, Sample, drawn
from bpfq.opt.traffic import Packet, packets
from bpfq.tables import protocols as p
from bpfq.tables.linktypes import Layout, LinkType
from bpfq.targets import Target

_MACS: Final = {
    "unicast": bytes.fromhex("020000000105020000000203"),
    "multicast": bytes.fromhex("01005e0000fb020000000203"),
    "broadcast": bytes.fromhex("ffffffffffff020000000203"),
}
_PACKET_TYPES: Final = {"unicast": 0, "broadcast": 1, "multicast": 2}  # PACKET_HOST, ...
_INET6_LIVE, _INET6_FILE = 10, 30  # AF_INET6 of Linux and of macOS
_PPP: Final = {p.ETHERTYPE_IP: 0x0021, p.ETHERTYPE_IPV6: 0x0057}
_IP: Final = {"ipv4": (p.ETHERTYPE_IP,), "ipv6": (p.ETHERTYPE_IPV6,)}
_SNAP: Final = bytes.fromhex("aaaa03000000")
_RADIOTAP: Final = bytes.fromhex("0000080000000000")
_UDP: Final = 17
_DATA_FRAME: Final = bytes.fromhex("08000000") + bytes(20)
_COOKED = bytes.fromhex("0000 0001 0006 0211 22ff fe33 0000")  # to us, Ethernet, its address
_COOKED2 = bytes.fromhex("0000 00000002 0001 00 06 021122fffe330000")  # from interface 2, likewise


@lru_cache(maxsize=16)
def default_profile(target: Target, link: LinkType, savefile: str | None = None) -> Profile:
    """The default traffic of a target; without samples where nothing is known of the link type.

    savefile: byte order of the capture file, see ``Settings``; families are in host order.
    """
    found = []
    for number, packet in enumerate(packets()):
        sample = _sample(packet, number, target, link, savefile)
        if sample is not None:
            found.append(sample)
    return Profile(tuple(found))


def _sample(
    packet: Packet, number: int, target: Target, link: LinkType, savefile: str | None
) -> Sample | None:
    if link.layout is None:
        return None
    tagged = packet.vlan is not None
    carried = (
        target.vlan == "metadata" or target.vlan == "inline" and link.layout.kind == "ethernet"
    )
    if tagged and not carried:
        return None
    header = _header(packet, link, savefile, tagged and target.vlan == "inline")
    if header is None:
        return None
    network = b""
    octets, length = header + packet.octets, len(header) + packet.length
    if target.transport_at is not None:
        start = packet.transport
        if start is None or target.transport is not None and packet.protocol != _UDP:
            return None
        network, octets, length = octets[:start], octets[start:], length - start
    metadata = _metadata(packet, number) if target.metadata else None
    return Sample(octets, length, packet.weight, metadata, network)


def _metadata(packet: Packet, number: int) -> Mapping[str, int]:
    """The kernel's words; a random one is the same every time."""
    words = {
        "proto": packet.ethertype if packet.ethertype > 1500 else 4,  # ETH_P_802_2
        "type": _PACKET_TYPES[packet.spread],
        "ifidx": 2,
        "hatype": 1,
        "random": drawn(number),
    }
    if packet.vlan is not None:
        words |= {"vlanp": 1, "vlan_tci": packet.vlan, "vlan_tpid": p.ETHERTYPE_8021Q}
    return words


def _header(packet: Packet, link: LinkType, savefile: str | None, inline: bool) -> bytes | None:
    """What stands before the network packet; None where it cannot stand there."""
    layout, number = link.layout, packet.ethertype
    assert layout is not None
    tag = b"\x81\0" + (packet.vlan or 0).to_bytes(2, "big") if inline else b""
    code = number.to_bytes(2, "big")
    match layout.kind:
        case "ethernet":
            filling = bytes((layout.type_at or 0) - layout.header - 12)
            return bytes(layout.header) + _MACS[packet.spread] + filling + tag + code
        case "ethertype" if link.name == "LINUX_SLL2":
            return code + _COOKED2
        case "sll":
            return _COOKED + code
        case "ethertype" | "hdlc":
            start = layout.type_at or 0
            return bytes(start) + code + bytes(layout.payload - start - 2)
        case "cooked":
            return b""
        case "llc":
            return bytes(layout.payload) + _SNAP + code if number > 1500 else bytes(layout.payload)
        case "wlan" if link.name in ("IEEE802_11", "IEEE802_11_RADIO"):
            radio = _RADIOTAP if link.name == "IEEE802_11_RADIO" else b""
            return radio + _DATA_FRAME + (_SNAP + code if number > 1500 else b"")
        case _:
            return _ip_header(number, layout, savefile)


def _ip_header(number: int, layout: Layout, savefile: str | None) -> bytes | None:
    """What stands before IP where a link type carries little else."""
    if number not in _PPP:
        return None
    start = layout.type_at or 0
    family = 2 if number == p.ETHERTYPE_IP else _INET6_LIVE if savefile is None else _INET6_FILE
    order: Literal["little", "big"] = "big" if savefile == "swapped" else "little"
    match layout.kind:
        case "nibble":
            return bytes(layout.payload)
        case "ipv4" | "ipv6":
            return b"" if number in _IP[layout.kind] else None
        case "ppp":
            return b"\xff\3".rjust(start, b"\0") + _PPP[number].to_bytes(2, "big")
        case "af_host":
            return family.to_bytes(4, order) + bytes(layout.payload - 4)
        case "af_network":
            return family.to_bytes(4, "big") + bytes(layout.payload - 4)
        case _:
            return None
