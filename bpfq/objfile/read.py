"""An object file read back: its functions with their names, sections, instructions and lines.

    for each in read_object(octets).functions:
        each.section, each.function.name, disassemble(each.function.instructions)

Files of other compilers are read as well as our own.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import pairwise
from typing import Final, Literal, NamedTuple

from bpfq.errors import EncodingError, ObjectError
from bpfq.isa.ebpf.encode import SLOT_SIZE, from_bytes
from bpfq.isa.ebpf.instructions import BpfInsn
from bpfq.isa.ebpf.opcodes import CALL
from bpfq.isa.ebpf.program import Function, Line, Reference, ReferenceKind
from bpfq.objfile.annotations import position_of
from bpfq.objfile.btf import PACKING
from bpfq.objfile.btf_read import TypesRead
from bpfq.objfile.elf import EXECUTABLE, UNDEFINED, SectionKind, SymbolKind
from bpfq.objfile.elf_read import ElfRead, Relocation, Symbol, read_elf
from bpfq.objfile.extension import HEADER
from bpfq.objfile.kinds import MAGIC
from bpfq.objfile.sections import LICENSE, MAPS
from bpfq.objfile.texts import printable

_LEGACY_MAPS: Final = "maps"  # where libbpf before 1.0 had them
_LINE_WORDS: Final = 4  # of a line record: place, file, text, position


class ObjectFunction(NamedTuple):
    """A function and the section it stands in."""

    section: str
    function: Function


class ObjectRead(NamedTuple):
    """What the file holds; the license is "" where it has none."""

    byteorder: Literal["little", "big"]
    license: str
    functions: tuple[ObjectFunction, ...]


def read_object(octets: bytes) -> ObjectRead:
    """The functions of the file; raises ObjectError for what is no BPF object or is damaged."""
    file = read_elf(octets)
    lines = _lines(file)
    functions: list[ObjectFunction] = []
    for number, section in enumerate(file.sections):
        is_code = section.kind == SectionKind.CONTENT and section.flags & EXECUTABLE
        if is_code and section.content:
            functions += _functions(file, number, lines.get(section.name, []))
    if not functions:
        raise ObjectError("the BPF object has no program: none of its sections holds instructions")
    licenses = (section.content for section in file.sections if section.name == LICENSE)
    text = printable(next(licenses, b"").split(b"\0")[0])
    return ObjectRead(file.byteorder, text, tuple(functions))


def _functions(file: ElfRead, number: int, lines: list[Line]) -> Iterator[ObjectFunction]:
    """Those of one section of code; all of it is one function where no symbol says otherwise."""
    section = file.sections[number]
    try:
        slots = from_bytes(section.content, file.byteorder)
    except EncodingError:
        size = len(section.content)
        raise ObjectError(
            f"section {section.name} has {size} bytes, which are no whole instructions of 8"
        ) from None
    starts = {
        symbol.value // SLOT_SIZE: symbol.name
        for symbol in file.symbols
        if symbol.kind == SymbolKind.FUNCTION
        and symbol.section == number
        and symbol.value < len(section.content)
    }
    starts.setdefault(0, section.name)
    references = _references(file, number, slots)
    for start, end in pairwise([*sorted(starts), len(slots)]):
        function = Function(
            starts[start],
            slots[start:end],
            tuple(
                Line(it.insn - start, it.text, it.line, it.column)
                for it in lines
                if start <= it.insn < end
            ),
            tuple(
                Reference(it.insn - start, it.symbol, it.kind)
                for it in references
                if start <= it.insn < end
            ),
        )
        yield ObjectFunction(section.name, function)


def _references(file: ElfRead, number: int, slots: tuple[BpfInsn, ...]) -> list[Reference]:
    references = []
    for relocation in file.relocations.get(number, ()):
        slot, inside = divmod(relocation.offset, SLOT_SIZE)
        if inside or slot >= len(slots):
            name = file.sections[number].name
            raise ObjectError(f"section {name} has no instruction at {relocation.offset}")
        kind = _kind(file, relocation, slots[slot])
        references.append(Reference(slot, _name(file, relocation.symbol), kind))
    return references


def _kind(file: ElfRead, relocation: Relocation, slot: BpfInsn) -> ReferenceKind:
    """What is put in, by where the symbol stands."""
    symbol = relocation.symbol
    if slot.opcode == CALL:
        return "kfunc" if symbol.section == UNDEFINED else "function"
    if symbol.kind == SymbolKind.FUNCTION:
        return "function"
    return "map" if _section_name(file, symbol) in (MAPS, _LEGACY_MAPS) else "map_value"


def _name(file: ElfRead, symbol: Symbol) -> str:
    """A symbol's own name, or that of the section that it stands for."""
    return symbol.name or _section_name(file, symbol)


def _section_name(file: ElfRead, symbol: Symbol) -> str:
    return file.sections[symbol.section].name if symbol.section < len(file.sections) else ""


def _lines(file: ElfRead) -> dict[str, list[Line]]:
    """The line records of each section, in slots; none where the file has no types."""
    content = {section.name: section.content for section in file.sections}
    extension = content.get(".BTF.ext", b"")
    if not extension or ".BTF" not in content:
        return {}
    types = TypesRead(content[".BTF"])
    try:
        return {
            types.string(name): [_line(types, words) for words in records]
            for name, records in _records(extension, PACKING[file.byteorder])
        }
    except struct.error:
        raise ObjectError("the BPF object is damaged: its lines in .BTF.ext are cut") from None


def _line(types: TypesRead, words: tuple[int, ...]) -> Line:
    place, _, text, position = words
    return Line(place // SLOT_SIZE, types.string(text), *position_of(position))


def _records(extension: bytes, order: str) -> Iterator[tuple[int, list[tuple[int, ...]]]]:
    """The name and the line records of each section; raises struct.error where they are cut."""
    header = struct.unpack_from(order + HEADER[:-2], extension)
    magic, size, start, length = header[0], header[3], header[6], header[7]
    at, end = size + start, size + start + length
    if magic != MAGIC or not length:
        return
    (record,) = struct.unpack_from(order + "I", extension, at)
    if record < 4 * _LINE_WORDS:
        raise ObjectError(f"the BPF object is damaged: a line record has {record} bytes, not 16")
    at += 4
    while at < end:
        name, count = struct.unpack_from(order + "II", extension, at)
        at += 8
        yield (
            name,
            [
                struct.unpack_from(f"{order}{_LINE_WORDS}I", extension, at + record * number)
                for number in range(count)
            ],
        )
        at += record * count
