"""Alternatives of one shape as tests of sets, Formula -> Formula.

    (ip and (src = a or dst = a)) or (ip and (src = b or dst = b))
    =>  ip and (src in {a, b} or dst in {a, b})

Wherever the list stands and however it was written: hosts, networks, ports, MAC addresses, bytes;
``not a and not b`` is ``not (a or b)``.  An alternative moves forward to the first of its shape.
What it reads was read there already, so a packet that it accepts is accepted with fewer loads, and
any other packet meets the same tests as before.  Alternatives that can divide by zero, or draw a
random word, stay where they are, and nothing moves past them.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from typing import TypeAlias, assert_never

from bpfq import intervals
from bpfq.graph.bounds import largest
from bpfq.graph.formula import (
    All,
    Any,
    Atom,
    Cases,
    Fixed,
    Formula,
    Negation,
    Within,
    both,
    cases,
    either,
    negation,
)
from bpfq.graph.terms import Binary, Constant, Draw, Term, can_divide_by_zero, operands
from bpfq.operators import Operator, Relation
from bpfq.record import field, record

_DEPTH = 12  # of the alternatives that are compared; no primitive is deeper

_Shape: TypeAlias = tuple[object, ...]


@record
class _Known:
    """What was asked of formulas before: which set they are, whether they keep their place."""

    sets: dict[Formula, Within | None] = field(default_factory=dict)
    fixed: dict[Formula, bool] = field(default_factory=dict)


def gather_sets(formula: Formula) -> Formula:
    """The formula with every list as tests of sets; no recursion over the filter's own nesting."""
    made: dict[Formula, Formula] = {}
    known = _Known()
    work = [formula]
    while work:
        current = work[-1]
        if current in made:
            work.pop()
            continue
        parts = _parts(current)
        waiting = [part for part in parts if part not in made]
        if waiting:
            work += waiting
        elif parts:
            made[current] = _gathered(current, [made[part] for part in parts], known)
        else:
            made[current] = current
    return made[formula]


def _parts(formula: Formula) -> tuple[Formula, ...]:
    match formula:
        case Negation(operand):
            return (operand,)
        case All(parts) | Any(parts):
            return parts
        case Cases(condition, then, otherwise):
            return (condition, then, otherwise)
        case _:
            return ()


def _gathered(formula: Formula, parts: list[Formula], known: _Known) -> Formula:
    """The formula of gathered parts; itself where there is nothing to gather."""
    match formula:
        case Any():
            joined = _lists(parts, known)
        case All() if sum(isinstance(part, Negation) for part in parts) > 1:
            joined = _refusals(parts, known)
        case _:
            joined = parts
    if len(joined) == len(_parts(formula)) and all(map(operator.is_, joined, _parts(formula))):
        return formula
    match formula:
        case Any():
            return either(*joined)
        case All():
            return both(*joined)
        case Negation():
            return negation(joined[0])
        case _:
            return cases(*joined)


def _refusals(parts: Sequence[Formula], known: _Known) -> list[Formula]:
    """not a and b and not c  =>  not (a or c) and b, by the same rule: the operands swap sides."""
    negated = [negation(part) for part in parts]
    kept = {id(other): part for other, part in zip(negated, parts, strict=True)}
    return [kept.get(id(part)) or negation(part) for part in _lists(negated, known)]


# ---------------------------------------------------------------- alternatives of one shape


def _lists(parts: Sequence[Formula], known: _Known) -> list[Formula]:
    """The alternatives, those of one shape together at the place of the first."""
    result: list[Formula] = []
    for run in _runs(parts, known):
        groups: dict[object, list[Formula]] = {}
        for part in run:
            shape = _shape(part, _DEPTH, known)
            groups.setdefault(id(part) if shape is None else shape, []).append(part)
        for group in groups.values():
            result += group if len(group) == 1 else _joined(group, known)
    return result


def _runs(parts: Sequence[Formula], known: _Known) -> Iterable[list[Formula]]:
    """Between alternatives that have to keep their place."""
    run: list[Formula] = []
    for part in parts:
        if _keeps_its_place(part, known.fixed):
            yield run
            yield [part]
            run = []
        else:
            run.append(part)
    yield run


def _shape(formula: Formula, depth: int, known: _Known) -> _Shape | None:
    """What two alternatives must have in common; None where sets make nothing of it."""
    word = _as_set(formula, known)
    if word is not None:
        return ("set", word.term)
    if depth == 0:
        return None
    match formula:
        case Atom(term, relation, operand):
            return ("atom", term, relation, operand)
        case Negation(operand):
            inner = _shape(operand, depth - 1, known)
            return None if inner is None else ("not", inner)
        case All(parts) | Any(parts):
            shapes = [_shape(part, depth - 1, known) for part in parts]
            return None if None in shapes else (type(formula), *shapes)
        case _:
            return None


def _as_set(formula: Formula, known: _Known) -> Within | None:
    """A test of one term against constants as a test of a set, where that is an interval."""
    if formula not in known.sets:
        known.sets[formula] = _set_of(formula, known)
    return known.sets[formula]


def _set_of(formula: Formula, known: _Known) -> Within | None:
    match formula:
        case Within():
            return formula
        case Atom(term, relation, Constant(value)) if relation is not Relation.SET:
            bounds = intervals.of(relation, value)
            if bounds is None:
                return None
            match term:
                case Binary(Operator.AND, left, Constant(mask)):
                    return _prefix(left, mask, bounds)
                case _:
                    return Within(term, intervals.clipped(bounds, largest(term) + 1))
        case Negation(operand):
            inner = _as_set(operand, known)
            return None if inner is None else Within(inner.term, _complement(inner))
        case All((first, second)):
            low, high = _as_set(first, known), _as_set(second, known)
            if low is None or high is None or low.term is not high.term:
                return None
            return Within(low.term, _common(low.bounds, high.bounds))
        case _:
            return None


def _prefix(term: Term, mask: int, bounds: tuple[int, ...]) -> Within | None:
    """The masked test as an interval, where the mask is a prefix of the term."""
    most = largest(term)
    inside = intervals.masked(mask, bounds, most)
    return Within(term, inside) if inside is not None and len(inside) <= 2 else None


def _complement(within: Within) -> tuple[int, ...]:
    edges = (0, *within.bounds, largest(within.term) + 1)
    return intervals.united(zip(edges[::2], edges[1::2], strict=True))


def _common(left: tuple[int, ...], right: tuple[int, ...]) -> tuple[int, ...]:
    pairs = zip(left[::2], left[1::2], strict=True)
    others = list(zip(right[::2], right[1::2], strict=True))
    return intervals.united((max(a, c), min(b, d)) for a, b in pairs for c, d in others)


# ---------------------------------------------------------------- joining


def _joined(group: list[Formula], known: _Known) -> list[Formula]:
    """Alternatives of one shape as few formulas, one where they differ in one test each."""
    sets = [_as_set(part, known) for part in group]
    if sets[0] is not None:
        return [_union([one for one in sets if one is not None])]
    first = group[0]
    match first:
        case Atom():
            return [first]
        case Any():
            columns = list(zip(*(_parts(one) for one in group), strict=True))
            joined = [_joined(list(column), known) for column in columns]
            if all(len(column) == 1 for column in joined):
                return [Any(tuple(column[0] for column in joined))]
            return group
        case All():
            return _joined_conjunctions(group, known)
        case _:
            return group


def _union(sets: list[Within]) -> Formula:
    bounds = intervals.united(
        (first, end)
        for one in sets
        for first, end in zip(one.bounds[::2], one.bounds[1::2], strict=True)
    )
    term = sets[0].term
    if not bounds or bounds == (0, largest(term) + 1):
        return Fixed(bool(bounds))  # known without the term; its loads are not made
    return Within(term, bounds)


def _joined_conjunctions(group: list[Formula], known: _Known) -> list[Formula]:
    """(g and a) or (g and b)  =>  g and (a or b), with the last operand that differs joined."""
    rows = [_parts(one) for one in group]
    keys = [tuple(_key(part, known) for part in row) for row in rows]
    differing = [n for n in range(len(rows[0])) if len({key[n] for key in keys}) > 1]
    if not differing:
        return group[:1]
    at = differing[-1]
    groups: dict[tuple[object, ...], list[Formula]] = {}
    for key, one in zip(keys, group, strict=True):
        groups.setdefault(key[:at] + key[at + 1 :], []).append(one)
    result: list[Formula] = []
    for alike in groups.values():
        row = _parts(alike[0])
        tests = [_parts(one)[at] for one in alike]
        joined = tests if len(alike) == 1 else _joined(tests, known)
        if len(joined) == len(alike):
            result += alike
        else:
            result += (both(*row[:at], test, *row[at + 1 :]) for test in joined)
    return result


def _key(formula: Formula, known: _Known) -> object:
    """Equal for formulas that say the same by the same tests."""
    word = _as_set(formula, known)
    if word is not None:
        return (word.term, word.bounds)
    match formula:
        case Atom(term, relation, operand):
            return (term, relation, operand)
        case Within() | Fixed() | Cases():
            return id(formula)
        case Negation() | All() | Any():
            return (type(formula), *(_key(part, known) for part in _parts(formula)))
        case _:
            assert_never(formula)


# ---------------------------------------------------------------- what must not move


def _keeps_its_place(formula: Formula, known: dict[Formula, bool]) -> bool:
    """It can end the filter for another reason than a short packet, or draws a number."""
    work = [formula]
    while formula not in known:
        part = work[-1]
        waiting = [other for other in _parts(part) if other not in known]
        if waiting:
            work += waiting
        else:
            known[part] = _is_bound(part) or any(known[other] for other in _parts(part))
            work.pop()
    return known[formula]


def _is_bound(formula: Formula) -> bool:
    match formula:
        case Atom(term, _, operand):
            return can_divide_by_zero(term) or can_divide_by_zero(operand) or _draws(term)
        case Within(term):
            return can_divide_by_zero(term)
        case _:
            return False


def _draws(term: Term) -> bool:
    work, seen = [term], set()
    while work:
        part = work.pop()
        if isinstance(part, Draw):
            return True
        if part not in seen:
            seen.add(part)
            work += operands(part)
    return False
