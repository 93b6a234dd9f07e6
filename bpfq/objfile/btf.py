"""A writer of BTF, the kernel's format for types: each type is made once and named by its number.

    types = Types()
    port = types.integer("unsigned short", 16)
    types.structure("key", [Member("port", port, 0)], 2)
    types.blob("little")

Numbers count from 1 in the order of making; 0 is void.  What is made twice is the same type, and
the same calls give the same bytes.  Source: Documentation/bpf/btf.rst of Linux 6.18.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from bpfq.errors import EncodingError
from bpfq.objfile.kinds import (
    HEADER,
    HEADER_SIZE,
    KIND_FLAG,
    MAGIC,
    MOST_MEMBERS,
    VERSION,
    Kind,
    Linkage,
)

VOID: Final = 0
PACKING: Final = {"little": "<", "big": ">"}

_SIGNED: Final = 1 << 24  # BTF_INT_SIGNED in the word behind an integer
_WORD: Final = 0xFFFF_FFFF


class Member(NamedTuple):
    """A member of a struct; offset in bits from its start."""

    name: str
    type: int
    offset: int


class Parameter(NamedTuple):
    """A parameter of a function."""

    name: str
    type: int


class Placed(NamedTuple):
    """A variable in its section; offset and size in bytes."""

    type: int
    offset: int
    size: int


class Types:
    """Types under construction.

    Every method returns the number of its type, and raises EncodingError for more than 65535
    members.
    """

    def __init__(self) -> None:
        self._strings: dict[bytes, int] = {b"": 0}
        self._string_bytes = 1
        self._numbers: dict[tuple[int, ...], int] = {}

    def integer(self, name: str, bits: int, *, signed: bool = False) -> int:
        """A number of a whole count of bytes."""
        encoding = (_SIGNED if signed else 0) | bits
        return self._add(Kind.INT, name, 0, bits // 8, encoding)

    def pointer(self, to: int) -> int:
        """A pointer, 8 bytes."""
        return self._add(Kind.PTR, "", 0, to)

    def array(self, element: int, count: int) -> int:
        """count elements in a row."""
        index = self.integer("__ARRAY_SIZE_TYPE__", 32)
        return self._add(Kind.ARRAY, "", 0, 0, element, index, count)

    def structure(self, name: str, members: Sequence[Member], size: int) -> int:
        """A struct of size bytes; the name "" makes it anonymous."""
        extra = [word for m in members for word in (self.string(m.name), m.type, m.offset)]
        return self._add(Kind.STRUCT, name, len(members), size, *extra)

    def typedef(self, name: str, of: int) -> int:
        """Another name for a type."""
        return self._add(Kind.TYPEDEF, name, 0, of)

    def enumeration(self, name: str, values: Mapping[str, int]) -> int:
        """Named values of 32 bits, signed when one is negative."""
        extra = [word for n, value in values.items() for word in (self.string(n), value & _WORD)]
        flag = KIND_FLAG if any(value < 0 for value in values.values()) else 0
        return self._add(Kind.ENUM, name, len(values), 4, *extra, flag=flag)

    def prototype(self, result: int, parameters: Sequence[Parameter]) -> int:
        """What a function takes and returns."""
        extra = [word for p in parameters for word in (self.string(p.name), p.type)]
        return self._add(Kind.FUNC_PROTO, "", len(parameters), result, *extra)

    def function(self, name: str, prototype: int, linkage: Linkage) -> int:
        """A function; EXTERN ones are the kernel's."""
        return self._add(Kind.FUNC, name, int(linkage), prototype)

    def variable(self, name: str, type: int, linkage: Linkage = Linkage.GLOBAL) -> int:
        """A variable, such as a map."""
        return self._add(Kind.VAR, name, 0, type, int(linkage))

    def section(self, name: str, variables: Sequence[Placed], size: int) -> int:
        """The variables of an ELF section of size bytes, in the order of their offsets."""
        extra = [word for placed in variables for word in placed]
        return self._add(Kind.DATASEC, name, len(variables), size, *extra)

    def string(self, text: str) -> int:
        """Where the text stands among the strings; it has no line breaks and no zero bytes."""
        encoded = " ".join(text.splitlines()).replace("\0", " ").encode(errors="backslashreplace")
        found = self._strings.setdefault(encoded, self._string_bytes)
        if found == self._string_bytes:
            self._string_bytes += len(encoded) + 1
        return found

    def blob(self, byteorder: str) -> bytes:
        """Header, types and strings; byteorder is "little" or "big"."""
        order = PACKING[byteorder]
        types = pack_words([word for record in self._numbers for word in record], byteorder)
        strings = b"\0".join(self._strings) + b"\0"
        header = struct.pack(
            order + HEADER, MAGIC, VERSION, 0, HEADER_SIZE, 0, len(types), len(types), len(strings)
        )
        return header + types + strings

    def _add(
        self, kind: Kind, name: str, count: int, size_or_type: int, *extra: int, flag: int = 0
    ) -> int:
        if count > MOST_MEMBERS:
            raise EncodingError(f"{name or 'a type'} has {count} members, BTF at most 65535")
        info = flag | int(kind) << 24 | count
        record = (self.string(name), info, size_or_type, *extra)
        return self._numbers.setdefault(record, len(self._numbers) + 1)


def pack_words(words: Sequence[int], byteorder: str) -> bytes:
    """Unsigned words of 32 bits; byteorder is "little" or "big"."""
    return struct.pack(f"{PACKING[byteorder]}{len(words)}I", *words)
