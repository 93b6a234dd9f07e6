"""Numbers of the BPF type format that the writer and the reader share.

A blob is a header of 24 bytes, the types and the strings.  Every type begins with three words,
``name``, ``kind << 24 | members`` and ``size or type``, and what follows is words as well.
Source: Documentation/bpf/btf.rst and <linux/btf.h> of Linux 6.18.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

MAGIC: Final = 0xEB9F
VERSION: Final = 1
HEADER: Final = "HBBIIIII"  # magic, version, flags, its size, types at, size, strings at, size
HEADER_SIZE: Final = 24  # bytes
KIND_FLAG: Final = 1 << 31  # structs: bit fields; enums: signed values; declarations: a union
MOST_MEMBERS: Final = 0xFFFF  # a count has 16 bits


class Kind(IntEnum):
    """BTF_KIND_*; 0 is void, which has no record."""

    INT = 1
    PTR = 2
    ARRAY = 3
    STRUCT = 4
    UNION = 5
    ENUM = 6
    FWD = 7
    TYPEDEF = 8
    VOLATILE = 9
    CONST = 10
    RESTRICT = 11
    FUNC = 12
    FUNC_PROTO = 13
    VAR = 14
    DATASEC = 15
    FLOAT = 16
    DECL_TAG = 17
    TYPE_TAG = 18
    ENUM64 = 19


class Linkage(IntEnum):
    """BTF_FUNC_* and BTF_VAR_*: where the name can be seen."""

    STATIC = 0
    GLOBAL = 1
    EXTERN = 2


# Words behind the first three: so many, and so many more for each member.
EXTRA_WORDS: Final[dict[Kind, tuple[int, int]]] = {
    Kind.INT: (1, 0),
    Kind.PTR: (0, 0),
    Kind.ARRAY: (3, 0),
    Kind.STRUCT: (0, 3),
    Kind.UNION: (0, 3),
    Kind.ENUM: (0, 2),
    Kind.FWD: (0, 0),
    Kind.TYPEDEF: (0, 0),
    Kind.VOLATILE: (0, 0),
    Kind.CONST: (0, 0),
    Kind.RESTRICT: (0, 0),
    Kind.FUNC: (0, 0),
    Kind.FUNC_PROTO: (0, 2),
    Kind.VAR: (1, 0),
    Kind.DATASEC: (0, 3),
    Kind.FLOAT: (0, 0),
    Kind.DECL_TAG: (1, 0),
    Kind.TYPE_TAG: (0, 0),
    Kind.ENUM64: (0, 3),
}
