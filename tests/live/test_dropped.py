"""Programs at hooks of the kernel drop from real traffic what they match, and nothing else.

Frames over a veth pair: tagged ones, fragments, IPv6 with extension headers, tunnels.  Datagrams of
40 kB over the loopback, of which only the headers lie in one piece.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

import bpfq
from bpfq.ebpf.install import Installed, install
from bpfq.kernel.attach import (
    attach_cgroup,
    attach_netfilter,
    attach_socket,
    attach_tc,
    attach_xdp,
)
from kernel.ebpf.programs import needs_bpf
from kernel.ebpf.traffic import cgroup_mount, own_cgroup
from kernel.namespaces import in_namespace, ip, needs_ip, needs_root

from .filters import FILTERS
from .frames import FRAMES
from .network import SENTINEL_TYPE, heard, packet_socket, quiet_pair
from .seen import Seen, received, sent

pytestmark = [pytest.mark.root, pytest.mark.oracle, needs_root, needs_ip, needs_bpf]

TEXTS = (
    "ip", "arp", "not ip and not ip6", "tcp", "udp port 53", "host 10.0.0.1", "vlan", "vlan 100",
    "not vlan", "vlan 100 and udp", "vlan 100 and vlan 200", "vlan and arp", "tcp[13] = 18",
    "broadcast", "ip6 protochain 6", "protochain 58", "not protochain 17", "less 62",
    "mpls and ip", "vxlan and ip", "icmp[icmptype] = icmp-echo", "icmp6", "net 2001:db8::/32",
)  # fmt: skip
HOOKS = ("xdp native", "xdp generic", "tc ingress", "tc egress")
NAMES = {received(frame).data: name for name, frame in FRAMES.items()}
TYPES = sorted({int.from_bytes(data[12:14], "big") for data in NAMES})
_LLC, _RAW_802_3 = 0x0004, 0x0001  # ETH_P_802_2 and ETH_P_802_3, <linux/if_ether.h>
_LARGEST_LENGTH = 1500

Attach = Callable[[Installed], AbstractContextManager[object]]


def at(hook: str, installed: Installed) -> AbstractContextManager[object]:
    kind, where = hook.split()
    if kind == "xdp":
        return attach_xdp(installed.program, "far", where)
    return attach_tc(installed.program, "far" if where == "ingress" else "near", where)


def listeners() -> dict[int, socket.socket]:
    """Behind all hooks: sockets of one protocol each, unlike those of all, get what tc lets on."""
    found = {}
    for protocol in [_LLC, _RAW_802_3, *(each for each in TYPES if each > _LARGEST_LENGTH)]:
        found[protocol] = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        found[protocol].bind(("far", protocol))
    return found


def passed(hook: str) -> dict[str, set[str]]:
    """The frames that are left when those that a filter matches are dropped."""
    quiet_pair()
    found = {}
    for text in TEXTS:
        guarded = f"not ether proto {SENTINEL_TYPE} and ({text})"
        program = bpfq.compile(guarded, target=f"ebpf:{hook.split()[0]}", action="drop")
        with install(program.module) as installed, at(hook, installed):
            behind = heard(listeners(), FRAMES.values())
        frames = [frame for several in behind.values() for frame in several]
        found[text] = {NAMES.get(frame, frame.hex()) for frame in frames}
    return found


@pytest.fixture(scope="module", params=HOOKS)
def left(request: pytest.FixtureRequest) -> tuple[str, dict[str, set[str]]]:
    return request.param, in_namespace(lambda: passed(request.param))


@pytest.mark.parametrize("text", TEXTS)
def test_frames_that_do_not_match_are_left(
    left: tuple[str, dict[str, set[str]]], text: str
) -> None:
    hook, found = left
    see: Callable[[bytes], Seen] = received if hook == "tc ingress" else sent
    assert found[text] == {name for name, frame in FRAMES.items() if not FILTERS[text](see(frame))}


# ---------------------------------------------------------------- what lies in pieces

SIZE = 40_000  # bytes of a datagram; 42 bytes of it lie in one piece
PORT = 7000
FAR_BYTES = (
    "udp[30000:2] = 0x4242", "udp[8] = 0x42", "udp[39999:4] = 0x42424242",
    "udp[udp[4:2] - 2:2] = 0x4242", "ip[36000] = 0x42 and udp[100:4] = 0x42424242",
    "udp[udp[8] * 128:4] = 0x42424242", "ip and len > 60 and udp[20000] & 2 != 0",
)  # fmt: skip
BEYOND = ("tc ingress", "tc egress", "cgroup_skb", "netfilter", "socket", "xdp")


@contextmanager
def on_loopback(hook: str, text: str) -> Iterator[socket.socket]:
    """A socket that gets datagrams on the loopback, those that match dropped."""
    kind = hook.split()[0]
    program = bpfq.compile(text, target=f"ebpf:{kind}", action="drop")
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver,
        install(program.module) as installed,
    ):
        receiver.bind(("127.0.0.1", PORT))
        receiver.setblocking(False)
        match hook:
            case "tc ingress" | "tc egress":
                with attach_tc(installed.program, "lo", hook.split()[1]):
                    yield receiver
            case "xdp":
                with attach_xdp(installed.program, "lo", "generic"):
                    yield receiver
            case "netfilter":
                with attach_netfilter(installed.program, "inet", "input"):
                    yield receiver
            case "cgroup_skb":
                with own_cgroup() as path, own_socket(receiver) as inside:
                    with attach_cgroup(installed.program, path, "ingress"):
                        yield inside
            case _:
                with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as packets:
                    attach_socket(installed.program, packets)
                    packets.setblocking(False)
                    packets.bind(("lo", 3))
                    yield packets


@contextmanager
def own_socket(before: socket.socket) -> Iterator[socket.socket]:
    """A socket made in the cgroup, which others made before do not belong to."""
    before.close()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as inside:
        inside.bind(("127.0.0.1", PORT))
        inside.setblocking(False)
        yield inside


def letters_left(hook: str) -> dict[str, set[int]]:
    """Of datagrams of one letter each, those that are left."""
    ip("link", "set", "lo", "up")
    found: dict[str, set[int]] = {}
    for text in FAR_BYTES:
        with on_loopback(hook, text) as receiver:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                for letter in b"AB":
                    try:
                        sender.sendto(bytes([letter]) * SIZE, ("127.0.0.1", PORT))
                    except PermissionError:  # told of what a hook on the way out dropped
                        continue
            found[text] = set()
            while True:
                try:
                    found[text].add(receiver.recv(1 << 17)[-1])
                except BlockingIOError:
                    break
    return found


@pytest.mark.parametrize("hook", BEYOND)
def test_bytes_beyond_the_headers_of_a_large_datagram_are_read(hook: str) -> None:
    if hook == "cgroup_skb" and not cgroup_mount():
        pytest.skip("needs cgroup2: mount -t cgroup2")
    assert in_namespace(lambda: letters_left(hook)) == dict.fromkeys(FAR_BYTES, {ord("A")})
