"""A reader of BTF that answers a few questions about a large blob, such as the kernel's, quickly.

    types = kernel_types()
    types.function("bpf_dynptr_slice")          the number a program calls it by
    types.enumerators("bpf_func_id")            {"BPF_FUNC_unspec": 0, ...}
    types.member_offset("sk_buff", "len")       in bits

A name is looked for among the strings and its place among the types.  A type's number is its place
in the row of 126 000, of which only the lengths are walked one by one, and no further than to the
type in question; a function with a tag behind it is told its number by that.
"""

from __future__ import annotations

import errno
import os
import re
import struct
import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from functools import cache, cached_property
from mmap import MAP_PRIVATE, PROT_READ, mmap
from typing import BinaryIO, Final, NamedTuple

from bpfq.errors import LoadError, ObjectError
from bpfq.objfile.btf import PACKING
from bpfq.objfile.kinds import EXTRA_WORDS, HEADER, HEADER_SIZE, KIND_FLAG, MAGIC, Kind
from bpfq.objfile.texts import printable

KERNEL_TYPES: Final = "/sys/kernel/btf/vmlinux"

_STRIDE: Final = 4096  # words walked over at least, where a type is asked for by number
_COUNT: Final = 0xFFFF  # the members in a record's second word
_FLAGGED: Final = KIND_FLAG >> 24  # in the byte of a record that has its kind
_TAGGED: Final = 7  # words of a function and of a tag behind it


class Record(NamedTuple):
    """The words of one type."""

    name: int
    info: int
    size_or_type: int
    extra: tuple[int, ...]

    @property
    def kind(self) -> int:
        """One of Kind."""
        return self.info >> 24 & 0x1F


class TypesRead:
    """The types of a blob; raises ObjectError for what is no BTF or is damaged.

    Names must stand whole among the strings, as every producer of BTF writes them.
    """

    def __init__(self, blob: bytes) -> None:
        self.byteorder = byteorder_of(blob)
        self._order = PACKING[self.byteorder]
        header = struct.unpack_from(self._order + HEADER, blob)
        _, _, _, length, types_at, types_size, strings_at, strings_size = header
        self._blob = blob
        self._types = range(length + types_at, length + types_at + types_size)
        self._strings = range(length + strings_at, length + strings_at + strings_size)
        self._functions: dict[str, int | None] = {}
        whole = max(self._types.stop, self._strings.stop) <= len(blob)
        if not whole or length < HEADER_SIZE or types_size % 4:
            raise ObjectError("the BTF is cut: its header promises more bytes than there are")
        if not strings_size or blob[self._strings[0]] or blob[self._strings[-1]]:
            raise ObjectError("the BTF is damaged: its strings do not begin and end with a zero")

    def function(self, name: str) -> int | None:
        """The number of a function, None where there is none of the name."""
        if name not in self._functions:
            self._functions[name] = self._number(name, {Kind.FUNC})
        return self._functions[name]

    def enumerators(self, name: str) -> dict[str, int]:
        """The names and values of an enum; empty where there is none of the name."""
        number = self._number(name, {Kind.ENUM, Kind.ENUM64})
        if number is None:
            return {}
        record = self.record(number)
        width = 2 if record.kind == Kind.ENUM else 3
        words = record.extra
        values = {}
        for at in range(0, len(words), width):
            value = words[at + 1] | (words[at + 2] << 32 if width == 3 else 0)
            sign = 1 << (32 * (width - 1)) - 1
            signed = record.info & KIND_FLAG and value & sign
            values[self.string(words[at])] = value - 2 * sign if signed else value
        return values

    def member_offset(self, struct_name: str, member: str) -> int | None:
        """Bits from the start of a struct to a member, also of a nameless struct or union within.

        None where there is no such struct or member.
        """
        number = self._number(struct_name, {Kind.STRUCT, Kind.UNION})
        waiting = [] if number is None else [(number, 0)]
        seen: set[int] = set()
        while waiting:
            inside, base = waiting.pop(0)
            if inside in seen:  # damaged: a struct within itself
                continue
            seen.add(inside)
            for name, type_number, offset in self._members(inside):
                if name == member:
                    return base + offset
                if not name:
                    waiting.append((type_number, base + offset))
        return None

    def record(self, number: int) -> Record:
        """One type by its number, from 1; raises ObjectError where there is none."""
        start, end = self._places.of(number)
        words = self._words(start, end - start)
        return Record(words[0], words[1], words[2], words[3:])

    def string(self, offset: int) -> str:
        """The text at an offset; raises ObjectError where there is none."""
        if offset >= len(self._strings):
            raise ObjectError(f"the BTF has no text at {offset}: it ends at {len(self._strings)}")
        start = self._strings[offset]
        return printable(self._blob[start : self._blob.find(b"\0", start)])

    def __len__(self) -> int:
        """How many types there are besides void."""
        return self._places.count()

    def _members(self, number: int) -> Iterator[tuple[str, int, int]]:
        """Name, type and bit offset of each member; none of what is no struct."""
        record = self.record(number)
        if record.kind not in (Kind.STRUCT, Kind.UNION):
            return
        mask = 0xFF_FFFF if record.info & KIND_FLAG else 0xFFFF_FFFF  # a bit field's width above
        for at in range(0, len(record.extra), 3):
            name, type_number, offset = record.extra[at : at + 3]
            yield self.string(name), type_number, offset & mask

    def _number(self, name: str, kinds: set[Kind]) -> int | None:
        """The first type of these kinds with the name."""
        strings = self._strings
        spot = self._blob.find(b"\0" + name.encode() + b"\0", strings.start, strings.stop)
        if spot < 0 or not name:
            return None
        record = self._beginning(spot + 1 - strings.start, kinds)
        found = record.search(self._blob, self._types.start, self._types.stop)
        while found is not None:
            word, beside = divmod(found.start() - self._types.start, 4)
            number = None if beside else self._tagged(word) or self._places.number_at(word, kinds)
            if number is not None:
                return number
            found = record.search(self._blob, found.start() + 1, self._types.stop)
        return None

    def _beginning(self, name: int, kinds: set[Kind]) -> re.Pattern[bytes]:
        """What the records of these kinds with a name begin with."""
        kind = b"[" + b"".join(re.escape(bytes((each, each | _FLAGGED))) for each in kinds) + b"]"
        info = b"..\0" + kind if self.byteorder == "little" else kind + b"\0.."
        return re.compile(re.escape(struct.pack(self._order + "I", name)) + info, re.DOTALL)

    def _tagged(self, word: int) -> int | None:
        """The number of a function, where two neighbours tell the same; None elsewhere.

        Functions that programs may call are tagged (resolve_btfids, Linux 6.10), and a tag has the
        number of what it is on.  That it is on the record before it is known by the type of that,
        the function's prototype, of which the number is one less.
        """
        if 4 * (word + _TAGGED) > len(self._types):
            return None
        _, info, prototype, _, tag, on, _ = self._words(word, _TAGGED)
        kinds = (info >> 24 & 0x1F, tag >> 24 & 0x1F)
        return on if kinds == (Kind.FUNC, Kind.DECL_TAG) and on == prototype + 1 else None

    def _words(self, start: int, count: int) -> tuple[int, ...]:
        """Words of the types."""
        at = self._types.start + 4 * start
        return struct.unpack_from(f"{self._order}{count}I", self._blob, at)

    @cached_property
    def _places(self) -> _Places:
        words = array("I", self._blob[self._types.start : self._types.stop])
        if self.byteorder != sys.byteorder:
            words.byteswap()
        return _Places(words)


class _Places:
    """Where each type begins, in words; found out only as far as somebody asked."""

    def __init__(self, words: array[int]) -> None:
        self._words = words
        self._lengths = _Lengths()
        self._starts = [0]  # of the types walked over, and of the next

    def number_at(self, word: int, kinds: set[Kind]) -> int | None:
        """The number of the type of these kinds that begins at a word, None where none does."""
        if word + 1 >= len(self._words) or self._words[word + 1] >> 24 & 0x1F not in kinds:
            return None
        self._walk(word)
        place = bisect_left(self._starts, word)
        return place + 1 if self._starts[place] == word else None

    def of(self, number: int) -> tuple[int, int]:
        """The first word of a type and the one behind it; raises ObjectError for none such."""
        while len(self._starts) <= number and self._starts[-1] < len(self._words):
            self._walk(self._starts[-1] + _STRIDE)
        if not 1 <= number < len(self._starts):
            raise ObjectError(f"the BTF has no type {number}: the last is {self.count()}")
        return self._starts[number - 1], self._starts[number]

    def count(self) -> int:
        """How many types there are."""
        self._walk(len(self._words))
        return len(self._starts) - 1

    def _walk(self, word: int) -> None:
        """Note where types begin up to a word, and behind the type that has it."""
        words, lengths, append = self._words, self._lengths, self._starts.append
        at, end = self._starts[-1], len(words)
        last = min(word, end - 3)
        while at <= last:
            at += lengths[words[at + 1]]
            append(at)
        if at > end or end - 3 < at < end:
            raise ObjectError("the BTF is damaged: its last type is cut")


class _Lengths(dict[int, int]):
    """A record's length in words by its second word, worked out once for each value."""

    def __missing__(self, info: int) -> int:
        kind = info >> 24 & 0x1F
        if kind not in EXTRA_WORDS:
            raise ObjectError(f"the BTF has a type of kind {kind}, which is not known")
        fixed, each = EXTRA_WORDS[Kind(kind)]
        self[info] = 3 + fixed + each * (info & _COUNT)
        return self[info]


def byteorder_of(blob: bytes) -> str:
    """ "little" or "big"; raises ObjectError for what is no BTF."""
    for byteorder, order in PACKING.items():
        if len(blob) >= HEADER_SIZE and struct.unpack_from(order + "H", blob)[0] == MAGIC:
            return byteorder
    raise ObjectError(f"not BTF: it does not begin with the magic number {MAGIC:#x}")


@cache
def kernel_types(path: str = KERNEL_TYPES) -> TypesRead:
    """The types of the running kernel, read once; raises LoadError where there are none."""
    try:
        with open(path, "rb") as types:
            return TypesRead(_whole(types))
    except OSError as refused:
        reason = os.strerror(refused.errno or errno.EIO)
        message = f"no types of the kernel, {path}: {reason}; CONFIG_DEBUG_INFO_BTF gives them"
        raise LoadError(message, errno=refused.errno) from None


def _whole(types: BinaryIO) -> bytes:
    """The file's bytes, which are copied most quickly from a map of it (Linux 6.16)."""
    try:
        with mmap(types.fileno(), 0, flags=MAP_PRIVATE, prot=PROT_READ) as mapped:
            return mapped[:]
    except (OSError, ValueError):
        return types.read()
