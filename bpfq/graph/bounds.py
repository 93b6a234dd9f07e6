"""How large a term's value can be."""

from __future__ import annotations

from bpfq.graph.terms import Binary, Choose, Constant, Load, Lookup, Metadata, Term
from bpfq.graph.walk import subterms
from bpfq.operators import WORD_MASK, Operator


def largest(term: Term) -> int:
    """An upper bound of the term's value; no recursion."""
    if isinstance(term, Load):
        return (1 << 8 * term.size) - 1
    known: dict[Term, int] = {}
    for part in subterms(term):
        known[part] = _bound(part, known)
    return known[term]


def _bound(term: Term, known: dict[Term, int]) -> int:
    match term:
        case Constant(value):
            return value
        case Load(size=size):
            return (1 << 8 * size) - 1
        case Lookup():
            return 1
        case Metadata("vlan_tci"):
            return 0xFFFF
        case Binary(operator, left, right):
            return _of_operation(operator, known[left], right, known[right])
        case Choose(then=then, otherwise=otherwise):
            return max(known[then], known[otherwise])
        case _:
            return WORD_MASK


def _of_operation(operator: Operator, left: int, right: Term, most: int) -> int:
    """The bound of ``left operator right``, of which ``left`` and ``most`` are the bounds."""
    constant = right.value if isinstance(right, Constant) else None
    match operator:
        case Operator.ADD:
            bound = left + most
        case Operator.MUL:
            bound = left * most
        case Operator.LSH if constant is not None:
            bound = left << min(constant, 32)
        case Operator.AND:
            return min(left, most)
        case Operator.OR | Operator.XOR:
            return (1 << (left | most).bit_length()) - 1
        case Operator.RSH if constant is not None:
            return left >> constant
        case Operator.RSH:
            return left
        case Operator.DIV if constant:
            return left // constant
        case Operator.MOD if constant:
            return min(left, constant - 1)
        case _:
            return WORD_MASK
    return bound if bound <= WORD_MASK else WORD_MASK
