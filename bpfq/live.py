"""Live captures: a filter at work in the kernel, and the packets that it accepts.

with bpfq.open_capture("eth0", "udp port 53", count=10) as capture:
    for packet in capture:
        print(packet.timestamp_ns, packet.octets.hex())

async for packet in bpfq.open_capture("any", tcp.dport == 443):
    ...
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from bpfq.api import check_memory, packet_program
from bpfq.errors import FilterError
from bpfq.kernel.constants import SO_RCVBUFFORCE
from bpfq.kernel.live import COOKED_LINK, LiveCapture
from bpfq.kernel.packets import DEFAULT_SNAPLEN, prepare
from bpfq.kernel.sockets import attach_filter, open_filtered
from bpfq.settings import SNAPLEN

if TYPE_CHECKING:
    from bpfq.api import Objective
    from bpfq.capture.profile import Source as ProfileSource
    from bpfq.frontend.dsl_handles import Cond
    from bpfq.program.classic import Program

_COOKED = "packet-cooked"  # the target


def open_capture(
    interface: str,
    filter: str | Cond | Program = "",
    *,
    snaplen: int = SNAPLEN,
    promiscuous: bool = True,
    buffer: int | None = None,
    timeout: float | None = None,
    count: int | None = None,
    prove: bool = False,
    optimise_for: Objective = "balanced",
    profile: ProfileSource | None = None,
) -> LiveCapture:
    """The packets of an interface that a filter accepts, from now on: an iterator, for ``for`` and
    for ``async for``, and a context manager of both kinds.

    interface: its name, or "any" for all of them; their packets then begin with a DLT_LINUX_SLL2
    header, as tcpdump has it.  filter: where it is a program, for an interface one of target "packet"
    or for files, which is compiled again, and for "any" one of "packet-cooked".  snaplen: bytes kept of each packet.  promiscuous: the
    interface also takes what is for other stations; "any" never does.  buffer: bytes of the
    socket's queue, the kernel's net.core.rmem_default unless given, more than net.core.rmem_max
    for root only.  timeout: seconds until it ends, waiting or not.  count: packets until it ends.
    prove, optimise_for, profile: as for ``open_packet_socket``.

    Packets have ``octets``, with an outer VLAN tag put back as tcpdump does, ``wire_length``,
    ``timestamp_ns`` of the kernel, ``interface``, ``direction``, and ``vlan_id``, ``vlan_tci``,
    ``vlan_tpid`` of a tag that the kernel had taken out.  The capture has ``drops`` and
    ``statistics()``.  Nothing is received that the filter rejects, not even before it is attached.

    Raises LoadError for an unknown interface, one that is down, or without CAP_NET_RAW; FilterError
    for a wrong filter or number; RefutedError or UndecidedError without a proof.
    """
    for name, number in (("snaplen", snaplen), ("buffer", buffer), ("count", count)):
        if number is not None and (type(number) is not int or number < 1):
            raise FilterError(f"{name} {number!r} is not a number of 1 or more")
    if timeout is not None and timeout < 0:
        raise FilterError(f"timeout {timeout!r} is not a number of seconds")
    program = packet_program(
        interface, filter, snaplen=snaplen, optimise_for=optimise_for, profile=profile
    )
    if prove:
        program.require_proof()
    needed = check_memory(program)

    def attach(sock: socket.socket) -> None:
        attach_filter(sock, program.words, drain=False, needed_bytes=needed)
        prepare(sock)
        if buffer is not None:
            _set_buffer(sock, buffer)

    cooked = program.target == _COOKED
    sock = open_filtered(interface, attach, cooked=cooked, promiscuous=promiscuous)
    return LiveCapture(
        sock, interface, COOKED_LINK if cooked else program.link,
        snaplen=min(snaplen, DEFAULT_SNAPLEN), timeout=timeout, count=count,
    )  # fmt: skip


def _set_buffer(sock: socket.socket, size: int) -> None:
    """The size of the queue; as much of it as the system lets this process have."""
    size = min(size, 2**30)  # what the kernel doubles for its own needs, and keeps in an int
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, size)
    except PermissionError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)
