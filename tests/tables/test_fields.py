"""Every field's place and width against scapy's own encoding."""

from __future__ import annotations

import pytest

from bpfq.tables.fields import ADDRESS_FIELDS, FIELDS

from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest, ICMPv6PacketTooBig, IPv6
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.layers.sctp import SCTP

try:
    from scapy.layers.igmp import IGMP
except ImportError:  # scapy before 2.8
    from scapy.contrib.igmp import IGMP

ARP_NAMES = {
    **{"hwtype": "hwtype", "ptype": "ptype", "hwlen": "hwlen", "plen": "plen", "op": "op"},
    **{"spa": "psrc", "tpa": "pdst", "sha": "hwsrc", "tha": "hwdst"},
}
TCP_FLAGS = {
    **{"fin": 0x01, "syn": 0x02, "rst": 0x04, "psh": 0x08, "ack": 0x10, "urg": 0x20},
    **{"ece": 0x40, "cwr": 0x80, "ns": 0x100},
}

# bpfq's field -> scapy's layer and field, the value that sets all the field's bits
LAYERS = {
    **{f"link.{n}": (Ether, n) for n in ("dst", "src", "type")},
    **{"vlan.pcp": (Dot1Q, "prio"), "vlan.dei": (Dot1Q, "dei"), "vlan.id": (Dot1Q, "vlan")},
    **{f"ip.{n}": (IP, n) for n in ("version", "ihl", "tos", "len", "id", "flags", "frag")},
    **{f"ip.{n}": (IP, n) for n in ("ttl", "proto", "chksum", "src", "dst")},
    **{f"ip6.{n}": (IPv6, n) for n in ("version", "tc", "plen", "nh", "hlim", "src", "dst")},
    "ip6.flow": (IPv6, "fl"),
    **{f"tcp.{n}": (TCP, n) for n in ("sport", "dport", "seq", "window", "chksum")},
    **{"tcp.ack_number": (TCP, "ack"), "tcp.data_offset": (TCP, "dataofs")},
    "tcp.urgent": (TCP, "urgptr"),
    **{f"udp.{n}": (UDP, n) for n in ("sport", "dport", "len", "chksum")},
    **{f"sctp.{n}": (SCTP, n) for n in ("sport", "dport", "tag", "chksum")},
    **{f"icmp.{n}": (ICMP, n) for n in ("type", "code", "chksum", "id", "seq")},
    **{"icmp.gateway": (ICMP, "gw"), "icmp.mtu": (ICMP, "nexthopmtu")},
    **{f"icmp6.{n}": (ICMPv6EchoRequest, n) for n in ("type", "code", "id", "seq")},
    **{"icmp6.chksum": (ICMPv6EchoRequest, "cksum"), "icmp6.mtu": (ICMPv6PacketTooBig, "mtu")},
    **{"igmp.type": (IGMP, "type"), "igmp.max_resp": (IGMP, "mrcode")},
    **{"igmp.chksum": (IGMP, "chksum"), "igmp.group": (IGMP, "gaddr")},
    **{f"arp.{n}": (ARP, scapy_name) for n, scapy_name in ARP_NAMES.items()},
    **{f"rarp.{n}": (ARP, scapy_name) for n, scapy_name in ARP_NAMES.items()},
}
PARTS = {  # parts of a scapy field: layer, field, all the part's bits
    **{"ip.dscp": (IP, "tos", 0xFC), "ip.ecn": (IP, "tos", 0x03)},
    **{"ip6.dscp": (IPv6, "tc", 0xFC), "ip6.ecn": (IPv6, "tc", 0x03)},
    **{"ip.flags.rb": (IP, "flags", 4), "ip.flags.df": (IP, "flags", 2)},
    **{"ip.flags.mf": (IP, "flags", 1), "tcp.flags": (TCP, "flags", 0xFF)},
    **{f"tcp.flags.{name}": (TCP, "flags", bit) for name, bit in TCP_FLAGS.items()},
}

FIXED = {  # what scapy would otherwise compute, or what makes the field exist
    IP: {"ihl": 0, "len": 0, "chksum": 0, "version": 0, "src": "0.0.0.0", "dst": "0.0.0.0"},
    IPv6: {"version": 0, "plen": 0, "src": "::", "dst": "::"},
    TCP: {"dataofs": 0, "chksum": 0, "flags": 0},
    UDP: {"len": 0, "chksum": 0},
    SCTP: {"chksum": 0},
    ICMP: {"chksum": 0, "type": 8},
    ICMPv6EchoRequest: {"cksum": 0, "type": 0},
    ICMPv6PacketTooBig: {"cksum": 0},
    IGMP: {"chksum": 0, "type": 0, "mrcode": 0, "gaddr": "0.0.0.0"},
    ARP: {
        **{"hwlen": 6, "plen": 4, "hwtype": 1, "ptype": 0x0800},
        **{"hwsrc": "00:00:00:00:00:00", "psrc": "0.0.0.0"},
        **{"hwdst": "00:00:00:00:00:00", "pdst": "0.0.0.0"},
    },
    Ether: {"dst": "00:00:00:00:00:00", "src": "00:00:00:00:00:00", "type": 0},
    Dot1Q: {"type": 0},
}
ICMP_TYPES = {"gw": 5, "nexthopmtu": 3}
ICMP_CODES = {"nexthopmtu": 4}
FIXED_PART = {"hwlen": 8, "plen": 8}  # bytes; these fields change the width of later ones


def packet(layer: type, name: str, **values: object) -> bytes:
    fixed = dict(FIXED[layer])
    if layer is ICMP:
        fixed["type"], fixed["code"] = ICMP_TYPES.get(name, 0), ICMP_CODES.get(name, 0)
    return bytes(layer(**{**fixed, **values}))[: FIXED_PART.get(name, 40)].ljust(40, b"\0")


def changed(layer: type, name: str, low: object, high: object) -> tuple[int, int]:
    """The bits that scapy sets for a field, as a number over 40 bytes."""
    before = packet(layer, name, **{name: low})
    after = packet(layer, name, **{name: high})
    return int.from_bytes(before, "big") ^ int.from_bytes(after, "big")


def bits(offset: int, size: int, mask: int) -> int:
    return mask << 8 * (40 - offset - size)


def ones(width: int, name: str) -> tuple[object, object]:
    """The field's lowest and highest value as scapy wants it."""
    if width == 128:
        return "::", ":".join(["ffff"] * 8)
    if width == 48:
        return "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff"
    if name in ("src", "dst", "psrc", "pdst", "gaddr", "gw"):
        return "0.0.0.0", "255.255.255.255"
    return 0, (1 << width) - 1


@pytest.mark.parametrize("field", sorted(set(FIELDS) & set(LAYERS)))
def test_field_stands_where_scapy_writes_it(field: str) -> None:
    row, (layer, name) = FIELDS[field], LAYERS[field]
    low, high = ones(row.mask.bit_count(), name)
    assert changed(layer, name, low, high) == bits(row.offset, row.size, row.mask)


@pytest.mark.parametrize("field", sorted(PARTS))
def test_part_of_a_field_stands_where_scapy_writes_it(field: str) -> None:
    row, (layer, name, value) = FIELDS[field], PARTS[field]
    assert changed(layer, name, 0, value) == bits(row.offset, row.size, row.mask)


@pytest.mark.parametrize("field", sorted(ADDRESS_FIELDS))
def test_address_stands_where_scapy_writes_it(field: str) -> None:
    row, (layer, name) = ADDRESS_FIELDS[field], LAYERS[field]
    low, high = ones(8 * row.size, name)
    assert changed(layer, name, low, high) == bits(row.offset, row.size, (1 << 8 * row.size) - 1)


def test_every_field_is_compared_with_scapy() -> None:
    assert {*FIELDS, *ADDRESS_FIELDS} == {*LAYERS, *PARTS}


@pytest.mark.parametrize("field", sorted(FIELDS))
def test_shift_brings_the_lowest_bit_of_the_mask_to_the_right(field: str) -> None:
    row = FIELDS[field]
    assert row.mask >> row.shift << row.shift == row.mask
    assert row.mask >> row.shift & 1 == 1
    assert row.mask < 1 << 8 * row.size
