"""Datagrams over a veth pair as whole frames, and programs that drop one port of them.

near  ---- frames to 10.0.0.2 --->  far, 10.0.0.2
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bpfq.isa.ebpf.instructions import BpfInsn

from ..namespaces import ip, sender, veth_pair
from .programs import TCX_DROP, TCX_NEXT, XDP_DROP, XDP_PASS, byte_is, returns

BAD, GOOD = 9, 10  # UDP ports of less than 256
ADDRESS = "10.0.0.2"
_PORT_BYTE = 23  # from the IP header: the low byte of the destination port
_ETHERNET = 14


def network() -> None:
    """near and far, where far has the address; for a namespace of its own."""
    veth_pair()
    ip("address", "add", f"{ADDRESS}/24", "dev", "far")


def datagram(port: int, payload: bytes = b"") -> bytes:
    """A frame to everybody with a datagram from 10.0.0.1 to 10.0.0.2."""
    length = 20 + 8 + len(payload)
    source, to = socket.inet_aton("10.0.0.1"), socket.inet_aton(ADDRESS)
    start = struct.pack(">BBHHHBB", 0x45, 0, length, 0, 0, 64, socket.IPPROTO_UDP)
    words = struct.unpack(">10H", start + b"\0\0" + source + to)
    total = sum(words)
    checksum = 0xFFFF - (total % 0xFFFF)
    header = start + struct.pack(">H", checksum) + source + to
    udp = struct.pack(">HHHH", 1, port, 8 + len(payload), 0)
    return b"\xff" * 6 + bytes.fromhex("020000000001") + b"\x08\x00" + header + udp + payload


@contextmanager
def receivers() -> Iterator[dict[int, socket.socket]]:
    """A socket for each of the two ports."""
    open_sockets = {}
    try:
        for port in (BAD, GOOD):
            open_sockets[port] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            open_sockets[port].bind((ADDRESS, port))
            open_sockets[port].settimeout(5 if port == GOOD else 0)
        yield open_sockets
    finally:
        for each in open_sockets.values():
            each.close()


def delivered(sockets: dict[int, socket.socket]) -> bool:
    """Whether a datagram to the bad port arrives, when one to the good port sent later did."""
    offer()
    sockets[GOOD].recv(100)
    return arrived(sockets[BAD])


def offer() -> None:
    """Send a datagram to the bad port, then one to the good port."""
    with sender("near") as out:
        for port in (BAD, GOOD):
            try:
                out.send(datagram(port))
            except OSError as error:
                if error.errno != errno.ENOBUFS:  # dropped on its way out
                    raise


def arrived(sock: socket.socket) -> bool:
    """Whether a socket that does not wait has a datagram."""
    try:
        sock.recv(100)
    except BlockingIOError:
        return False
    return True


def dropping(hook: str) -> tuple[BpfInsn, ...]:
    """Drops datagrams to the bad port, lets all others go on."""
    if hook == "xdp":
        return byte_is(_ETHERNET + _PORT_BYTE, BAD, XDP_DROP, XDP_PASS, xdp=True)
    if hook == "tc":
        return byte_is(_ETHERNET + _PORT_BYTE, BAD, TCX_DROP, TCX_NEXT, xdp=False)
    return byte_is(_PORT_BYTE, BAD, 0, 1, xdp=False)


def passing(hook: str) -> tuple[BpfInsn, ...]:
    """Lets everything go on."""
    return returns({"xdp": XDP_PASS, "tc": TCX_NEXT}.get(hook, 1))


def cgroup_mount() -> str:
    """Where the file system of cgroups version 2 is mounted; empty where it is not."""
    with open("/proc/self/mounts", encoding="ascii", errors="replace") as file:
        rows = [line.split() for line in file]
    return next((row[1] for row in rows if row[2] == "cgroup2"), "")


needs_cgroup = pytest.mark.skipif(not cgroup_mount(), reason="needs cgroup2: mount -t cgroup2")


@contextmanager
def own_cgroup() -> Iterator[str]:
    """A cgroup of its own with this process in it."""
    mount = cgroup_mount()
    path = f"{mount}/bpfq-{os.getpid()}"
    with open("/proc/self/cgroup", encoding="ascii") as file:
        before = next(line[3:].strip() for line in file if line.startswith("0::"))
    os.mkdir(path)
    try:
        _enter(path)
        yield path
    finally:
        _enter(mount + before)
        os.rmdir(path)


def _enter(path: str) -> None:
    with open(f"{path}/cgroup.procs", "w", encoding="ascii") as file:
        file.write(str(os.getpid()))
