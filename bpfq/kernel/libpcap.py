"""libpcap's own compiler, where it is installed: what it makes of a filter.

It is loaded when it is first asked for; nothing in bpfq depends on it.
"""

from __future__ import annotations

import ctypes
from functools import cache

from bpfq.isa.cbpf.instructions import SockFilter

_NAMES = ("libpcap.so.0.8", "libpcap.so.1")  # Debian's name, everybody else's
_NETMASK_UNKNOWN = 0xFFFF_FFFF  # PCAP_NETMASK_UNKNOWN, <pcap/pcap.h>


class Refused(Exception):
    """libpcap does not compile the filter; the text is its own."""


class _Instruction(ctypes.Structure):
    _fields_ = [
        ("code", ctypes.c_ushort),
        ("jt", ctypes.c_ubyte),
        ("jf", ctypes.c_ubyte),
        ("k", ctypes.c_uint32),
    ]


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_uint), ("instructions", ctypes.POINTER(_Instruction))]


def version() -> str | None:
    """As in "1.10.3"; None where libpcap is not installed."""
    library = _library()
    if library is None:
        return None
    text: bytes = library.pcap_lib_version()  # "libpcap version 1.10.3 (with TPACKET_V3)"
    words = text.decode("ascii", "replace").split()
    return words[2] if len(words) > 2 else " ".join(words)


def compiled(text: str, link: int, snaplen: int, netmask: int | None) -> tuple[SockFilter, ...]:
    """libpcap's optimised program for a capture file of a link type.

    Raises Refused, also where libpcap is not installed.
    """
    library = _library()
    if library is None:
        raise Refused("libpcap is not installed")
    handle = library.pcap_open_dead(link, snaplen)
    if not handle:
        raise Refused("out of memory")
    program = _Program()
    mask = _NETMASK_UNKNOWN if netmask is None else netmask
    try:
        if library.pcap_compile(handle, ctypes.byref(program), text.encode(), 1, mask):
            raise Refused(library.pcap_geterr(handle).decode("utf-8", "replace"))
        rows = program.instructions[: program.length]
        words = tuple(SockFilter(row.code, row.jt, row.jf, row.k) for row in rows)
        library.pcap_freecode(ctypes.byref(program))
        return words
    finally:
        library.pcap_close(handle)


@cache
def _library() -> ctypes.CDLL | None:
    for name in _NAMES:
        try:
            found = ctypes.CDLL(name)
        except OSError:
            continue
        found.pcap_lib_version.restype = ctypes.c_char_p
        found.pcap_open_dead.argtypes = [ctypes.c_int, ctypes.c_int]
        found.pcap_open_dead.restype = ctypes.c_void_p
        found.pcap_close.argtypes = [ctypes.c_void_p]
        found.pcap_geterr.argtypes = [ctypes.c_void_p]
        found.pcap_geterr.restype = ctypes.c_char_p
        found.pcap_freecode.argtypes = [ctypes.POINTER(_Program)]
        found.pcap_compile.argtypes = [
            ctypes.c_void_p, ctypes.POINTER(_Program), ctypes.c_char_p, ctypes.c_int,
            ctypes.c_uint32,
        ]  # fmt: skip
        return found
    return None
