"""How long the kernel takes to filter a packet, on a socket.

A program that returns 0 for everything, and otherwise decides as before, is attached to one end of
a pair of AF_UNIX datagram sockets; the frames are sent to it and dropped.  Programs take turns,
and what a socket costs whose filter is ``ret #0`` is subtracted.
"""

from __future__ import annotations

import ctypes
import socket
from collections.abc import Callable, Sequence
from random import Random
from time import perf_counter
from typing import TypeAlias

import rival
from traffic import traffic

import bpfq
from bpfq.isa.cbpf import opcodes
from bpfq.isa.cbpf.instructions import SockFilter
from bpfq.kernel.sockets import attach_filter

TURNS = 400
FRAMES = 500  # of a turn
NOTHING = (SockFilter(opcodes.RETURN, 0, 0, 0),)

Words: TypeAlias = Sequence[SockFilter]
Turn: TypeAlias = Callable[[], float]


def lists(draw: Random) -> dict[str, str]:
    """Long lists of random entries that libpcap compiles in seconds."""
    addresses = [".".join(map(str, draw.randbytes(4))) for _ in range(1000)]
    nets = [".".join(map(str, draw.randbytes(3))) + ".0/24" for _ in range(150)]
    ports = [str(port) for port in draw.sample(range(1, 65536), 300)]
    hosts6 = [f"2001:db8::{draw.getrandbits(16):x}:{draw.getrandbits(16):x}" for _ in range(50)]
    return {
        "100 host": " or ".join(f"host {one}" for one in addresses[:100]),
        "300 host": " or ".join(f"host {one}" for one in addresses[:300]),
        "1000 ip src host": f"ip src host ({' or '.join(addresses)})",
        "150 net /24": " or ".join(f"net {one}" for one in nets),
        "150 port": " or ".join(f"port {one}" for one in ports[:150]),
        "300 tcp dst port": f"tcp dst port ({' or '.join(ports)})",
        "50 IPv6 host": " or ".join(f"host {one}" for one in hosts6),
    }


def dropping(words: Words) -> tuple[SockFilter, ...]:
    """The program with its decision thrown away."""
    return tuple(word._replace(k=0) if word.code == opcodes.RETURN else word for word in words)


class Filtering:
    """A program on a socket: call it for the nanoseconds that a frame takes."""

    def __init__(self, words: Words) -> None:
        self._sender, self._receiver = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        attach_filter(self._receiver, dropping(words), drain=False)
        self._send = ctypes.CDLL(None).send  # a rejected datagram is an error, not an exception
        self._frames = [(frame, len(frame)) for frame in traffic().test[:FRAMES]]

    def __call__(self) -> float:
        send, number = self._send, self._sender.fileno()
        start = perf_counter()
        for frame, length in self._frames:
            send(number, frame, length, 0)
        return 1e9 * (perf_counter() - start) / len(self._frames)

    def close(self) -> None:
        self._sender.close()
        self._receiver.close()


def nanoseconds(programs: Sequence[Words]) -> list[float]:
    """What each program takes for a frame more than one that looks at nothing.

    What else runs on the machine only adds, so each is the least of its turns.
    """
    running = [Filtering(words) for words in (NOTHING, *programs)]
    order, draw = list(range(len(running))), Random(len(programs))
    least = [float("inf")] * len(running)
    for _ in range(TURNS):
        draw.shuffle(order)
        for at in order:
            least[at] = min(least[at], running[at]())
    for one in running:
        one.close()
    return [took - least[0] for took in least[1:]]


def report(compiled: Callable[[str], bpfq.Program]) -> None:
    (noise,) = nanoseconds([NOTHING])
    print(f"  on a socket, ns a frame more than ret #0 (which differs from itself by {noise:.0f}):")
    for name, text in lists(Random(1)).items():
        theirs = rival.compile_filter(text)
        if theirs is None:
            continue
        ours = compiled(text).words
        words = tuple(SockFilter(*word) for word in theirs.words)
        mine, other = nanoseconds([ours, words])
        print(f"    {name:18} bpfq {mine:5.0f} ns ({len(ours)} instructions), "
              f"libpcap {other:5.0f} ns ({len(words)})")  # fmt: skip
