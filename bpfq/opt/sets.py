"""Alternatives of one shape as tests of sets, Formula -> Formula.

    (ip and (src = a or dst = a)) or (ip and (src = b or dst = b))
    =>  ip and (src in {a, b} or dst in {a, b})

Wherever the list stands and however it was written: hosts, networks, ports, MAC addresses, bytes;
``not a and not b`` is ``not (a or b)``.  An alternative moves forward to the first of its shape,
past others only where that one, when it failed, had read all that the alternative may read: a
packet that is accepted is accepted with fewer loads, and any other meets the same tests as before.
Alternatives that can divide by zero, or draw a random word, stay where they are, and nothing moves
past them.
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
    Switch,
    Within,
    both,
    cases,
    either,
    negation,
)
from bpfq.graph.formula import operands as parts_of
from bpfq.opt.bound import Bound
from bpfq.opt.valuesets import Sets, as_set
from bpfq.record import field, record

_DEPTH = 12  # of the alternatives that are compared; no primitive is deeper

_Shape: TypeAlias = tuple[object, ...]


@record
class _Known:
    """What was asked of formulas before: which set they are, whether they keep their place."""

    sets: Sets = field(default_factory=dict)
    bound: Bound = field(default_factory=Bound)


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
        parts = parts_of(current)
        waiting = [part for part in parts if part not in made]
        if waiting:
            work += waiting
        elif parts:
            made[current] = _gathered(current, [made[part] for part in parts], known)
        else:
            made[current] = current
    return made[formula]


def _gathered(formula: Formula, parts: list[Formula], known: _Known) -> Formula:
    """The formula of gathered parts; itself where there is nothing to gather."""
    match formula:
        case Any():
            joined = _lists(parts, known)
        case All() if sum(isinstance(part, Negation) for part in parts) > 1:
            joined = _refusals(parts, known)
        case _:
            joined = parts
    if len(joined) == len(parts_of(formula)) and all(map(operator.is_, joined, parts_of(formula))):
        return formula
    if any(isinstance(part, Fixed) for part in joined) and any(
        map(known.bound.keeps_its_place, joined)
    ):
        return formula  # what can divide by zero would be dropped beside what is known
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
    """The alternatives, those of one shape together at the place of the first where they may be."""
    result: list[Formula] = []
    for run in _runs(parts, known):
        groups: list[list[Formula]] = []
        by_shape: dict[object, list[Formula]] = {}
        for part in run:
            shape = _shape(part, _DEPTH, known)
            group = None if shape is None else by_shape.get(shape)
            if group is not None and (
                group is groups[-1] or _reads_no_more(group[0], part, known, _DEPTH)
            ):
                group.append(part)
                continue
            groups.append([part])
            if shape is not None:
                by_shape[shape] = groups[-1]
        for group in groups:
            result += group if len(group) == 1 else _joined(group, known)
    return result


def _reads_no_more(first: Formula, other: Formula, known: _Known, depth: int) -> bool:
    """Where the first of two alternatives of one shape fails, it read what the other may read."""
    one, two = as_set(first, known.sets), as_set(other, known.sets)
    if one is not None and two is not None:
        return one.term is two.term
    if not depth:
        return False
    match first, other:
        case (Any(parts), Any(others)) if len(parts) == len(others):
            pairs = zip(parts, others, strict=True)
            return all(_reads_no_more(*pair, known, depth - 1) for pair in pairs)
        case (All(parts), All(others)) if len(parts) == len(others):
            before = zip(parts[:-1], others[:-1], strict=True)
            return all(_key(a, known) == _key(b, known) for a, b in before) and _reads_no_more(
                parts[-1], others[-1], known, depth - 1
            )
        case _:
            return _key(first, known) == _key(other, known)


def _runs(parts: Sequence[Formula], known: _Known) -> Iterable[list[Formula]]:
    """Between alternatives that have to keep their place."""
    run: list[Formula] = []
    for part in parts:
        if known.bound.keeps_its_place(part):
            yield run
            yield [part]
            run = []
        else:
            run.append(part)
    yield run


def _shape(formula: Formula, depth: int, known: _Known) -> _Shape | None:
    """What two alternatives must have in common; None where sets make nothing of it."""
    word = as_set(formula, known.sets)
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


# ---------------------------------------------------------------- joining


def _joined(group: list[Formula], known: _Known) -> list[Formula]:
    """Alternatives of one shape as few formulas, one where they differ in one test each."""
    sets = [as_set(part, known.sets) for part in group]
    if sets[0] is not None:
        return [_union([one for one in sets if one is not None])]
    first = group[0]
    match first:
        case Atom():
            return [first]
        case Any():
            columns = list(zip(*(parts_of(one) for one in group), strict=True))
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
    rows = [parts_of(one) for one in group]
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
        row = parts_of(alike[0])
        tests = [parts_of(one)[at] for one in alike]
        joined = tests if len(alike) == 1 else _joined(tests, known)
        if len(joined) == len(alike):
            result += alike
        else:
            result += (both(*row[:at], test, *row[at + 1 :]) for test in joined)
    return result


def _key(formula: Formula, known: _Known) -> object:
    """Equal for formulas that say the same by the same tests."""
    word = as_set(formula, known.sets)
    if word is not None:
        return (word.term, word.bounds)
    match formula:
        case Atom(term, relation, operand):
            return (term, relation, operand)
        case Within() | Fixed() | Cases() | Switch():
            return id(formula)
        case Negation() | All() | Any():
            return (type(formula), *(_key(part, known) for part in parts_of(formula)))
        case _:
            assert_never(formula)
