"""Ping, UDP and TCP between two network namespaces, with a filter at each hook on the way.

    near, 10.0.0.1  ----------  far, 10.0.0.2, which answers

What is dropped is told by what was sent later and came through.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from kernel.ebpf.programs import needs_bpf
from kernel.ebpf.traffic import needs_cgroup, own_cgroup
from kernel.namespaces import CLONE_NEWNET, in_namespace, ip, needs_ip, veth_pair

import bpfq

from .network import one_processor

pytestmark = [pytest.mark.root, needs_bpf, needs_ip]

NEAR, FAR = "10.0.0.1", "10.0.0.2"
FIRST, SECOND = 7, 8  # ports that answer
PATIENCE = 20  # seconds; only a broken test waits that long
ECHO_REQUEST = 8

PLACES = {
    "xdp native": ("xdp", "near", {"mode": "native"}),
    "xdp generic": ("xdp", "near", {"mode": "generic"}),
    "tc ingress": ("tc", "near", {"direction": "ingress"}),
    "tc egress": ("tc", "near", {"direction": "egress"}),
    "netfilter input": ("netfilter", "inet:input", {}),
    "netfilter output": ("netfilter", "inet:output", {}),
    "cgroup ingress": ("cgroup_skb", "", {"direction": "ingress"}),
    "cgroup egress": ("cgroup_skb", "", {"direction": "egress"}),
}
FILTERS = {
    "icmp": {"ping"},
    f"udp port {FIRST}": {"udp"},
    f"tcp port {FIRST}": {"tcp"},
    f"port {FIRST} or icmp": {"ping", "udp", "tcp"},
    "net 192.0.2.0/24": set(),
}


@contextmanager
def neighbour() -> Iterator[None]:
    """A process in a namespace of its own, at the far end of the wire, that answers."""
    one_processor()
    veth_pair()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            answer_for_ever(writing)
        finally:
            os._exit(1)
    try:
        assert os.read(reading, 1) == b"1"  # it has a namespace
        ip("link", "set", "far", "netns", str(child))
        ip("address", "add", f"{NEAR}/24", "dev", "near")
        os.kill(child, signal.SIGUSR1)
        assert os.read(reading, 1) == b"2"  # it answers
        yield
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def answer_for_ever(writing: int) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    assert ctypes.CDLL(None).unshare(CLONE_NEWNET) == 0
    os.write(writing, b"1")
    signal.sigwait({signal.SIGUSR1})
    ip("address", "add", f"{FAR}/24", "dev", "far")
    ip("link", "set", "far", "up")
    datagrams, connections = [], []
    for port in (FIRST, SECOND):
        datagrams.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        datagrams[-1].bind((FAR, port))
        connections.append(socket.create_server((FAR, port)))
    os.write(writing, b"2")
    while True:
        for sock in select.select(datagrams, [], [])[0]:
            sock.sendto(*sock.recvfrom(100))


def pinged(sequence: int, sock: socket.socket) -> None:
    """Send an echo request with that number."""
    start = struct.pack(">BBHHH", ECHO_REQUEST, 0, 0, 1, sequence)
    checksum = 0xFFFF - sum(struct.unpack(">4H", start)) % 0xFFFF
    sock.sendto(start[:2] + struct.pack(">H", checksum) + start[4:], (FAR, 0))


def send(action: object, *arguments: object) -> None:
    """A send, where a hook may say no to the sender."""
    try:
        action(*arguments)  # type: ignore[operator]
    except PermissionError:
        pass


def answered() -> set[str]:
    """Which of ping, UDP and TCP to the first port get an answer."""
    with ExitStack() as stack:

        def opened(kind: int, protocol: int = 0) -> socket.socket:
            sock = stack.enter_context(socket.socket(socket.AF_INET, kind, protocol))
            sock.setblocking(False)
            return sock

        ping = opened(socket.SOCK_RAW, socket.IPPROTO_ICMP)
        first, second = opened(socket.SOCK_DGRAM), opened(socket.SOCK_DGRAM)
        tcp = opened(socket.SOCK_STREAM)
        send(pinged, 1, ping)
        send(first.sendto, b"hello", (FAR, FIRST))
        tcp.connect_ex((FAR, FIRST))
        # what goes on another port comes through, behind all that was sent before
        second.sendto(b"hello", (FAR, SECOND))
        assert select.select([second], [], [], PATIENCE)[0]
        with socket.create_connection((FAR, SECOND), PATIENCE):
            pass
        came = set()
        if replies(ping):
            came.add("ping")
        if select.select([first], [], [], 0)[0]:
            came.add("udp")
        if select.select([], [tcp], [], 0)[1] and not tcp.getsockopt(
            socket.SOL_SOCKET, socket.SO_ERROR
        ):
            came.add("tcp")
        return came


def replies(sock: socket.socket) -> int:
    """Echo replies that have come."""
    found = 0
    while True:
        try:
            found += sock.recv(100)[20] == 0
        except BlockingIOError:
            return found


@needs_cgroup
@pytest.mark.parametrize("text", FILTERS)
@pytest.mark.parametrize("name", PLACES)
def test_only_what_matches_is_dropped(name: str, text: str) -> None:
    hook, place, options = PLACES[name]

    def scenario() -> list[set[str]]:
        with own_cgroup() as cgroup, neighbour():
            program = bpfq.compile(text, target=f"ebpf:{hook}", action="drop")
            assert isinstance(program, bpfq.EbpfProgram)
            seen = [answered()]
            with program.attach(place or cgroup, **options):  # type: ignore[arg-type]
                seen.append(answered())
            seen.append(answered())
            return seen

    everything = {"ping", "udp", "tcp"}
    before, during, after = in_namespace(scenario)
    assert (before, after) == (everything, everything)
    assert during == everything - FILTERS[text]


@needs_cgroup
@pytest.mark.parametrize("action", ["pass", "count"])
@pytest.mark.parametrize("name", PLACES)
def test_what_matches_passes_where_that_is_asked_for(name: str, action: str) -> None:
    hook, place, options = PLACES[name]

    def scenario() -> set[str]:
        with own_cgroup() as cgroup, neighbour():
            program = bpfq.compile("ip", target=f"ebpf:{hook}", action=action)
            assert isinstance(program, bpfq.EbpfProgram)
            with program.attach(place or cgroup, **options):  # type: ignore[arg-type]
                return answered()

    assert in_namespace(scenario) == {"ping", "udp", "tcp"}
