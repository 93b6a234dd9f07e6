"""The kernel's classic filter, on the receiving end of a pair of AF_UNIX datagram sockets."""

from __future__ import annotations

import ctypes
import errno
import socket
import struct
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from bpfq.isa.cbpf.instructions import SockFilter

SO_ATTACH_FILTER = 26  # <asm-generic/socket.h>
MOST_BYTES = 1 << 16  # of a datagram


class Refused(Exception):
    """The kernel does not attach the program; errno says why."""

    def __init__(self, number: int) -> None:
        super().__init__(errno.errorcode.get(number, str(number)))
        self.errno = number


class Attached:
    """A program in the kernel; raises Refused where it is not taken.

    ``len`` is the captured length; a packet has at least one byte.
    """

    def __init__(self, words: Sequence[SockFilter]) -> None:
        self._sender, self._receiver = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._receiver.setblocking(False)
        packed = b"".join([struct.pack("HBBI", *word) for word in words])
        buffer = ctypes.create_string_buffer(packed, max(len(packed), 1))
        option = struct.pack("HL", len(words), ctypes.addressof(buffer))
        try:
            self._receiver.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, option)
        except OSError as refused:
            self.close()
            raise Refused(refused.errno or 0) from None

    def verdict(self, packet: bytes) -> int:
        """How many bytes of the packet were delivered, 0 for a rejected one."""
        try:
            self._sender.send(packet)
            return len(self._receiver.recv(MOST_BYTES))
        except BlockingIOError:
            return 0
        except OSError as refused:
            if refused.errno != errno.EPERM:  # the sender is told of a rejected datagram
                raise
            return 0

    def close(self) -> None:
        self._sender.close()
        self._receiver.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self.close()
