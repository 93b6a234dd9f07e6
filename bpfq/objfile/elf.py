"""A writer of ELF64 relocatable files for the BPF machine.

    file = ElfFile("little")
    code = file.section("xdp", octets, flags=ALLOCATED | EXECUTABLE, alignment=8)
    file.symbol("drop", section=code, kind=SymbolKind.FUNCTION, size=len(octets))
    file.relocate(code, 16, "bad", RELOCATE_LOAD)
    file.to_bytes()

Symbols are named in relocations before or after they are made.  Source: the System V ABI's
chapters on object files; Documentation/bpf/llvm_reloc.rst of Linux 6.18 for the relocations.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import Final, NamedTuple

from bpfq.objfile.btf import PACKING
from bpfq.record import record

MACHINE_BPF: Final = 247  # EM_BPF
RELOCATABLE: Final = 1  # ET_REL
HEADER_SIZE: Final = 64  # bytes, as are a section's header, a symbol and a relocation below
SECTION_SIZE: Final = 64
SYMBOL_SIZE: Final = 24
RELOCATION_SIZE: Final = 16

HEADER: Final = "16sHHIQQQIHHHHHH"
SECTION: Final = "IIQQQQIIQQ"
SYMBOL: Final = "IBBHQQ"
RELOCATION: Final = "QQ"

WRITABLE: Final = 1  # SHF_WRITE, SHF_ALLOC, SHF_EXECINSTR
ALLOCATED: Final = 2
EXECUTABLE: Final = 4

RELOCATE_LOAD: Final = 1  # R_BPF_64_64: a 64-bit immediate
RELOCATE_CALL: Final = 10  # R_BPF_64_32: the target of a call

UNDEFINED: Final = 0  # the section of a symbol that is found elsewhere

_INFO_IS_SECTION: Final = 0x40  # SHF_INFO_LINK
_WORD: Final = 8  # bytes; where sections begin


class SectionKind(IntEnum):
    """SHT_*."""

    NONE = 0
    CONTENT = 1
    SYMBOLS = 2
    STRINGS = 3
    RELOCATIONS = 9


class SymbolKind(IntEnum):
    """STT_*."""

    NONE = 0
    OBJECT = 1
    FUNCTION = 2
    SECTION = 3


@record
class _Section:
    name: str
    kind: SectionKind
    flags: int
    content: bytes
    alignment: int
    link: int = 0
    info: int = 0
    entry_size: int = 0


class _Symbol(NamedTuple):
    name: str
    section: int
    kind: SymbolKind
    value: int
    size: int
    is_global: bool


class _Relocation(NamedTuple):
    offset: int
    symbol: str
    kind: int


class ElfFile:
    """A file under construction; byteorder is "little" or "big"."""

    def __init__(self, byteorder: str) -> None:
        self._big = byteorder == "big"
        self._order = PACKING[byteorder]
        self._sections = [_Section("", SectionKind.NONE, 0, b"", 0)]
        self._symbols: list[_Symbol] = []
        self._relocations: dict[int, list[_Relocation]] = {}

    def section(self, name: str, content: bytes, *, flags: int = 0, alignment: int = 1) -> int:
        """A section of its own bytes; returns its number."""
        made = _Section(name, SectionKind.CONTENT, flags, content, alignment)
        self._sections.append(made)
        return len(self._sections) - 1

    def symbol(
        self,
        name: str,
        *,
        section: int = UNDEFINED,
        kind: SymbolKind = SymbolKind.NONE,
        value: int = 0,
        size: int = 0,
        is_global: bool = True,
    ) -> None:
        """A name for size bytes at value in a section; its name is the only one such."""
        self._symbols.append(_Symbol(name, section, kind, value, size, is_global))

    def relocate(self, section: int, offset: int, symbol: str, kind: int) -> None:
        """Let a loader put a symbol in at offset, in bytes, of a section."""
        self._relocations.setdefault(section, []).append(_Relocation(offset, symbol, kind))

    def to_bytes(self) -> bytes:
        """The file: header, sections, and the table of sections."""
        symbols = sorted(self._symbols, key=lambda symbol: symbol.is_global)
        names = _Names()
        sections = [*self._sections]
        table = len(sections) + len(self._relocations)  # the number of the symbols' section
        numbers = {symbol.name: at for at, symbol in enumerate(symbols, 1)}
        for section, relocations in sorted(self._relocations.items()):
            sections.append(self._relocation_section(section, relocations, numbers, table))
        sections.append(self._symbol_section(symbols, names, table + 1))
        for each in (*sections, _Section(".strtab", SectionKind.STRINGS, 0, b"", 1)):
            names.add(each.name)
        sections.append(_Section(".strtab", SectionKind.STRINGS, 0, names.octets(), 1))
        return self._placed(sections, names)

    def _relocation_section(
        self, section: int, relocations: list[_Relocation], numbers: dict[str, int], table: int
    ) -> _Section:
        content = b"".join(
            struct.pack(self._order + RELOCATION, it.offset, numbers[it.symbol] << 32 | it.kind)
            for it in sorted(relocations)
        )
        name = ".rel" + self._sections[section].name
        kind, flags = SectionKind.RELOCATIONS, _INFO_IS_SECTION
        return _Section(name, kind, flags, content, _WORD, table, section, RELOCATION_SIZE)

    def _symbol_section(self, symbols: list[_Symbol], names: _Names, strings: int) -> _Section:
        content = bytes(SYMBOL_SIZE)
        for it in symbols:
            info = int(it.is_global) << 4 | it.kind  # STB_GLOBAL is 1
            row = (names.add(it.name), info, 0, it.section, it.value, it.size)
            content += struct.pack(self._order + SYMBOL, *row)
        local = 1 + sum(not it.is_global for it in symbols)
        kind = SectionKind.SYMBOLS
        return _Section(".symtab", kind, 0, content, _WORD, strings, local, SYMBOL_SIZE)

    def _placed(self, sections: list[_Section], names: _Names) -> bytes:
        body = bytearray(HEADER_SIZE)
        table = bytearray()
        for it in sections:
            body += bytes(-len(body) % _WORD)
            start = len(body) if it.kind else 0
            place = (0, start, len(it.content), it.link, it.info, it.alignment, it.entry_size)
            row = (names.add(it.name), it.kind, it.flags, *place)
            table += struct.pack(self._order + SECTION, *row)
            body += it.content
        body += bytes(-len(body) % _WORD)
        identity = b"\x7fELF" + bytes([2, 2 if self._big else 1, 1])  # 64 bits, order, version
        sizes = (HEADER_SIZE, 0, 0, SECTION_SIZE, len(sections), len(sections) - 1)
        places = (0, 0, len(body), 0)
        body[:HEADER_SIZE] = struct.pack(
            self._order + HEADER, identity, RELOCATABLE, MACHINE_BPF, 1, *places, *sizes
        )
        return bytes(body + table)


class _Names:
    """A table of strings, each once."""

    def __init__(self) -> None:
        self._places = {"": 0}
        self._end = 1

    def add(self, name: str) -> int:
        """Where the name stands."""
        place = self._places.setdefault(name, self._end)
        if place == self._end:
            self._end += len(name.encode()) + 1
        return place

    def octets(self) -> bytes:
        return b"".join(name.encode() + b"\0" for name in self._places)
