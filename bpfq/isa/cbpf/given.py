"""A program as callers give it: instructions, their text in any form that ``read`` reads, or bytes.

given_words([(6, 0, 0, 1)])  given_words("(000) ret #1")  given_words(sock_filter octets)
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from typing import Final, TypeAlias

from bpfq.errors import FilterError
from bpfq.isa.cbpf import opcodes
from bpfq.isa.cbpf.instructions import SockFilter
from bpfq.isa.cbpf.read import parse_program

Given: TypeAlias = str | bytes | Sequence[Sequence[int]]
"""Text, struct sock_filter as a machine has it in memory, or (code, jt, jf, k) rows."""

_SOCK_FILTER: Final = struct.Struct("=HBBI")  # <linux/filter.h>
_ELF: Final = b"\x7fELF"

_WIDTHS: Final = (16, 8, 8, 32)  # bits of code, jt, jf, k
_COUNTED: Final = re.compile(r"\s*\d+\s*[,\n][\d\s,]*")  # the count, then instructions
_BEGINNING: Final = re.compile(
    r"\s*(?:\(\d+\)\s*[a-z]"  # (000) ldh
    r"|(?:ldx?[hbi]?|ldxb|ret|ja)\s+[#\[M\d]"  # ldh [12]
    r"|(?:[\w\s]*(?:\[\w*\]\s*)?=\s*)?[{\[])"  # { 0x28, 0, 0, 12 }, [[40, 0, 0, 12]], code[] = {
)


def lists_program(text: str) -> bool:
    """Whether a text is a program in one of its forms, and not a filter expression."""
    return _COUNTED.fullmatch(text) is not None or _BEGINNING.match(text) is not None


def program_words(rows: Sequence[Sequence[int]]) -> tuple[SockFilter, ...]:
    """(code, jt, jf, k) rows as a program; raises FilterError for what is no such row."""
    made = []
    for number, row in enumerate(rows):
        if len(row) != len(_WIDTHS) or any(type(value) is not int for value in row):
            raise FilterError(f"instruction {number}: {row!r} is not four numbers, code, jt, jf, k")
        for name, value, width in zip(SockFilter._fields, row, _WIDTHS, strict=True):
            if not 0 <= value < 1 << width:
                raise FilterError(
                    f"instruction {number}: {name} {value} does not fit {width} bits unsigned"
                )
        made.append(SockFilter(*row))
    return tuple(made)


def given_words(given: object) -> tuple[SockFilter, ...]:
    """The instructions of a program in any form; raises FilterError, TypeError for none of them."""
    if isinstance(given, str):
        return parse_program(given)
    if isinstance(given, bytes):
        return octet_words(given)
    if isinstance(given, list | tuple):
        return program_words(given)
    raise TypeError(
        f"a program is a Program, (code, jt, jf, k) rows or their text, not {type(given).__name__}"
    )


def octet_words(octets: bytes) -> tuple[SockFilter, ...]:
    """The program of a file: text, or struct sock_filter in this machine's byte order.

    Every program in memory has a zero byte, and no text has one.  Raises FilterError.
    """
    if octets.startswith(_ELF):
        raise FilterError("an object file holds eBPF programs, where a classic program is wanted")
    if 0 not in octets:
        return parse_program(octets.decode("utf-8-sig", "replace"))
    if len(octets) % _SOCK_FILTER.size:
        raise FilterError(
            f"{len(octets)} bytes are no whole number of instructions: struct sock_filter has "
            f"{_SOCK_FILTER.size}"
        )
    words = tuple(SockFilter(*row) for row in _SOCK_FILTER.iter_unpack(octets))
    for number, word in enumerate(words):
        if word.code not in opcodes.KNOWN:
            at = number * _SOCK_FILTER.size
            raise FilterError(
                f"neither text nor instructions: no opcode {word.code:#x} at byte {at}"
            )
    return words
