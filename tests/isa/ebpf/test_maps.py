"""Maps by the three helpers, and their limits."""

from __future__ import annotations

import pytest

from bpfq.errors import FilterError, LimitError
from bpfq.isa.ebpf.maps import Map, map_delete_elem, map_lookup_elem, map_update_elem
from bpfq.isa.ebpf.memory import Memory, MemoryFault
from bpfq.isa.ebpf.program import Field, Layout, MapSpec

ONE, TWO = (number.to_bytes(4, "little") for number in (1, 2))


def table(kind: str = "hash", entries: int = 2) -> Map:
    return Map(MapSpec("it", kind, 32, 16, entries))


def test_the_helpers_update_look_up_and_delete() -> None:
    memory = Memory()
    handle = memory.place(table())
    key, value = memory.add("key", ONE), memory.add("value", b"\7\0")
    assert map_lookup_elem(memory, handle, key, 0, 0, 0) == 0
    assert map_update_elem(memory, handle, key, value, 0, 0) == 0
    found = map_lookup_elem(memory, handle, key, 0, 0, 0)
    assert memory.load(found, 2) == 7
    assert map_lookup_elem(memory, handle, key, 0, 0, 0) == found
    assert map_delete_elem(memory, handle, key, 0, 0, 0) == 0
    assert map_delete_elem(memory, handle, key, 0, 0, 0) == -2
    assert map_lookup_elem(memory, handle, key, 0, 0, 0) == 0


def test_a_full_map_takes_no_new_key() -> None:
    full = table(entries=1)
    full.update(ONE, b"ab")
    full.update(ONE, b"cd")
    with pytest.raises(LimitError) as caught:
        full.update(TWO, b"ab")
    assert str(caught.value) == "it: all 1 entries are taken"
    memory = Memory()
    key, value = memory.add("key", TWO), memory.add("value", b"ab")
    assert map_update_elem(memory, memory.place(full), key, value, 0, 0) == -7


def test_an_array_has_all_its_values_from_the_start() -> None:
    array = table("percpu_array")
    looked_up = [array.lookup(key) for key in (bytes(4), ONE, TWO)]
    assert [each and each.read(0, 2) for each in looked_up] == [b"\0\0", b"\0\0", None]
    assert not array.delete(ONE)
    with pytest.raises(FilterError) as caught:
        array.update(TWO, b"ab")
    assert str(caught.value) == "it: the array has 2 values"


def test_sizes_that_are_not_the_maps_are_refused() -> None:
    pair = Layout("pair", (Field("a", 32), Field("b", 32)))
    with pytest.raises(FilterError) as caught:
        Map(MapSpec("it", "hash", pair, 16, 1)).update(ONE, b"ab")
    assert str(caught.value) == "it: 4 bytes of key and 2 of value are not 8 and 2"


def test_a_map_is_no_memory_and_memory_no_map() -> None:
    memory = Memory()
    handle, octets = memory.place(table()), memory.add("octets", bytes(8), writable=True)
    for access in (lambda: memory.load(handle, 8), lambda: memory.store(handle, 0, 8)):
        with pytest.raises(MemoryFault):
            access()
    with pytest.raises(MemoryFault) as caught:
        map_lookup_elem(memory, octets, octets, 0, 0, 0)
    assert str(caught.value) == "octets+0 is given for a map"


def test_only_an_array_has_a_first_value() -> None:
    with pytest.raises(FilterError) as caught:
        table().first(Memory())
    assert str(caught.value) == "it: only an array has a first value"
