"""A decision diagram as a proposition again, for a solver to decide over.

node over w: cuts (5, 9), children (p, q, p)    =>    w in {5 .. 8} ? q : p
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bpfq.symbolic.propositions import Decide, Member, Order, Proposition, Reaches
from bpfq.symbolic.variables import Variable

if TYPE_CHECKING:
    from bpfq.symbolic.diagram import Diagram

_FIRST, _BEYOND = -(1 << 40), 1 << 40


def decisions(
    diagram: Diagram, variables: Sequence[Variable], leaves: dict[Diagram, Proposition]
) -> Proposition:
    """The diagram with decisions only; variables by level, and what each leaf is."""
    made = dict(leaves)
    work = [diagram]
    while work:
        current = work[-1]
        waiting = [child for child in dict.fromkeys(current.children) if child not in made]
        if waiting:
            work += waiting
            continue
        work.pop()
        if current not in made:
            made[current] = _of_node(current, variables[current.level], made)
    return made[diagram]


def _of_node(node: Diagram, variable: Variable, made: dict[Diagram, Proposition]) -> Proposition:
    by_child: dict[Diagram, list[tuple[int, int]]] = {}
    edges = (_FIRST, *node.cuts, _BEYOND)
    for first, end, child in zip(edges, edges[1:], node.children, strict=False):
        by_child.setdefault(child, []).append((first, end))
    *others, last = sorted(by_child, key=lambda child: -len(by_child[child]))[::-1]
    result = made[last]
    for child in others:
        result = _where(variable, by_child[child], made[child], result)
    return result


def _where(
    variable: Variable,
    pieces: list[tuple[int, int]],
    then: Proposition,
    otherwise: Proposition,
) -> Proposition:
    """``then`` where the variable's value is in one of the pieces."""
    if not isinstance(variable, tuple):
        bounds = tuple(edge for first, end in pieces for edge in (max(first, 0), end))
        bounds = (*bounds[:-1], min(bounds[-1], variable.most + 1))
        return Decide(Member(variable, bounds), then, otherwise)
    first_part, second = variable
    if not isinstance(first_part, str):
        assert second is not None
        outcomes = frozenset(
            value for first, end in pieces for value in (-1, 0, 1) if first <= value < end
        )
        return Decide(Order(first_part, second, outcomes), then, otherwise)
    for first, end in pieces:
        below: Proposition = then
        if end != _BEYOND:
            below = Decide(Reaches(first_part, second, end), otherwise, then)
        if first != _FIRST:
            below = Decide(Reaches(first_part, second, first), below, otherwise)
        otherwise = below
    return otherwise
