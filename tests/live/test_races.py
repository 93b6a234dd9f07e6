"""No packet that the filter rejects is ever received, and what the system refuses is explained."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable

import pytest

import bpfq
from bpfq.isa.cbpf.size import optmem_charge
from bpfq.kernel.limits import optmem_max
from bpfq.kernel.sockets import attach_filter, read_filter
from kernel.namespaces import in_namespace, ip, needs_ip, needs_root, sender, veth_pair

from .frames import FRAMES
from .network import (
    close,
    heard,
    packet_socket,
    quiet_pair,
    refusal,
    unprivileged,
)

pytestmark = [pytest.mark.root, needs_root, needs_ip]


def untagged(frame: bytes) -> bytes:
    """The frame as it is received: the kernel took the tag out."""
    return frame[:12] + frame[16:]


OPENINGS = 40
READ_EACH = 25
FLOOD = [FRAMES[name] for name in ("udp dns", "tcp syn", "arp request", "vlan 100 udp", "ip6 udp")]
UDP_OF_FLOOD = {FRAMES["udp dns"], FRAMES["ip6 udp"], untagged(FRAMES["vlan 100 udp"])}


def flooded(scenario: Callable[[], object]) -> Callable[[], object]:
    """The scenario, while a child sends all of FLOOD from near without end."""

    def inside() -> object:
        veth_pair()
        child = os.fork()
        if child == 0:
            flood()
        try:
            return scenario()
        finally:
            os.kill(child, 9)
            os.waitpid(child, 0)

    return inside


def flood() -> None:
    try:
        with sender("near") as out:
            while True:
                for frame in FLOOD:
                    out.send(frame)
    finally:
        os._exit(0)


def test_socket_opened_in_a_flood_never_hears_anything_else() -> None:
    def scenario() -> set[bytes]:
        found = set()
        sockets = []
        for _ in range(OPENINGS):
            sock = bpfq.open_packet_socket("far", "udp")
            sock.settimeout(10)
            found |= {sock.recv(2048) for _ in range(READ_EACH)}
            sockets.append(sock)
        close(sockets)
        return found

    assert in_namespace(flooded(scenario)) == UDP_OF_FLOOD


def test_filter_attached_in_a_flood_drains_what_came_before() -> None:
    def scenario() -> tuple[bool, list[set[bytes]]]:
        with packet_socket("far") as sock:
            sock.settimeout(10)
            before = {sock.recv(2048) for _ in range(100)}
            rounds = []
            for text in ("udp", "arp", "vlan 100", "ip6 or arp"):
                bpfq.attach(sock, text)
                rounds.append({sock.recv(2048) for _ in range(400)})
            return len(before) == len(FLOOD), rounds

    arp, ip6 = FRAMES["arp request"], FRAMES["ip6 udp"]
    tagged = untagged(FRAMES["vlan 100 udp"])
    assert in_namespace(flooded(scenario)) == (
        True, [UDP_OF_FLOOD, {arp}, {tagged}, {ip6, arp}],
    )  # fmt: skip


def test_locked_filter_outlives_every_attempt() -> None:
    def scenario() -> tuple[object, ...]:
        quiet_pair()
        with packet_socket("far") as sock:
            bpfq.attach(sock, "arp", lock=True)
            attempts = (
                refusal(lambda: bpfq.attach(sock, "ip")),
                refusal(lambda: bpfq.detach(sock)),
            )
            found = heard({"locked": sock}, FRAMES.values())
            return *attempts, found["locked"]

    locked = "EPERM, the filter of this socket is locked (SO_LOCK_FILTER)"
    arps = [FRAMES[name] for name in ("arp request", "arp reply", "arp other")]
    assert in_namespace(scenario) == (
        ("LoadError", f"the kernel refused the program: {locked}", errno.EPERM),
        ("LoadError", f"the kernel refused to detach the filter: {locked}", errno.EPERM),
        [*arps, untagged(FRAMES["vlan 100 arp"])],
    )


def test_detached_socket_hears_everything_again() -> None:
    def scenario() -> tuple[object, int]:
        quiet_pair()
        with packet_socket("far") as sock:
            bpfq.attach(sock, "arp")
            bpfq.detach(sock)
            again = refusal(lambda: bpfq.detach(sock))
            return again, len(heard({"": sock}, FRAMES.values())[""])

    assert in_namespace(scenario) == (
        ("LoadError", "no filter is attached to this socket", errno.ENOENT), len(FRAMES),
    )  # fmt: skip


def test_without_drain_the_queue_stays() -> None:
    def scenario() -> list[bytes]:
        quiet_pair()
        with packet_socket("far") as sock, sender("near") as out:
            sock.settimeout(10)
            out.send(FRAMES["udp dns"])
            bpfq.attach(sock, "arp", drain=False)
            out.send(FRAMES["udp dns"])
            out.send(FRAMES["arp request"])
            return [sock.recv(2048), sock.recv(2048)]

    assert in_namespace(scenario) == [FRAMES["udp dns"], FRAMES["arp request"]]


def test_what_the_kernel_holds_is_the_program() -> None:
    def scenario() -> list[bool]:
        veth_pair()
        same = []
        for text in ("", "vlan 100 and udp", "protochain 17", "tcp[13] & 2 != 0 or greater 500"):
            program = bpfq.compile(text, target="packet")
            with bpfq.open_packet_socket("far", program) as sock:
                same.append(read_filter(sock) == tuple(program))
        return same

    assert in_namespace(scenario) == [True] * 4


def test_user_without_capabilities_is_told_what_to_do() -> None:
    def scenario() -> tuple[str, str, int | None]:
        veth_pair()
        return unprivileged(lambda: bpfq.open_packet_socket("far", "ip"))

    assert in_namespace(scenario) == (
        "LoadError", "opening a packet socket needs the capability CAP_NET_RAW", errno.EPERM,
    )  # fmt: skip


def test_user_without_capabilities_filters_a_udp_socket() -> None:
    def scenario() -> tuple[list[bytes], object]:
        ip("link", "set", "lo", "up")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            bpfq.attach(sock, "udp")  # the other user may not be allowed to read Python's library
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            bpfq.attach(sock, "udp[8:4] = 0x68656c70", lock=True)
            sock.bind(("127.0.0.1", 0))
            sock.settimeout(10)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
                for data in (b"hello", b"help", b"hel", b"help me"):
                    out.sendto(data, sock.getsockname())
            return [sock.recv(99), sock.recv(99)], refusal(lambda: bpfq.detach(sock))[2]

    assert in_namespace(scenario) == ([b"help", b"help me"], errno.EPERM)


def test_program_beyond_the_option_memory_is_refused_with_both_numbers() -> None:
    allowed = optmem_max()
    assert allowed is not None
    if allowed > 400_000:
        pytest.skip("net.core.optmem_max is too large to run into")
    # loads of different bytes, which nothing can share
    text = " or ".join(f"ether[{k}:4] = {k}" for k in range(0, 1950))

    def scenario() -> tuple[tuple[str, str, int | None], bool]:
        veth_pair()
        with packet_socket("far") as sock:
            return refusal(lambda: bpfq.attach(sock, text)), read_filter(sock) == ()

    (kind, message, _), untouched = in_namespace(scenario)
    numbers = [int(word.strip(",")) for word in message.split() if word.strip(",").isdigit()]
    assert (kind, untouched, numbers[-1]) == ("LimitError", True, allowed)
    assert numbers[0] >= allowed


def loads(count: int) -> bpfq.Program:
    """A program with that many loads, which nothing can share."""
    return bpfq.compile(" or ".join(f"ether[{k}:4] = {k}" for k in range(count)), target="packet")


def most_loads(allowed: int) -> int:
    """How many loads the option memory has room for; the charge grows with every load."""
    low, high = 1, 2000
    while high - low > 1:
        middle = (low + high) // 2
        fits = optmem_charge(loads(middle).words) < allowed
        low, high = (middle, high) if fits else (low, middle)
    return low


def test_charge_is_exact() -> None:
    allowed = optmem_max()
    assert allowed is not None
    if allowed > 200_000:
        pytest.skip("net.core.optmem_max is too large to run into")
    most = most_loads(allowed)

    def scenario() -> list[tuple[str, str, int | None]]:
        veth_pair()
        said = []
        for program in (loads(most), loads(most + 1)):
            with packet_socket("far") as sock:
                said.append(refusal(lambda: attach_filter(sock, program.words, drain=False)))  # noqa: B023
        return said

    fits, refused = in_namespace(scenario)
    assert (fits[0], refused[0], refused[2]) == ("nothing", "LoadError", errno.ENOMEM)


def test_filter_that_does_not_fit_beside_the_earlier_one_leaves_it_and_says_how_much() -> None:
    """The kernel holds both while one replaces the other."""
    allowed = optmem_max()
    assert allowed is not None
    if allowed > 200_000:
        pytest.skip("net.core.optmem_max is too large to run into")
    count = most_loads(allowed) // 2 + 10
    half, other = loads(count), loads(count + 1)

    def scenario() -> tuple[tuple[str, str, int | None], bool]:
        veth_pair()
        with packet_socket("far") as sock:
            bpfq.attach(sock, half)
            return refusal(lambda: bpfq.attach(sock, other)), read_filter(sock) == tuple(half)

    (kind, message, _), untouched = in_namespace(scenario)
    assert untouched
    assert kind in ("LoadError", "LimitError")
    assert str(allowed) in message
    assert str(optmem_charge(other.words)) in message


def test_more_than_4096_instructions() -> None:
    text = " or ".join(f"ether[{k}:4] = {k}" for k in range(2100))
    with pytest.raises(bpfq.LimitError) as caught:
        bpfq.compile(text, target="packet")
    count = int(str(caught.value).split()[0])
    size, fitting = str(caught.value).split("; what would fit: ")
    assert size == f"{count} instructions, {count - 4096} more than the 4096 of 'packet'"
    assert fitting == "2 filters of 1050 entries of the list each; an eBPF map"
    assert count > 4096


def test_interface_that_is_not_there() -> None:
    def scenario() -> tuple[str, str, int | None]:
        veth_pair()
        return refusal(lambda: bpfq.open_packet_socket("fra", "ip"))

    kind, message, number = in_namespace(scenario)
    assert (kind, number) == ("LoadError", errno.ENODEV)
    assert message.startswith("no interface 'fra'; there are ")


def test_wrong_filter_opens_nothing() -> None:
    def scenario() -> tuple[tuple[str, str, int | None], int]:
        veth_pair()
        before = len(os.listdir("/proc/self/fd"))
        said = refusal(lambda: bpfq.open_packet_socket("far", "ip6 host 10.0.0.1"))
        return said, len(os.listdir("/proc/self/fd")) - before

    (kind, _, _), more = in_namespace(scenario)
    assert (kind, more) == ("FilterError", 0)
