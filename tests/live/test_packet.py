"""Filters on packet sockets at both ends of a veth pair, against what scapy says of each frame.

The receiving end has the outer VLAN tag in metadata; the sending end sees copies of what goes out,
with the tag inline.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable

import pytest

import bpfq
from kernel.namespaces import in_namespace, needs_ip, needs_root

from .filters import FILTERS
from .frames import CUT, FRAMES
from .network import (
    dropped,
    heard,
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
ENDS: dict[str, Callable[[bytes], Seen]] = {"far": received, "near": sent}
_NAMES = {
    end: {see(frame).data: name for name, frame in (FRAMES | CUT).items()}
    for end, see in ENDS.items()
}


def names(end: str, packets: list[bytes]) -> frozenset[str]:
    """Which frames these are; a frame heard twice or unknown gets a name of its own."""
    found = [_NAMES[end].get(data, f"unknown {data.hex()}") for data in packets]
    return frozenset(found) | {f"{name} twice" for name in found if found.count(name) > 1}


def expected(text: str, end: str) -> frozenset[str]:
    wanted = FILTERS[text]
    return frozenset(name for name, frame in FRAMES.items() if wanted(ENDS[end](frame)))


def listen() -> Heard:
    quiet_pair()
    sockets = {
        (text, end): bpfq.open_packet_socket(end, text)
        for text in FILTERS
        for end in ENDS
    }
    found = heard(sockets, FRAMES.values())
    assert sum(map(dropped, sockets.values())) == 0
    return {key: names(key[1], packets) for key, packets in found.items()}


@pytest.fixture(scope="module")
def sets() -> Heard:
    """What each filter's socket heard, at both ends."""
    return in_namespace(listen)


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("text", FILTERS)
def test_received_set_is_the_expected_set(sets: Heard, text: str, end: str) -> None:
    assert sets[text, end] == expected(text, end)


# ---------------------------------------------------------------- tcpdump's own programs

NOT_COMPARED = {
    "vxlan": "libpcap before 1.11 does not know the word",
    "protochain": "a jump backwards, which no kernel loads",
}
DIFFERENT: dict[str, str] = {}


def comparable(text: str) -> bool:
    return not any(word in text for word in NOT_COMPARED)


def listen_as_tcpdump() -> tuple[Heard, dict[str, str]]:
    """What sockets with tcpdump's programs hear, and the filters that it refuses."""
    quiet_pair()
    refused = {}
    sockets = {}
    for text in filter(comparable, FILTERS):
        for end in ENDS:
            try:
                sockets[text, end] = packet_socket(end, tcpdump_program(end, text))
            except ValueError as error:
                refused[text] = str(error)
    found = heard(sockets, FRAMES.values())
    return {key: names(key[1], packets) for key, packets in found.items()}, refused


@pytest.fixture(scope="module")
def tcpdump_sets() -> tuple[Heard, dict[str, str]]:
    return in_namespace(listen_as_tcpdump)


@needs_tcpdump
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("text", [t for t in FILTERS if comparable(t)])
def test_tcpdump_receives_the_same_set(
    sets: Heard, tcpdump_sets: tuple[Heard, dict[str, str]], text: str, end: str
) -> None:
    theirs, refused = tcpdump_sets
    if text in refused:
        pytest.fail(f"tcpdump refuses it: {refused[text]}")
    assert sets[text, end] == theirs[text, end]
