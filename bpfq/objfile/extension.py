"""The section .BTF.ext: the records of functions and lines, section by section.

    header, then 8 (bytes of a record), then for each section of code its name, how many records
    it has, and the records; then the same for lines, 16 bytes each.

Places are bytes from the start of the section.  Source: Documentation/bpf/btf.rst of Linux 6.18.
"""

from __future__ import annotations

import struct
from typing import Final

from bpfq.isa.ebpf.encode import SLOT_SIZE
from bpfq.objfile.annotations import (
    FUNCTION_RECORD,
    LINE_RECORD,
    Annotated,
    function_words,
    line_words,
)
from bpfq.objfile.btf import PACKING, Types, pack_words
from bpfq.objfile.kinds import MAGIC, VERSION

HEADER: Final = "HBBIIIIIII"  # magic, version, flags, size; functions, lines, relocations
HEADER_SIZE: Final = 32  # bytes


def extension(types: Types, rows: dict[str, list[Annotated]], byteorder: str) -> bytes:
    """The section for the functions of each section of code; adds their texts to the types."""
    functions = [FUNCTION_RECORD]
    lines = [LINE_RECORD]
    for section, row in rows.items():
        name = types.string(section)
        functions += _counted(name, function_words(row, SLOT_SIZE), FUNCTION_RECORD)
        lines += _counted(name, line_words(types, row, SLOT_SIZE), LINE_RECORD)
    sizes = (4 * len(functions), 4 * len(lines))
    places = (0, sizes[0], sizes[0], sizes[1], sum(sizes), 0)
    header = struct.pack(PACKING[byteorder] + HEADER, MAGIC, VERSION, 0, HEADER_SIZE, *places)
    return header + pack_words(functions + lines, byteorder)


def _counted(name: int, words: list[int], record: int) -> list[int]:
    count = 4 * len(words) // record
    return [name, count, *words] if count else []
