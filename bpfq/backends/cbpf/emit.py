"""Graph -> classic programs: select, lay out."""

from __future__ import annotations

from bpfq.backends.cbpf.layout import layout
from bpfq.backends.cbpf.searches import size
from bpfq.backends.cbpf.select import select
from bpfq.graph.nodes import Node
from bpfq.isa.cbpf.encode import assemble
from bpfq.isa.cbpf.instructions import SockFilter

_LONG = 1000  # instructions; of the ways to write longer programs one is laid out


def emit(root: Node, accept: int, level: int) -> tuple[SockFilter, ...]:
    """The shortest program of a graph; raises LimitError as ``programs`` does."""
    return min(programs(root, accept, level), key=len)


def programs(root: Node, accept: int, level: int) -> list[tuple[SockFilter, ...]]:
    """The programs of a graph, by the ways to select its code; there is at least one.

    From level 1 on loads are reused where registers still hold them.  Raises LimitError where an
    expression needs more scratch words than there are.
    """
    selections = select(root, late_entries=level > 0)
    if len(selections) > 1 and size(selections[0]) > _LONG:
        selections = (min(selections, key=size),)
    return [assemble(layout(selection, accept)) for selection in selections]
