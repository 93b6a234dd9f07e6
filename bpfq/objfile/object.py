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

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeVar

from bpfq.errors import ObjectError
from bpfq.isa.ebpf.encode import SLOT_SIZE, Endian, to_bytes
from bpfq.isa.ebpf.instructions import BpfInsn
from bpfq.isa.ebpf.opcodes import CALL, CALL_FUNCTION
from bpfq.isa.ebpf.program import Function, MapSpec, Module, Reference
from bpfq.objfile.annotations import Annotated
from bpfq.objfile.btf import Placed, Types
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
from bpfq.objfile.sections import CODE, KERNEL_FUNCTIONS, LICENSE, MAPS, section_of
from bpfq.objfile.signatures import function_type, kernel_function, subprogram_type

_T = TypeVar("_T")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def object_file(
    modules: Sequence[Module], *, byteorder: Endian = "little", sections: Sequence[str] = ()
) -> bytes:
    """An ELF file with the programs of the modules, each with its lines, and their maps.

    ``sections`` names the section of each module, "" for the usual one of its hook, and may be
    shorter than ``modules``.  Raises ObjectError for modules that cannot stand in one file: two
    things of one name, two licenses, a section for another hook, a map addressed by its value.
    """
    wanted = [*sections, *[""] * len(modules)]
    placed = [(section_of(it.hook, name), it) for it, name in zip(modules, wanted, strict=False)]
    maps = _one_each("map", (spec for it in modules for spec in it.maps), lambda spec: spec.name)
    inner = _one_each(
        "function", (each for it in modules for each in it.subprograms), lambda each: each.name
    )
    _check_names([it.function.name for it in modules], inner, maps)
    types = Types()
    rows: dict[str, list[Annotated]] = {}
    for each in inner.values():
        _append(rows, CODE, each, subprogram_type(types, each.name))
    for section, it in placed:
        name = it.function.name
        _append(rows, section, it.function, function_type(types, name, it.hook, Linkage.GLOBAL))
    file = ElfFile(byteorder)
    for section, row in rows.items():
        _write_code(file, section, row, byteorder)
    _write_maps(file, types, list(maps.values()))
    _write_kernel_functions(file, types, rows)
    _write_license(file, modules)
    extra = extension(types, rows, byteorder)
    file.section(".BTF", types.blob(byteorder), alignment=4)
    file.section(".BTF.ext", extra, alignment=4)
    return file.to_bytes()


def _one_each(what: str, found: Iterable[_T], name: Callable[[_T], str]) -> dict[str, _T]:
    """By name, in order; the same thing may come again."""
    by_name: dict[str, _T] = {}
    for each in found:
        if by_name.setdefault(name(each), each) != each:
            raise ObjectError(f"two different {what}s are called {name(each)}: rename one")
    return by_name


def _check_names(programs: list[str], inner: dict[str, Function], maps: dict[str, MapSpec]) -> None:
    names = [*programs, *inner, *maps]
    for name in names:
        if not _NAME.fullmatch(name):
            raise ObjectError(
                f"{name!r} cannot be a name in an object file: "
                "use letters, digits and _, not beginning with a digit"
            )
        if names.count(name) > 1:
            raise ObjectError(f"two things in the object file are called {name}: rename one")


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


def _write_maps(file: ElfFile, types: Types, maps: list[MapSpec]) -> None:
    if not maps:
        return
    definitions = [definition(types, spec) for spec in maps]
    placed, end = [], 0
    for variable, size in definitions:
        placed.append(Placed(variable, end, size))
        end += size
    types.section(MAPS, placed, end)
    number = file.section(MAPS, bytes(end), flags=ALLOCATED | WRITABLE, alignment=8)
    for spec, (_, offset, size) in zip(maps, placed, strict=True):
        file.symbol(spec.name, section=number, kind=SymbolKind.OBJECT, value=offset, size=size)


def _write_kernel_functions(file: ElfFile, types: Types, rows: dict[str, list[Annotated]]) -> None:
    """The functions of the kernel that are called: undefined symbols, and their prototypes."""
    called = dict.fromkeys(
        reference.symbol
        for row in rows.values()
        for it in row
        for reference in it.function.references
        if reference.kind == "kfunc"
    )
    if called:
        types.section(
            KERNEL_FUNCTIONS, [Placed(kernel_function(types, name), 0, 0) for name in called], 0
        )
    for name in called:
        file.symbol(name)


def _write_license(file: ElfFile, modules: Sequence[Module]) -> None:
    licenses = list(dict.fromkeys(it.license for it in modules))
    if len(licenses) > 1:
        raise ObjectError(f"one object file has one license, not {' and '.join(licenses)}")
    for license in licenses:
        content = license.encode() + b"\0"
        number = file.section(LICENSE, content, flags=ALLOCATED | WRITABLE)
        file.symbol("_license", section=number, kind=SymbolKind.OBJECT, size=len(content))
