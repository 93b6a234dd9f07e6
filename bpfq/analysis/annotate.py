"""The lines of an eBPF program: which clause of the filter its instructions are there for.

; ip -> [12:2] = 0x800
   5: (69) r3 = *(u16 *)(r1 -12)
; udp port 53 -> dst port 53 -> [x+16:2] = 0x35
"""

from __future__ import annotations

from typing import Final

from bpfq.analysis.clauses import clauses
from bpfq.analysis.decisions.picture import Decision, numbered, sketches
from bpfq.ebpf.choice import Emitted
from bpfq.frontend.dsl_handles import Cond
from bpfq.graph.nodes import Test
from bpfq.graph.walk import topological
from bpfq.isa.ebpf.program import Line
from bpfq.query.nodes import Leaf, Query
from bpfq.settings import Settings

_MOST: Final = 500  # tests; of longer programs no lines are made
_LONGEST: Final = 60  # characters of a clause


def annotated(emitted: Emitted, query: Query, settings: Settings) -> tuple[Line, ...]:
    """A line where another test begins: its clause, what it means, and what it compares.

    A line's number is that of the clause, since logs leave out what follows on the same line.
    """
    order = topological(emitted.graph)
    if len(order) > _MOST:
        return ()
    known = clauses(query, settings, order)
    numbers = {leaf: number for number, leaf in enumerate(dict.fromkeys(known.values()), 1)}
    decisions = sketches(query, settings).picture(emitted.graph, numbered(order)).decisions
    said = dict(zip(order, decisions, strict=True))
    found: list[Line] = []
    last: Test | None = None
    for slot, test in enumerate(emitted.laid.sources):
        if test is None or test is last or test not in said:
            continue
        last, leaf = test, known.get(test)
        column = 1 if leaf is None or leaf.span is None else leaf.span.start + 1
        number = len(numbers) + 1 if leaf is None else numbers[leaf]
        found.append(Line(slot, _text(said[test], leaf), number, column))
    return tuple(found)


def _text(one: Decision, leaf: Leaf | None) -> str:
    clause = "" if leaf is None else str(Cond(leaf))
    if len(clause) > _LONGEST:
        clause = f"{clause[:_LONGEST]}..."
    meaning = "" if one.meaning == clause else one.meaning
    return " -> ".join(filter(None, (clause, meaning, one.test)))
