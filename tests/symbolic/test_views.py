"""One frame, seen by each target: words against bytes, and what a compiled filter says of both."""

from __future__ import annotations

import random

import pytest

import bpfq
from bpfq.analysis.witness.templates import templates
from bpfq.settings import link_type
from bpfq.symbolic.propositions import TRUE, Packet
from bpfq.symbolic.views import Sight, View, arrives, is_seen, look, seen, view_of
from bpfq.symbolic.words import START
from bpfq.tables.linktypes import COOKED
from bpfq.targets import target

from .concrete import Concrete

PLACES = (
    ("file", "EN10MB"), ("packet", "EN10MB"), ("tc", "EN10MB"), ("packet-cooked", "COOKED"),
    ("raw4", "IPV4"), ("xt_bpf", "RAW"), ("xt_bpf", "IPV6"), ("file", "RAW"), ("file", "IPV4"),
)  # fmt: skip
FRAMES = [template.octets for template in templates(target("file"), link_type("EN10MB"))]
WORDS = ("vlanp", "vlan_tci", "vlan_tpid", "proto", "ifidx")


def view(name: str, link: str) -> View:
    return view_of(target(name), COOKED if link == "COOKED" else link_type(link))


def frames(seed: int) -> list[bytes]:
    """Real-looking ones, cut anywhere, some with a byte changed."""
    chance = random.Random(seed)
    made = []
    for frame in chance.sample(FRAMES, 40):
        octets = bytearray(frame[: chance.choice((len(frame), chance.randint(0, len(frame))))])
        if octets and chance.random() < 0.5:
            octets[chance.randrange(len(octets))] = chance.randrange(256)
        made.append(bytes(octets))
    return [*made, *(bytes(n) for n in (0, 11, 12, 13, 14, 17, 18, 19, 20, 33, 34))]


@pytest.mark.parametrize("name, link", PLACES)
def test_words_of_a_view_are_what_its_bytes_say(name: str, link: str) -> None:
    shown = view(name, link)
    for octets in frames(1):
        frame = Packet()
        packet = seen(frame, shown)
        concrete = Concrete(octets, len(octets), {"ifidx": 3})
        arrived = concrete.outcome(arrives(frame, shown)) is TRUE
        sight = Sight(octets, len(octets), {"ifidx": 3})
        assert arrived == is_seen(shown, sight)
        if arrived:
            assert_same(packet, concrete, look(shown, sight))


def assert_same(packet: Packet, concrete: Concrete, sight: Sight) -> None:
    assert concrete.value(packet.words.length()) == sight.length
    for name in WORDS:
        value = concrete.value(packet.words.metadata(name))
        assert value == sight.metadata.get(name, value)
    index = packet.words.bytes(START, None, 3, 1)
    for offset in range(24):
        for size in (1, 2, 4):
            for place in (None, index):
                start = offset + (0 if place is None else concrete.value(index))
                captured = concrete.outcome(packet.captured(START, place, offset + size)) is TRUE
                assert captured == (start + size <= len(sight.octets))
                if captured:
                    word = packet.words.bytes(START, place, offset, size)
                    octets = sight.octets[start : start + size]
                    assert concrete.value(word) == int.from_bytes(octets, "big")


def test_a_kernel_takes_the_outermost_tag_out_of_the_frame() -> None:
    header, behind = bytes(range(12)), b"\x08\x00E"
    frame = header + bytes.fromhex("88a8 0064 8100 00c8") + behind + bytes(40)
    seen_ = look(view("packet", "EN10MB"), Sight(frame, len(frame), {}))
    assert seen_.octets == header + bytes.fromhex("8100 00c8") + behind + bytes(40)
    assert (seen_.length, seen_.metadata) == (
        len(frame) - 4,
        {"vlanp": 1, "vlan_tci": 100, "vlan_tpid": 0x88A8, "proto": 0x8100},
    )


PAIRS = (
    ("vlan 5 and ip", "vlan 5 and ip", "packet", "equal"),
    ("vlan 100", "vlan 100", "tc", "equal"),
    ("ip", "ip", "packet", "subset"),
    ("ip or (vlan and ip)", "ip", "packet", "superset"),
    ("not vlan and ip", "not vlan and ip", "packet", "equal"),
    ("tcp port 80", "tcp port 80", "xt_bpf", "equal"),
    ("tcp port 80", "ip and tcp port 80", "raw4", "equal"),
    ("udp", "udp and ip6", "xt_bpf", "superset"),
    ("tcp port 80", "tcp port 80", "packet-cooked", "subset"),
    ("len > 100", "len > 86", "packet-cooked", "superset"),
    ("vlan 100 and ip", "vlan 100 and ip", "packet-cooked", "equal"),
    ("ether[12:2] = 0x8100 and ether[20] = 5", "vlan and ether[16] = 5", "packet", "subset"),
    ("ether[10:4] = 7", "ether[10:4] = 7", "packet", "subset"),
    ("arp", "arp and not vlan and outbound", "packet", "superset"),
)


@pytest.mark.parametrize("left, right, name, relation", PAIRS)
def test_filters_for_two_targets_agree_on_real_frames(
    left: str, right: str, name: str, relation: str
) -> None:
    found = bpfq.compare(left, right, right_target=name)
    shown = view(
        name, {"raw4": "IPV4", "xt_bpf": "RAW", "packet-cooked": "COOKED"}.get(name, "EN10MB")
    )
    verdicts = {on_both(left, right, name, shown, frame) for frame in FRAMES}
    assert found.relation == relation
    assert (True, False) not in verdicts or found.only_left is not None
    assert (False, True) not in verdicts or found.only_right is not None
    for packet, verdict in (
        (found.only_left, (True, False)), (found.only_right, (False, True)),
        (found.both, (True, True)),
    ):  # fmt: skip
        if packet is not None:
            assert on_both(left, right, name, shown, packet.octets, packet.metadata) == verdict


def on_both(
    left: str,
    right: str,
    name: str,
    shown: View,
    frame: bytes,
    metadata: dict[str, int] | None = None,
) -> tuple[bool, bool] | None:
    sight = Sight(frame, len(frame), metadata or {})
    if not is_seen(shown, sight):
        return None
    one = bpfq.compile(left, level=0).matches(frame)
    there = look(shown, sight)
    other = bpfq.compile(right, target=name, level=0)
    return one, other.matches(there.octets, metadata=there.metadata)


def test_links_other_than_ethernet_are_seen_alike() -> None:
    found = bpfq.compare("ip", "ip", link="PPP", right_target="packet")
    assert found.relation == "equal"


WITHOUT_HEADERS = """target 'udp' sees a packet without its headers: \
it is compared with filters for the same target only"""
NEVER_THE_SAME = """target 'file' on DLT_EN10MB and target 'file' on DLT_PPP never see the same frame: \
compare filters for one link type"""


@pytest.mark.parametrize(
    "options, message",
    [({"right_target": "udp"}, WITHOUT_HEADERS), ({"right_link": "PPP"}, NEVER_THE_SAME)],
)
def test_targets_that_never_see_one_frame_are_refused(
    options: dict[str, str], message: str
) -> None:
    with pytest.raises(bpfq.UnsupportedError) as caught:
        bpfq.compare("udp", "udp", **options)  # type: ignore[arg-type]
    assert str(caught.value) == message
