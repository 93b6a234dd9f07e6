"""Filters on packet sockets at both ends of a veth pair, against what scapy says of each frame.

The receiving end has the outer VLAN tag in metadata; the sending end sees copies of what goes out,
with the tag inline.
"""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

import bpfq
from kernel.namespaces import in_namespace, ip, needs_ip, needs_root

from .filters import FILTERS
from .frames import CUT, FRAMES
from .network import (
    Program,
    heard,
    opened,
    packet_socket,
    quiet_pair,
    tcpdump_program,
)
from .seen import Seen, received, sent

pytestmark = [pytest.mark.root, pytest.mark.oracle, needs_root, needs_ip]
needs_tcpdump = pytest.mark.skipif(
    shutil.which("tcpdump") is None, reason="needs tcpdump: install tcpdump"
)

Heard = dict[tuple[str, str], frozenset[str]]
LENGTH = {"len", "less", "greater"}  # what is cut off is missing in the length
ENDS: dict[str, Callable[[bytes], Seen]] = {"far": received, "near": sent}
_SEEN = {
    end: {name: see(frame) for name, frame in (FRAMES | CUT).items()} for end, see in ENDS.items()
}
_NAMES = {end: {one.data: name for name, one in seen.items()} for end, seen in _SEEN.items()}


def names(end: str, packets: list[bytes]) -> frozenset[str]:
    """Which frames these are; a frame heard twice or unknown gets a name of its own."""
    found = [_NAMES[end].get(data, f"unknown {data.hex()}") for data in packets]
    return frozenset(found) | {f"{name} twice" for name in found if found.count(name) > 1}


def expected(text: str, end: str) -> frozenset[str]:
    wanted = FILTERS[text]
    return frozenset(name for name in FRAMES if wanted(_SEEN[end][name]))


def listen() -> Heard:
    quiet_pair()
    keys = [(text, end) for text in FILTERS for end in ENDS]
    sockets, refusals = opened(keys, lambda key: bpfq.open_packet_socket(key[1], key[0]))
    found = heard(sockets, (FRAMES | CUT).values())
    return refusals | {key: names(key[1], packets) for key, packets in found.items()}


@pytest.fixture(scope="module")
def sets() -> Heard:
    """What each filter's socket heard, at both ends."""
    return in_namespace(listen)


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("text", FILTERS)
def test_received_set_is_the_expected_set(sets: Heard, text: str, end: str) -> None:
    assert sets[text, end] - CUT.keys() == expected(text, end)


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("text", [t for t in FILTERS if not LENGTH.intersection(t.split())])
def test_cut_frames_that_are_received_would_be_whole_as_well(
    sets: Heard, text: str, end: str
) -> None:
    whole = {name.split(" cut to ")[0] for name in sets[text, end] & CUT.keys()}
    assert whole <= expected(text, end)


def test_interface_gives_its_netmask_and_index() -> None:
    texts = ("ip broadcast", "ifindex FAR", "not ifindex FAR", "udp and ifindex FAR")

    def scenario() -> dict[str, frozenset[str]]:
        quiet_pair()
        ip("address", "add", "10.0.0.2/24", "dev", "far")
        index = str(socket.if_nametoindex("far"))
        sockets, refusals = opened(
            texts, lambda text: bpfq.open_packet_socket("far", text.replace("FAR", index))
        )
        with open("/proc/sys/net/ipv4/conf/far/arp_ignore", "w", encoding="ascii") as file:
            file.write("8")  # answer nobody
        found = heard(sockets, FRAMES.values())
        return refusals | {
            text: names("far", [data for data in packets if data in _NAMES["far"]])
            for text, packets in found.items()
        }

    found = in_namespace(scenario)
    assert found == {
        "ip broadcast": {"broadcast udp", "subnet broadcast"},
        "ifindex FAR": FRAMES.keys(),
        "not ifindex FAR": frozenset(),
        "udp and ifindex FAR": expected("udp", "far"),
    }


# ---------------------------------------------------------------- tcpdump's own programs

NOT_COMPARED = {
    "vxlan": "libpcap before 1.11 does not know the word",
    "protochain": "a jump backwards, which no kernel loads",
}
DIFFERENT = {
    "ether proto \\lldp": "libpcap before 1.11 does not know the name",
    "ip multicast": "libpcap before 1.11 takes 240.0.0.0/4 for multicast, too",
    "1 << ip[8] = 0": "the kernel shifts modulo 32, the filter language does not",
    "vlan 100 and pppoes and ip": "reads scratch memory that it never wrote",
    "ip[2:2] / (ip[0] & 0xf) > 12": "refused as a division by zero",
}
OPTIONS = {"optimised": (), "as written": ("-O",)}

TheirSets = dict[tuple[str, str, str], frozenset[str]]


def comparable(text: str) -> bool:
    return text not in DIFFERENT and not any(word in text for word in NOT_COMPARED)


COMPARED = [text for text in FILTERS if comparable(text)]


def tcpdump_programs() -> dict[tuple[str, str], Program]:
    """What tcpdump compiles for a live interface; most of the time it waits."""
    keys = [(text, kind) for text in COMPARED for kind in OPTIONS]

    def compiled(key: tuple[str, str]) -> Program:
        return tcpdump_program("far", key[0], *OPTIONS[key[1]])

    with ThreadPoolExecutor(8) as pool:
        return dict(zip(keys, pool.map(compiled, keys), strict=True))


def listen_as_tcpdump() -> TheirSets:
    quiet_pair()
    sockets = {
        (text, kind, end): packet_socket(end, program)
        for (text, kind), program in tcpdump_programs().items()
        for end in ENDS
    }
    found = heard(sockets, (FRAMES | CUT).values())
    return {key: names(key[2], packets) for key, packets in found.items()}


@pytest.fixture(scope="module")
def their_sets() -> TheirSets:
    """What sockets with tcpdump's programs hear."""
    return in_namespace(listen_as_tcpdump)


@needs_tcpdump
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("text", COMPARED)
def test_tcpdump_receives_the_same_set(
    sets: Heard, their_sets: TheirSets, text: str, end: str
) -> None:
    assert sets[text, end] - CUT.keys() == their_sets[text, "optimised", end] - CUT.keys()


@needs_tcpdump
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("text", COMPARED)
def test_cut_frames_that_tcpdump_receives_are_received(
    sets: Heard, their_sets: TheirSets, text: str, end: str
) -> None:
    assert their_sets[text, "as written", end] & CUT.keys() <= sets[text, end]
