"""Move arithmetic out of tests: into the constant, the operand, or the place of the load.

    0: (w[26] & 0xff000000) = 0xa000000 ? ..     =>   0: b[26] = 0xa ? ..
    1: ((b[46] & 0xf0) >> 2) > 0x14 ? ..         =>   1: b[46] >= 0x60 ? ..
    2: ((h[16] - x) - y) = 0 ? ..                =>   2: h[16] = (y + x) ? ..
    3: (b[14] * 4) & 0x3c                        =>   3: ((b[14] & 0xf) << 2), one instruction

Every rule is an identity of arithmetic modulo 2**32, given how large its operands can be.  A load
is never made longer; in a strict program it ends where it ended.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from bpfq.graph.bounds import largest
from bpfq.graph.nodes import Builder, Node
from bpfq.graph.terms import Binary, Choose, Constant, Load, Lookup, Members, Term, operands
from bpfq.graph.walk import topological
from bpfq.operators import WORD_BITS, WORD_MASK, Operator, Relation, wrap
from bpfq.walk import bottom_up

_FARTHEST = 1 << 31  # an index plus an offset stays below it
_SUMS = (Operator.ADD, Operator.SUB)


def fold_algebra(root: Node, builder: Builder) -> Node:
    """The same decisions with less arithmetic."""
    terms: dict[Term, Term] = {}
    new: dict[Node, Node] = {}
    for test in reversed(topological(root)):
        yes, no = new.get(test.yes, test.yes), new.get(test.no, test.no)
        term, operand = _simple(test.term, terms, builder), _simple(test.operand, terms, builder)
        comparison = _Comparison(term, test.relation, operand)
        while (better := _moved(comparison, builder)) is not None:
            comparison = better
        new[test] = builder.test(*comparison, yes, no)
    return new.get(root, root)


# ---------------------------------------------------------------- terms


def _simple(term: Term, known: dict[Term, Term], builder: Builder) -> Term:
    """The term with every part of it simplified."""
    for part in bottom_up((term,), operands, known):
        known[part] = _of_parts(part, known, builder)
    return known[term]


def _of_parts(term: Term, known: dict[Term, Term], builder: Builder) -> Term:
    match term:
        case Load(index, offset, size) if index is not None and index in known:
            return _load(known[index], offset, size, builder)
        case Lookup(members, index, offset, size) if index is not None and index in known:
            found = _load(known[index], offset, size, builder)
            assert isinstance(found, Load)
            return builder.lookup(members, found)
        case Binary(operator, left, right):
            made = builder.binary(operator, known[left], known[right])
            while (better := _less(made, builder)) is not None:
                made = better
            return made
        case Choose(relation, left, right, then, otherwise):
            return builder.choose(
                relation, known[left], known[right], known[then], known[otherwise]
            )
        case _:
            return term


def _load(index: Term, offset: int, size: int, builder: Builder) -> Term:
    """[(x + 5) + 14] -> [x + 19], where the sum does not wrap."""
    match index:
        case Binary(Operator.ADD, inner, Constant(value)) if (
            largest(inner) + value + offset + size < _FARTHEST
        ):
            return builder.load(inner, offset + value, size)
        case _:
            return builder.load(index, offset, size)


def _less(term: Term, builder: Builder) -> Term | None:
    """One step to a cheaper term, or to the shape that other rules know."""
    match term:
        case Binary(operator, left, Constant(value)):
            by_power = _by_power_of_two(operator, left, value, builder)
            return by_power or _of_two_steps(operator, left, value, builder)
        case _:
            return None


def _by_power_of_two(operator: Operator, left: Term, value: int, builder: Builder) -> Term | None:
    """x * 4 -> x << 2,  x / 4 -> x >> 2,  x % 4 -> x & 3."""
    if value < 2 or value & (value - 1):
        return None
    places = builder.constant(value.bit_length() - 1)
    match operator:
        case Operator.MUL:
            return builder.binary(Operator.LSH, left, places)
        case Operator.DIV:
            return builder.binary(Operator.RSH, left, places)
        case Operator.MOD:
            return builder.binary(Operator.AND, left, builder.constant(value - 1))
        case _:
            return None


def _of_two_steps(operator: Operator, left: Term, value: int, builder: Builder) -> Term | None:
    """Two operations with constants as one, or in the order that other rules know."""
    binary, constant = builder.binary, builder.constant
    match operator, left:
        case Operator.AND, _ if not _bits(left) & ~value:
            return left
        case Operator.AND, Binary(Operator.AND, inner, Constant(mask)):
            return binary(Operator.AND, inner, constant(mask & value))
        case Operator.AND, Binary(Operator.LSH, inner, Constant(places)) if places < WORD_BITS:
            # (x << 2) & 0x3c -> (x & 0xf) << 2
            kept = binary(Operator.AND, inner, constant(value >> places))
            return binary(Operator.LSH, kept, constant(places))
        case Operator.ADD | Operator.SUB, Binary(Operator.ADD | Operator.SUB, inner, Constant(c)):
            assert isinstance(left, Binary)
            total = _signed(left.operator, c) + _signed(operator, value)
            return _sum(inner, wrap(total), builder)
        case _:
            return None


def _signed(operator: Operator, value: int) -> int:
    return value if operator is Operator.ADD else -value


def _sum(term: Term, value: int, builder: Builder) -> Term:
    if value >= _FARTHEST:
        return builder.binary(Operator.SUB, term, builder.constant(-value))
    return builder.binary(Operator.ADD, term, builder.constant(value))


def _bits(term: Term) -> int:
    """The bits that can be set in the term's value."""
    match term:
        case Binary(Operator.AND, inner, Constant(mask)):
            return mask & _up_to(largest(inner))
        case _:
            return _up_to(largest(term))


def _up_to(value: int) -> int:
    return (1 << value.bit_length()) - 1


# ---------------------------------------------------------------- comparisons


class _Comparison(NamedTuple):
    term: Term
    relation: Relation
    operand: Term


_Moved: TypeAlias = _Comparison | None


def _moved(comparison: _Comparison, builder: Builder) -> _Moved:
    """One operation less on the left, where there is an equal comparison without it."""
    term, relation, operand = comparison
    if isinstance(operand, Members):
        return None
    if not isinstance(operand, Constant):
        return _against_term(comparison, builder)
    match term:
        case Binary(operator, left, Constant(value)):
            return _against_constant(operator, left, value, relation, operand.value, builder)
        case Binary(Operator.SUB, Constant(value), right) if relation is Relation.EQ:
            return _equal(right, value - operand.value, builder)  # c - a = k -> a = c - k
        case Binary(Operator.SUB | Operator.XOR, left, right) if (
            relation is Relation.EQ and operand.value == 0
        ):
            return _Comparison(left, relation, right)  # a - b = 0 -> a = b
        case _:
            return None


def _against_term(comparison: _Comparison, builder: Builder) -> _Moved:
    """a - b = c -> a = c + b."""
    match comparison:
        case (Binary(Operator.SUB, left, right), Relation.EQ, operand) if not isinstance(
            left, Constant
        ):
            return _Comparison(left, Relation.EQ, builder.binary(Operator.ADD, operand, right))
        case _:
            return None


def _equal(term: Term, value: int, builder: Builder) -> _Comparison:
    return _Comparison(term, Relation.EQ, builder.constant(wrap(value)))


def _against_constant(
    operator: Operator, left: Term, value: int, relation: Relation, limit: int, builder: Builder
) -> _Moved:
    """``(left operator value) relation limit`` without the operation."""
    match operator:
        case Operator.ADD | Operator.SUB | Operator.XOR if relation is Relation.EQ:
            undone = limit ^ value if operator is Operator.XOR else limit - _signed(operator, value)
            return _equal(left, undone, builder)
        case Operator.ADD if (
            relation in (Relation.GT, Relation.GE)
            and largest(left) + value <= WORD_MASK
            and limit >= value
        ):
            return _Comparison(left, relation, builder.constant(limit - value))
        case Operator.RSH if 0 < value < WORD_BITS:
            return _unshifted(left, value, relation, limit, builder)
        case Operator.LSH if largest(left) << value <= WORD_MASK:
            return _unscaled(left, 1 << value, relation, limit, builder)
        case Operator.MUL if value and largest(left) * value <= WORD_MASK:
            return _unscaled(left, value, relation, limit, builder)
        case Operator.AND:
            return _unmasked(left, value, relation, limit, builder)
        case _:
            return None


def _unshifted(left: Term, places: int, relation: Relation, limit: int, builder: Builder) -> _Moved:
    """(x >> 4) > 5 -> x >= 0x60,  (x >> 4) = 5 -> (x & 0xf0) = 0x50."""
    first = limit + 1 if relation is Relation.GT else limit
    if first << places > WORD_MASK:
        return None
    constant = builder.constant(first << places)
    match relation:
        case Relation.GT | Relation.GE:
            return _Comparison(left, Relation.GE, constant)
        case Relation.SET:
            return _Comparison(left, relation, constant)
        case Relation.EQ:
            above = _masked(left, _bits(left) >> places << places, builder)
            return _Comparison(above, relation, constant)


def _masked(term: Term, mask: int, builder: Builder) -> Term:
    """Only these bits of the term, which are some of those that it can have."""
    match term:
        case _ if mask == _bits(term):
            return term
        case Binary(Operator.AND, inner, Constant()):
            return builder.binary(Operator.AND, inner, builder.constant(mask))
        case _:
            return builder.binary(Operator.AND, term, builder.constant(mask))


def _unscaled(left: Term, factor: int, relation: Relation, limit: int, builder: Builder) -> _Moved:
    """(x * 4) = 20 -> x = 5,  (x * 4) > 21 -> x > 5,  (x * 4) >= 21 -> x >= 6."""
    down, rest = divmod(limit, factor)
    match relation:
        case Relation.EQ:
            return None if rest else _equal(left, down, builder)
        case Relation.GT:
            return _Comparison(left, relation, builder.constant(down))
        case Relation.GE:
            return _Comparison(left, relation, builder.constant(down + (rest > 0)))
        case Relation.SET if factor & (factor - 1) == 0 and down:
            return _Comparison(left, relation, builder.constant(down))
        case _:
            return None


def _unmasked(left: Term, mask: int, relation: Relation, limit: int, builder: Builder) -> _Moved:
    """(x & 0xf0) > 0x50 -> x >= 0x60 for a byte x,  (x & m) & n set -> x & (m & n) set."""
    possible = _bits(left)
    mask &= possible
    if relation is Relation.SET:
        both = builder.constant(mask & limit)
        return _Comparison(left, relation, both) if mask & limit else None
    if relation is Relation.EQ:
        narrower = _narrow(left, mask, limit, builder)
        if narrower is not None or limit != mask:
            return narrower
    step = mask & -mask
    if not mask or mask != possible // step * step:
        return None  # not all bits from step up
    first = limit if relation is Relation.EQ else _next_multiple(limit, relation, step)
    return _Comparison(left, Relation.GE, builder.constant(first)) if first <= possible else None


def _next_multiple(limit: int, relation: Relation, step: int) -> int:
    """The least multiple of step that is above the limit, or not below it."""
    above = limit // step + 1 if relation is Relation.GT else -(-limit // step)
    return above * step


def _narrow(left: Term, mask: int, value: int, builder: Builder) -> _Moved:
    """(w[26] & 0xffff0000) = 0xc0a80000 -> h[26] = 0xc0a8: a mask of whole bytes is a load."""
    if not isinstance(left, Load) or value & ~mask or not mask:
        return None
    for size in (1, 2):
        for behind in range(left.size - size + 1):  # bytes of the load behind the smaller one
            if mask != ((1 << 8 * size) - 1) << 8 * behind:
                continue
            if behind and builder.keep_loads:
                return None
            start = left.offset + left.size - behind - size
            return _equal(builder.load(left.index, start, size), value >> 8 * behind, builder)
    return None
