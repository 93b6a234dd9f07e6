"""``through``: layer-3 tests below tags, PPPoE, labels and tunnels, in any combination."""

from __future__ import annotations

from itertools import product

import pytest

import bpfq

MACS = bytes(12)
UDP53 = bytes((0, 99, 0, 53, 0, 8, 0, 0))


def ipv4(payload: bytes = UDP53, protocol: int = 17) -> bytes:
    head = bytes((0x45, 0, 0, 20 + len(payload), 0, 0, 0, 0, 64, protocol, 0, 0))
    return head + bytes((10, 0, 0, 1, 10, 0, 0, 2)) + payload


def ipv6(payload: bytes = UDP53, protocol: int = 17) -> bytes:
    return bytes((0x60, 0, 0, 0, 0, len(payload), protocol, 64)) + bytes(32) + payload


TAG = {"none": b"", "vlan": b"\x81\x00\x00\x05", "qinq": b"\x88\xa8\x00\x07\x81\x00\x00\x05"}
NUMBERS = {"ip": (b"\x08\x00", b"\x00\x21", ipv4()), "ip6": (b"\x86\xdd", b"\x00\x57", ipv6())}


def frame(tag: str, session: bool, labels: int, family: str) -> bytes:
    ethertype, ppp, packet = NUMBERS[family]
    stack = b"".join(bytes((0, 1, int(n == labels - 1), 64)) for n in range(labels))
    if session:
        inner = (b"\x02\x81" if labels else ppp) + stack + packet
        return MACS + TAG[tag] + b"\x88\x64" + bytes((0x11, 0, 0, 1, 0, 99)) + inner
    return MACS + TAG[tag] + (b"\x88\x47" if labels else ethertype) + stack + packet


SHIMS = [
    pytest.param(*shims, id="-".join(map(str, shims)))
    for shims in product(TAG, (False, True), range(4), NUMBERS)
]


@pytest.mark.parametrize("tag, session, labels, family", SHIMS)
@pytest.mark.parametrize("strict", [False, True])
def test_every_combination_of_shims_is_looked_through(
    tag: str, session: bool, labels: int, family: str, strict: bool
) -> None:
    through = ("vlan", "qinq", "pppoe", "mpls")
    packet = frame(tag, session, labels, family)
    for text in (f"{family} and udp port 53", f"{family}", "udp dst port 53"):
        assert bpfq.compile(text, through=through, strict=strict).matches(packet)
    assert not bpfq.compile("udp port 54", through=through).matches(packet)
    assert not bpfq.compile("arp", through=through).matches(packet)


@pytest.mark.parametrize("tag, session, labels, family", SHIMS)
def test_only_the_encapsulations_named_are_passed(
    tag: str, session: bool, labels: int, family: str
) -> None:
    seen = bpfq.compile("udp port 53", through=("vlan",)).matches(
        frame(tag, session, labels, family)
    )
    assert seen == (tag in ("none", "vlan") and not session and not labels)


def test_a_tag_in_metadata_is_passed_on_a_live_socket() -> None:
    program = bpfq.compile("udp port 53", through=("vlan",), target="packet")
    plain, tagged = frame("none", False, 0, "ip"), frame("vlan", False, 0, "ip")
    assert program.matches(plain, metadata={"vlanp": 1, "vlan_tci": 5})
    assert program.matches(tagged, metadata={"vlanp": 0})
    assert not program.matches(tagged, metadata={"vlanp": 1, "vlan_tci": 5})


VXLAN = bytes((0, 99, 0x12, 0xB5, 0, 99, 0, 0)) + bytes((8, 0, 0, 0, 0, 0, 5, 0))
GENEVE = bytes((0, 99, 0x17, 0xC1, 0, 99, 0, 0)) + bytes((1, 0, 0x65, 0x58, 0, 0, 5, 0)) + bytes(4)
GENEVE_BARE = GENEVE[:10] + b"\x08\x00" + GENEVE[12:]
GRE = bytes((0, 0, 0x08, 0))
GRE_KEYED = bytes((0x20, 0, 0x08, 0)) + bytes(4)
INNER = MACS + b"\x08\x00" + ipv4()
TUNNELS = {
    "vxlan": ipv4(VXLAN + INNER),
    "geneve": ipv4(GENEVE + INNER),
    "geneve bare": ipv4(GENEVE_BARE + ipv4()),
    "gre": ipv4(GRE + ipv4(), 47),
    "gre keyed": ipv4(GRE_KEYED + ipv4(), 47),
    "ipip": ipv4(ipv4(), 4),
    "ip6 in ip": ipv4(ipv6(), 41),
}


@pytest.mark.parametrize("packet", TUNNELS.values(), ids=TUNNELS)
@pytest.mark.parametrize("tag", ["none", "vlan"])
def test_the_inside_of_a_tunnel_is_seen(packet: bytes, tag: str) -> None:
    outer = MACS + TAG[tag] + b"\x08\x00" + packet
    through = ("vlan", "vxlan", "geneve", "gre", "ipip")
    assert bpfq.compile("udp dst port 53", through=through).matches(outer)
    assert not bpfq.compile("udp dst port 53", through=("vlan",)).matches(outer)


def test_link_layer_tests_stay_where_they_are() -> None:
    assert bpfq.compile("ether host 1:2:3:4:5:6", through=("vlan",)) == bpfq.compile(
        "ether host 1:2:3:4:5:6"
    )


def test_an_unknown_word_lists_the_known_ones() -> None:
    with pytest.raises(bpfq.FilterError, match="cannot look through 'vlam'; known are vlan, qinq"):
        bpfq.compile("ip", through=("vlam",))
