"""V: tags, labels and tunnels."""

from __future__ import annotations

import pytest

from .linting import at, codes, only, tries


@pytest.mark.parametrize(
    ("text", "places", "other"),
    [
        # libpcap #158, #798
        ("vlan 10 or vlan 20", ["vlan 20", "vlan 10"], "vlan(10) | vlan(20)"),
        ("vlan or ip", ["ip", "vlan"], "ip or vlan"),
        ("(vlan and ip) or arp", ["arp", "vlan"], "arp or (vlan and ip)"),
        ("not vlan and udp", ["udp", "vlan"], "udp and not vlan"),
        ("mpls 5 or udp", ["udp", "mpls 5"], "udp or mpls 5"),
        ("pppoes or ip", ["ip", "pppoes"], "ip or pppoes"),
        ("geneve or port 53", ["port 53", "geneve"], "port 53 or geneve"),
        ("vxlan 7 or tcp or udp", ["tcp", "udp", "vxlan 7"], "tcp or udp or vxlan 7"),
        ("(vlan 1 or vlan 2) and ip", ["vlan 2", "ip", "vlan 1"], "(vlan(1) | vlan(2)) & ip"),
    ],
)
def test_clauses_behind_a_shim_that_need_not_be_there(
    text: str, places: list[str], other: str
) -> None:
    finding = only("V01", text)
    assert (at(text, finding), tries(finding)) == (places, [other])


def test_what_is_behind_what_is_said_in_words() -> None:
    assert only("V01", "vlan 10 or vlan 20").message == (
        "'vlan 20' is looked for behind the tag of 'vlan 10': every clause after 'vlan' is"
    )


@pytest.mark.parametrize(
    "text",
    [
        "vlan",
        "vlan 10 and ip",
        "vlan and (ip or arp)",
        "ip or (vlan and ip)",
        "vlan 10 and vlan 20",
        "ip and not vlan",
        "vlan or ether host 1:2:3:4:5:6",  # the addresses stand before the tag
        "vlan or len > 100",
        "vlan or ether[0] = 1",
        "not (vlan and udp)",
        "pppoed or ip",
    ],
)
def test_clauses_that_the_shim_does_not_move_are_fine(text: str) -> None:
    assert [code for code in codes(text) if code == "V01"] == []


@pytest.mark.parametrize(
    ("text", "places", "other"),
    [
        ("ip and vlan 10", ["ip", "vlan 10"], ["vlan 10 and ip"]),  # libpcap #916
        ("tcp port 80 and vlan", ["tcp port 80", "vlan"], ["vlan and tcp port 80"]),
        ("arp or (ip6 and vlan and tcp)", ["ip6", "vlan"], ["vlan and ip6 and tcp"]),
        ("arp and (len > 5 or pppoes)", ["arp", "pppoes"], []),
    ],
)
def test_a_type_test_before_the_shim(text: str, places: list[str], other: list[str]) -> None:
    finding = only("V02", text)
    assert (at(text, finding), tries(finding)) == (places, other)


def test_a_type_test_before_the_shim_is_not_reported_twice() -> None:
    assert codes("ip and vlan 10") == ["V02"]
    assert codes("arp or (ip and vlan 10)") == ["V02"]


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("ip and vlan 10", "packet"),  # the tag is metadata, the type is the inner one
        ("vlan 10 and ip", "file"),
        ("len > 100 and vlan", "file"),
        ("ether host 1:2:3:4:5:6 and vlan 5", "file"),
        ("not ip and vlan", "file"),
    ],
)
def test_a_shim_that_what_precedes_it_allows(text: str, target: str) -> None:
    assert [code for code in codes(text, target) if code == "V02"] == []


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("ether[14:2] & 0xfff = 10", ["vlan 10"]),  # libpcap #1169
        ("ether[12:2] = 0x8100", ["vlan"]),
        ("ether[14:2] & 0xe000 != 0", []),
        ("ether[16:2] = 0x0800", []),
        ("vlan and ether[16:2] = 0x0800", []),
        ("vlan and ether[14] = 4", []),
    ],
)
def test_bytes_of_a_tag_on_a_live_socket(text: str, other: list[str]) -> None:
    assert tries(only("V03", text, "packet")) == other


@pytest.mark.parametrize(
    ("text", "target", "link"),
    [
        ("ether[14:2] & 0xfff = 10", "file", "EN10MB"),  # there the tag is in the frame
        ("ether[12:2] = 0x0800", "packet", "EN10MB"),
        ("ether[20:2] = 0x2000", "packet", "EN10MB"),  # CDP
        ("ether[14] = 0x45", "packet", "EN10MB"),
        ("ether[0] & 1 = 1", "packet", "EN10MB"),
        ("vlan 10", "packet", "EN10MB"),
        ("link[14:2] & 0xfff = 10", "packet", "PPP"),
    ],
)
def test_other_bytes_of_the_frame_are_fine(text: str, target: str, link: str) -> None:
    assert [code for code in codes(text, target, link) if code == "V03"] == []
