"""What goes beside a program into bpf(2)."""

from __future__ import annotations

import struct

from bpfq.isa.ebpf.encode import disassemble
from bpfq.isa.ebpf.instructions import CallFunction
from bpfq.isa.ebpf.program import Line, Reference
from bpfq.objfile.annotations import position_of
from bpfq.objfile.btf_read import TypesRead
from bpfq.objfile.loading import Loadable, prepare, resolve
from bpfq.record import replace

from .modules import CALLS, COUNT_SIZES, NETFILTER_UDP, PASS_ALL


def lines(loadable: Loadable) -> list[tuple[int, str, tuple[int, int]]]:
    """Slot, text, and line and column of each line record, all in the one file."""
    types = TypesRead(loadable.btf)
    records = list(struct.iter_unpack("=IIII", loadable.line_records))
    assert {types.string(file) for _, file, _, _ in records} == {"<filter>"}
    return [(slot, types.string(text), position_of(place)) for slot, _, text, place in records]


def test_functions_that_are_called_stand_in_one_row() -> None:
    loadable = prepare(CALLS)
    calls = [it for it in disassemble(loadable.instructions) if isinstance(it, CallFunction)]
    assert calls == [CallFunction(skip=3), CallFunction(skip=-3)]
    types = TypesRead(loadable.btf)
    assert list(struct.iter_unpack("=II", loadable.function_records)) == [
        (0, types.function("keep")),
        (3, types.function("same")),
        (5, types.function("half")),
    ]
    assert (len(loadable.instructions), loadable.references) == (8, ())


def test_every_function_begins_with_a_line() -> None:
    loadable = prepare(CALLS)
    assert lines(loadable) == [
        (0, "keep what is long", (1, 1)),
        (3, "same", (1, 1)),
        (5, "len / 2", (1, 6)),
    ]
    assert loadable.lines == (Line(1, "keep what is long", 1, 1), Line(5, "len / 2", 1, 6))


def test_a_map_has_the_types_of_its_key_and_value() -> None:
    loadable = prepare(COUNT_SIZES)
    types = TypesRead(loadable.btf)
    key, value = loadable.map_types["sizes"]
    assert types.string(types.record(key).name) == "size_key"
    assert types.string(types.record(value).name) == "size_count"
    assert types.member_offset("size_count", "spare") == 64
    assert loadable.references == (Reference(2, "sizes", "map"),)


def test_kernel_functions_are_left_to_the_loader() -> None:
    assert prepare(NETFILTER_UDP).references == NETFILTER_UDP.function.references


def test_a_position_beyond_its_bits_is_the_last_that_fits() -> None:

    far = (Line(0, "far", 1 << 30, 5000),)
    module = replace(PASS_ALL, function=replace(PASS_ALL.function, lines=far))
    assert lines(prepare(module)) == [(0, "far", ((1 << 22) - 1, 1023))]


def test_maps_and_kernel_functions_are_put_in() -> None:
    numbers = {"bpf_dynptr_from_skb": 71, "bpf_dynptr_slice": 72}
    words = resolve(prepare(NETFILTER_UDP), {}, numbers.get)
    assert [words[at][2:] for at in (5, 12)] == [(2, 0, 71), (2, 0, 72)]
    assert resolve(prepare(COUNT_SIZES), {"sizes": 9})[2][2:] == (1, 0, 9)
    by_value = replace(
        COUNT_SIZES,
        function=replace(
            COUNT_SIZES.function,
            references=(replace(COUNT_SIZES.function.references[0], kind="map_value"),),
        ),
    )
    assert resolve(prepare(by_value), {"sizes": 9})[2][2:] == (2, 0, 9)
