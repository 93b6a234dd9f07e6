"""Other graphs of a filter, worth making where several of its tests look at one field.

    net 10.0.0.0/24 or net 10.0.1.0/24    tests [26:4] and [28:4] twice each: one partition a field

A candidate is made for its size alone; ``keeps_contract`` decides afterwards whether it may be
used, and what makes a field diagram unfit (a list of pairs multiplies it) makes it large as well.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from bpfq.graph.formula import Formula, size, values
from bpfq.graph.nodes import Builder, Node
from bpfq.graph.terms import Binary, Constant, Load, Term
from bpfq.graph.walk import topological
from bpfq.operators import Operator, Relation

if TYPE_CHECKING:
    from bpfq.opt.partition import Bits

_BUDGET = 100_000  # intervals of a proof, some tenths of a second; in daily use some thousand
_MOST_ATOMS = 120  # of a formula; beyond, fields multiply and the proof takes too long
_MOST_VALUES = 240  # intervals in its sets; beyond, likewise


def by_fields_where_worth(
    formula: Formula, written: Node, optimised: Node, builder: Builder
) -> Node | None:
    """The formula by fields, where it is small and its graph tests one of them several times.

    written: its graph before the passes, whose masks are those of single fields.
    """
    if size(formula) > _MOST_ATOMS or values(formula) > _MOST_VALUES:
        return None
    if not (_come_back(optimised) or _pairs_come_back(written)):
        return None
    from bpfq.opt.fields import by_fields

    bits, masks = fields_of(optimised), fields_of(written)
    return by_fields(
        formula, builder, {term: masks.get(term, []) + bits.get(term, []) for term in masks | bits}
    )


def keeps_contract(formula: Formula, graph: Node) -> bool:
    """The graph accepts what the formula accepts in order, and only what it accepts in the end.

        formula, short packets reject  =>  graph  =>  formula, whatever was cut off

    Decided without a solver: False where that does not suffice.
    """
    from bpfq.symbolic import formula as meaning
    from bpfq.symbolic import graph as graphs
    from bpfq.symbolic.diagram import MOST_PIECES, Diagrams, TooLarge
    from bpfq.symbolic.propositions import FALSE, Accepts, Every, Opposite, Packet
    from bpfq.symbolic.related import related

    packet, diagrams = Packet(), Diagrams(pieces=MOST_PIECES - _BUDGET)
    try:
        least = Accepts(meaning.encode(formula, packet, meaning.SEQUENTIAL))
        most = Accepts(meaning.encode(formula, packet, meaning.TOTAL))
        accepted = Accepts(graphs.encode(graph, packet))
        outside = (Every((least, Opposite(accepted))), Every((accepted, Opposite(most))))
        left = (related(diagrams, diagrams.of(one), packet.words) for one in outside)
        return all(one is FALSE for one in left)
    except TooLarge:
        return False


def _come_back(graph: Node) -> bool:
    """Some field is tested in two places, or under a mask that a comparison could do without."""
    return max(_places(graph).values(), default=0) > 1


def _pairs_come_back(graph: Node) -> bool:
    """Two fields that one load can read are tested in two places each, as with two ports."""
    often = [term for term, count in _places(graph).items() if count > 1]
    return any(
        left.index is right.index
        and left.offset + left.size == right.offset
        and left.size + right.size in (2, 4)
        for left in often
        for right in often
    )


def _places(graph: Node) -> Counter[Load]:
    """In how many places each field is tested; two for a mask that may be needless."""
    order = topological(graph)
    before: dict[Node, list[Term]] = {}
    for test in order:
        for exit in (test.yes, test.no):
            before.setdefault(exit, []).append(test.term)
    places: Counter[Load] = Counter()
    for test in order:
        match test.term:
            case Load() as load if any(term is not load for term in before.get(test, (None,))):
                places[load] += 1
            case Binary(Operator.AND, Load() as load, Constant()) if test.relation is Relation.EQ:
                places[load] += 2
            case _:
                continue
    return places


def fields_of(graph: Node) -> dict[Term, list[Bits]]:
    """The masks under which each load is compared with a constant."""
    bits: dict[Term, dict[Bits, None]] = {}
    for test in topological(graph):
        if not isinstance(test.operand, Constant):
            continue
        value = test.operand.value
        mask: int | None = None
        term: Term = test.term
        match term:
            case Binary(Operator.AND, left, Constant(under)):
                term, mask = left, under
            case _:
                pass
        if not isinstance(term, Load):
            continue
        if test.relation is Relation.SET:
            bits.setdefault(term, {})[value if mask is None else value & mask, None] = None
        elif mask is not None and test.relation is Relation.EQ:
            bits.setdefault(term, {})[mask, value] = None
    return {term: list(found) for term, found in bits.items()}
