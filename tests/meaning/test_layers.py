"""Tags, labels, tunnels, radio headers and extension headers: where the inner headers stand."""

from __future__ import annotations

import pytest

from bpfq.meaning import evaluate
from bpfq.query import build

from .frames import (
    ARP,
    BARE,
    GENEVE,
    INSIDE,
    OVER4,
    OVER4_OPTIONS,
    OVER6,
    SESSION,
    TAG_7,
    TAGGED,
    TCP4,
    TCP6,
    TCP_SYN,
    TWICE,
    UNTAGGED,
    VXLAN4,
    VXLAN6,
    accepts,
    authentication,
    ethernet,
    extension,
    ip4,
    ip6,
    shown,
    tag,
    udp,
)

# ---------------------------------------------------------------- VLAN tags


@pytest.mark.parametrize(
    ("text", "packet", "verdict"),
    [
        ("vlan", TAGGED, True),
        ("vlan 7 and ip", TAGGED, True),
        ("vlan 8", TAGGED, False),
        ("ip and vlan", TAGGED, False),
        ("not vlan and ip", TCP4, False),
        ("vlan 9 and vlan 7 and tcp port 80", TWICE, True),
        ("vlan 7 or vlan 7", TWICE, True),
        ("vlan", TCP4, False),
    ],
    ids=shown,
)
def test_tag_in_the_packet(text: str, packet: bytes, verdict: bool) -> None:
    assert accepts(text, packet) is verdict


@pytest.mark.parametrize(
    ("text", "packet", "metadata", "verdict"),
    [
        ("vlan", TCP4, TAG_7, True),
        ("vlan", TCP4, UNTAGGED, False),
        ("vlan", TAGGED, UNTAGGED, True),
        ("vlan 7", TCP4, TAG_7, True),
        ("vlan 8", TCP4, TAG_7, False),
        ("vlan 7 and tcp port 80", TCP4, TAG_7, True),
        ("vlan 7 and tcp port 80", TAGGED, UNTAGGED, True),
        ("ip or (vlan and ip)", TCP4, TAG_7, True),
        ("arp or (vlan and ip)", TCP4, TAG_7, True),
        ("arp or (vlan and ip)", TAGGED, UNTAGGED, True),
        ("not vlan or ip", TCP4, TAG_7, True),
        ("vlan and vlan 7 and ip", TAGGED, TAG_7, True),
        ("vlan and vlan 7 and ip", TWICE, UNTAGGED, True),
        ("vlan and ip[-2] = 8", TAGGED, UNTAGGED, True),  # 4 - 2 bytes, then 14
        ("vlan and ip[-2] = 8", TCP4, TAG_7, False),  # 2**32 - 2, then 14: past every packet
    ],
    ids=shown,
)
def test_tag_moved_by_linux(
    text: str, packet: bytes, metadata: dict[str, int], verdict: bool
) -> None:
    assert accepts(text, packet, live=True, metadata=metadata) is verdict


def test_cooked_socket_sees_the_network_header_and_the_type_in_metadata() -> None:
    words = {"proto": 0x0800, "type": 4, **TAG_7}
    options = {"link": "COOKED", "metadata": words, "live": True}
    assert accepts("vlan 7 and tcp port 80 and outbound", TCP4[14:], **options)


def test_cooked_socket_sees_an_unmoved_tag_in_the_packet() -> None:
    words = {"proto": 0x8100, **UNTAGGED}
    assert accepts("vlan 7 and tcp port 80", TAGGED[14:], link="COOKED", metadata=words, live=True)


# ---------------------------------------------------------------- MPLS and PPPoE


LABELS = bytes.fromhex("00064040") + bytes.fromhex("000c8140")  # 100, then 200 at the bottom


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("mpls", True),
        ("mpls 100", True),
        ("mpls 100 and mpls 200", True),
        ("mpls and mpls and mpls", False),
        ("mpls 100 and mpls 200 and host 1.2.3.4 and tcp port 80", True),
        ("mpls and ip", False),
        ("mpls and mpls and ip6", False),
    ],
)
def test_label_stack(text: str, verdict: bool) -> None:
    assert accepts(text, ethernet(0x8847, LABELS + ip4(6, TCP_SYN))) is verdict


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("pppoes", True),
        ("pppoes 5", True),
        ("pppoes 6", False),
        ("pppoes and tcp port 80", True),
        ("pppoes and link[1] = 0x21", True),
        ("pppoes and ip6", False),
        ("pppoed", False),
    ],
)
def test_ppp_session(text: str, verdict: bool) -> None:
    assert accepts(text, SESSION) is verdict


# ---------------------------------------------------------------- tunnels


@pytest.mark.parametrize(
    "packet", [OVER4, OVER4_OPTIONS, OVER6, BARE], ids=["ip4", "ip4 options", "ip6", "bare"]
)
def test_geneve_shows_the_inner_packet(packet: bytes) -> None:
    assert accepts(f"geneve 5 and {INSIDE}", packet)
    assert not accepts("geneve 6", packet)
    assert not accepts("geneve and host 1.2.3.4", packet)


def test_geneve_has_link_addresses_only_where_it_carries_ethernet() -> None:
    text = "geneve and ether src ff:ee:dd:cc:bb:aa"
    assert accepts(text, OVER4)
    assert not accepts("geneve and not ip and ether multicast", BARE)
    assert not accepts(text, BARE)


@pytest.mark.parametrize("packet", [VXLAN4, VXLAN6], ids=["4", "6"])
def test_vxlan_shows_the_inner_packet(packet: bytes) -> None:
    assert accepts(f"vxlan 5 and ether src ff:ee:dd:cc:bb:aa and {INSIDE}", packet)
    assert accepts("vxlan and ip", packet)
    assert not accepts("vxlan and arp", packet)


def test_inner_headers_stand_where_the_packet_says_whatever_was_tested() -> None:
    assert accepts(f"not arp or geneve or ({INSIDE})", OVER4)
    assert accepts(f"geneve 9 or ({INSIDE})", OVER4)


def test_tunnels_nest() -> None:
    twice = ethernet(0x0800, ip4(17, udp(6081, GENEVE + VXLAN6)))
    assert accepts(f"geneve and vxlan and {INSIDE}", twice)
    assert accepts(f"vlan and geneve and {INSIDE}", ethernet(0x8100, tag(1, 0x0800, OVER4[14:])))
    assert accepts(f"geneve and vlan 3 and {INSIDE}", _geneve_of_tagged())


def _geneve_of_tagged() -> bytes:
    inner = ethernet(0x8100, tag(3, 0x0800, ip4(6, TCP_SYN, source="0a000001")))
    return ethernet(0x0800, ip4(17, udp(6081, GENEVE + inner)))


# ---------------------------------------------------------------- 802.11


def wlan(control: int, flags: int, payload: bytes, *, header: int = 24) -> bytes:
    addresses = bytes(range(0x10, 0x10 + header - 4))
    return bytes([control, flags, 0, 0]) + addresses + payload


SNAP_IP = bytes.fromhex("aaaa030000000800") + ip4(6, TCP_SYN)
DATA = wlan(0x08, 0, SNAP_IP)
QOS_DATA = wlan(0x88, 0, SNAP_IP, header=26)
RADIOTAP = bytes.fromhex("00000c00" "02000000" "20000000")  # flags present: padded
RADIOTAP_TIMED = bytes.fromhex("00001400" "03000000") + bytes(8) + bytes.fromhex("20000000")
AVS = bytes.fromhex("80211001" "00000040") + bytes(56)
PPI = bytes.fromhex("00000800" "69000000")


@pytest.mark.parametrize(
    ("link", "packet"),
    [
        ("IEEE802_11", DATA),
        ("IEEE802_11", QOS_DATA),
        ("IEEE802_11_RADIO", bytes.fromhex("0000080000000000") + DATA),
        ("IEEE802_11_RADIO", RADIOTAP + wlan(0x88, 0, b"\0\0" + SNAP_IP, header=26)),
        ("IEEE802_11_RADIO", RADIOTAP_TIMED + wlan(0x88, 0, b"\0\0" + SNAP_IP, header=26)),
        ("IEEE802_11_RADIO_AVS", AVS + DATA),
        ("PRISM_HEADER", AVS + DATA),
        ("PRISM_HEADER", bytes(144) + DATA),
        ("PPI", PPI + QOS_DATA),
    ],
)
def test_network_header_behind_80211(link: str, packet: bytes) -> None:
    assert accepts("src host 1.2.3.4 and tcp port 80", packet, link=link)
    assert not accepts("arp", packet, link=link)


def test_frame_without_data_carries_no_network_header() -> None:
    assert not accepts("ip", wlan(0x80, 0, SNAP_IP), link="IEEE802_11")


def test_whole_filter_on_ppi_asks_for_80211_first() -> None:
    assert accepts("not ip", PPI + wlan(0x80, 0, b""), link="PPI")
    assert not accepts("not ip", PPI[:4] + b"\1\0\0\0" + wlan(0x80, 0, b""), link="PPI")
    assert accepts("", b"", link="PPI")


@pytest.mark.parametrize(
    ("flags", "source", "destination"),
    [(0, 10, 4), (1, 10, 16), (2, 16, 4), (3, 24, 16)],
    ids=["nods", "tods", "fromds", "dstods"],
)
def test_addresses_of_data_frames(flags: int, source: int, destination: int) -> None:
    frame = wlan(0x08, flags, b"", header=30)

    def mac(offset: int) -> str:
        return frame[offset : offset + 6].hex(":")

    found = f"wlan src {mac(source)} and wlan dst {mac(destination)}"
    assert accepts(found, frame, link="IEEE802_11")
    others = {4, 10, 16, 24} - {source}
    assert not any(accepts(f"wlan src {mac(o)}", frame, link="IEEE802_11") for o in others)


# ---------------------------------------------------------------- extension headers


def chain(*headers: bytes) -> bytes:
    """Extension headers before TCP; each names the next."""
    return ethernet(0x86DD, ip6(0, b"".join(headers) + TCP_SYN))


@pytest.mark.parametrize("length", [0, 1, 8])
def test_chain_of_extension_headers_is_followed(length: int) -> None:
    headers = [extension(0)] * length + [extension(60, 1), extension(6)]
    assert accepts("ip6 protochain 6", chain(*headers), protochain=10)


def test_chain_longer_than_the_bound_does_not_match() -> None:
    eight = chain(*[extension(0)] * 7, extension(6))
    nine = chain(*[extension(0)] * 8, extension(6))
    assert accepts("ip6 protochain 6", eight)
    assert accepts("not ip6 protochain 6", nine)
    assert accepts("ip6 protochain 6", nine, protochain=9)


def test_chain_over_ip4_follows_authentication_headers_only() -> None:
    packet = ethernet(0x0800, ip4(51, authentication(51) + authentication(6, 2) + TCP_SYN))
    assert accepts("protochain 6", packet)
    assert not accepts("protochain 6", ethernet(0x0800, ip4(0, extension(6))))


def test_chain_ends_at_no_next_header() -> None:
    assert accepts("not ip6 protochain 6", chain(extension(59), extension(6)))
    assert accepts("ip6 protochain 59", chain(extension(59)))


# ---------------------------------------------------------------- addresses


def test_gateway_negates_the_hosts_but_not_the_protocol() -> None:
    mac, other = 0x0A0B0C0D0E0F, 0x01020304
    through = build.gateway(None, (mac,), (0x0A000001,))
    assert evaluate(through, TCP4)
    assert evaluate(through, ARP)
    assert not evaluate(through, TCP6)
    assert not evaluate(build.gateway(None, (mac,), (other,)), TCP4)
    assert not evaluate(build.gateway("ip", (mac,), (0x0A000001,)), ARP)
    assert not evaluate(build.gateway(None, (5,), (0x0A000001,)), TCP4)


def test_src_and_dst_ask_for_the_same_network() -> None:
    both = ((0x01020304, 0xFFFFFFFF), (0xC0000214, 0xFFFFFFFF))
    assert not evaluate(build.address4("ip", "src and dst", both), TCP4)
    assert evaluate(build.address4("ip", "src or dst", both), TCP4)


def test_network_of_every_address_asks_for_the_protocol_only() -> None:
    assert accepts("net 0.0.0.0/0", ARP[:14])
    assert accepts("ip6 net ::/0", TCP6[:14])


@pytest.mark.parametrize(("netmask", "verdict"), [(0xFFFFFF00, True), (0xFFFF0000, False)])
def test_ip_broadcast_depends_on_the_netmask(netmask: int, verdict: bool) -> None:
    packet = ethernet(0x0800, ip4(17, b"", destination="c00002ff"))
    assert accepts("ip broadcast", packet, netmask=netmask) is verdict


# ---------------------------------------------------------------- link types and places


@pytest.mark.parametrize(
    ("savefile", "header", "verdict"),
    [
        (None, "0a000000", True),
        (None, "0000000a", False),
        (None, "1e000000", False),
        ("unswapped", "1e000000", True),
        ("unswapped", "0000001e", False),
        ("swapped", "0000001c", True),
        ("swapped", "1c000000", False),
        ("both", "18000000", True),
        ("both", "00000018", True),
    ],
)
def test_null_header_holds_an_address_family(
    savefile: str | None, header: str, verdict: bool
) -> None:
    packet = bytes.fromhex(header) + ip6(6, TCP_SYN)
    assert accepts("ip6 and tcp port 80", packet, link="NULL", savefile=savefile) is verdict


def test_pflog_header_is_rounded_up_to_words() -> None:
    packet = bytes([61, 2]) + bytes(62) + ip4(6, TCP_SYN)
    assert accepts("src host 1.2.3.4 and tcp port 80", packet, link="PFLOG")


def test_packet_may_start_at_the_network_header() -> None:
    assert accepts("tcp port 80", TCP4[14:], start="network")
    assert accepts("tcp port 80", TCP6[14:], start="network", family=6)
    assert not accepts("ip", TCP6[14:], start="network", family=6)


def test_packet_may_start_at_the_transport_header() -> None:
    header, segment = TCP4[14:34], TCP4[34:]
    options = {"start": "transport", "network_header": header}
    assert accepts(f"src host 1.2.3.4 and tcp port 80 and len = {len(segment)}", segment, **options)
    assert not accepts("not tcp port 80", b"", **options)
