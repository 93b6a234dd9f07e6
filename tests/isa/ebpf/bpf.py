"""bpf(2) for tests: load a program, run it on bytes, make a map, with nothing of bpfq.

Source: union bpf_attr of <linux/bpf.h>; the numbers of system calls are those of Linux.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct

_SYSCALL = {"x86_64": 321, "aarch64": 280}.get(platform.machine(), 280)
_MAP_CREATE, _MAP_UPDATE, _PROG_LOAD, _PROG_TEST_RUN, _OBJ_GET_INFO = 0, 2, 5, 10, 15
_ATTR_SIZE = 152
_LOG_SIZE = 1 << 20

SOCKET_FILTER, SCHED_CLS, XDP = 1, 3, 6
HASH, ARRAY, LPM_TRIE = 1, 2, 11

_libc = ctypes.CDLL(None, use_errno=True)


def _bpf(command: int, attributes: bytes) -> tuple[int, bytes]:
    """The result and the attributes as the kernel left them; raises OSError."""
    buffer = ctypes.create_string_buffer(attributes.ljust(_ATTR_SIZE, b"\0"), _ATTR_SIZE)
    result = _libc.syscall(_SYSCALL, command, buffer, _ATTR_SIZE)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result, buffer.raw


class Refused(Exception):
    """The verifier's log."""


def load(kind: int, octets: bytes, level: int = 0) -> tuple[int, str]:
    """A descriptor of the program of these slots, and the log; raises Refused, OSError."""
    slots = ctypes.create_string_buffer(octets, len(octets))
    text = ctypes.create_string_buffer(b"GPL")
    log = ctypes.create_string_buffer(_LOG_SIZE)
    attributes = struct.pack(
        "IIQQIIQ",
        kind,
        len(octets) // 8,
        ctypes.addressof(slots),
        ctypes.addressof(text),
        level,
        _LOG_SIZE if level else 0,
        ctypes.addressof(log) if level else 0,
    )
    try:
        return _bpf(_PROG_LOAD, attributes)[0], log.value.decode()
    except PermissionError as refused:
        if level:
            raise Refused(log.value.decode()) from refused
        raise
    except OSError as refused:
        raise Refused(log.value.decode() or str(refused)) from refused


def test_run(program: int, packet: bytes) -> tuple[int, bytes]:
    """The program's value, 32 bits, and the packet that it leaves."""
    given = ctypes.create_string_buffer(packet, len(packet))
    left = ctypes.create_string_buffer(len(packet) + 256)
    attributes = struct.pack(
        "IIIIQQ",
        program,
        0,
        len(packet),
        len(left),
        ctypes.addressof(given),
        ctypes.addressof(left),
    )
    _, after = _bpf(_PROG_TEST_RUN, attributes)
    value, _, size = struct.unpack_from("4xIII", after)
    return value, left.raw[:size]


def program_id(program: int) -> int:
    information = ctypes.create_string_buffer(64)
    address = ctypes.addressof(information)
    _bpf(_OBJ_GET_INFO, struct.pack("IIQ", program, len(information), address))
    (number,) = struct.unpack_from("4xI", information.raw)
    return int(number)


def create_map(kind: int, key_size: int, value_size: int, entries: int, flags: int = 0) -> int:
    """A descriptor of a new map."""
    return _bpf(_MAP_CREATE, struct.pack("IIIII", kind, key_size, value_size, entries, flags))[0]


def update(table: int, key: bytes, value: bytes) -> None:
    keys, values = ctypes.create_string_buffer(key), ctypes.create_string_buffer(value)
    _bpf(
        _MAP_UPDATE,
        struct.pack("I4xQQQ", table, ctypes.addressof(keys), ctypes.addressof(values), 0),
    )


def why_not() -> str | None:
    """The reason why this process cannot load programs, None where it can."""
    if platform.system() != "Linux" or platform.machine() not in ("x86_64", "aarch64"):
        return "needs bpf(2) of Linux on x86_64 or aarch64"
    exits = bytes.fromhex("b700000000000000 9500000000000000")
    try:
        program, _ = load(XDP, exits)
    except (OSError, Refused) as refused:
        return f"needs bpf(2), as with CAP_BPF and CAP_NET_ADMIN: {refused}"
    os.close(program)
    return None
