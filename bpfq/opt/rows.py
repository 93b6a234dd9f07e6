"""Alternatives as rows of a table: what has to hold, field by field, for one of them to be true.

    ip and (src = a or dst = a) and port = 80

    h[12] = 0x800   w[26] = a   h[x + 16] = 80
    h[12] = 0x800   w[30] = a   h[x + 16] = 80

Rows stand in the order in which the alternative tries them, and fields in the order in which it
reads them, so that a packet that is accepted was read by the first row that is true of it.  What
contradicts itself is left out: `host a and port 80` asks IPv6 packets for an IPv4 address.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from bpfq.graph.bounds import largest
from bpfq.graph.formula import (
    FALSE,
    TRUE,
    All,
    Any,
    Atom,
    Fixed,
    Formula,
    Negation,
    Within,
    negation,
)
from bpfq.graph.terms import Term
from bpfq.intervals import Bounds, common
from bpfq.operators import Relation
from bpfq.opt.valuesets import Sets, as_set, opposite

# A field, or a comparison that is no set of one field's values: its value is 0 or 1.
Key: TypeAlias = Term | tuple[Term, Relation, Term]
Row: TypeAlias = dict[Key, Bounds]

_MOST_ROWS = 48  # of one alternative
_DEEPEST = 16
_HOLDS, _FAILS = (1, 2), (0, 1)


class Rows(NamedTuple):
    """in_order: where the alternative fails, every row was read up to its first test that fails.

    Not so behind a choice: ``(a or b) and c`` is not read as far as b where a holds and c fails.
    """

    rows: list[Row]
    in_order: bool


def rows_of(alternative: Formula, known: Sets) -> Rows | None:
    """The rows of an alternative; None where there are too many, or it is no table."""
    rows = _rows(alternative, True, known, _DEEPEST)
    return None if rows is None else Rows(rows, _chooses_last(alternative, True, known))


def _rows(formula: Formula, wanted: bool, known: Sets, depth: int) -> list[Row] | None:
    """For the formula to come out as wanted."""
    whole = as_set(formula, known)
    if whole is not None:
        asked = whole if wanted else opposite(whole)
        return [{whole.term: asked.bounds}] if asked.bounds else []
    if not depth:
        return None
    match formula:
        case Fixed(value):
            return [{}] if value is wanted else []
        case Atom(term, relation, operand):
            return [{(term, relation, operand): _HOLDS if wanted else _FAILS}]
        case Negation(operand):
            return _rows(operand, not wanted, known, depth - 1)
        case All(parts) | Any(parts):
            each = [_rows(part, wanted, known, depth - 1) for part in parts]
            found = [rows for rows in each if rows is not None]
            if len(found) < len(each):
                return None
            return _product(found) if isinstance(formula, All) is wanted else _sum(found)
        case _:
            return None


def _sum(each: list[list[Row]]) -> list[Row] | None:
    rows = [row for some in each for row in some]
    return rows if len(rows) <= _MOST_ROWS else None


def _product(each: list[list[Row]]) -> list[Row] | None:
    made: list[Row] = [{}]
    for some in each:
        made = [both for row in made for other in some if (both := _both(row, other)) is not None]
        if len(made) > _MOST_ROWS:
            return None
    return made


def _both(row: Row, other: Row) -> Row | None:
    made = dict(row)
    for key, bounds in other.items():
        if key in made and made[key] is not bounds:
            bounds = common(made[key], bounds)
            if not bounds:
                return None
        made[key] = bounds
    return made


def _chooses_last(formula: Formula, wanted: bool, known: Sets) -> bool:
    """Nothing is tested behind a choice.  The formula has rows, so it is not deep."""
    match formula:
        case Negation(operand):
            return _chooses_last(operand, not wanted, known)
        case All(parts) | Any(parts) if as_set(formula, known) is None:
            if isinstance(formula, All) is wanted and any(
                _chooses(part, wanted, known) for part in parts[:-1]
            ):
                return False
            return all(_chooses_last(part, wanted, known) for part in parts)
        case _:
            return True


def _chooses(formula: Formula, wanted: bool, known: Sets) -> bool:
    match formula:
        case Negation(operand):
            return _chooses(operand, not wanted, known)
        case All(parts) | Any(parts) if as_set(formula, known) is None:
            one_of = isinstance(formula, Any) is wanted
            return one_of or any(_chooses(part, wanted, known) for part in parts)
        case _:
            return False


# ---------------------------------------------------------------- fields as tests


def test(key: Key, bounds: Bounds) -> Formula:
    """What a row asks of one field."""
    if isinstance(key, tuple):
        atom = Atom(*key)
        return atom if bounds == _HOLDS else negation(atom)
    if bounds == (0, largest(key) + 1):
        return TRUE
    return Within(key, bounds) if bounds else FALSE
