"""Programs written as one object file that other loaders take: bpftool, libbpf, ip and tc.

    object_file([drop_udp, count_sizes])

    .text                 functions that programs call, when there are any
    xdp, tc, ...          the programs, one symbol each, and .relxdp, ... for what is put in
    .maps                 a variable for each map, whose type says what it is
    license               "GPL" for instance
    .BTF, .BTF.ext        types; the function and the words of the filter behind each instruction

Maps of the same name are one map.  Source: tools/lib/bpf/libbpf.c of Linux 6.18.
"""

from __future__ import annotations

from collections.abc import Sequence

from bpfq.errors import ObjectError
from bpfq.isa.ebpf.encode import SLOT_SIZE, Endian, to_bytes
from bpfq.isa.ebpf.instructions import BpfInsn
from bpfq.isa.ebpf.opcodes import CALL, CALL_FUNCTION
from bpfq.isa.ebpf.program import Function, MapSpec, Module, Reference
from bpfq.objfile.annotations import Annotated
from bpfq.objfile.btf import Placed, Types
from bpfq.objfile.contents import gather
from bpfq.objfile.elf import (
    ALLOCATED,
    EXECUTABLE,
    RELOCATE_CALL,
    RELOCATE_LOAD,
    WRITABLE,
    ElfFile,
    SymbolKind,
)
from bpfq.objfile.extension import extension
from bpfq.objfile.kinds import Linkage
from bpfq.objfile.maps import definition
from bpfq.objfile.sections import CODE, KERNEL_FUNCTIONS, LICENSE, LICENSE_SYMBOL, MAPS
from bpfq.objfile.signatures import function_type, kernel_function, subprogram_type


def object_file(
    modules: Sequence[Module], *, byteorder: Endian = "little", sections: Sequence[str] = ()
) -> bytes:
    """An ELF file with the programs of the modules, each with its lines, and their maps.

    ``sections`` names the section of each module, "" for the usual one of its hook, and may be
    shorter than ``modules``.  Raises ObjectError for modules that cannot stand in one file: two
    things of one name, two licenses or no module, a section for another hook, a map addressed by its value.
    """
    contents = gather(modules, sections)
    types = Types()
    rows: dict[str, list[Annotated]] = {}
    for each in contents.functions:
        _append(rows, CODE, each, subprogram_type(types, each.name))
    for section, it in contents.programs:
        name = it.function.name
        _append(rows, section, it.function, function_type(types, name, it.hook, Linkage.GLOBAL))
    file = ElfFile(byteorder)
    for section, row in rows.items():
        _write_code(file, section, row, byteorder)
    _write_maps(file, types, contents.maps)
    _write_kernel_functions(file, types, contents.kernel_functions)
    _write_license(file, types, contents.license)
    extra = extension(types, rows, byteorder)
    file.section(".BTF", types.blob(byteorder), alignment=4)
    file.section(".BTF.ext", extra, alignment=4)
    return file.to_bytes()


def _append(rows: dict[str, list[Annotated]], section: str, function: Function, type: int) -> None:
    row = rows.setdefault(section, [])
    start = row[-1].start + len(row[-1].function.instructions) if row else 0
    row.append(Annotated(function, start, type))


def _write_code(file: ElfFile, section: str, row: list[Annotated], byteorder: Endian) -> None:
    """A section of functions, one behind the other, with their symbols and relocations."""
    octets = b"".join(to_bytes(_unresolved(it.function), byteorder) for it in row)
    number = file.section(section, octets, flags=ALLOCATED | EXECUTABLE, alignment=SLOT_SIZE)
    for it in row:
        file.symbol(
            it.function.name,
            section=number,
            kind=SymbolKind.FUNCTION,
            value=it.start * SLOT_SIZE,
            size=len(it.function.instructions) * SLOT_SIZE,
            is_global=section != CODE,
        )
        for reference in it.function.references:
            offset = (it.start + reference.insn) * SLOT_SIZE
            is_call = _is_call(reference, it.function.instructions[reference.insn])
            kind = RELOCATE_CALL if is_call else RELOCATE_LOAD
            file.relocate(number, offset, reference.symbol, kind)


def _unresolved(function: Function) -> list[BpfInsn]:
    """The instructions as compilers leave them where a loader puts something in."""
    slots = [*function.instructions]
    for reference in function.references:
        slot = slots[reference.insn]
        if reference.kind == "map_value":
            raise ObjectError(
                f"{function.name} addresses the value of map {reference.symbol}, "
                "which an object file cannot say: look it up"
            )
        is_call = _is_call(reference, slot)
        slots[reference.insn] = (
            slot._replace(src=CALL_FUNCTION, off=0, imm=-1)
            if is_call
            else slot._replace(src=0, imm=0)
        )
    return slots


def _is_call(reference: Reference, slot: BpfInsn) -> bool:
    """Is the place a call?  Else it is a 64-bit immediate."""
    return reference.kind == "kfunc" or (reference.kind == "function" and slot.opcode == CALL)


def _write_maps(file: ElfFile, types: Types, maps: tuple[MapSpec, ...]) -> None:
    if not maps:
        return
    for spec in maps:
        if spec.entries:
            raise ObjectError(f"map {spec.name} has entries, which an object file cannot carry")
    definitions = [definition(types, spec) for spec in maps]
    placed, end = [], 0
    for variable, size in definitions:
        placed.append(Placed(variable, end, size))
        end += size
    types.section(MAPS, placed, end)
    number = file.section(MAPS, bytes(end), flags=ALLOCATED | WRITABLE, alignment=8)
    for spec, (_, offset, size) in zip(maps, placed, strict=True):
        file.symbol(spec.name, section=number, kind=SymbolKind.OBJECT, value=offset, size=size)


def _write_kernel_functions(file: ElfFile, types: Types, called: tuple[str, ...]) -> None:
    """Undefined symbols, and their prototypes."""
    if called:
        prototypes = [Placed(kernel_function(types, name), 0, 0) for name in called]
        types.section(KERNEL_FUNCTIONS, prototypes, 0)
    for name in called:
        file.symbol(name)


def _write_license(file: ElfFile, types: Types, license: str) -> None:
    """``char _license[] = "GPL"`` in its section."""
    content = license.encode() + b"\0"
    size = len(content)
    text = types.array(types.integer("char", 8, signed=True), size)
    types.section(LICENSE, [Placed(types.variable(LICENSE_SYMBOL, text), 0, size)], size)
    number = file.section(LICENSE, content, flags=ALLOCATED | WRITABLE)
    file.symbol(LICENSE_SYMBOL, section=number, kind=SymbolKind.OBJECT, size=size)
