"""What a target cannot see is refused, with its name, before anything is attached."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

import bpfq
from bpfq.kernel.sockets import read_filter
from kernel.namespaces import needs_root

Opener = Callable[[], socket.socket]


def _socket(*parameters: int) -> Opener:
    return lambda: socket.socket(*parameters)


SOCKETS: dict[str, tuple[str, Opener]] = {
    "cooked": ("packet-cooked", _socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)),
    "raw ip": ("raw4", _socket(socket.AF_INET, socket.SOCK_RAW, 17)),
    "raw ip6": ("raw6", _socket(socket.AF_INET6, socket.SOCK_RAW, 17)),
    "udp": ("udp", _socket(socket.AF_INET, socket.SOCK_DGRAM)),
    "udp ip6": ("udp", _socket(socket.AF_INET6, socket.SOCK_DGRAM)),
}
NOWHERE = (
    "ether host 02:00:00:00:00:01", "ether src 02:00:00:00:00:01", "broadcast", "multicast",
    "ether[0] & 1 = 0", "ether[12:2] = 0x800", "byte 0 = 1", "llc", "mpls", "lane",
    "not ether dst ff:ff:ff:ff:ff:ff", "udp and ether host 02:00:00:00:00:01", "type mgt",
)  # fmt: skip
ONLY_METADATA = ("vlan", "vlan 100", "not vlan", "vlan and udp")

pytestmark = [pytest.mark.root, needs_root]

CASES = [(name, text) for name in SOCKETS for text in NOWHERE] + [
    (name, text) for name in SOCKETS if name != "cooked" for text in ONLY_METADATA
]


@pytest.mark.parametrize(("name", "text"), CASES)
def test_refusal_names_the_target(name: str, text: str) -> None:
    target, open_socket = SOCKETS[name]
    with open_socket() as sock:
        with pytest.raises(bpfq.UnsupportedError) as caught:
            bpfq.attach(sock, text)
        assert f"cannot be seen on target '{target}' (" in str(caught.value)
        start, end = caught.value.span or (0, 0)
        assert text[start:end] != ""
        assert read_filter(sock) == ()


METADATA = ("inbound", "outbound", "not inbound and udp", "ifindex 1", "udp and ifindex 2")


@pytest.mark.parametrize("name", SOCKETS)
@pytest.mark.parametrize("text", METADATA)
def test_metadata_is_there_on_every_socket(name: str, text: str) -> None:
    with SOCKETS[name][1]() as sock:
        bpfq.attach(sock, text)
        assert read_filter(sock) != ()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("udp", "tcp"),
        ("udp", "ip6"),
        ("raw ip", "ip6 host ::1"),
        ("raw ip6", "arp"),
        ("udp", "icmp"),
        ("udp", "not udp"),
    ],
)
def test_what_can_never_arrive_is_refused(name: str, text: str) -> None:
    with SOCKETS[name][1]() as sock, pytest.raises(bpfq.FilterError) as caught:
        bpfq.attach(sock, text)
    assert SOCKETS[name][0] in str(caught.value)
