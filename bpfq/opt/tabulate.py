"""Which lists of a formula become decision trees.

    tcp and ((src a and dst port 1) or (src b and dst port 2) or ...)       one tree behind tcp
    not (src a and dst port 1) and not (src b and dst port 2) and ...       not one tree

What stands behind a list matters: where a packet can still be accepted when the list fails, the
tree must not read what the list did not.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

from bpfq.graph.build import build
from bpfq.graph.formula import (
    All,
    Any,
    Cases,
    Formula,
    Negation,
    both,
    cases,
    either,
    negation,
    operands,
)
from bpfq.graph.nodes import Builder
from bpfq.opt.bound import Bound
from bpfq.opt.ends import Reads
from bpfq.opt.paths import read_before_accept
from bpfq.opt.rows import Rows, rows_of, test
from bpfq.opt.tables import Asked, Line, Path, Tables
from bpfq.opt.valuesets import Sets
from bpfq.record import record

_LEAST = 12  # alternatives
_IN_FRONT = (0, 1, 2, 3)  # alternatives that are tested as written, before the tree
_LONGEST_PATH = 4  # fields whose values are looked at to tell what was read


def tabulate(formula: Formula, least: int = _LEAST) -> Formula:
    """The formula with lists of at least so many alternatives as trees; no recursion."""
    first = _Item(formula, Asked(holds=True, fails=False))
    known = _Known(least, {}, Bound())
    made: dict[_Item, Formula] = {}
    opened: set[_Item] = set()
    work = [first]
    while work:
        item = work[-1]
        if item in opened or item in made:
            if item not in made:
                made[item] = _remade(item, [made[other] for other in _below(item)])
            work.pop()
            continue
        opened.add(item)
        whole = _listed(item, known)
        if whole is None:
            work += _below(item)
        else:
            made[item] = whole
    return made[first]


class _Item(NamedTuple):
    formula: Formula
    asked: Asked


@record
class _Known:
    """The shortest list, and what was asked of formulas before."""

    least: int
    sets: Sets
    bound: Bound


def _below(item: _Item) -> list[_Item]:
    """The operands, with what their outcomes may lead to."""
    (holds, fails), parts = item.asked, operands(item.formula)
    last = len(parts) - 1
    match item.formula:
        case Negation():
            return [_Item(parts[0], Asked(fails, holds))]
        case All():
            return [
                _Item(part, Asked(holds or (fails and at < last), fails))
                for at, part in enumerate(parts)
            ]
        case Any():
            return [
                _Item(part, Asked(holds, fails or (holds and at < last)))
                for at, part in enumerate(parts)
            ]
        case Cases(condition, then, otherwise):
            either_way = Asked(holds or fails, holds or fails)
            return [
                _Item(condition, either_way), _Item(then, item.asked), _Item(otherwise, item.asked)
            ]  # fmt: skip
        case _:
            return []


def _remade(item: _Item, parts: list[Formula]) -> Formula:
    if all(map(operator.is_, parts, operands(item.formula))):
        return item.formula
    match item.formula:
        case Negation():
            return negation(parts[0])
        case All():
            return both(*parts)
        case Any():
            return either(*parts)
        case _:
            return cases(*parts)


# ---------------------------------------------------------------- one list


def _listed(item: _Item, known: _Known) -> Formula | None:
    """A list with its trees; None where it has none."""
    (holds, fails), parts = item.asked, operands(item.formula)
    if len(parts) < known.least:
        return None
    match item.formula:
        case Any():
            made = _alternatives(parts, item.asked, known)
            return None if made is None else either(*made)
        case All() if sum(isinstance(part, Negation) for part in parts) >= known.least:
            refused = [negation(part) for part in parts]
            made = _alternatives(refused, Asked(fails, holds), known)
            return None if made is None else both(*map(negation, made))
        case _:
            return None


def _alternatives(parts: Sequence[Formula], asked: Asked, known: _Known) -> list[Formula] | None:
    """The alternatives with trees for those of long runs that are rows of a table."""
    runs: list[list[tuple[Formula, Rows | None]]] = [[]]
    for part in parts:
        rows = None if known.bound.keeps_its_place(part) else rows_of(part, known.sets)
        if rows is None or (runs[-1] and runs[-1][-1][1] is None):
            runs.append([])
        runs[-1].append((part, rows))
    made: list[Formula] = []
    for number, run in enumerate(runs):
        last = number == len(runs) - 1
        behind = asked if last else Asked(asked.holds, asked.fails or asked.holds)
        tree = _tree(run, behind) if len(run) >= known.least else None
        made += [part for part, _ in run] if tree is None else tree
    return made if len(made) < len(parts) else None


def _tree(run: list[tuple[Formula, Rows | None]], asked: Asked) -> list[Formula] | None:
    """A tree, with as few alternatives in front of it as make an order of fields legal."""
    for count in _IN_FRONT:
        front = [part for part, _ in run[:count]]
        lines = [
            Line(row, tuple(row), rows.in_order)
            for _, rows in run[count:]
            if rows is not None
            for row in rows.rows
        ]
        found = Tables(asked, _reader(front)).tree(lines)
        if found is not None:
            return [*front, found]
    return None


def _reader(front: list[Formula]) -> Callable[[Path], Reads]:
    """What was read of a packet that no alternative in front was true of."""

    @cache
    def known(path: Path) -> Reads:
        if not front:
            return {}
        builder = Builder()
        values = (test(*each) for each in path[:_LONGEST_PATH])
        failed = both(*values, *(negation(one) for one in front))
        return read_before_accept(build(failed, builder))

    return known
