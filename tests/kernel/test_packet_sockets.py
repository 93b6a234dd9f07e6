"""Packet sockets, in network namespaces of their own."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import struct
import subprocess
import time
from fcntl import ioctl

import pytest

from bpfq.errors import BpfqError, LoadError, UnsupportedError
from bpfq.kernel.interfaces import (
    Interface,
    infer_target,
    interface,
    interfaces,
    link_type_of,
)
from bpfq.kernel.packets import Packet, Statistics, prepare, receive, statistics
from bpfq.kernel.sockets import (
    attach_filter,
    detach_filter,
    lock_filter,
    open_packet_socket,
    read_filter,
)

from .namespaces import in_namespace, ip, needs_ip, needs_root, sender, veth_pair
from .programs import KEEP_ALL, ethertype_is, frame

pytestmark = [pytest.mark.root, needs_root, needs_ip]

ETH_P_ALL = 3
WANTED, UNWANTED = 0x88B5, 0x88B6  # the two ethertypes for experiments, IEEE 802


def start_flood() -> int:
    """The process id of a child that sends both kinds of frames without end."""
    child = os.fork()
    if child == 0:
        try:
            with sender("near") as sock:
                while True:
                    sock.send(frame(UNWANTED))
                    sock.send(frame(WANTED))
        finally:
            os._exit(0)
    return child


def stop(child: int) -> None:
    os.kill(child, 9)
    os.waitpid(child, 0)


def ethertypes(sock: socket.socket, count: int) -> set[int]:
    """What kinds of frames the next count ones are."""
    return {struct.unpack_from(">H", sock.recv(2048), 12)[0] for _ in range(count)}


def test_new_socket_never_sees_what_does_not_match() -> None:
    def scenario() -> list[set[int]]:
        veth_pair()
        flood = start_flood()
        try:
            found = []
            for _ in range(50):
                with open_packet_socket("far", ethertype_is(WANTED)) as sock:
                    sock.settimeout(5)
                    found.append(ethertypes(sock, 20))
            return found
        finally:
            stop(flood)

    assert in_namespace(scenario) == [{WANTED}] * 50


def test_draining_a_flooded_socket_leaves_only_matches() -> None:
    def scenario() -> tuple[set[int], set[int], float | None]:
        veth_pair()
        flood = start_flood()
        try:
            with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as sock:
                sock.settimeout(5)
                sock.bind(("far", ETH_P_ALL))
                before = ethertypes(sock, 20)
                time.sleep(0.05)  # the queue is full now
                attach_filter(sock, ethertype_is(WANTED))
                return before, ethertypes(sock, 500), sock.gettimeout()
        finally:
            stop(flood)

    assert in_namespace(scenario) == ({WANTED, UNWANTED}, {WANTED}, 5.0)


def test_cooked_socket_starts_at_the_network_header() -> None:
    def scenario() -> tuple[bytes, int]:
        veth_pair()
        with open_packet_socket("far", KEEP_ALL, cooked=True) as sock, sender("near") as out:
            sock.settimeout(5)
            out.send(frame(WANTED, b"network header"))
            packet = receive(sock)
            return packet.octets[:14], len(packet.octets)

    assert in_namespace(scenario) == (b"network header", 46)


def test_any_interface_hears_all_of_them() -> None:
    def scenario() -> set[str]:
        veth_pair()
        with open_packet_socket("any", KEEP_ALL, cooked=True) as sock, sender("near") as out:
            sock.settimeout(5)
            out.send(frame(WANTED))
            return {receive(sock).interface, receive(sock).interface}

    assert in_namespace(scenario) == {"near", "far"}


def test_any_interface_needs_a_cooked_socket() -> None:
    with pytest.raises(UnsupportedError) as caught:
        open_packet_socket("any", KEEP_ALL)
    assert str(caught.value) == "interface 'any' mixes link headers, it needs a cooked socket"


def refusal(interface_name: str) -> tuple[str, int | None]:
    try:
        open_packet_socket(interface_name, KEEP_ALL)
    except LoadError as error:
        return error.render(), error.errno
    return "opened", None


def test_unknown_interface_names_those_there_are() -> None:
    def scenario() -> tuple[str, int | None]:
        veth_pair()
        return refusal("nearr")

    message, number = in_namespace(scenario)
    lines = message.splitlines()
    assert lines[0].startswith("no interface 'nearr'; there are lo, ")
    assert set(lines[0].split("; there are ")[1].split(", ")) >= {"lo", "near", "far"}
    assert lines[1:] == ["  try:  near"]
    assert number == errno.ENODEV


def test_interface_that_is_down() -> None:
    def scenario() -> tuple[str, int | None]:
        ip("link", "add", "near", "type", "veth", "peer", "name", "far")
        return refusal("far")

    assert in_namespace(scenario) == (
        "interface 'far' is down\n  try:  ip link set far up",
        errno.ENETDOWN,
    )


def test_lock_on_a_packet_socket_makes_detach_fail() -> None:
    def scenario() -> tuple[int | None, bool]:
        veth_pair()
        with open_packet_socket("far", KEEP_ALL) as sock:
            lock_filter(sock)
            try:
                detach_filter(sock)
            except LoadError as error:
                return error.errno, read_filter(sock) == KEEP_ALL
            return None, False

    assert in_namespace(scenario) == (errno.EPERM, True)


def receive_tagged(reinsert_vlan: bool) -> Packet:
    veth_pair()
    with open_packet_socket("far", KEEP_ALL) as sock, sender("near") as out:
        prepare(sock)
        sock.settimeout(5)
        out.send(frame(WANTED, tag=0xA064))
        return receive(sock, reinsert_vlan=reinsert_vlan)


def test_vlan_tag_is_in_the_auxiliary_data() -> None:
    packet = in_namespace(lambda: receive_tagged(False))
    sent = frame(WANTED, tag=0xA064)
    assert packet._replace(timestamp_ns=None) == Packet(
        octets=sent[:12] + sent[16:],
        wire_length=len(sent) - 4,
        timestamp_ns=None,
        interface="far",
        packet_type=1,
        vlan_tci=0xA064,
        vlan_tpid=0x8100,
        protocol=WANTED,
        arphrd=1,
        address=bytes.fromhex("020000000001"),
    )
    assert packet.vlan_id == 100


def test_vlan_tag_is_put_back_where_it_was() -> None:
    packet = in_namespace(lambda: receive_tagged(True))
    sent = frame(WANTED, tag=0xA064)
    assert (packet.octets, packet.wire_length) == (sent, len(sent))


def test_priority_tag_of_vlan_zero_is_a_tag() -> None:
    def scenario() -> Packet:
        veth_pair()
        with open_packet_socket("far", KEEP_ALL) as sock, sender("near") as out:
            prepare(sock)
            sock.settimeout(5)
            out.send(frame(WANTED, tag=0))
            return receive(sock)

    packet = in_namespace(scenario)
    assert (packet.octets, packet.vlan_tci) == (frame(WANTED, tag=0), 0)


def test_packet_without_tag() -> None:
    def scenario() -> tuple[Packet, int]:
        veth_pair()
        with open_packet_socket("far", ethertype_is(WANTED)) as sock, sender("near") as out:
            prepare(sock)
            sock.settimeout(5)
            out.send(frame(WANTED))
            return receive(sock, snaplen=20), time.time_ns()

    packet, now = in_namespace(scenario)
    assert packet._replace(timestamp_ns=None) == Packet(
        octets=frame(WANTED)[:20],
        wire_length=60,
        timestamp_ns=None,
        interface="far",
        packet_type=1,
        vlan_tci=None,
        vlan_tpid=None,
        protocol=WANTED,
        arphrd=1,
        address=bytes.fromhex("020000000001"),
    )
    assert packet.timestamp_ns is not None
    assert abs(now - packet.timestamp_ns) < 60_000_000_000


def test_statistics_count_accepted_packets_once() -> None:
    def scenario() -> tuple[Statistics, Statistics]:
        veth_pair()
        with open_packet_socket("far", ethertype_is(WANTED)) as sock, sender("near") as out:
            for ethertype in (WANTED, UNWANTED, WANTED):
                out.send(frame(ethertype))
            sock.settimeout(5)
            for _ in range(2):
                receive(sock)
            return statistics(sock), statistics(sock)

    assert in_namespace(scenario) == (Statistics(2, 0), Statistics(0, 0))


def test_promiscuous_mode_is_on_while_the_socket_lives() -> None:
    def scenario() -> list[int]:
        veth_pair()

        def mode() -> int:
            shown = subprocess.run(
                ("ip", "-d", "link", "show", "far"), check=True, capture_output=True, text=True
            ).stdout
            return int(shown.split("promiscuity ")[1].split()[0])

        with open_packet_socket("far", KEEP_ALL, promiscuous=True):
            during = mode()
        return [during, mode()]

    assert in_namespace(scenario) == [1, 0]


def test_interfaces_of_the_namespace() -> None:
    def scenario() -> tuple[Interface, ...]:
        veth_pair()
        ip("address", "add", "192.0.2.1/26", "dev", "far")
        ip("link", "set", "lo", "up")
        wanted = {"lo", "near", "far"}
        return tuple(i._replace(ifindex=0) for i in interfaces() if i.name in wanted)

    found = {i.name: i for i in in_namespace(scenario)}
    assert found == {
        "lo": Interface("lo", 0, 772, 0xFF000000, ("127.0.0.1", "::1")),
        "near": Interface("near", 0, 1, None, ()),
        "far": Interface("far", 0, 1, 0xFFFFFFC0, ("192.0.2.1",)),
    }


def test_one_interface_by_name() -> None:
    def scenario() -> tuple[str, str]:
        try:
            interface("nowhere")
        except LoadError as error:
            return interface("lo").name, str(error)
        return "", ""

    name, message = in_namespace(scenario)
    assert name == "lo"
    assert message.startswith("no interface 'nowhere'; there are lo")


NO_TARGET = "cannot tell what a filter sees on a socket of {}; name the target"


def target(*parameters: int, bound: str = "") -> tuple[str, str] | str:
    with socket.socket(*parameters) as sock:
        if bound:
            sock.bind((bound, 0))
        try:
            return infer_target(sock)
        except BpfqError as error:
            return str(error)


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ((socket.AF_PACKET, socket.SOCK_RAW, 0), ("packet", "EN10MB")),
        ((socket.AF_PACKET, socket.SOCK_DGRAM, 0), ("packet-cooked", "RAW")),
        ((socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP), ("raw4", "RAW")),
        ((socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_UDP), ("raw6", "RAW")),
        ((socket.AF_INET, socket.SOCK_DGRAM), ("udp", "RAW")),
        ((socket.AF_INET6, socket.SOCK_DGRAM), ("udp", "RAW")),
        (
            (socket.AF_UNIX, socket.SOCK_DGRAM),
            NO_TARGET.format("AF_UNIX, SOCK_DGRAM, protocol 0"),
        ),
        (
            (socket.AF_INET, socket.SOCK_STREAM),
            NO_TARGET.format("AF_INET, SOCK_STREAM, protocol 0"),
        ),
    ],
    ids=["raw", "cooked", "raw4", "raw6", "udp4", "udp6", "unix", "tcp"],
)
def test_target_follows_from_the_socket(
    parameters: tuple[int, ...], expected: tuple[str, str] | str
) -> None:
    assert target(*parameters) == expected


def test_ping_socket_is_not_udp() -> None:
    def scenario() -> tuple[str, str] | str:
        with open("/proc/sys/net/ipv4/ping_group_range", "w", encoding="ascii") as file:
            file.write("0 0")
        return target(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)

    assert in_namespace(scenario) == NO_TARGET.format("AF_INET, SOCK_DGRAM, protocol 1")


TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000  # linux/if_tun.h


def make_tun() -> int | None:
    """The descriptor of an interface tun0, which has no link header; None without tun."""
    try:
        device = os.open("/dev/net/tun", os.O_RDWR)
    except OSError:
        return None
    ioctl(device, TUNSETIFF, struct.pack("16sH22x", b"tun0", IFF_TUN | IFF_NO_PI))
    return device


def test_bound_socket_has_the_link_type_of_its_interface() -> None:
    def scenario() -> list[tuple[str, str] | str]:
        veth_pair()
        return [target(socket.AF_PACKET, socket.SOCK_RAW, 0, bound=name) for name in ("far", "lo")]

    assert in_namespace(scenario) == [("packet", "EN10MB"), ("packet", "EN10MB")]


def test_tun_has_no_link_header() -> None:
    def scenario() -> tuple[str, str] | str | None:
        if make_tun() is None:
            return None
        return target(socket.AF_PACKET, socket.SOCK_RAW, 0, bound="tun0")

    found = in_namespace(scenario)
    if found is None:
        pytest.skip("this kernel has no tun interfaces")
    assert found == ("packet", "RAW")


@pytest.mark.oracle
@pytest.mark.skipif(shutil.which("tcpdump") is None, reason="needs tcpdump: install tcpdump")
def test_tcpdump_sees_the_same_link_types() -> None:
    def scenario() -> list[tuple[str, list[str]]]:
        veth_pair()
        ip("link", "set", "lo", "up")
        names = ["far", "lo"]
        device = make_tun()
        if device is not None:
            ip("link", "set", "tun0", "up")
            names.append("tun0")
        return [(link_type_of(interface(name).arphrd), tcpdump_types(name)) for name in names]

    for ours, theirs in in_namespace(scenario):
        assert ours in theirs


def tcpdump_types(name: str) -> list[str]:
    """The link types that tcpdump offers on an interface."""
    shown = subprocess.run(
        ("tcpdump", "-L", "-i", name), check=False, capture_output=True, text=True
    )
    lines = (shown.stdout + shown.stderr).splitlines()
    return [line.split()[0] for line in lines if line.startswith("  ")]


@pytest.mark.parametrize(
    ("arphrd", "expected"),
    [(1, "EN10MB"), (772, "EN10MB"), (0xFFFE, "RAW"), (803, "IEEE802_11_RADIO")],
)
def test_link_type_of_an_interface_type(arphrd: int, expected: str) -> None:
    assert link_type_of(arphrd) == expected


@pytest.mark.parametrize(("arphrd", "kind"), [(512, "ARPHRD_PPP"), (778, "ARPHRD 778")])
def test_interface_type_without_dependable_header(arphrd: int, kind: str) -> None:
    with pytest.raises(UnsupportedError) as caught:
        link_type_of(arphrd)
    assert str(caught.value) == (
        f"interfaces of type {kind} have no dependable link header, use a cooked socket"
    )
