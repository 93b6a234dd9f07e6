"""Queries that may be what a program says, for a proof to decide.

program  ->  what it accepts  ->  literals  ->  expressions
             (space)              (candidates)  (search, tidy)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bpfq.analysis.decompile import candidates
from bpfq.analysis.decompile.fields import in_fields
from bpfq.analysis.decompile.literals import Expression, Literal, opposite
from bpfq.analysis.decompile.order import arrangements
from bpfq.analysis.decompile.search import Search, Stuck
from bpfq.analysis.decompile.space import Exhausted, Samples, Space, conditions
from bpfq.analysis.decompile.text import text_cost
from bpfq.analysis.decompile.tidy import Tidy
from bpfq.errors import FilterError
from bpfq.query.nodes import Query, Under
from bpfq.symbolic.diagram import Diagram
from bpfq.symbolic.propositions import Condition, Proposition

_MOST_LITERALS = 3000
_BYTES = 4  # what indexed bytes cost beyond their text: a reader has to know the header


def expressions(program: Proposition, space: Space, *, ipv6: bool) -> Iterator[Expression]:
    """Expressions that say what the program says, wherever nothing is cut off.

    They differ in the order of their parts, and in whether they look behind encapsulations, which
    text can do in one order only.  ipv6: see in_fields.  Raises TooLarge or Exhausted.
    """
    every: list[Under] = [()]
    while True:
        program = in_fields(program, every, space, ipv6=ipv6)
        accepted = space.of(program)
        tests = candidates.tests_of(program, accepted, space)
        before, every = every, candidates.positions(space, tests)
        if len(every) <= len(before):
            break
    most = space.either(accepted, space.opposite(space.taken_for_granted()))
    for unders in [every] if len(every) == 1 else [every, every[:1]]:
        chosen = _literals(space, tests, unders, every_byte=False)
        try:
            found = Search(space, chosen, Samples(space), may_leave=False).solve(accepted, most)
        except Stuck:
            chosen = _literals(space, tests, unders, every_byte=True)
            found = Search(space, chosen, Samples(space)).solve(accepted, most)
        by_cost = tuple(sorted(chosen, key=lambda p: (p.cost, p.place)))
        yield from arrangements(Tidy(space, by_cost).tidied(found, accepted, most))


def _literals(
    space: Space, tests: candidates.Tests, unders: Iterable[Under], *, every_byte: bool
) -> tuple[Literal, ...]:
    """One for each set of packets, the shortest, and their opposites.

    every_byte: bytes are compared even where primitives compare them as well.
    """
    places = {condition: n for n, condition in enumerate(tests.own)}
    found: dict[Diagram, Literal] = {}
    for under in unders:
        ways = candidates.headers(space, tests, under)
        queries = [(query, True) for query in candidates.primitives(space, tests, under)]
        compared = candidates.compared(tests, ways, every_byte=every_byte)
        queries += [(query, False) for query in compared]
        for query, plain in queries:
            made = _literal(query, plain, space, places)
            if made is None:
                continue
            known = found.get(made.diagram)
            if known is None or made.cost < known.cost:
                found[made.diagram] = made
            if len(found) > _MOST_LITERALS:
                raise Exhausted
    both = (*found.values(), *(opposite(p, space) for p in found.values()))
    return tuple(p for p in both if isinstance(p, Literal))


def _literal(
    query: Query, plain: bool, space: Space, places: dict[Condition, int]
) -> Literal | None:
    proposition = space.proposition(query)
    if proposition is None:
        return None
    diagram = space.of(proposition)
    if diagram is space.all or diagram is space.none:
        return None
    tested = tuple(places[one] for one in conditions(proposition) if one in places)
    try:
        cost = text_cost(query) + (0 if plain else _BYTES)
    except FilterError:
        return None  # pcap text has no word for it
    return Literal(query, diagram, cost, tested, plain)
