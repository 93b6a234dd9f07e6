"""Foreign implementations of the classic machine: the kernel by an AF_UNIX socket, libpcap."""

from __future__ import annotations

import ctypes
import errno
import socket
import struct
import sys
from collections.abc import Iterator, Sequence

import pytest

from bpfq.isa.cbpf.instructions import SockFilter

SO_ATTACH_FILTER = 26  # <asm-generic/socket.h>


class _BpfInsn(ctypes.Structure):
    _fields_ = [
        ("code", ctypes.c_ushort),
        ("jt", ctypes.c_ubyte),
        ("jf", ctypes.c_ubyte),
        ("k", ctypes.c_uint32),
    ]


class _BpfProgram(ctypes.Structure):
    _fields_ = [("length", ctypes.c_uint), ("instructions", ctypes.POINTER(_BpfInsn))]


class _PacketHeader(ctypes.Structure):
    _fields_ = [
        ("seconds", ctypes.c_long),
        ("microseconds", ctypes.c_long),
        ("captured", ctypes.c_uint32),
        ("length", ctypes.c_uint32),
    ]


def _attach(receiver: socket.socket, words: Sequence[SockFilter]) -> int:
    packed = b"".join([struct.pack("HBBI", *word) for word in words])
    buffer = ctypes.create_string_buffer(packed, max(len(packed), 1))
    option = struct.pack("HL", len(words), ctypes.addressof(buffer))
    try:
        receiver.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, option)
    except OSError as refused:
        return refused.errno
    return 0


class Kernel:
    """The kernel's classic filter on a pair of datagram sockets."""

    def attach(self, words: Sequence[SockFilter]) -> int:
        """The error number that attaching gives on a fresh socket, 0 for success."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
            return _attach(receiver, words)

    def kept(self, words: Sequence[SockFilter], packets: Sequence[bytes]) -> list[int]:
        """How many bytes of each packet the filter keeps."""
        sender, receiver = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        with sender, receiver:
            receiver.setblocking(False)
            assert _attach(receiver, words) == 0
            return [self._one(sender, receiver, packet) for packet in packets]

    def _one(self, sender: socket.socket, receiver: socket.socket, packet: bytes) -> int:
        try:
            sender.send(packet)
            return len(receiver.recv(65536))
        except BlockingIOError:
            return 0
        except OSError as refused:
            assert refused.errno == errno.EPERM
            return 0


class Libpcap:
    """The interpreter and the disassembler of the installed libpcap."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        self._library.bpf_image.restype = ctypes.c_char_p

    def verdict(self, words: Sequence[SockFilter], packet: bytes, length: int) -> int:
        array = (_BpfInsn * len(words))(*[_BpfInsn(*word) for word in words])
        program = _BpfProgram(len(words), array)
        header = _PacketHeader(0, 0, len(packet), length)
        result = self._library.pcap_offline_filter(
            ctypes.byref(program), ctypes.byref(header), packet
        )
        return int(result) & 0xFFFF_FFFF

    def line(self, pc: int, word: SockFilter) -> str:
        image: bytes = self._library.bpf_image(ctypes.byref(_BpfInsn(*word)), pc)
        return image.decode().rstrip(" ")


@pytest.fixture(scope="session")
def kernel() -> Iterator[Kernel]:
    if sys.platform != "linux":
        pytest.skip("needs Linux: SO_ATTACH_FILTER")
    yield Kernel()


@pytest.fixture(scope="session")
def libpcap() -> Iterator[Libpcap]:
    try:
        library = ctypes.CDLL("libpcap.so.0.8")
    except OSError:
        pytest.skip("needs libpcap: install libpcap0.8")
    yield Libpcap(library)
