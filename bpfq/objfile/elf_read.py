"""A reader of ELF64 relocatable files for the BPF machine, whoever wrote them.

    file = read_elf(octets)
    file.sections[1].name, file.sections[1].content
    file.symbols[2].name, file.relocations[1]

Everything is checked against the length of the file, so a damaged one gives an ObjectError.
Source: the System V ABI's chapters on object files.
"""

from __future__ import annotations

import struct
from typing import Final, Literal, NamedTuple, TypeVar

from bpfq.errors import ObjectError
from bpfq.objfile.btf import PACKING
from bpfq.objfile.elf import (
    HEADER,
    HEADER_SIZE,
    MACHINE_BPF,
    RELOCATION,
    SECTION,
    SECTION_SIZE,
    SYMBOL,
    SYMBOL_SIZE,
    SectionKind,
)
from bpfq.objfile.texts import printable

_T = TypeVar("_T")

_MAGIC: Final = b"\x7fELF"
_CLASS_64: Final = 2
_ORDERS: Final[dict[int, Literal["little", "big"]]] = {1: "little", 2: "big"}
_NO_CONTENT: Final = 8  # SHT_NOBITS: a size and no bytes in the file
_WITH_ADDEND: Final = 4  # SHT_RELA: a relocation is one word longer
_MACHINES: Final = {3: "x86", 40: "ARM", 62: "x86-64", 183: "AArch64", 243: "RISC-V"}


class Section(NamedTuple):
    """A part of the file; ``link`` and ``info`` are numbers whose meaning hangs on the kind."""

    name: str
    kind: int
    flags: int
    content: bytes
    link: int
    info: int


class Symbol(NamedTuple):
    """A name for size bytes at value in a section; kind is one of SymbolKind."""

    name: str
    section: int
    kind: int
    value: int
    size: int


class Relocation(NamedTuple):
    """What a loader puts in at offset, in bytes, of a section."""

    offset: int
    symbol: Symbol
    kind: int


class ElfRead(NamedTuple):
    """The file: sections by number, symbols by number, relocations by section."""

    byteorder: Literal["little", "big"]
    sections: tuple[Section, ...]
    symbols: tuple[Symbol, ...]
    relocations: dict[int, tuple[Relocation, ...]]


def read_elf(octets: bytes) -> ElfRead:
    """The parts of the file; raises ObjectError for what is no BPF object or is damaged."""
    byteorder = _identify(octets)
    order = PACKING[byteorder]
    header = struct.unpack_from(order + HEADER, octets)
    machine, at = header[2], header[6]
    size, count, names = header[11:]
    if machine != MACHINE_BPF:
        what = _MACHINES.get(machine, f"machine {machine}")
        raise ObjectError(f"not a BPF object: the ELF file is for {what}, BPF is 247")
    if count and size != SECTION_SIZE:
        raise ObjectError(f"the ELF file is damaged: a section's header has {size} bytes, not 64")
    table = _part(octets, at, count * SECTION_SIZE, "the table of sections")
    rows = list(struct.iter_unpack(order + SECTION, table))
    raw = [_content(octets, number, row) for number, row in enumerate(rows)]
    texts = raw[names] if names < count else b""
    sections = tuple(
        Section(_text(texts, row[0]), row[1], row[2], content, row[6], row[7])
        for row, content in zip(rows, raw, strict=True)
    )
    symbols = _symbols(sections, order)
    return ElfRead(byteorder, sections, symbols, _relocations(sections, symbols, order))


def _identify(octets: bytes) -> Literal["little", "big"]:
    if not octets.startswith(_MAGIC):
        raise ObjectError("not a BPF object: the file does not begin as ELF does, 7f 45 4c 46")
    if len(octets) < HEADER_SIZE:
        raise ObjectError(f"the ELF file is cut: {len(octets)} bytes, a header alone has 64")
    if octets[4] != _CLASS_64:
        raise ObjectError("not a BPF object: the ELF file is not of 64 bits")
    if octets[5] not in _ORDERS:
        raise ObjectError(f"the ELF file is damaged: {octets[5]} is no byte order, use 1 or 2")
    return _ORDERS[octets[5]]


def _part(octets: bytes, start: int, size: int, what: str) -> bytes:
    if start + size > len(octets):
        message = f"{what} ends at byte {start + size} of {len(octets)}"
        raise ObjectError(f"the ELF file is cut: {message}")
    return octets[start : start + size]


def _content(octets: bytes, number: int, row: tuple[int, ...]) -> bytes:
    kind, start, size = row[1], row[4], row[5]
    if kind in (SectionKind.NONE, _NO_CONTENT):
        return b""
    return _part(octets, start, size, f"section {number}")


def _text(strings: bytes, at: int) -> str:
    end = strings.find(b"\0", at)
    if end < 0:
        raise ObjectError(f"the ELF file is damaged: there is no name at {at} of its strings")
    return printable(strings[at:end])


def _symbols(sections: tuple[Section, ...], order: str) -> tuple[Symbol, ...]:
    """Those of the first table of symbols."""
    for section in sections:
        if section.kind == SectionKind.SYMBOLS:
            strings = _numbered(sections, section.link, "section").content
            whole = len(section.content) // SYMBOL_SIZE * SYMBOL_SIZE
            rows = struct.iter_unpack(order + SYMBOL, section.content[:whole])
            return tuple(
                Symbol(_text(strings, name), number, kind & 0xF, value, size)
                for name, kind, _, number, value, size in rows
            )
    return ()


def _relocations(
    sections: tuple[Section, ...], symbols: tuple[Symbol, ...], order: str
) -> dict[int, tuple[Relocation, ...]]:
    found: dict[int, tuple[Relocation, ...]] = {}
    for section in sections:
        if section.kind not in (SectionKind.RELOCATIONS, _WITH_ADDEND):
            continue
        row = struct.Struct(order + RELOCATION + ("q" if section.kind == _WITH_ADDEND else ""))
        whole = len(section.content) // row.size * row.size
        found[section.info] = tuple(
            Relocation(offset, _numbered(symbols, kind >> 32, "symbol"), kind & 0xFFFF_FFFF)
            for offset, kind, *_ in row.iter_unpack(section.content[:whole])
        )
    return found


def _numbered(rows: tuple[_T, ...], number: int, what: str) -> _T:
    if number >= len(rows):
        message = f"it names {what} {number} and has {len(rows)}"
        raise ObjectError(f"the ELF file is damaged: {message}")
    return rows[number]
