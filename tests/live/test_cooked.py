"""bpfq.attach on AF_PACKET SOCK_DGRAM: byte 0 is the network header, type and tag are metadata."""

from __future__ import annotations

import socket

import pytest

import bpfq
from kernel.namespaces import in_namespace, needs_ip, needs_root

from . import seen as w
from .filters import FILTERS, Wanted
from .frames import FRAMES
from .network import ETH_P_ALL, heard, opened, quiet_pair
from .seen import received

pytestmark = [pytest.mark.root, pytest.mark.oracle, needs_root, needs_ip]

ETHERNET_HEADER = 14

# words that ask for the link header, or for the length with it
LINK_WORDS = (
    "ether", "broadcast", "multicast", "byte", "llc", "mpls", "len", "less", "greater",
)  # fmt: skip
WANTED: dict[str, Wanted] = {
    text: wanted
    for text, wanted in FILTERS.items()
    if text in ("ip multicast", "ip6 multicast")
    or not any(word in text for word in (*LINK_WORDS, "not vlan and"))  # nothing has moved there
} | {
    "vlan and less 52": lambda s: s.vlan(0) and len(s.data) - ETHERNET_HEADER <= 52,
    "greater 1000": lambda s: len(s.data) - ETHERNET_HEADER >= 1000,
    "ip[2:2] < len": lambda s: w.ip(s.net()) and s.net().len < len(s.data) - ETHERNET_HEADER,
}
# tagged with a type that the kernel does not take for a tag: nothing is in metadata
UNKNOWN_TAG = "old qinq 9100"
SENT = {name: frame for name, frame in FRAMES.items() if name != UNKNOWN_TAG}
NAMES = {received(frame).data[ETHERNET_HEADER:]: name for name, frame in SENT.items()}
assert len(NAMES) == len(SENT)


def cooked_socket(text: str) -> socket.socket:
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
    bpfq.attach(sock, text)
    sock.bind(("far", ETH_P_ALL))
    return sock


def listen() -> dict[str, frozenset[str]]:
    quiet_pair()
    sockets, refusals = opened(WANTED, cooked_socket)
    found = heard(sockets, SENT.values())
    return refusals | {
        text: frozenset(NAMES.get(data, data.hex()) for data in packets if data != b"\0" * 46)
        for text, packets in found.items()
    }


@pytest.fixture(scope="module")
def sets() -> dict[str, frozenset[str]]:
    return in_namespace(listen)


@pytest.mark.parametrize("text", WANTED)
def test_received_set_is_the_expected_set(sets: dict[str, frozenset[str]], text: str) -> None:
    wanted = WANTED[text]
    assert sets[text] == {name for name, frame in SENT.items() if wanted(received(frame))}


UNSEEN = {
    "ether host 02:00:00:00:00:01": "a 48-bit link-layer address",
    "broadcast": "'broadcast'",
    "ether[0] & 1 = 0": "the link header",
    "byte 14 = 0x45": "the link header",
    "mpls": "'mpls'",
    "llc": "'llc'",
}


@pytest.mark.parametrize("text", UNSEEN)
def test_link_header_is_out_of_sight(text: str) -> None:
    with pytest.raises(bpfq.UnsupportedError) as caught:
        bpfq.compile(text, target="packet-cooked")
    assert str(caught.value) == (
        f"{UNSEEN[text]} cannot be seen on target 'packet-cooked' "
        "(AF_PACKET SOCK_DGRAM socket, network header)"
    )
