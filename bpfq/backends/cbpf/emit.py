"""Graph -> classic program: select, lay out, check."""

from __future__ import annotations

from bpfq.backends.cbpf.layout import layout
from bpfq.backends.cbpf.select import select
from bpfq.graph.nodes import Node
from bpfq.isa.cbpf.encode import assemble
from bpfq.isa.cbpf.instructions import SockFilter


def emit(root: Node, accept: int, level: int) -> tuple[SockFilter, ...]:
    """The program of a graph; from level 1 on loads are reused where registers still hold them.

    Raises LimitError where an expression needs more scratch words than there are.
    """
    selections = select(root, late_entries=level > 0)
    programs = [assemble(layout(selection, accept)) for selection in selections]
    return min(programs, key=len)
