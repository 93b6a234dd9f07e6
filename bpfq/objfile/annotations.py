"""Records that say which function and which words of the filter an instruction belongs to.

    Line(insn=3, text="udp", line=1, column=8)    =>    (3, "<filter>", "udp", 1 << 10 | 8)

The kernel's verifier prints the text before the instruction that it refuses, and bpftool before
every instruction.  Source: struct bpf_func_info and bpf_line_info of <linux/bpf.h>.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from bpfq.isa.ebpf.program import Function, Line
from bpfq.objfile.btf import Types
from bpfq.record import replace

FILE_NAME: Final = "<filter>"
FUNCTION_RECORD: Final = 8  # bytes
LINE_RECORD: Final = 16  # bytes

_COLUMN_BITS: Final = 10
_LINE_BITS: Final = 22


class Annotated(NamedTuple):
    """A function at its place, in slots, and its type."""

    function: Function
    start: int
    type: int


def function_words(functions: list[Annotated], unit: int) -> list[int]:
    """struct bpf_func_info of each; unit is what places count in: 1 for slots, 8 for bytes."""
    return [word for it in functions for word in (unit * it.start, it.type)]


def line_words(types: Types, functions: list[Annotated], unit: int) -> list[int]:
    """struct bpf_line_info of every line, in order; none when no function has lines."""
    if not any(it.function.lines for it in functions):
        return []
    file_name = types.string(FILE_NAME)
    words: list[int] = []
    for it in functions:
        for line in _lines(it.function):
            place = unit * (it.start + line.insn)
            words += (place, file_name, types.string(line.text), _position(line))
    return words


def _lines(function: Function) -> tuple[Line, ...]:
    """One line a slot at most, in order; the first from slot 0, where the kernel wants one."""
    lines = {line.insn: line for line in sorted(function.lines, key=lambda line: line.insn)}
    first, *others = lines.values() or (Line(0, function.name, 1, 1),)
    return (replace(first, insn=0), *others)


def _position(line: Line) -> int:
    """Line and column in one word; what is beyond its bits is told as the last that fits."""
    last_line, last_column = (1 << _LINE_BITS) - 1, (1 << _COLUMN_BITS) - 1
    return min(line.line, last_line) << _COLUMN_BITS | min(line.column, last_column)


def position_of(word: int) -> tuple[int, int]:
    """Line and column of the word in a record."""
    return word >> _COLUMN_BITS, word & (1 << _COLUMN_BITS) - 1
