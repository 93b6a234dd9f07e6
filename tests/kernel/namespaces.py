"""Run a test's system part in a network namespace of its own, in a forked child."""

from __future__ import annotations

import ctypes
import fcntl
import os
import pickle
import shutil
import socket
import struct
import subprocess
import time
import traceback
from collections.abc import Callable
from typing import TypeVar

import pytest

T = TypeVar("T")

CLONE_NEWNET = 0x40000000  # linux/sched.h
SIOCGIFFLAGS = 0x8913  # linux/sockios.h
IFF_RUNNING = 0x40  # linux/if.h

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root for network namespaces")
needs_ip = pytest.mark.skipif(
    shutil.which("ip") is None, reason="needs the ip command: install iproute2"
)


def in_namespace(scenario: Callable[[], T]) -> T:
    """What scenario() returns in a fresh network namespace; fails the test if it raises."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _report(writing, scenario)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        message = pipe.read()
    os.waitpid(child, 0)
    succeeded, value = pickle.loads(message)
    if not succeeded:
        pytest.fail(value)
    result: T = value
    return result


def _report(writing: int, scenario: Callable[[], object]) -> None:
    try:
        if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "unshare")
        message = pickle.dumps((True, scenario()))
    except BaseException:  # noqa: BLE001 (the parent reports it)
        message = pickle.dumps((False, traceback.format_exc()))
    with os.fdopen(writing, "wb") as pipe:
        pipe.write(message)
    os._exit(0)


def ip(*arguments: str) -> None:
    """Run the ip command."""
    subprocess.run(("ip", *arguments), check=True, capture_output=True)


def veth_pair() -> None:
    """Interfaces near and far, both up, without the noise of IPv6."""
    ip("link", "add", "near", "type", "veth", "peer", "name", "far")
    for name in ("near", "far"):
        with open(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6", "w", encoding="ascii") as file:
            file.write("1")
        ip("link", "set", name, "up")
    for name in ("near", "far"):
        await_carrier(name)


def await_carrier(name: str) -> None:
    """Wait until the interface carries packets; the kernel sees to that in its own time."""
    request = struct.pack("16sH22x", name.encode(), 0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for _ in range(1000):
            answer = fcntl.ioctl(sock, SIOCGIFFLAGS, request)
            if struct.unpack_from("H", answer, 16)[0] & IFF_RUNNING:
                break
            time.sleep(0.01)
    ip("link", "set", name, "up")  # waits for the lock under which the queue is put in place


def add_ipv6_address(address: str, length: int, interface: str) -> None:
    """Returns once packets for the address are taken; the kernel routes them in its own time."""
    ip("address", "add", f"{address}/{length}", "dev", interface, "nodad")
    route = f"{socket.inet_pton(socket.AF_INET6, address).hex()} 80 "
    for _ in range(1000):
        with open("/proc/net/ipv6_route", encoding="ascii") as routes:
            if any(line.startswith(route) for line in routes):
                return
        time.sleep(0.01)
    raise TimeoutError(f"no route to {address}")


def sender(interface: str) -> socket.socket:
    """A packet socket that sends whole frames and never receives."""
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    sock.bind((interface, 0))
    return sock
