"""Formulas: Boolean structure over atoms, the shape in which lowering hands its tests to the graph.

The order of operands is the order of evaluation.  The constructors drop operands that are known
true or false before anything is read, as the reference does while it parses.
"""

from __future__ import annotations

from typing import TypeAlias, assert_never

from bpfq.graph.terms import Term
from bpfq.operators import Relation
from bpfq.record import record


@record(eq=False)
class Atom:
    term: Term
    relation: Relation
    operand: Term


@record(eq=False)
class Within:
    """The term is in a set: (first, end, first, end, ...), ascending, ends not included."""

    term: Term
    bounds: tuple[int, ...]


@record(eq=False)
class Switch:
    """The formula of the set that the term is in; false where it is in none.

    cases: disjoint sets, as in ``Within``.
    """

    term: Term
    cases: tuple[tuple[tuple[int, ...], Formula], ...]


@record(eq=False)
class Fixed:
    value: bool


@record(eq=False)
class Negation:
    operand: Formula


@record(eq=False)
class All:
    operands: tuple[Formula, ...]


@record(eq=False)
class Any:
    operands: tuple[Formula, ...]


@record(eq=False)
class Cases:
    """``then`` where the condition holds, else ``otherwise``."""

    condition: Formula
    then: Formula
    otherwise: Formula


Formula: TypeAlias = Atom | Within | Switch | Fixed | Negation | All | Any | Cases

TRUE = Fixed(True)
FALSE = Fixed(False)


def both(*operands: Formula) -> Formula:
    """All operands hold, tested from left to right."""
    kept: list[Formula] = []
    for operand in operands:
        match operand:
            case Fixed(value=False):
                return FALSE
            case Fixed():
                continue
            case _:
                kept.append(operand)
    if len(kept) < 2:
        return kept[0] if kept else TRUE
    return All(tuple(kept))


def either(*operands: Formula) -> Formula:
    """Some operand holds, tested from left to right."""
    kept: list[Formula] = []
    for operand in operands:
        match operand:
            case Fixed(value=True):
                return TRUE
            case Fixed():
                continue
            case _:
                kept.append(operand)
    if len(kept) < 2:
        return kept[0] if kept else FALSE
    return Any(tuple(kept))


def negation(operand: Formula) -> Formula:
    match operand:
        case Fixed(value):
            return FALSE if value else TRUE
        case Negation(inner):
            return inner
        case _:
            return Negation(operand)


def cases(condition: Formula, then: Formula, otherwise: Formula) -> Formula:
    match condition:
        case Fixed(value):
            return then if value else otherwise
        case _:
            return Cases(condition, then, otherwise)


def operands(formula: Formula) -> tuple[Formula, ...]:
    """The formulas that a formula is made of, in order of evaluation."""
    match formula:
        case Negation(operand):
            return (operand,)
        case All(parts) | Any(parts):
            return parts
        case Cases(condition, then, otherwise):
            return (condition, then, otherwise)
        case Switch(cases=parts):
            return tuple(formula for _, formula in parts)
        case Atom() | Within() | Fixed():
            return ()
        case _:
            assert_never(formula)


def terms(formula: Formula) -> tuple[Term, ...]:
    """The terms that a test compares, none of anything else."""
    match formula:
        case Atom(term, _, operand):
            return (term, operand)
        case Within(term) | Switch(term):
            return (term,)
        case _:
            return ()


def size(formula: Formula) -> int:
    """Atoms, sets and cases, each occurrence counted; no recursion."""
    count, work = 0, [formula]
    while work:
        part = work.pop()
        count += len(part.cases) if isinstance(part, Switch) else isinstance(part, Atom | Within)
        work += operands(part)
    return count


def values(formula: Formula) -> int:
    """Intervals of its sets and cases, each occurrence counted; no recursion."""
    count, work = 0, [formula]
    while work:
        part = work.pop()
        match part:
            case Within(bounds=bounds):
                count += len(bounds) // 2
            case Switch(cases=several):
                count += sum(len(bounds) // 2 for bounds, _ in several)
            case _:
                pass
        work += operands(part)
    return count
