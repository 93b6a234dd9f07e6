"""The bpf(2) system call: its argument, its number on each machine, the descriptor it gives.

    attr = Attr().u32(0, id)
    fd = bpf(Command.PROG_GET_FD_BY_ID, attr)      raises OSError

Source: Linux include/uapi/linux/bpf.h (union bpf_attr, enum bpf_cmd), man 2 bpf.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Callable
from enum import IntEnum
from functools import cache
from typing import Any, Final, Self, TypeAlias

from bpfq.closing import Closing
from bpfq.errors import LoadError

ATTR_SIZE: Final = 168  # bytes of union bpf_attr in Linux 6.18; an older kernel wants zeros behind
_LOAD_ATTEMPTS: Final = 5  # the verifier gives up with EAGAIN when a signal arrives

# __NR_bpf by machine (uname -m) and bytes of a pointer.  Source: the kernel's
# include/uapi/asm-generic/unistd.h, which most machines share, and arch/*/syscalls/*.tbl
_GENERIC: Final = 280
_NUMBERS: Final = {
    ("x86_64", 8): 321, ("x86_64", 4): 357, ("i686", 4): 357, ("i586", 4): 357,
    ("aarch64", 8): _GENERIC, ("aarch64", 4): 386, ("armv7l", 4): 386, ("armv6l", 4): 386,
    ("riscv64", 8): _GENERIC, ("loongarch64", 8): _GENERIC,
    ("ppc64le", 8): 361, ("ppc64", 8): 361, ("s390x", 8): 351, ("sparc64", 8): 349,
}  # fmt: skip


class Command(IntEnum):
    """What bpf(2) is asked to do: enum bpf_cmd."""

    MAP_CREATE = 0
    MAP_LOOKUP_ELEM = 1
    MAP_UPDATE_ELEM = 2
    MAP_DELETE_ELEM = 3
    MAP_GET_NEXT_KEY = 4
    PROG_LOAD = 5
    OBJ_PIN = 6
    OBJ_GET = 7
    PROG_TEST_RUN = 10
    PROG_GET_NEXT_ID = 11
    MAP_GET_NEXT_ID = 12
    PROG_GET_FD_BY_ID = 13
    MAP_GET_FD_BY_ID = 14
    OBJ_GET_INFO_BY_FD = 15
    PROG_QUERY = 16
    BTF_LOAD = 18
    MAP_FREEZE = 22
    MAP_LOOKUP_BATCH = 24
    MAP_UPDATE_BATCH = 26
    MAP_DELETE_BATCH = 27
    LINK_CREATE = 28
    LINK_UPDATE = 29
    LINK_GET_FD_BY_ID = 30
    LINK_GET_NEXT_ID = 31
    ENABLE_STATS = 32
    LINK_DETACH = 34


class Attr:
    """union bpf_attr while it is filled in; keeps every buffer that it points to."""

    __slots__ = ("_alive", "raw")

    def __init__(self) -> None:
        self.raw = bytearray(ATTR_SIZE)
        self._alive: list[object] = []

    def u32(self, offset: int, value: int) -> Self:
        """Put an unsigned or a negative 32-bit number at a byte offset."""
        struct.pack_into("=I", self.raw, offset, value & 0xFFFF_FFFF)
        return self

    def u64(self, offset: int, value: int) -> Self:
        struct.pack_into("=Q", self.raw, offset, value)
        return self

    def octets(self, offset: int, value: bytes) -> Self:
        self.raw[offset : offset + len(value)] = value
        return self

    def pointer(self, offset: int, buffer: bytes | bytearray | memoryview | None) -> Self:
        """Put the address of a buffer; the kernel may write into it unless it is bytes."""
        if buffer is None or len(buffer) == 0:
            return self.u64(offset, 0)
        writable = bytearray(buffer) if isinstance(buffer, bytes) else buffer
        held = (ctypes.c_char * len(writable)).from_buffer(writable)
        self._alive.append(held)
        return self.u64(offset, ctypes.addressof(held))

    def read_u32(self, offset: int) -> int:
        """What the kernel wrote at a byte offset."""
        found: int = struct.unpack_from("=I", self.raw, offset)[0]
        return found


Call: TypeAlias = Callable[[Command, Attr], int]
"""The system call, or what a test puts in its place; raises OSError."""


def bpf(command: Command, attr: Attr) -> int:
    """Do it; returns what the kernel returns, most often a file descriptor.

    A load that a signal interrupted is tried again.  Raises OSError.
    """
    number = _number(os.uname().machine, struct.calcsize("P"))
    address = ctypes.addressof(ctypes.c_char.from_buffer(attr.raw))
    attempts = 0
    while True:
        result: int = _syscall()(number, int(command), address, ATTR_SIZE)
        if result >= 0:
            return result
        attempts += 1
        again = ctypes.get_errno() == errno.EAGAIN and command == Command.PROG_LOAD
        interrupted = ctypes.get_errno() == errno.EINTR  # Python runs its handlers in between
        if not interrupted and not (again and attempts < _LOAD_ATTEMPTS):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _number(machine: str, pointer_size: int) -> int:
    number = _NUMBERS.get((machine, pointer_size))
    if number is None:
        raise LoadError(
            f"the number of bpf(2) on {machine} with {pointer_size * 8}-bit programs is not known",
            errno=errno.ENOSYS,
        )
    return number


@cache
def _syscall() -> Any:
    function = ctypes.CDLL(None, use_errno=True).syscall
    function.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_ulong]
    function.restype = ctypes.c_long
    return function


class Descriptor(Closing):
    """Owner of a file descriptor of bpf(2): what it stands for goes when the last one closes.

    Closed by close(), at the end of a with block, when nothing refers to it any more, and by the
    kernel when the process ends, however it ends.  A child that os.fork made holds a copy; what
    exec starts does not.
    """

    __slots__ = ("_fd",)

    def __init__(self, fd: int) -> None:
        self._fd = fd

    @property
    def fd(self) -> int:
        """The descriptor; raises LoadError when it was closed."""
        if self._fd < 0:
            raise LoadError(f"the {type(self).__name__.lower()} is closed", errno=errno.EBADF)
        return self._fd

    @property
    def closed(self) -> bool:
        return self._fd < 0

    def fileno(self) -> int:
        return self.fd

    def close(self) -> None:
        """Let go of it; doing so twice does nothing."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def __del__(self) -> None:
        if getattr(self, "_fd", -1) >= 0:
            self.close()


def object_name(text: str) -> bytes:
    """A name that every kernel takes for a program or a map: 15 of A-Z, a-z, 0-9 and _."""
    plain = (letter if letter.isascii() and letter.isalnum() else "_" for letter in text)
    return "".join(plain)[:15].encode()
