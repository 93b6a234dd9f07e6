"""Filters called with packets: bytes and scapy packets of any link type, one by one or in lists."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from typing import Any

import pytest
from scapy.layers.dns import DNS as DNS_LAYER
from scapy.layers.dns import DNSQR
from scapy.layers.dot11 import Dot11, RadioTap
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, CookedLinux, Dot1Q, Dot3, Ether, Loopback
from scapy.layers.ppp import HDLC, PPP
from scapy.packet import Packet, Raw

import bpfq
from bpfq import everything, ip, ip6, llc, tcp, udp, vlan
from bpfq.tables.linktypes import link_types
from bpfq.tables.scapy_layers import LINK_TYPES

DNS = Ether() / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=4000, dport=53)
WEB = Ether() / IP(src="10.0.0.1", dst="10.0.0.2") / TCP(sport=4000, dport=80)
TAGGED = Ether() / Dot1Q(vlan=295) / IP() / UDP(sport=4000, dport=53)
FROM = {
    "Ether": DNS,
    "IP": IP() / UDP(dport=53),
    "IPv6": IPv6() / UDP(dport=53),
    "CookedLinux": CookedLinux() / IP() / UDP(dport=53),
    "Loopback": Loopback() / IP() / UDP(dport=53),
    "HDLC": HDLC() / PPP() / IP() / UDP(dport=53),
    "built on Ether": Ether() / IPv6() / UDP(dport=53),
}
FILTERS = {"expression": udp.dport == 53, "program": bpfq.compile("udp dst port 53")}


@pytest.mark.parametrize("wanted", FILTERS.values(), ids=FILTERS)
@pytest.mark.parametrize("packet", FROM.values(), ids=FROM)
def test_a_scapy_packet_is_of_the_link_type_that_it_begins_with(
    packet: Packet, wanted: Any
) -> None:
    other = packet.copy()
    other[UDP].dport = 54
    assert (wanted(packet), wanted(type(packet)(bytes(packet))), wanted(other)) == (
        True,
        True,
        False,
    )


@pytest.mark.parametrize("wanted", FILTERS.values(), ids=FILTERS)
def test_bytes_of_any_kind_are_ethernet_frames(wanted: Any) -> None:
    octets = bytes(DNS)
    kinds = (octets, bytearray(octets), memoryview(octets), memoryview(b"x" + octets)[1:])
    assert [wanted(each) for each in kinds] == [True] * 4
    assert wanted(bytes(WEB)) is False


def test_bytes_are_what_the_program_was_compiled_for() -> None:
    program = bpfq.compile("udp dst port 53", link="RAW")
    assert program(bytes(DNS[IP])) and program(DNS) and program(DNS[IP])
    assert not program(bytes(DNS))


def test_a_program_for_a_live_socket_sees_the_tag_of_a_scapy_packet() -> None:
    program = bpfq.compile("vlan 295 and udp", target="packet")
    assert program(TAGGED) and not program(DNS)
    assert program.filter([DNS, TAGGED, WEB]) == [TAGGED]


def test_packets_of_different_link_types_are_filtered_in_one_list() -> None:
    packets = [WEB, DNS, DNS[IP], WEB[IP], bytes(DNS), TAGGED]
    found = (udp.dport == 53).filter(packets)
    assert list(map(id, found)) == [id(packets[at]) for at in (1, 2, 4)]


def test_an_encapsulation_takes_an_identifier_or_a_packet() -> None:
    assert vlan(TAGGED) is True and vlan(DNS) is False
    assert vlan(295) == bpfq.parse("vlan 295") and vlan(295)(TAGGED)
    assert llc(Dot3() / Raw(b"\x42\x42\x03")) is True and llc("u") == bpfq.parse("llc u")


def test_a_modified_packet_is_what_it_would_be_on_the_wire() -> None:
    packet = Ether(bytes(DNS))
    packet[UDP].dport = 99
    assert not (udp.dport == 53)(packet) and (udp.dport == 99)(packet)


def test_what_was_dissected_is_what_was_captured() -> None:
    """scapy builds some layers, as those of IGMP, differently from what it dissected."""

    class Growing(Ether):  # type: ignore[misc]  # scapy has no types
        def do_build(self) -> bytes:
            return bytes(super().do_build()) + b"more"

    captured = bytes(DNS)
    packet = Growing(captured)
    assert len(bytes(packet)) == len(captured) + 4
    assert bpfq.parse(f"len = {len(captured)}")(packet)


def test_a_change_deep_inside_counts() -> None:
    packet = Ether(bytes(Ether() / IP() / UDP(dport=53) / DNS_LAYER(qd=DNSQR(qname="a.example"))))
    wanted = bpfq.parse("udp[20:2] = 0x0161")
    assert wanted(packet)
    packet[DNSQR].qname = "b.example"
    assert not wanted(packet)


def test_matches_is_a_call() -> None:
    assert (udp.dport == 53).matches(DNS) and not (udp.dport == 53).matches(bytes(WEB))


def test_the_length_is_that_on_the_wire_where_a_capture_was_cut() -> None:
    packet = Ether(bytes(DNS))
    packet.wirelen = 1500
    assert bpfq.parse("len = 1500")(packet) and bpfq.compile("greater 1500")(packet)
    assert bpfq.parse(f"len = {len(DNS)}")(bytes(DNS))


def test_a_subclass_is_what_it_is_derived_from() -> None:
    class Own(Ether):  # type: ignore[misc]  # scapy has no types
        pass

    assert (udp.dport == 53)(Own(bytes(DNS)))


def test_bytes_that_scapy_could_not_dissect_are_bytes() -> None:
    assert udp(Raw(bytes(DNS))) and not udp(Raw(b"?"))


def test_a_filter_that_nothing_matches_matches_nothing() -> None:
    assert (ip & ip6)(DNS) is False and everything(DNS) is True


@pytest.mark.parametrize("start", [ARP(), UDP() / Raw(b"x"), ICMP()], ids=["ARP", "UDP", "ICMP"])
def test_a_packet_without_a_link_type_is_refused(start: Packet) -> None:
    with pytest.raises(bpfq.UnsupportedError) as caught:
        udp(start)
    assert str(caught.value) == (
        f"a packet that begins with {start.name} has no link type: "
        "put Ether() or IP() before it, or give its bytes"
    )


@pytest.mark.parametrize("what", ["arp", 5, None, [DNS]], ids=["text", "number", "none", "list"])
def test_what_is_no_packet_is_a_type_error(what: object) -> None:
    with pytest.raises(
        TypeError, match=f"a packet is bytes or a scapy packet, not {type(what).__name__}"
    ):
        udp(what)


def test_what_a_packet_cannot_tell_is_said() -> None:
    for unseen, packet in ((bpfq.inbound, DNS), (vlan, DNS[IP])):
        with pytest.raises(bpfq.UnsupportedError, match=repr(unseen)):
            unseen(packet)


@pytest.mark.parametrize("packet", [RadioTap() / Dot11(type=0), Dot11(type=0)], ids=["tap", "bare"])
def test_wireless_packets_are_known(packet: Packet) -> None:
    assert bpfq.parse("type mgt")(packet) and not bpfq.parse("type data")(packet)


def test_every_layer_has_a_known_link_type() -> None:
    assert set(LINK_TYPES.values()) <= link_types().keys()


def test_scapy_agrees_about_the_link_types() -> None:
    from scapy.all import conf
    from scapy.contrib import avs, chdlc  # noqa: F401  (they register themselves)

    by_name = {kind.__name__: number for kind, number in conf.l2types.layer2num.items()}
    ours = {
        name: link_types()[link].number
        for name, link in LINK_TYPES.items()
        if name in by_name and link != "RAW"  # scapy writes IP packets as LINKTYPE_IPV4
    }
    assert len(ours) > 20
    assert {name: by_name[name] for name in ours} == ours


@pytest.mark.parametrize(
    "way", [copy.copy, copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))]
)
@pytest.mark.parametrize("wanted", FILTERS.values(), ids=FILTERS)
def test_a_filter_that_was_called_can_be_copied(wanted: Any, way: Any) -> None:
    assert wanted(DNS) and wanted(DNS[IP])
    again = way(wanted)
    assert again == wanted and again(DNS) and not again(WEB)


def test_calling_imports_no_scapy() -> None:
    code = (
        "import sys, bpfq; assert not bpfq.tcp(bytes(60)); "
        "assert not bpfq.tcp.filter([bytes(60)]); print('scapy' in sys.modules)"
    )
    assert subprocess.check_output([sys.executable, "-c", code]) == b"False\n"


def test_a_matcher_is_made_once_for_each_link_type(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    compile = bpfq.compile

    def counted(*arguments: Any, **options: Any) -> Any:
        made.append(options["link"])
        return compile(*arguments, **options)

    monkeypatch.setattr(bpfq, "compile", counted)
    wanted = tcp.dport == 80
    found = wanted.filter([WEB, WEB[IP], DNS, bytes(WEB)] * 3)
    assert len(found) == 9
    assert made == ["EN10MB", "RAW", "EN10MB"]  # the last one for bytes
