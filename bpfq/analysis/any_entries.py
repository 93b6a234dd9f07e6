"""Named sets whose entries may be any, with those that a sample gives them.

src net @bad, of a sample with {"bad": (c0000201,)}      =>    @bad is {192.0.2.1/32}
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from bpfq.backends.ebpf.live import spec
from bpfq.isa.ebpf.program import Module
from bpfq.named_set import NamedSet
from bpfq.query.nodes import InSet, Leaf, Query
from bpfq.query.walk import leaves, map_leaves
from bpfq.record import replace

_FAMILIES: Final = {4: 4, 16: 6}  # bytes of an address, to version of IP


def sets_in_maps(queries: Iterable[Query], module: Module) -> dict[str, NamedSet]:
    """The named sets of queries that a module has a map for."""
    named = {
        leaf.members.name: leaf.members
        for query in queries
        for leaf in leaves(query)
        if isinstance(leaf, InSet)
    }
    return {each.name: named[each.name] for each in module.maps if each.name in named}


def begin_with(module: Module, sets: Mapping[str, NamedSet]) -> bool:
    """The maps of sets have the entries of the sets."""
    return all(
        set(each.entries) == set(spec(sets[each.name]).entries)
        for each in module.maps
        if each.name in sets
    )


def given(sets: Mapping[str, NamedSet], held: Mapping[str, Sequence[bytes]]) -> dict[str, NamedSet]:
    """The sets with the keys that they are said to hold, and no others."""
    return {
        name: replace(
            each, entries=tuple(_entry(each.kind, key) for key in sorted(held.get(name, ())))
        )
        for name, each in sets.items()
    }


def _entry(kind: str, key: bytes) -> tuple[int, ...]:
    number = int.from_bytes(key, "big")
    match kind:
        case "port":
            return (number, number)
        case "mac":
            return (number,)
        case _:
            return _FAMILIES[len(key)], number, 8 * len(key)


def query_with(query: Query, sets: Mapping[str, NamedSet]) -> Query:
    """The query about these sets."""

    def changed(leaf: Leaf) -> Query:
        if isinstance(leaf, InSet) and leaf.members.name in sets:
            return replace(leaf, members=sets[leaf.members.name])
        return leaf

    return map_leaves(query, changed)


def module_with(module: Module, sets: Mapping[str, NamedSet]) -> Module:
    """The module with maps that hold what the sets do."""
    maps = tuple(
        replace(each, entries=spec(sets[each.name]).entries) if each.name in sets else each
        for each in module.maps
    )
    return replace(module, maps=maps)
