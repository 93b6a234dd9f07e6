"""A program as callers give it: instructions, or their text in any form that ``read`` reads."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from bpfq.errors import FilterError
from bpfq.isa.cbpf.instructions import SockFilter

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
