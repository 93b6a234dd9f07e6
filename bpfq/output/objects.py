"""An object file as text: its functions, with the filter's words between the instructions.

    xdp: drop_udp
    ; ip and udp -> ether[12:2] == 0x800
       0: (61) r2 = *(u32 *)(r1 +0)
       ...

Instructions are written as bpftool does; what a loader puts in stands behind a ``#``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from bpfq.isa.ebpf.program import Function, ReferenceKind
from bpfq.isa.ebpf.text import dump_bpftool
from bpfq.objfile.read import ObjectRead

_PUT_IN: Final[dict[ReferenceKind, str]] = {
    "map": "map",
    "map_value": "the value of",
    "kfunc": "the kernel's",
    "function": "function",
}


def dump_object(read: ObjectRead) -> str:
    """The functions of the file, an empty line between two."""
    return "\n\n".join(
        "\n".join((f"{section}: {function.name}", *_lines(function)))
        for section, function in read.functions
    )


def dump_object_json(read: ObjectRead) -> str:
    """A JSON object; an instruction is [opcode, dst, src, off, imm]."""
    import json

    functions = [
        {
            "section": section,
            "name": function.name,
            "instructions": [list(slot) for slot in function.instructions],
            "lines": [[it.insn, it.text, it.line, it.column] for it in function.lines],
            "references": [[it.insn, it.kind, it.symbol] for it in function.references],
        }
        for section, function in read.functions
    ]
    return json.dumps(
        {"byteorder": read.byteorder, "license": read.license, "functions": functions}
    )


def _lines(function: Function) -> Iterator[str]:
    names = {it.insn: f"{_PUT_IN[it.kind]} {it.symbol}" for it in function.references}
    for line in dump_bpftool(function.instructions, function.lines).splitlines():
        slot = None if line.startswith(";") else int(line.partition(":")[0])
        yield line if slot not in names else f"{line}  # {names[slot]}"
