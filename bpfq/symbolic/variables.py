"""What one node of a diagram looks at, and where the values part for which a condition holds.

condition                     variable                        holds for values in
w in {5 .. 8}                 w                               5 up to, not including, 9
v <= w                        (v, w)                          -1 up to, not including, 1
i + 14 bytes were captured    captured bytes less i           14 upwards
"""

from __future__ import annotations

from typing import TypeAlias, assert_never

from bpfq.symbolic.propositions import Condition, Member, Order, Reaches
from bpfq.symbolic.words import Bytes, Word

Variable: TypeAlias = Word | tuple[Word, Word] | tuple[str, Word | None]

_LESS = -1


def variable_of(condition: Condition) -> Variable:
    match condition:
        case Member(word=word):
            return word
        case Order(left=left, right=right):
            return (left, right)
        case Reaches(base=base, index=index):
            return (base, index)
        case _:
            assert_never(condition)


def cuts_of(condition: Condition) -> tuple[bool, tuple[int, ...]]:
    """Whether it holds for the lowest values, and those values from which on it changes."""
    match condition:
        case Member(word, bounds):
            inside = bounds[0] == 0
            cuts = bounds[1:] if inside else bounds
            return inside, cuts[:-1] if cuts and cuts[-1] > word.most else cuts
        case Order(outcomes=outcomes):
            changes = (n for n in (0, 1) if (n in outcomes) != (n - 1 in outcomes))
            return _LESS in outcomes, tuple(changes)
        case Reaches(end=end):
            return False, (end,)
        case _:
            assert_never(condition)


def place_of(variable: Variable) -> tuple[int, int]:
    """Captured lengths first, then fields by their offset, then all else as it was met."""
    match variable:
        case (str(), _):
            return (0, 0)
        case Bytes(index=None, offset=offset):
            return (1, offset)
        case _:
            return (2, 0)
