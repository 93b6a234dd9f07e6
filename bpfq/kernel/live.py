"""Packets of an interface as they come: iterated over, waited for in asyncio, counted when lost.

    with LiveCapture(sock, "eth0", "EN10MB") as capture:
        for packet in capture:                  # or, in a coroutine, async for
            packet.octets, packet.timestamp_ns, packet.vlan_id

The kernel's queue of the socket is the only buffer: who takes packets too slowly loses them there,
and ``drops`` says how many.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import struct
import time
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from bpfq.closing import Closing
from bpfq.errors import LoadError
from bpfq.kernel.constants import ARPHRD_LOOPBACK, PACKET_OUTGOING
from bpfq.kernel.packets import DEFAULT_SNAPLEN, Packet, Statistics, receive, statistics
from bpfq.source import Suggestion

if TYPE_CHECKING:
    import asyncio

COOKED_LINK: Final = "LINUX_SLL2"  # what packets of cooked sockets are given a header of
_SLL2 = struct.Struct(">HHIHBB8s")  # protocol, 0, ifindex, ARPHRD, packet type, address, its length
_TURN: Final = 64  # packets taken in a row before other tasks of the event loop have theirs
_MILLISECONDS: Final = 1000


class LiveCapture(Closing):
    """Packets that a filter in the kernel accepts; an iterator, for asyncio as well.

    interface, link: where they come from, and the DLT_* name of how their octets begin.  It ends
    after so many packets or seconds as were asked for, and is closed then, as at the end of
    ``with`` or ``async with``, by ``close()``, or with its last reference.

    Iterating raises LoadError where the interface goes down or away; it may go on when it is back.
    """

    def __init__(
        self,
        sock: socket.socket,
        interface: str,
        link: str,
        *,
        snaplen: int = DEFAULT_SNAPLEN,
        timeout: float | None = None,
        count: int | None = None,
    ) -> None:
        """sock: a packet socket, prepared and filtered, which is closed with the capture.

        snaplen: bytes of a packet that are kept.  timeout: seconds that it lasts, from now.
        count: packets.
        """
        sock.setblocking(False)
        self._socket: socket.socket | None = sock
        self._cooked = sock.type == socket.SOCK_DGRAM
        self._snaplen = snaplen
        self._left = count
        self._end = None if timeout is None else time.monotonic() + timeout
        self._totals = Statistics(0, 0)
        self._indices: dict[str, int] = {}
        self._in_a_row = 0
        self._waiting: tuple[asyncio.AbstractEventLoop, int, asyncio.Future[None]] | None = None
        self._poll = select.poll()
        self._poll.register(sock.fileno(), select.POLLIN)
        self.interface = interface
        self.link = link

    @property
    def closed(self) -> bool:
        return self._socket is None

    @property
    def drops(self) -> int:
        """Packets that matched and were lost, as there was no room in the socket's queue."""
        return self.statistics().dropped

    def statistics(self) -> Statistics:
        """Packets that matched since it was opened, and those of them that were lost."""
        if self._socket is not None:
            more = statistics(self._socket)
            received, dropped = self._totals
            self._totals = Statistics(received + more.received, dropped + more.dropped)
        return self._totals

    def fileno(self) -> int:
        """For selectors: readable when there is a packet; -1 when it is closed."""
        return -1 if self._socket is None else self._socket.fileno()

    def close(self) -> None:
        """Leave the interface; iterators end, and the statistics stay."""
        sock = self._socket
        if sock is None:
            return
        self.statistics()
        self._socket = None
        self._stop_waiting()
        sock.close()

    # ------------------------------------------------------------ one packet after the other

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Packet:
        while not self._has_ended():
            packet = self._receive()
            if packet is not None:
                return packet
            left = self._seconds_left()
            self._poll.poll(None if left is None else left * _MILLISECONDS + 1)
        raise StopIteration

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Packet:
        while not self._has_ended():
            if self._in_a_row == _TURN:
                import asyncio

                self._in_a_row = 0
                await asyncio.sleep(0)
                continue
            packet = self._receive()
            if packet is not None:
                self._in_a_row += 1
                return packet
            self._in_a_row = 0
            await self._readable()
        raise StopAsyncIteration

    def _has_ended(self) -> bool:
        if self._end is not None and time.monotonic() >= self._end:
            self.close()
        return self._socket is None

    def _seconds_left(self) -> float | None:
        return None if self._end is None else max(self._end - time.monotonic(), 0)

    def _receive(self) -> Packet | None:
        """The next packet that is there; None where none is."""
        packet = None
        while packet is None:
            assert self._socket is not None
            try:
                packet = receive(self._socket, snaplen=self._snaplen)
            except BlockingIOError:
                return None
            except OSError as error:
                raise self._refused(error) from None
            if packet.packet_type == PACKET_OUTGOING and packet.arphrd == ARPHRD_LOOPBACK:
                packet = None  # it comes in as well
        if self._left is not None:
            self._left -= 1
            if self._left == 0:
                self.close()
        return self._with_header(packet) if self._cooked else packet

    def _refused(self, error: OSError) -> LoadError:
        """Why there are no packets any more."""
        if error.errno != errno.ENETDOWN:
            reason = (error.strerror or os.strerror(error.errno or 0)).lower()
            return LoadError(f"interface {self.interface!r}: {reason}", errno=error.errno)
        if any(self.interface == known for _, known in socket.if_nameindex()):
            return LoadError(
                f"interface {self.interface!r} went down",
                errno=error.errno,
                suggestions=(Suggestion(f"ip link set {self.interface} up"),),
            )
        return LoadError(f"interface {self.interface!r} is gone", errno=errno.ENODEV)

    def _with_header(self, packet: Packet) -> Packet:
        """The packet of a cooked socket behind a DLT_LINUX_SLL2 header, its tag put back."""
        protocol, tag = packet.protocol or 0, b""
        if packet.vlan_tci is not None and packet.vlan_tpid is not None:
            tag = struct.pack(">HH", packet.vlan_tci, protocol)
            protocol = packet.vlan_tpid
        header = _SLL2.pack(
            protocol, 0, self._index(packet.interface), packet.arphrd or 0,
            packet.packet_type or 0, len(packet.address), packet.address[:8],
        )  # fmt: skip
        octets = (header + tag + packet.octets)[: self._snaplen]
        length = packet.wire_length + len(header) + len(tag)
        return packet._replace(octets=octets, wire_length=length)

    def _index(self, interface: str) -> int:
        if interface not in self._indices:
            try:
                self._indices[interface] = socket.if_nametoindex(interface)
            except OSError:
                return 0  # it is gone
        return self._indices[interface]

    # ------------------------------------------------------------ asyncio

    async def _readable(self) -> None:
        """Wait for a packet, an error, the end of the time, or for being closed."""
        import asyncio

        if self._waiting is not None:
            raise RuntimeError("another task waits for packets of this capture")
        loop, number, left = asyncio.get_running_loop(), self.fileno(), self._seconds_left()
        waiter: asyncio.Future[None] = loop.create_future()
        self._waiting = (loop, number, waiter)
        loop.add_reader(number, _wake, waiter)
        timer = None if left is None else loop.call_later(left, _wake, waiter)
        try:
            await waiter
        finally:
            self._stop_waiting()
            if timer is not None:
                timer.cancel()

    def _stop_waiting(self) -> None:
        if self._waiting is None:
            return
        loop, number, waiter = self._waiting
        self._waiting = None
        if not loop.is_closed():  # else nobody is there to be woken
            loop.remove_reader(number)
            _wake(waiter)

    # ------------------------------------------------------------ its end

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_socket", None) is not None:
            self.close()

    def __repr__(self) -> str:
        state = "closed" if self.closed else "open"
        return f"<LiveCapture of {self.interface}, {self.link}, {state}>"


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
