"""libpcap through ctypes, the rival that every figure is compared with."""

from __future__ import annotations

import ctypes
from functools import cache
from time import perf_counter
from typing import NamedTuple


class Compiled(NamedTuple):
    words: tuple[tuple[int, int, int, int], ...]
    seconds: float


class _Instruction(ctypes.Structure):
    _fields_ = [
        ("code", ctypes.c_ushort),
        ("jt", ctypes.c_ubyte),
        ("jf", ctypes.c_ubyte),
        ("k", ctypes.c_uint),
    ]


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_uint), ("instructions", ctypes.POINTER(_Instruction))]


@cache
def _library() -> ctypes.CDLL | None:
    try:
        library = ctypes.CDLL("libpcap.so.0.8")
    except OSError:
        return None
    library.pcap_open_dead.restype = ctypes.c_void_p
    library.pcap_open_dead.argtypes = [ctypes.c_int, ctypes.c_int]
    library.pcap_close.argtypes = [ctypes.c_void_p]
    library.pcap_lib_version.restype = ctypes.c_char_p
    library.pcap_compile.argtypes = [
        ctypes.c_void_p, ctypes.POINTER(_Program), ctypes.c_char_p, ctypes.c_int, ctypes.c_uint,
    ]  # fmt: skip
    return library


def version() -> str:
    """The library's own name for itself, or why there is none."""
    library = _library()
    return library.pcap_lib_version().decode() if library else "libpcap is not installed"


def compile_filter(
    text: str, dlt: int = 1, optimise: bool = True, netmask: int = 0
) -> Compiled | None:
    """The program and the seconds that pcap_compile took; None where it refuses or is absent."""
    library = _library()
    if library is None:
        return None
    handle = library.pcap_open_dead(dlt, 262144)
    program = _Program()
    start = perf_counter()
    source, target = text.encode(), ctypes.byref(program)
    status = library.pcap_compile(handle, target, source, optimise, netmask)
    seconds = perf_counter() - start
    words = []
    if status == 0:
        found = program.instructions[: program.length]
        words = [(word.code, word.jt, word.jf, word.k) for word in found]
        library.pcap_freecode(ctypes.byref(program))
    library.pcap_close(handle)
    return Compiled(tuple(words), seconds) if status == 0 else None
