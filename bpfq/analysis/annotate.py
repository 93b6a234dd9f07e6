"""The lines of an eBPF program: which clause of the filter its instructions are there for.

; ip -> [12:2] = 0x800
   5: (69) r3 = *(u16 *)(r1 -12)
; udp port 53 -> dst port 53 -> [x+16:2] = 0x35
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bpfq.analysis.clauses import clauses
from bpfq.analysis.decisions.picture import Decision, numbered, sketches
from bpfq.backends.ebpf.blocks import Source
from bpfq.backends.ebpf.layout import Laid
from bpfq.ebpf.choice import Emitted
from bpfq.frontend.dsl_handles import Cond
from bpfq.graph.nodes import Node
from bpfq.graph.walk import topological
from bpfq.isa.ebpf.program import Line
from bpfq.query.nodes import Leaf, Query
from bpfq.record import record
from bpfq.settings import Settings

_MOST: Final = 500  # tests; of longer programs no lines are made
_LONGEST: Final = 60  # characters of a clause


@record
class Said:
    """The text of a line, and where its clause stands; line and column count from 1."""

    text: str
    line: int
    column: int


def annotated(emitted: Emitted, query: Query, settings: Settings) -> tuple[Line, ...]:
    """A line where another test begins: its clause, what it means, and what it compares."""
    return lines(emitted.laid, said(emitted.graph, query, settings))


def lines(laid: Laid, known: Mapping[Source, Said]) -> tuple[Line, ...]:
    """A line where code begins that is there for something else."""
    found: list[Line] = []
    last: Source = None
    for slot, source in enumerate(laid.sources):
        if source in known and source is not last:
            last, what = source, known[source]
            found.append(Line(slot, what.text, what.line, what.column))
    return tuple(found)


def said(graph: Node, query: Query, settings: Settings) -> dict[Source, Said]:
    """What there is to say about each test of a graph; nothing when they are very many.

    A line's number is that of the clause, since logs leave out what follows on the same line.
    """
    order = topological(graph)
    if len(order) > _MOST:
        return {}
    known = clauses(query, settings, order)
    numbers = {leaf: number for number, leaf in enumerate(dict.fromkeys(known.values()), 1)}
    decisions = sketches(query, settings).picture(graph, numbered(order)).decisions
    found: dict[Source, Said] = {}
    for test, decision in zip(order, decisions, strict=True):
        leaf = known.get(test)
        column = 1 if leaf is None or leaf.span is None else leaf.span.start + 1
        number = len(numbers) + 1 if leaf is None else numbers[leaf]
        found[test] = Said(_text(decision, leaf), number, column)
    return found


def _text(one: Decision, leaf: Leaf | None) -> str:
    clause = "" if leaf is None else str(Cond(leaf))
    if len(clause) > _LONGEST:
        clause = f"{clause[:_LONGEST]}..."
    meaning = "" if one.meaning == clause else one.meaning
    return " -> ".join(filter(None, (clause, meaning, one.test)))
