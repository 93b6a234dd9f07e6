"""Graph -> classic programs: select, lay out."""

from __future__ import annotations

from collections.abc import Iterator

from bpfq.backends.cbpf.layout import layout
from bpfq.backends.cbpf.searches import has_sets, size
from bpfq.backends.cbpf.select import Selection, select
from bpfq.backends.cbpf.sink import sink
from bpfq.graph.membership import LEAF
from bpfq.graph.nodes import Node
from bpfq.isa.cbpf.encode import assemble
from bpfq.isa.cbpf.instructions import SockFilter
from bpfq.record import record

_LONG = 1000  # instructions; of the ways to write longer programs one is laid out
_SHORT = 250  # instructions; shorter programs are laid out with every leaf
_LEAVES = (2, 4, 8, 32)  # equalities in a row
_LONGER = (3, 4, 8, 16, 32, 1 << 16)  # for programs that do not fit otherwise


@record
class Rows:
    """How the searches of long programs end.

    leaf: at most so many equalities in a row, as optimised for; more where the program would be
    longer than ``most`` instructions otherwise and is not so then.
    """

    leaf: int = LEAF
    most: int | None = None


SHORT_ROWS = Rows()


def emit(root: Node, accept: int, level: int) -> tuple[SockFilter, ...]:
    """The shortest program of a graph; raises LimitError as ``programs`` does."""
    return min(programs(root, accept, level), key=len)


def programs(
    root: Node, accept: int, level: int, rows: Rows = SHORT_ROWS
) -> list[tuple[SockFilter, ...]]:
    """The programs of a graph, by the ways to select its code; there is at least one.

    From level 1 on loads are reused where registers still hold them.  Raises LimitError where an
    expression needs more scratch words than there are.
    """
    selections = select(root, late_entries=level > 0)
    if level > 1:
        selections = tuple(map(sink, selections))
    if size(selections[0]) <= _LONG:
        return [made for one in selections for made in _laid_out(one, accept, rows.leaf)]
    shortest = min(selections, key=size)
    made = assemble(layout(shortest, accept, rows.leaf))
    return [made if rows.most is None else _fitted(shortest, accept, rows.most, made)]


def _laid_out(selection: Selection, accept: int, leaf: int) -> Iterator[tuple[SockFilter, ...]]:
    several = size(selection) <= _SHORT and has_sets(selection)
    for leaf in _LEAVES if several else (leaf,):
        yield assemble(layout(selection, accept, leaf))


def _fitted(
    selection: Selection, accept: int, most: int, made: tuple[SockFilter, ...]
) -> tuple[SockFilter, ...]:
    """The program with the shortest rows with which it fits, or else with the longest."""
    for leaf in _LONGER if size(selection) <= most else _LONGER[-1:]:
        if len(made) > most:
            made = min(made, assemble(layout(selection, accept, leaf)), key=len)
    return made
