"""Other programs of a query: without one of the passes, with the first ones only, by fields.

What a pass does for one filter is in the way of another one, and a search gets from there to where
no pass leads.  None of these programs is used unless it is proved.
"""

from __future__ import annotations

from collections.abc import Iterator

from bpfq.backends.cbpf.emit import programs
from bpfq.compiler import simplified
from bpfq.errors import LimitError
from bpfq.graph.build import build
from bpfq.graph.formula import Formula, size
from bpfq.graph.nodes import Builder, Node
from bpfq.graph.walk import topological
from bpfq.graphs import formula_of
from bpfq.isa.cbpf.instructions import SockFilter
from bpfq.opt.candidates import fields_of
from bpfq.opt.fields import by_fields
from bpfq.opt.pipeline import Pass, applicable, passes, repeat
from bpfq.opt.sets import gather_sets
from bpfq.query.nodes import Query
from bpfq.query.through import look_through
from bpfq.settings import Settings

_MOST_ATOMS = 60  # of a formula that is taken apart by fields


def starts(query: Query, settings: Settings) -> list[tuple[SockFilter, ...]]:
    """Programs that mean the same, unless a pass is wrong, each once."""
    found: dict[tuple[SockFilter, ...], None] = {}
    for graph in dict.fromkeys(_graphs(query, settings)):
        try:
            found.update(dict.fromkeys(programs(graph, settings.accept, settings.level)))
        except LimitError:
            continue
    return list(found)


def _graphs(query: Query, settings: Settings) -> Iterator[Node]:
    written = look_through(query, settings.through)
    for each in dict.fromkeys((simplified(written, settings), written)):
        builder = Builder(keep_loads=settings.strict)
        for graph in _built(formula_of(each, settings, builder, share=True), builder):
            for run in _orders(applicable(topological(graph), settings.level)):
                yield repeat(run, graph, builder)


def _built(formula: Formula, builder: Builder) -> Iterator[Node]:
    for each in dict.fromkeys((formula, gather_sets(formula))):
        graph = build(each, builder)
        yield graph
        if size(each) <= _MOST_ATOMS:
            parted = by_fields(each, builder, fields_of(graph))
            if parted is not None:
                yield parted


def _orders(every: tuple[Pass, ...]) -> Iterator[tuple[Pass, ...]]:
    """All passes but one, and the first passes only."""
    needed = len(passes(1))
    for number in range(needed, len(every) + 1):
        yield every[:number]
    for number in range(needed, len(every) - 1):
        yield every[:number] + every[number + 1 :]
