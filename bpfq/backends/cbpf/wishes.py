"""Which index each test should leave in X for those behind it.

    a: ([12:2] = 0x800 ? [20:4] & 0x1fff00ff : [20:1]) = 6 ? b : reject
    b: [([12:2] = 0x800 ? 4*([14]&0xf) : 40) + 14:2] = 80 ? ...

Behind a nobody knows the way any more: the edges into a put b's index into X while they do.  That
is allowed where computing the index reads nothing that the packet may lack and still be accepted.
"""

from __future__ import annotations

from bpfq.backends.cbpf.contexts import Contexts
from bpfq.backends.cbpf.scratch import header_length
from bpfq.graph.nodes import REJECT, Node, Test
from bpfq.graph.terms import IMMEDIATE, Binary, Choose, Constant, Load, Lookup, Term, WireLength, operands
from bpfq.isa.cbpf.instructions import LINK_BASE
from bpfq.record import record


@record
class Wish:
    """certain: every packet that is accepted later is loaded at this index."""

    index: Term
    certain: bool


@record
class _Use:
    """needs: the index that a test is the first to load at.  blocks: it takes X for itself."""

    needs: Term | None
    blocks: bool


def wishes(order: list[Test], contexts: Contexts) -> dict[Test, Wish]:
    """The index of context that should be in X behind a test, for each that leaves X alone."""
    wanted: dict[Node, Term | None] = {}
    certain: dict[Node, frozenset[Term] | None] = {REJECT: None}  # None: all
    found: dict[Test, Wish] = {}
    for test in reversed(order):
        term, operand = contexts.tests[test]
        use = _use(term, operand, contexts)
        exits = (test.yes, test.no)
        behind = next((w for e in exits if (w := wanted.get(e)) is not None), None)
        sets = [s for e in exits if (s := certain.get(e, frozenset())) is not None]
        always = frozenset.intersection(*sets) if sets else None
        if behind is not None and not use.blocks and contexts.conditions(behind):
            found[test] = Wish(behind, always is None or behind in always)
        wanted[test] = use.needs or (None if use.blocks else behind)
        own = frozenset(() if use.needs is None else (use.needs,))
        certain[test] = None if always is None else always | own
    return found


def _use(term: Term, operand: Term, contexts: Contexts) -> _Use:
    if not isinstance(operand, IMMEDIATE):
        return _Use(None, True)
    while isinstance(term, Binary) and isinstance(term.right, Constant):
        term = term.left
    match term:
        case Load(index=index) | Lookup(index=index) if index is not None:
            return _Use(index, False)
        case Choose(then=then, otherwise=otherwise) if contexts.is_choice(term):
            arms = (_use(then, operand, contexts), _use(otherwise, operand, contexts))
            return _Use(None, any(arm.blocks or arm.needs for arm in arms))
        case Binary() | Choose():
            return _Use(None, True)
        case _:
            return _Use(None, False)


def index_of(term: Term) -> Term | None:
    """What computing a term that has no second operand puts into X."""
    while isinstance(term, Binary) and isinstance(term.right, Constant):
        term = term.left
    return term.index if isinstance(term, Load | Lookup) else None


def fits_in_x(term: Term) -> bool:
    """One instruction puts the term into X and leaves A alone."""
    return isinstance(term, Constant | WireLength) or header_length(term) is not None


def reach(term: Term) -> int:
    """How many bytes a packet has of which the term was computed, as far as that is certain."""
    work, farthest = [term], 0
    while work:
        part = work.pop()
        if isinstance(part, Load) and part.index is None and part.offset < LINK_BASE:
            farthest = max(farthest, part.offset + part.size)
        work += operands(part)[:2] if isinstance(part, Choose) else operands(part)
    return farthest
