"""Maps as BTF types: their keys and values, and the definitions that loaders read.

    MapSpec("bad", "hash", key=32, value=64, max_entries=1024)

is declared, as libbpf has it in C, by a variable ``bad`` whose struct says in types what it is:

    struct { int (*type)[1]; int (*max_entries)[1024]; unsigned int *key; unsigned long long *value; }

Source: tools/lib/bpf/bpf_helpers.h (__uint, __type) and libbpf.c of Linux 6.18.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from bpfq.errors import ObjectError
from bpfq.isa.ebpf.map_kinds import MAP_KINDS
from bpfq.isa.ebpf.program import Layout, MapSpec
from bpfq.objfile.btf import Member, Types
from bpfq.objfile.signatures import unsigned

PIN_BY_NAME: Final = 1  # LIBBPF_PIN_BY_NAME: one map for every loader that asks for the name
POINTER: Final = 8  # bytes


class KeyValue(NamedTuple):
    """The types of a map's key and value; 0 for none, as of a ring buffer."""

    key: int
    value: int


def key_value(types: Types, spec: MapSpec) -> KeyValue:
    """The types of the keys and values."""
    return KeyValue(_layout(types, spec.key), _layout(types, spec.value))


def map_type(spec: MapSpec) -> int:
    """The number of the map's kind; raises ObjectError for one that is not known."""
    if spec.kind not in MAP_KINDS:
        known = ", ".join(MAP_KINDS)
        raise ObjectError(f"map {spec.name}: the kind {spec.kind!r} is none of {known}")
    return MAP_KINDS[spec.kind]


class Definition(NamedTuple):
    """A map's variable, and how many bytes it takes in the section of maps."""

    variable: int
    size: int


def definition(types: Types, spec: MapSpec) -> Definition:
    """The variable that tells a loader what map to make."""
    numbers = {
        "type": map_type(spec),
        "max_entries": spec.max_entries,
        "map_flags": spec.flags,
        "pinning": PIN_BY_NAME if spec.pinned else 0,
    }
    pointers = {name: _number(types, value) for name, value in numbers.items() if value}
    for name, number in key_value(types, spec)._asdict().items():
        if number:
            pointers[name] = types.pointer(number)
    members = [
        Member(name, pointer, 8 * POINTER * at)
        for at, (name, pointer) in enumerate(pointers.items())
    ]
    size = POINTER * len(members)
    return Definition(types.variable(spec.name, types.structure("", members, size)), size)


def _number(types: Types, value: int) -> int:
    """A number as a type: a pointer to an array of so many elements."""
    return types.pointer(types.array(types.integer("int", 32, signed=True), value))


def _layout(types: Types, layout: Layout | int) -> int:
    if isinstance(layout, int):
        return unsigned(types, layout) if layout else 0
    members = []
    for field, offset in zip(layout.fields, layout.offsets, strict=True):
        number = unsigned(types, field.bits)
        if field.elements > 1:
            number = types.array(number, field.elements)
        members.append(Member(field.name, number, 8 * offset))
    return types.structure(layout.name, members, layout.size)
