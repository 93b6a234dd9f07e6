"""Graph -> classic programs: select, lay out."""

from __future__ import annotations

from collections.abc import Iterator

from bpfq.backends.cbpf.layout import layout
from bpfq.backends.cbpf.searches import has_sets, size
from bpfq.backends.cbpf.select import Selection, select
from bpfq.backends.cbpf.sink import sink
from bpfq.backends.cbpf.stores import without_idle_stores
from bpfq.graph.membership import LEAF
from bpfq.graph.nodes import Node
from bpfq.isa.cbpf.encode import assemble
from bpfq.isa.cbpf.instructions import SockFilter

_LONG = 1000  # instructions; of the ways to write longer programs one is laid out
_SHORT = 250  # instructions; shorter programs are laid out with every leaf
_LEAVES = (2, 4, 8, 64)  # equalities in a row at the end of a search
_LONGER = (3, 4, 8, 16, 32, 1 << 16)  # for programs that do not fit otherwise


def emit(root: Node, accept: int, level: int) -> tuple[SockFilter, ...]:
    """The shortest program of a graph; raises LimitError as ``programs`` does."""
    return min(programs(root, accept, level), key=len)


def programs(root: Node, accept: int, level: int, leaf: int = LEAF) -> list[tuple[SockFilter, ...]]:
    """The programs of a graph, by the ways to select its code; there is at least one.

    leaf: equalities in a row, at most, in the searches of a program that is not short.

    From level 1 on loads are reused where registers still hold them.  Raises LimitError where an
    expression needs more scratch words than there are.
    """
    found = selections(root, level)
    if size(found[0]) <= _LONG:
        return [made for one in found for made in _laid_out(one, accept, leaf)]
    return [assemble(layout(min(found, key=size), accept, leaf))]


def fitted(root: Node, accept: int, level: int, most: int) -> tuple[SockFilter, ...] | None:
    """The program of at most so many instructions with the shortest rows; None: there is none."""
    shortest = min(selections(root, level), key=size)
    if size(shortest) <= most and has_sets(shortest):
        for leaf in _LONGER:
            made = assemble(layout(shortest, accept, leaf))
            if len(made) <= most:
                return made
    return None


def selections(root: Node, level: int) -> tuple[Selection, ...]:
    found = select(root, late_entries=level > 0)
    if level < 2:
        return found
    return tuple(sink(without_idle_stores(one)) for one in found)


def _laid_out(selection: Selection, accept: int, leaf: int) -> Iterator[tuple[SockFilter, ...]]:
    several = size(selection) <= _SHORT and has_sets(selection)
    for each in _LEAVES if several else (leaf,):
        yield assemble(layout(selection, accept, each))
