"""Enumerations and structures of the running kernel's BTF, read with nothing of bpfq.

Source: Documentation/bpf/btf.rst of Linux 6.18.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

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
_STRUCT, _ENUM, _FUNC = 4, 6, 12


def enumeration(name: str) -> dict[str, int]:
    """The members of the enum of that name."""
    return {member: value for member, value in _members(name, _ENUM, "<Ii")}


def structure(name: str) -> dict[str, int]:
    """The members of the struct of that name that have one, with their offsets in bytes."""
    return {member: bits // 8 for member, bits in _members(name, _STRUCT, "<I4xI") if member}


def function_id(name: str) -> int:
    """The BTF id of the kernel function of that name."""
    for number, (kind, found, _, _) in enumerate(_types(), 1):
        if kind == _FUNC and found == name:
            return number
    raise KeyError(name)


def _members(name: str, wanted_kind: int, layout: str) -> list[tuple[str, int]]:
    for kind, found, members, named in _types():
        if kind == wanted_kind and found == name:
            return [(named(member), value) for member, value in struct.iter_unpack(layout, members)]
    raise KeyError(name)


def _types() -> Iterator[tuple[int, str, bytes, Callable[[int], str]]]:
    """Each type's kind, its name, its members, and what gives the names of those."""
    if not PATH.exists():
        pytest.skip("needs the kernel's BTF: CONFIG_DEBUG_INFO_BTF, /sys/kernel/btf/vmlinux")
    octets = PATH.read_bytes()
    header_length, types, types_length, strings = struct.unpack_from("<4xIIII", octets)
    text = header_length + strings

    def named(offset: int) -> str:
        return octets[text + offset : octets.index(0, text + offset)].decode()

    at, end = header_length + types, header_length + types + types_length
    while at < end:
        name, info = struct.unpack_from("<II", octets, at)
        kind, members = info >> 24 & 0x1F, info & 0xFFFF
        fixed, each = _EXTRA.get(kind, (0, 0))
        body = at + 12 + fixed
        at = body + each * members
        yield kind, named(name), octets[body:at], named
