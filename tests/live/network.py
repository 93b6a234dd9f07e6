"""Send frames over a veth pair and see which sockets hear them, without waiting blindly.

Everything here runs in a child with a network namespace of its own (kernel.namespaces).
"""

from __future__ import annotations

import errno
import os
import socket
import struct
import subprocess
from collections.abc import Callable, Hashable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from bpfq.errors import BpfqError
from bpfq.kernel.sockets import attach_filter
from kernel.namespaces import sender, veth_pair

K = TypeVar("K", bound=Hashable)
Program = tuple[tuple[int, int, int, int], ...]

ETH_P_ALL = 3
SENTINEL_TYPE = 0x88B6  # for experiments, IEEE 802
_ONLY_SENTINELS = (  # ldh [12]; jeq #0x88b6; ret #262144; ret #0
    (0x28, 0, 0, 12), (0x15, 0, 1, SENTINEL_TYPE), (0x06, 0, 0, 262144), (0x06, 0, 0, 0),
)  # fmt: skip
_SENTINELS = 2  # the second one has arrived: everybody has the first one
_ROOM = 8 << 20  # bytes in a socket's queue
_PATIENCE = 20  # seconds; only a broken test waits that long
_SO_RCVBUFFORCE = 33

_PACKET_STATISTICS, _SOL_PACKET = 6, 263


def one_processor() -> None:
    """Frames sent from one processor arrive in the order in which they were sent."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def quiet_pair() -> None:
    """Interfaces near and far on which nothing is heard but what the test sends."""
    one_processor()
    veth_pair()


def roomy(sock: socket.socket) -> socket.socket:
    """The socket, with room for everything that a test sends; it never waits."""
    sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _ROOM)
    sock.setblocking(False)
    return sock


def packet_socket(interface: str, program: Program | None = None) -> socket.socket:
    """A bound packet socket that bpfq has no part in but for handing the program over."""
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    if program is not None:
        attach_filter(sock, program, drain=False)
    sock.bind((interface, ETH_P_ALL))
    return sock


def queued(sock: socket.socket) -> list[bytes]:
    """Everything that waits in the socket."""
    found = []
    while True:
        try:
            found.append(sock.recv(65536))
        except BlockingIOError:
            return found


def heard(
    sockets: Mapping[K, socket.socket],
    frames: Iterable[bytes],
    *,
    out: str = "near",
    last: str = "far",
) -> dict[K, list[bytes]]:
    """What each socket receives when the frames are sent from ``out`` to ``last``; closes them."""
    for sock in sockets.values():
        roomy(sock)
    deliver(frames, out=out, last=last)
    found = {key: queued(sock) for key, sock in sockets.items()}
    lost = sum(map(dropped, sockets.values()))
    close(sockets.values())
    assert lost == 0
    return {key: [d for d in data if not is_sentinel(d)] for key, data in found.items()}


def deliver(frames: Iterable[bytes], *, out: str = "near", last: str = "far") -> None:
    """Send the frames, and sentinels behind them, and wait until all have arrived."""
    observer = packet_socket(last, _ONLY_SENTINELS)
    observer.settimeout(_PATIENCE)
    with observer, sender(out) as sending:
        for frame in frames:
            try:
                sending.send(frame)
            except OSError as error:
                if error.errno != errno.ENOBUFS:  # a hook on the way out dropped it
                    raise
        wait_for_sentinels(sending, observer)


def opened(
    keys: Iterable[K], open_one: Callable[[K], socket.socket]
) -> tuple[dict[K, socket.socket], dict[K, frozenset[str]]]:
    """A socket for each key, or what bpfq said against it."""
    sockets, refusals = {}, {}
    for key in keys:
        try:
            sockets[key] = open_one(key)
        except BpfqError as error:
            refusals[key] = frozenset((f"refused: {error}",))
    return sockets, refusals


def close(sockets: Iterable[socket.socket]) -> None:
    """Close packet sockets together: for each the kernel waits until no processor uses it."""
    with ThreadPoolExecutor(64) as pool:
        list(pool.map(socket.socket.close, sockets))


def wait_for_sentinels(sending: socket.socket, observer: socket.socket) -> None:
    for _ in range(_SENTINELS):
        sending.send(b"\xff" * 12 + struct.pack(">H", SENTINEL_TYPE) + b"\0" * 46)
    for _ in range(_SENTINELS):
        observer.recv(64)


def is_sentinel(data: bytes) -> bool:
    return data[:14] == b"\xff" * 12 + struct.pack(">H", SENTINEL_TYPE)


def dropped(sock: socket.socket) -> int:
    """Packets that the filter accepted and the queue had no room for."""
    if sock.family != socket.AF_PACKET:
        return 0
    counters = sock.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)
    return int(struct.unpack("=II", counters)[1])


def tcpdump_program(interface: str, text: str, *options: str) -> Program:
    """What tcpdump compiles for a live interface."""
    shown = subprocess.run(
        ("tcpdump", "-i", interface, "-ddd", *options, text),
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    if shown.returncode != 0:
        raise ValueError(shown.stderr.strip())
    rows = [tuple(map(int, line.split())) for line in shown.stdout.splitlines()[1:]]
    return tuple((code, jt, jf, k) for code, jt, jf, k in rows)


def run(*command: str) -> str:
    """The output of a command that must succeed."""
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def refusal(action: Callable[[], object]) -> tuple[str, str, int | None]:
    """Class, message and errno of what the action raises."""
    try:
        action()
    except Exception as error:  # noqa: BLE001 (whatever it is, the test compares it)
        return type(error).__name__, str(error), getattr(error, "errno", None)
    return "nothing", "", None


def unprivileged(action: Callable[[], object]) -> tuple[str, str, int | None]:
    """The same, as the user 65534 without capabilities; call it in a child only."""
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
    return refusal(action)
