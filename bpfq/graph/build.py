"""Formula -> Graph, from the exits backwards: every formula is built knowing where it goes.

    build(a and b, yes, no) = build(a, build(b, yes, no), no)
    build(a or b, yes, no)  = build(a, yes, build(b, yes, no))

This is the classic scheme of true and false lists with the lists already resolved: since nodes are
immutable, an exit must exist before the test that leads to it.  No recursion.
"""

from __future__ import annotations

from typing import assert_never

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
)
from bpfq.graph.membership import switch
from bpfq.graph.nodes import ACCEPT, REJECT, Builder, Node
from bpfq.graph.search import members
from bpfq.graph.terms import Members, Term
from bpfq.record import field, record


def build(formula: Formula, builder: Builder) -> Node:
    """The graph that accepts exactly where the formula holds."""
    return build_between(formula, ACCEPT, REJECT, builder)


def build_between(formula: Formula, yes: Node, no: Node, builder: Builder) -> Node:
    """The entry of the graph that leaves to ``yes`` where the formula holds, else to ``no``."""
    result: Node = yes  # the entry of the formula finished last
    work: list[_Step] = [_Step(formula, yes, no)]
    while work:
        step = work.pop()
        yes, no = step.yes, step.no
        match step.formula:
            case Atom(term, relation, operand):
                result = builder.test(term, relation, operand, yes, no)
            case Within(term, bounds):
                result = members(builder, term, bounds, largest(term), yes, no)
            case Fixed(value):
                result = yes if value else no
            case Negation(inner):
                work.append(_Step(inner, no, yes))
            case All(operands) | Any(operands):
                result = _next_operand(step, operands, result, work)
            case Switch():
                result = _next_exit(step, step.formula, result, work, builder)
            case Cases():
                _next_case(step, step.formula, result, work)
            case _:
                assert_never(step.formula)
    return result


@record(frozen=False)
class _Step:
    """A formula on its way: its exits, how many operands are left, and branches already built."""

    formula: Formula
    yes: Node
    no: Node
    left: int | None = None
    taken: Node | None = None
    exits: list[Node] = field(default_factory=list)


def _next_operand(
    step: _Step, operands: tuple[Formula, ...], result: Node, work: list[_Step]
) -> Node:
    """Build the operands from the last to the first, each leading to the one after it."""
    conjunction = isinstance(step.formula, All)
    if step.left is None:
        step.left = len(operands)
        result = step.yes if conjunction else step.no
    if step.left:
        step.left -= 1
        work.append(step)
        exits = (result, step.no) if conjunction else (step.yes, result)
        work.append(_Step(operands[step.left], *exits))
    return result


def _next_exit(
    step: _Step, formula: Switch, result: Node, work: list[_Step], builder: Builder
) -> Node:
    """Build the cases one after the other, then the search that leads to them."""
    if step.left is None:
        step.left = len(formula.cases)
    else:
        step.exits.append(result)
    if step.left:
        step.left -= 1
        work += [step, _Step(formula.cases[len(step.exits)][1], step.yes, step.no)]
        return result
    pieces = sorted(
        (first, end, number)
        for number, (bounds, _) in enumerate(formula.cases)
        for first, end in zip(bounds[::2], bounds[1::2], strict=True)
    )
    members = Members(
        tuple(edge for first, end, _ in pieces for edge in (first, end)), largest(formula.term)
    )
    exits = [step.exits[number] for _, _, number in pieces]
    return switch(builder, formula.term, members, exits, step.no)


def _next_case(step: _Step, formula: Cases, result: Node, work: list[_Step]) -> None:
    """Build ``then``, then ``otherwise``, then the condition that leads to the two."""
    if step.left is None:
        step.left = 1
        work += [step, _Step(formula.then, step.yes, step.no)]
    elif step.taken is None:
        step.taken = result
        work += [step, _Step(formula.otherwise, step.yes, step.no)]
    else:
        work.append(_Step(formula.condition, step.taken, result))


def choose(formula: Formula, then: Term, otherwise: Term, builder: Builder) -> Term:
    """The term that is ``then`` where the formula holds, else ``otherwise``."""
    match formula:
        case Atom(term, relation, operand):
            return builder.choose(relation, term, operand, then, otherwise)
        case Within() | Switch():
            raise AssertionError("sets are made of whole filters only")
        case Fixed(value):
            return then if value else otherwise
        case Negation(inner):
            return choose(inner, otherwise, then, builder)
        case All(operands):
            for part in reversed(operands):
                then = choose(part, then, otherwise, builder)
            return then
        case Any(operands):
            for part in reversed(operands):
                otherwise = choose(part, then, otherwise, builder)
            return otherwise
        case Cases(condition, first, second):
            taken = choose(first, then, otherwise, builder)
            left = choose(second, then, otherwise, builder)
            return choose(condition, taken, left, builder)
        case _:
            assert_never(formula)
