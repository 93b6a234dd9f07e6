"""The enumerations of the running kernel's BTF, read with nothing of bpfq.

Source: Documentation/bpf/btf.rst of Linux 6.18.
"""

from __future__ import annotations

import struct
from pathlib import Path

PATH = Path("/sys/kernel/btf/vmlinux")

# Bytes after the 12 of struct btf_type, by kind: fixed, and for each of vlen.
_EXTRA = {
    1: (4, 0),
    3: (12, 0),
    4: (0, 12),
    5: (0, 12),
    6: (0, 8),
    13: (0, 8),
    14: (4, 0),
    15: (0, 12),
    17: (4, 0),
    19: (0, 12),
}
_ENUM = 6


def enumeration(name: str) -> dict[str, int]:
    """The members of the enum of that name; raises KeyError where there is none."""
    octets = PATH.read_bytes()
    header_length, types, types_length, strings = struct.unpack_from("<4xIIII", octets)
    start = header_length + types
    text = header_length + strings
    wanted = octets.index(b"\0" + name.encode() + b"\0", text) + 1 - text

    def named(offset: int) -> str:
        return octets[text + offset : octets.index(0, text + offset)].decode()

    at, end = start, start + types_length
    while at < end:
        found, info = struct.unpack_from("<II", octets, at)
        kind, members = info >> 24 & 0x1F, info & 0xFFFF
        if kind == _ENUM and found == wanted:
            pairs = struct.iter_unpack("<Ii", octets[at + 12 : at + 12 + 8 * members])
            return {named(member): value for member, value in pairs}
        fixed, each = _EXTRA.get(kind, (0, 0))
        at += 12 + fixed + each * members
    raise KeyError(name)
