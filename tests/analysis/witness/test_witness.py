"""What witnesses look like."""

from __future__ import annotations

from typing import Any

import pytest
from scapy.layers.inet import IP
from scapy.layers.l2 import Ether

import bpfq
from bpfq.analysis.witness.found import Witness

from .meanings import interpreted, means


@pytest.mark.parametrize(
    ("text", "summary", "size"),
    [
        ("", "TCP 192.0.2.1:1024 > 192.0.2.2:80 S", 54),
        ("ip", "TCP 192.0.2.1:1024 > 192.0.2.2:80 S", 54),
        ("ip6", "TCP [2001:db8::1]:1024 > [2001:db8::2]:80 S", 74),
        ("arp", "ARP who-has 192.0.2.2 tell 192.0.2.1", 42),
        ("arp[6:2] = 2", "ARP 192.0.2.1 is-at 00:00:5e:00:53:01", 42),
        ("udp port 53", "UDP 192.0.2.1:1024 > 192.0.2.2:53", 71),
        ("tcp dst port 443", "TCP 192.0.2.1:1024 > 192.0.2.2:443 S", 54),
        ("tcp port 443", "TCP 192.0.2.1:1024 > 192.0.2.2:443 S", 54),
        ("tcp src port 443", "TCP 192.0.2.1:443 > 192.0.2.2:80 S", 54),
        ("tcp[tcpflags] = tcp-syn|tcp-ack", "TCP 192.0.2.1:1024 > 192.0.2.2:80 S.", 54),
        ("src net 10.0.0.0/8 and udp", "UDP 10.0.2.1:1024 > 192.0.2.2:53", 71),
        ("icmp[icmptype] = icmp-echoreply", "ICMP 192.0.2.1 > 192.0.2.2", 74),
        ("ip proto 89", "ospf 192.0.2.1 > 192.0.2.2", 66),
        ("ip[6:2] & 0x1fff != 0", "UDP 192.0.2.1 > 192.0.2.2 fragment at 1480", 66),
        ("ether proto 0x88cc", "EtherType 0x88cc 00:00:5e:00:53:01 > 00:00:5e:00:53:02", 62),
        ("stp", "802.3 00:00:5e:00:53:01 > 01:80:c2:00:00:00", 52),
        ("vlan 7 and ip6", "vlan 7 TCP [2001:db8::1]:1024 > [2001:db8::2]:80 S", 78),
        ("vlan 300 and vlan 400 and ip",
         "vlan 300 vlan 400 TCP 192.0.2.1:1024 > 192.0.2.2:80 S", 62),
        ("mpls 1000 and mpls 2000 and tcp",
         "mpls 1000 mpls 2000 TCP 192.0.2.1:1024 > 192.0.2.2:80 S", 62),
        ("pppoes 9 and udp", "pppoe 9 UDP 192.0.2.1:1024 > 192.0.2.2:53", 79),
        ("vxlan 5 and arp", "UDP 192.0.2.1:49152 > 192.0.2.2:4789", 92),
        ("geneve and tcp port 80", "UDP 192.0.2.1:49152 > 192.0.2.2:6081", 104),
        ("len > 1000 and udp", "UDP 192.0.2.1:1024 > 192.0.2.2:53", 1001),
        ("udp[40] = 0x41", "UDP 192.0.2.1:1024 > 192.0.2.2:53", 75),
    ],
)  # fmt: skip
def test_the_nearest_packet_is_a_plain_one(text: str, summary: str, size: int) -> None:
    (found,) = bpfq.witness(text)
    assert (found.summary, len(found.octets), found.wire_length) == (summary, size, size)


@pytest.mark.parametrize(
    ("target", "text", "summary"),
    [
        ("packet", "vlan 100 and udp", "vlan 100 UDP 192.0.2.1:1024 > 192.0.2.2:53"),
        ("packet-cooked", "vlan 7 and arp", "vlan 7 ARP who-has 192.0.2.2 tell 192.0.2.1"),
        ("packet-cooked", "ip6", "TCP [2001:db8::1]:1024 > [2001:db8::2]:80 S"),
        ("raw4", "udp port 67", "UDP 192.0.2.1:1024 > 192.0.2.2:67"),
        ("raw6", "icmp6[0] = 135", "IPv6-ICMP 2001:db8::1 > 2001:db8::2"),
        ("raw6", "src host 2001:db8::7", "TCP [2001:db8::7]:1024 > [2001:db8::2]:80 S"),
        ("udp", "dst port 5353", "UDP 192.0.2.1:1024 > 192.0.2.2:5353"),
        ("xt_bpf", "tcp[13] = 2", "TCP 192.0.2.1:1024 > 192.0.2.2:80 S"),
        ("tc", "inbound and arp", "ARP who-has 192.0.2.2 tell 192.0.2.1"),
    ],
)
def test_a_target_gets_the_packet_that_it_would_see(target: str, text: str, summary: str) -> None:
    program = bpfq.compile(text, target=target)
    (found,) = bpfq.witness(program)
    assert found.summary == summary
    assert (interpreted(program, found), means(program.query, program, found)) == (True, True)


def test_a_tag_that_the_kernel_keeps_is_back_in_the_frame() -> None:
    (found,) = bpfq.witness("vlan 100 and arp", target="packet")
    assert found.metadata == {"vlanp": 1, "vlan_tci": 100}
    assert found.octets[12:14] == b"\x08\x06"
    assert found.frame.octets == found.octets[:12] + b"\x81\x00\x00\x64" + found.octets[12:]
    assert (found.frame.link, found.frame.length) == ("EN10MB", found.wire_length + 4)


def test_what_lies_before_byte_0_is_in_the_frame() -> None:
    (found,) = bpfq.witness("dst port 53", target="udp")
    assert (found.frame.link, found.frame.octets) == ("RAW", found.network_header + found.octets)
    assert IP(found.frame.octets).len == len(found.frame.octets)


def recomputed(packet: Any) -> bytes:
    """The packet with every length and checksum left to scapy."""
    for layer in packet.iterpayloads():
        for name in ("chksum", "len", "plen", "ihl", "cksum"):
            if name in layer.fields:
                delattr(layer, name)
    return bytes(packet)


@pytest.mark.parametrize(
    "text",
    ["tcp", "udp", "icmp", "icmp6", "ip6 and udp", "tcp[12] = 0x50 and tcp[20:2] = 7",
     "len > 300 and ip6 and tcp",
     "ip[8] = 9 and sctp", "vlan 5 and udp src port 9", "udp[8:4] = 1", "ip[0] & 15 > 5 and tcp",
     "ether[60:4] = 0x01020304 and tcp", "vlan 9 and vlan 8 and icmp", "ip[2:2] > 700 and udp"],
)  # fmt: skip
def test_lengths_and_checksums_are_what_scapy_computes(text: str) -> None:
    whole = f"({text}) and not (ip[6:2] & 0x3fff != 0) and not ip6 proto 44"
    for found in bpfq.witness(whole, 5, checksums=True):
        assert bytes(found.octets) == recomputed(Ether(found.octets)), found


def test_a_checksum_that_the_filter_wants_stays_and_is_told() -> None:
    (found,) = bpfq.witness("ip[10:2] = 0x1234")
    assert found.faults == ("IPv4 checksum 0x1234, right would be 0xb6cb",)
    assert found.octets[24:26] == b"\x12\x34"


def test_checksums_refuse_a_filter_that_wants_a_wrong_one() -> None:
    with pytest.raises(bpfq.FilterError) as refused:
        bpfq.witness("ip[10:2] = 0x1234", checksums=True)
    assert str(refused.value) == (
        "the filter wants a wrong packet: IPv4 checksum 0x1234, right would be 0xb6cb"
    )


def test_a_packet_whose_checksum_the_filter_leaves_free_is_preferred() -> None:
    (found,) = bpfq.witness("ether[len - 4:4] = 0xdeadbeef")
    assert found.faults == ()


def test_witnesses_differ_in_kind() -> None:
    found = bpfq.witness("tcp dst port 443", 6)
    assert [(one.summary, one.wire_length) for one in found] == [
        ("TCP 192.0.2.1:1024 > 192.0.2.2:443 S", 54),
        ("TCP [2001:db8::1]:1024 > [2001:db8::2]:443 S", 74),
        ("TCP 192.0.2.1:1024 > 192.0.2.2:443 P.", 72),
        ("TCP 192.0.2.1:1024 > 192.0.2.2:443 S", 58),
        ("TCP [2001:db8::1]:1024 > [2001:db8::2]:443 P.", 92),
        ("TCP [2001:db8::1]:1024 > [2001:db8::2]:443 S", 78),
    ]


def test_fewer_than_asked_for_where_there_are_no_other_kinds() -> None:
    assert len(bpfq.witness("ether[0:4] = 0 and ether[4:4] = 0 and len = 8", 9)) == 1


def test_the_same_filter_has_the_same_witnesses() -> None:
    text = "host 10.0.0.1 and not port 22"
    assert bpfq.witness(text, 5) == bpfq.witness(text, 5)


@pytest.mark.parametrize(
    "text", ["len > 500000000", "len >= 3000000 and ip", "ether[0] = 1 and greater 70000"]
)
def test_a_packet_too_long_to_show_is_cut_short(text: str) -> None:
    program = bpfq.compile(text)
    (found,) = bpfq.witness(program)
    assert (len(found.octets) < 100, interpreted(program, found)) == (True, True)


def test_what_no_packet_matches_is_an_error() -> None:
    with pytest.raises(bpfq.FilterError) as refused:
        bpfq.witness("ether[-1] = 0")
    assert str(refused.value) == "matches no packet on DLT_EN10MB"


@pytest.mark.parametrize("n", [0, -1])
def test_no_packet_cannot_be_asked_for(n: int) -> None:
    with pytest.raises(bpfq.FilterError, match=f"^{n} is not a number of packets$"):
        bpfq.witness("ip", n)


def test_what_patching_does_not_find_is_decided() -> None:
    text = "radio[2] + 1 = 3 and tcp port 80"
    program = bpfq.compile(text, link="IEEE802_11_RADIO")
    (found,) = bpfq.witness(program)
    assert (interpreted(program, found), means(program.query, program, found)) == (True, True)


def test_a_random_draw_is_one_of_the_words() -> None:
    program = bpfq.compile(bpfq.rand(0.25) & bpfq.udp, target="packet")
    (found,) = bpfq.witness(program)
    assert found.metadata["random"] < 1 << 30
    assert interpreted(program, found)


def test_a_node_is_a_filter() -> None:
    assert bpfq.witness(bpfq.tcp.dport == 25) == bpfq.witness("tcp dst port 25")


def test_scapy_shows_the_frame() -> None:
    (found,) = bpfq.witness("vlan 9 and udp port 53", target="packet")
    packet = found.scapy()
    assert [layer.name for layer in packet.iterpayloads()][:4] == [
        "Ethernet", "802.1Q", "IP", "UDP",
    ]  # fmt: skip
    assert (packet["Dot1Q"].vlan, packet["UDP"].dport) == (9, 53)


def test_without_scapy_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    (found,) = bpfq.witness("ip")
    for name in ("scapy.layers.all", "scapy.config", "scapy.packet"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(bpfq.BpfqError) as refused:
        found.scapy()
    assert str(refused.value) == "scapy is not installed; pip install scapy"


def test_a_long_list_has_a_witness_of_its_own() -> None:
    hosts = " or ".join(f"dst host 10.{n >> 8}.{n & 255}.7" for n in range(2000))
    (found,) = bpfq.witness(f"udp and ({hosts})")
    assert found.summary == "UDP 192.0.2.1:1024 > 10.0.0.7:53"


def test_a_witness_is_a_record() -> None:
    (found,) = bpfq.witness("ip")
    assert isinstance(found, Witness)
    assert hash(found) == hash(bpfq.witness("ip")[0])
