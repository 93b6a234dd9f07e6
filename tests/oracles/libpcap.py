"""The installed libpcap by ctypes: its compiler and its interpreter."""

from __future__ import annotations

import ctypes
import struct
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from bpfq.isa.cbpf.instructions import SockFilter

LIBRARY = "libpcap.so.0.8"
SNAPLEN = 262144  # bytes; what tcpdump asks for
NETMASK_UNKNOWN = 0xFFFF_FFFF  # PCAP_NETMASK_UNKNOWN of <pcap/pcap.h>
ERROR_SIZE = 256  # PCAP_ERRBUF_SIZE
FILE_MAGIC, FILE_VERSION = 0xA1B2C3D4, (2, 4)


class Instruction(ctypes.Structure):
    _fields_ = [
        ("code", ctypes.c_ushort),
        ("jt", ctypes.c_ubyte),
        ("jf", ctypes.c_ubyte),
        ("k", ctypes.c_uint32),
    ]


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_uint), ("instructions", ctypes.POINTER(Instruction))]


class Refused(Exception):
    """libpcap does not compile the filter; the text is its own."""


@cache
def library() -> ctypes.CDLL:
    """Raises OSError where libpcap is not installed."""
    found = ctypes.CDLL(LIBRARY)
    found.pcap_open_dead.restype = ctypes.c_void_p
    found.pcap_open_offline.restype = ctypes.c_void_p
    found.pcap_close.argtypes = [ctypes.c_void_p]
    found.pcap_geterr.argtypes = [ctypes.c_void_p]
    found.pcap_geterr.restype = ctypes.c_char_p
    found.pcap_compile.argtypes = [
        ctypes.c_void_p, ctypes.POINTER(_Program), ctypes.c_char_p, ctypes.c_int, ctypes.c_uint32,
    ]  # fmt: skip
    found.bpf_filter.argtypes = [
        ctypes.POINTER(Instruction), ctypes.c_char_p, ctypes.c_uint, ctypes.c_uint,
    ]  # fmt: skip
    found.bpf_filter.restype = ctypes.c_uint
    found.pcap_lib_version.restype = ctypes.c_char_p
    return found


def version() -> str:
    """As in "1.10.3"."""
    text: bytes = library().pcap_lib_version()
    return text.decode().split()[2]


def compiled(
    text: str,
    link: int,
    *,
    optimise: bool,
    netmask: int | None = None,
    savefile: str | None = None,
    snaplen: int = SNAPLEN,
) -> tuple[SockFilter, ...]:
    """libpcap's program for a capture that is not live; raises Refused.

    savefile: None, or the byte order of the file that is read: "unswapped", "swapped".
    """
    pcap = library()
    if savefile is None:
        handle = pcap.pcap_open_dead(link, snaplen)
    else:
        handle = _open_file(link, savefile, snaplen)
    program = _Program()
    mask = NETMASK_UNKNOWN if netmask is None else netmask
    try:
        if pcap.pcap_compile(handle, ctypes.byref(program), text.encode(), optimise, mask):
            raise Refused(pcap.pcap_geterr(handle).decode())
        rows = program.instructions[: program.length]
        words = tuple(SockFilter(row.code, row.jt, row.jf, row.k) for row in rows)
        pcap.pcap_freecode(ctypes.byref(program))
        return words
    finally:
        pcap.pcap_close(handle)


def _open_file(link: int, savefile: str, snaplen: int) -> ctypes.c_void_p:
    order = {"unswapped": "=", "swapped": ">" if struct.pack("=H", 1)[0] else "<"}[savefile]
    header = struct.pack(order + "IHHiIII", FILE_MAGIC, *FILE_VERSION, 0, 0, snaplen, link)
    error = ctypes.create_string_buffer(ERROR_SIZE)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "empty.pcap")
        path.write_bytes(header)
        handle = library().pcap_open_offline(str(path).encode(), error)
    if not handle:
        raise Refused(error.value.decode())
    return ctypes.c_void_p(handle)


class Interpreter:
    """A program in libpcap's interpreter."""

    def __init__(self, words: Sequence[SockFilter]) -> None:
        self._array = (Instruction * len(words))(*words)
        self._filter = library().bpf_filter

    def verdict(self, packet: bytes, length: int | None = None) -> int:
        """How many bytes to keep; length is that on the wire, the captured one unless given."""
        wire = len(packet) if length is None else length
        kept: int = self._filter(self._array, packet, wire, len(packet))
        return kept
