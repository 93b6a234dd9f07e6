"""Slots from text: what ``text`` writes, bpftool's and llvm-objdump's listings, bare instructions.

    3: (69) r2 = *(u16 *)(r1 +12)                    bpftool, the kernel's verifier
    3:	69 12 0c 00 00 00 00 00	w2 = *(u16 *)(r1 + 0xc)      llvm-objdump: its bytes are read
    w2 = *(u16 *)(r1 + 0xc)                          no listing: as llvm-mc takes it

A listing of bpftool loses the module of a kernel function, and of a 64-bit immediate that is no
number, map or function what it is; that comes back as a number.  Lines that are empty or start
with ``;`` or ``#`` are comments, as is what follows `` ;``.
"""

from __future__ import annotations

import re
from typing import Final

from bpfq.errors import EncodingError, FilterError
from bpfq.isa.ebpf.encode import assemble, from_bytes
from bpfq.isa.ebpf.forms import instruction
from bpfq.isa.ebpf.instructions import BpfInsn

_COMMENT: Final = re.compile(r"\s*(?:[;#].*)?|.*file format .*|Disassembly of .*|[0-9a-f]+ <.*>:")
_LISTED: Final = re.compile(
    r"\s*\d+:\s+(?:\(([0-9a-f]{2})\)\s|((?:[0-9a-f]{2} )*[0-9a-f]{2})\t)", re.ASCII
)
_SHOWN: Final = 80  # characters of a line that is refused
_WIDE_IMMEDIATE: Final = "18"  # the opcode of LoadImmediate64 as bpftool lists it


def read(text: str) -> tuple[BpfInsn, ...]:
    """The slots of a text in any of these forms, also mixed.

    Raises FilterError naming the line that is none of them.
    """
    words: list[BpfInsn] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not _COMMENT.fullmatch(line):
            words += _line(line, number)
    return tuple(words)


def _line(line: str, number: int) -> tuple[BpfInsn, ...]:
    listed = _LISTED.match(line)
    try:
        if listed and listed[2]:
            return from_bytes(bytes.fromhex(listed[2]))
        bare = line[listed.end() :] if listed else line
        wide = listed is not None and listed[1] == _WIDE_IMMEDIATE
        return assemble([instruction(_without_tail(bare.strip()), wide)])
    except (EncodingError, ValueError) as error:
        raise FilterError(f"line {number}: {line.strip()[:_SHOWN]!r}: {error}") from None


def _without_tail(text: str) -> str:
    """Without the state that a verifier adds and without the label of a jump's target."""
    text = text.partition(" ;")[0].rstrip()
    before, _, label = text.rpartition(" <")
    return before if label.endswith(">") else text
