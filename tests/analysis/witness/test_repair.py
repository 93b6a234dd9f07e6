"""Lengths and checksums, against scapy; and what stays as a filter wants it."""

from __future__ import annotations

import struct

import pytest
from scapy.contrib.mpls import MPLS
from scapy.layers.inet import GRE, ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6, IPv6ExtHdrDestOpt
from scapy.layers.l2 import Dot1AD, Dot1Q, Ether
from scapy.layers.ppp import PPP, PPPoE
from scapy.layers.sctp import SCTP, SCTPChunkData
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet

from bpfq.analysis.witness.repair import Repairs, faults, repaired
from bpfq.analysis.witness.sums import crc32c, internet_checksum
from bpfq.analysis.witness.templates import templates
from bpfq.settings import link_type
from bpfq.targets import TARGETS

WHOLE = Repairs(("ethernet", 0))
V4, V6 = IP(src="192.0.2.1", dst="192.0.2.2"), IPv6(src="2001:db8::1", dst="2001:db8::2")
PACKETS = (
    V4 / TCP() / b"odd",
    V4 / UDP(sport=1, dport=2) / b"data",
    V4 / ICMP() / b"data",
    V4 / SCTP(sport=1, dport=2) / SCTPChunkData(data=b"data"),
    IP(src="192.0.2.1", dst="192.0.2.2", options=b"\x94\x04\0\0") / UDP(dport=9) / b"data",
    V6 / TCP() / b"data",
    V6 / UDP(sport=1, dport=2) / b"data",
    V6 / ICMPv6EchoRequest(data=b"data"),
    V6 / IPv6ExtHdrDestOpt() / UDP(sport=1, dport=2) / b"data",
    V4 / GRE() / V4 / UDP(sport=1, dport=2) / b"data",
    V4 / V6 / TCP(),
    V4
    / UDP(sport=1, dport=4789)
    / VXLAN(vni=5)
    / Ether(src="1:2:3:4:5:6", dst="7:8:9:a:b:c")
    / V4
    / TCP(),
)


def shimmed(packet: Packet) -> list[Packet]:
    ethernet = Ether(src="00:00:5e:00:53:01", dst="00:00:5e:00:53:02")
    made = [ethernet / packet, ethernet / Dot1Q(vlan=7) / packet]
    made.append(ethernet / Dot1AD(vlan=7) / Dot1Q(vlan=8) / packet)
    made.append(ethernet / MPLS(label=16, s=1) / packet)
    if packet.version == 4:
        made.append(ethernet / PPPoE(sessionid=9) / PPP() / packet)
    return made


@pytest.mark.parametrize("packet", PACKETS, ids=lambda packet: packet.summary())
def test_what_scapy_made_has_no_faults(packet: Packet) -> None:
    for whole in shimmed(packet):
        assert list(faults(WHOLE, bytes(whole))) == []
        assert repaired(WHOLE, bytes(whole)) == bytes(whole)


def test_damaged_fields_are_made_right() -> None:
    whole = bytes(Ether(dst="1:2:3:4:5:6") / V4 / UDP(sport=1, dport=2) / b"data")
    for start, size in ((16, 2), (24, 2), (38, 2), (40, 2)):
        damaged = whole[:start] + b"\x5a" * size + whole[start + size :]
        assert len(list(faults(WHOLE, damaged))) >= 1
        assert repaired(WHOLE, damaged) == whole


def test_one_field_that_may_not_change_stays_alone() -> None:
    whole = bytes(Ether(dst="1:2:3:4:5:6") / V4 / UDP(sport=1, dport=2) / b"data")
    damaged = whole[:24] + b"\x12\x34" + whole[26:40] + b"\0\0" + whole[42:]
    kept = repaired(WHOLE, damaged, lambda octets: octets[24:26] == b"\x12\x34")
    assert kept == whole[:24] + b"\x12\x34" + whole[26:]
    (right,) = struct.unpack_from(">H", whole, 24)
    assert list(faults(WHOLE, kept)) == [f"IPv4 checksum 0x1234, right would be {right:#06x}"]


def test_a_larger_length_that_may_not_change_pads_the_packet() -> None:
    whole = bytes(Ether(dst="1:2:3:4:5:6") / V4 / UDP(sport=1, dport=2) / b"data")
    damaged = whole[:16] + b"\x01\x00" + whole[18:]
    longer = repaired(WHOLE, damaged, lambda octets: octets[16:18] == b"\x01\x00")
    assert (len(longer), list(faults(WHOLE, longer))) == (14 + 256, [])


def test_a_cut_packet_has_the_lengths_of_the_whole_one() -> None:
    whole = bytes(Ether(dst="1:2:3:4:5:6") / V4 / UDP(sport=1, dport=2) / bytes(500))
    cut = Repairs(("ethernet", 0), cut=400)
    assert repaired(cut, whole[:-400])[:24] == whole[:24]
    assert [one for one in faults(cut, whole[:-400])] == []


def test_what_lies_before_byte_0_is_repaired_too() -> None:
    whole = bytes(V6 / UDP(sport=1, dport=2) / b"data")
    blank = whole[:4] + b"\0\0" + whole[6:40]
    assert repaired(Repairs(("ip", -40), blank), whole[40:]) == whole


@pytest.mark.parametrize("name", ["EN10MB", "RAW", "LINUX_SLL", "PPP", "IEEE802_11_RADIO", "NULL"])
def test_templates_have_no_faults(name: str) -> None:
    made = templates(TARGETS["file"], link_type(name))
    assert len(made) > 40
    assert [
        (template.kind, fault)
        for template in made
        for fault in faults(Repairs(template.start), template.octets)
    ] == []


def test_known_checksums() -> None:
    assert internet_checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0x220D  # RFC 1071, section 3
    assert internet_checksum(b"") == 0xFFFF
    assert internet_checksum(b"\xff\xff") == 0
    assert crc32c(b"123456789") == 0xE3069283  # RFC 3720, the check value
