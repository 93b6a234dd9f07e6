"""What a query is put together from: literals, and joins of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias, assert_never

from bpfq.analysis.decompile.space import Space
from bpfq.query import build, nodes
from bpfq.query.nodes import Query, Under
from bpfq.query.walk import leaves, unders
from bpfq.record import record, replace
from bpfq.symbolic.diagram import Diagram

_NOT = 6  # what "not" costs: its four characters, and that a reader turns the test round
_JOIN = 5  # characters of " and "


@record(eq=False)
class Literal:
    """A primitive or a comparison, or its opposite.

    cost: of its text.  places: of its tests among those of the program.  plain: no comparison of
    bytes.
    """

    query: Query
    diagram: Diagram
    cost: int
    places: tuple[int, ...]
    plain: bool
    negative: bool = False

    @property
    def place(self) -> int:
        """Where the program has tested all of it."""
        return max(self.places, default=0)


@record(eq=False)
class Join:
    """All parts hold, or some; none at all is everything, or nothing."""

    conjunction: bool
    parts: tuple[Expression, ...]


@record(eq=False)
class Hole:
    """What no literal says: everything between two sets of packets would do."""

    least: Diagram
    most: Diagram
    number: int = 0


Expression: TypeAlias = Literal | Join | Hole


def opposite(expression: Expression, space: Space) -> Expression:
    match expression:
        case Literal(diagram=diagram, negative=negative):
            return replace(
                expression,
                diagram=space.opposite(diagram),
                negative=not negative,
                cost=expression.cost + (-_NOT if negative else _NOT),
            )
        case Join(conjunction, parts):
            return Join(not conjunction, tuple(opposite(part, space) for part in parts))
        case Hole(least, most):
            return Hole(space.opposite(most), space.opposite(least))
        case _:
            assert_never(expression)


def join(conjunction: bool, parts: Iterable[Expression]) -> Expression:
    """The parts joined; a join of the same kind among them is taken apart."""
    flat: list[Expression] = []
    for part in parts:
        if isinstance(part, Join) and part.conjunction is conjunction:
            flat += part.parts
        elif isinstance(part, Join) and not part.parts:
            return part  # nothing among conjuncts, everything among alternatives
        else:
            flat.append(part)
    return flat[0] if len(flat) == 1 else Join(conjunction, tuple(flat))


def cost(expression: Expression) -> int:
    match expression:
        case Literal():
            return expression.cost
        case Hole():
            return 1000
        case Join(parts=parts):  # not a and not b -> not (a or b)
            negative = sum(isinstance(part, Literal) and part.negative for part in parts)
            return 2 + sum(cost(part) + _JOIN for part in parts) - _NOT * max(negative - 1, 0)
        case _:
            assert_never(expression)


def diagram_of(expression: Expression, space: Space, *, widest: bool = False) -> Diagram:
    """The packets of an expression; holes have as few as they may have, or as many."""
    match expression:
        case Literal(diagram=diagram):
            return diagram
        case Hole(least, most):
            return most if widest else least
        case Join(conjunction, parts):
            made = space.all if conjunction else space.none
            for part in parts:
                below = diagram_of(part, space, widest=widest)
                made = space.both(made, below) if conjunction else space.either(made, below)
            return made
        case _:
            assert_never(expression)


def count(expression: Expression) -> int:
    """Literals and holes."""
    return sum(map(count, expression.parts)) if isinstance(expression, Join) else 1


# ---------------------------------------------------------------- as queries


def numbered(expression: Expression, first: int = 0) -> tuple[Expression, int]:
    """Holes with their numbers from left to right, and the number after the last."""
    match expression:
        case Hole():
            return replace(expression, number=first), first + 1
        case Join(conjunction, parts):
            made = []
            for part in parts:
                again, first = numbered(part, first)
                made.append(again)
            return Join(conjunction, tuple(made)), first
        case _:
            return expression, first


def under_of(query: Query) -> Under:
    """The position of a primitive: that of the read that is furthest in."""
    longest: Under = ()
    for leaf in leaves(query):
        for under in unders(leaf):
            longest = max(longest, under, key=len)
    return longest


def to_query(expression: Expression) -> Query:
    """The query; ``not a and not b`` is ``not (a or b)``.  A hole is a protocol ``<0>``."""
    match expression:
        case Literal(query):
            return build.negate(query) if expression.negative else query
        case Join(conjunction, parts):
            negative = [part for part in parts if isinstance(part, Literal) and part.negative]
            if len(negative) > 1:
                return _gathered(conjunction, parts, negative)
            made = [to_query(part) for part in parts]
            return build.all_of(*made) if conjunction else build.any_of(*made)
        case Hole(number=number):
            return nodes.Protocol(f"<{number}>")
        case _:
            assert_never(expression)


def _gathered(conjunction: bool, parts: tuple[Expression, ...], negative: list[Literal]) -> Query:
    """The negative parts together, where the first of them stood."""
    inner = [part.query for part in negative]
    refused = build.negate(build.any_of(*inner) if conjunction else build.all_of(*inner))
    made: list[Query] = []
    for part in parts:
        if part is negative[0]:
            made.append(refused)
        elif part not in negative:
            made.append(to_query(part))
    return build.all_of(*made) if conjunction else build.any_of(*made)
