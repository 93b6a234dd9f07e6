"""A program as data: its functions and maps, with names where the loader puts numbers.

    MapSpec("bad", "hash", key=32, value=64, max_entries=1024)
    Reference(insn=3, symbol="bad", kind="map")      the LoadImmediate64 at slot 3 gets the map
    Line(insn=7, text="tcp -> ip[9] == 6", line=1, column=4)

Source: Documentation/bpf/btf.rst of Linux 6.18 for what lines and layouts become.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from bpfq.errors import EncodingError
from bpfq.isa.ebpf.instructions import BpfInsn
from bpfq.record import field, record

Hook: TypeAlias = Literal["socket", "xdp", "tc", "cgroup_skb", "netfilter"]
ReferenceKind: TypeAlias = Literal["map", "map_value", "kfunc", "function"]


@record
class Line:
    """The filter's own text behind the slot insn; line and column count from 1."""

    insn: int
    text: str
    line: int
    column: int


@record
class Field:
    """One unsigned number of a record, 8, 16, 32 or 64 bits; elements > 1 makes it an array."""

    name: str
    bits: int
    elements: int = 1

    @property
    def size(self) -> int:
        """Bytes."""
        return self.bits // 8 * self.elements


@record
class Layout:
    """A C struct without holes: what would be padding is a field of its own.

    Raises EncodingError for a field that is not naturally aligned where it stands, and for a
    length that is no multiple of the widest field.
    """

    name: str
    fields: tuple[Field, ...]

    def __post_init__(self) -> None:
        for field, offset in zip(self.fields, self.offsets, strict=True):
            if field.bits not in (8, 16, 32, 64) or field.elements < 1:
                raise EncodingError(
                    f"{self.name}.{field.name}: {field.elements} numbers of {field.bits} bits "
                    "are not one or more of 8, 16, 32 or 64"
                )
            if offset % (field.bits // 8):
                raise EncodingError(
                    f"{self.name}.{field.name}: {field.bits} bits at byte {offset} are not aligned"
                )
        widest = max((field.bits // 8 for field in self.fields), default=1)
        if self.size % widest:
            raise EncodingError(
                f"{self.name}: {self.size} bytes are no multiple of its widest field, {widest}"
            )

    @property
    def offsets(self) -> tuple[int, ...]:
        """Where each field starts, in bytes."""
        starts = [0]
        for field in self.fields:
            starts.append(starts[-1] + field.size)
        return tuple(starts[:-1])

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(field.size for field in self.fields)


@record
class MapSpec:
    """A map to be made: kind is a BPF_MAP_TYPE_* in lower case, as "hash", "percpu_array".

    key and value are a record, or the bits of a plain unsigned number.  entries: keys and values
    that it is made with.  frozen: nothing but programs may change it from then on.
    """

    name: str
    kind: str
    key: Layout | int
    value: Layout | int
    max_entries: int
    flags: int = 0
    pinned: bool = False
    entries: tuple[tuple[bytes, bytes], ...] = field(default=(), repr=False)
    frozen: bool = False

    @property
    def key_size(self) -> int:
        """Bytes."""
        return _size(self.key)

    @property
    def value_size(self) -> int:
        """Bytes."""
        return _size(self.value)


def _size(shape: Layout | int) -> int:
    return shape.size if isinstance(shape, Layout) else shape // 8


@record
class Reference:
    """What the loader puts in at the slot insn.

    "map" and "map_value": a LoadImmediate64 gets the map called symbol, or its value's address.
    "kfunc": a CallKernel gets the BTF id of the kernel function called symbol.
    "function": a CallFunction, or a LoadImmediate64 of kind FUNCTION, gets the subprogram symbol.
    """

    insn: int
    symbol: str
    kind: ReferenceKind


@record
class Function:
    """One function: its slots, and what is known about some of them, in their order."""

    name: str
    instructions: tuple[BpfInsn, ...]
    lines: tuple[Line, ...] = ()
    references: tuple[Reference, ...] = ()


@record
class Module:
    """A program for one hook, with its maps and the functions that it calls."""

    hook: Hook
    function: Function
    maps: tuple[MapSpec, ...] = ()
    license: str = "GPL"
    subprograms: tuple[Function, ...] = ()
