"""Which terms are kept in scratch memory once computed, and in which word.

A term is worth a word when several others need it and it costs more than a few instructions to
compute again: the variable offsets behind 802.11 headers, tunnels, extension headers.  Words are
handed out in turn; what a word holds at a point of the program is tracked by ``select``, so two
terms may share one.
"""

from __future__ import annotations

from collections import Counter

from bpfq.backends.cbpf.contexts import Contexts, children_first
from bpfq.graph.nodes import Test
from bpfq.graph.terms import Binary, Choose, Constant, Load, Term, operands
from bpfq.isa.cbpf.instructions import SCRATCH_WORDS
from bpfq.operators import Operator

SPILL_WORDS = 6  # kept free for the operands of one expression
_WORTH_KEEPING = 4  # instructions


def header_length(term: Term) -> int | None:
    """The offset k of a term that is ``4*([k]&0xf)``, which one instruction puts into X."""
    match term:
        case Binary(
            Operator.LSH,
            Binary(Operator.AND, Load(None, offset, 1), Constant(0x0F)),
            Constant(2),
        ):
            return offset
        case _:
            return None


def plan(order: list[Test], contexts: Contexts) -> dict[Term, int]:
    """Term -> scratch word, for the terms of a graph in topological order."""
    pairs = [contexts.tests[test] for test in order]
    terms = children_first(pairs)
    uses = _uses(pairs, terms)
    cost: dict[Term, int] = {}
    kept: dict[Term, int] = {}
    for term in terms:
        cost[term] = 1 if contexts.is_choice(term) else _cost(term, cost)
        if uses[term] > 1 and cost[term] >= _WORTH_KEEPING:
            kept[term] = len(kept) % (SCRATCH_WORDS - SPILL_WORDS)
            cost[term] = 1
    return kept


def _uses(pairs: list[tuple[Term, Term]], terms: list[Term]) -> Counter[Term]:
    """How many different places need a term: tests, and terms that are made of it."""
    uses: Counter[Term] = Counter()
    for pair in pairs:
        uses.update(pair)
    for term in terms:
        uses.update(operands(term))
    return uses


def _cost(term: Term, cost: dict[Term, int]) -> int:
    """Instructions to compute a term whose operands cost as given."""
    if header_length(term) is not None:
        return 1
    return (
        1
        + sum(cost[child] for child in operands(term) if not isinstance(child, Constant))
        + (2 if isinstance(term, Choose) else 0)
    )
