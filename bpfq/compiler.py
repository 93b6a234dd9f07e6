"""The pipeline: a query enters at the top and leaves as an array of instructions.

    simplify   Query   -> Query      without the tests that others of its tests decide
    ways       Query   -> Graphs     how to decide, on this target
    cheapest   Graphs  -> Program    the best of their instructions

Every step is one call; ``watch(stage, value)`` sees what it made: "query" and "simplified"
(queries), "formula" and "sets" (formulas), "graph" (a Start), "pass" (a Change), "program".
"""

from __future__ import annotations

from bpfq.choice import Compiled, cheapest
from bpfq.graph.nodes import REJECT, Builder
from bpfq.graphs import Way, lowering, ways
from bpfq.isa.cbpf.check import check
from bpfq.opt.pipeline import Watch, optimise
from bpfq.query.nodes import Constant, Query
from bpfq.query.through import look_through
from bpfq.record import replace
from bpfq.settings import Settings
from bpfq.simplify.needed import may_interact


def compile_query(
    query: Query, settings: Settings, watch: Watch = lambda stage, value: None
) -> Compiled:
    """The program of a query.

    Raises UnsupportedError for what the target cannot see, FilterError for a filter that can
    match nothing, LimitError for a program larger than the target takes.
    """
    query, found = decided(query, settings, watch)
    compiled = cheapest(found, settings, watch)
    watch("program", compiled.words)
    limit = settings.target.limit
    if limit is not None and len(compiled.words) > limit:
        from bpfq.oversize import explain_limit

        count = len(compiled.words)
        raise explain_limit(query, count, settings.target, lambda part: _length(part, settings))
    check(compiled.words, limit=max(len(compiled.words), 1))
    return compiled


def decided(
    query: Query, settings: Settings, watch: Watch = lambda stage, value: None
) -> tuple[Query, tuple[Way, ...]]:
    """The query as it is decided, and the ways to do it, of which there is at least one."""
    written = look_through(query, settings.through)
    watch("query", written)
    query = simplified(written, settings)
    watch("simplified", query)
    found = ways(query, settings, watch)
    if not settings.allow_empty and any(is_empty(way, settings) for way in found):
        from bpfq.contradiction import explain_empty

        raise explain_empty(written, lambda part: _matches_nothing(part, settings), settings.where)
    if query is not written:  # a test can be worth more for what it decides than it costs
        watch("query", written)
        found += ways(written, settings, watch)
    return query, found


def _length(query: Query, settings: Settings) -> int:
    return len(cheapest(ways(query, settings), settings, lambda stage, made: None).words)


def simplified(query: Query, settings: Settings) -> Query:
    """The query as the rest sees it.  A strict program makes all loads, unless nothing matches."""
    if settings.level < 2 or settings.options.live_sets or not may_interact(query):
        return query
    from bpfq.simplify.driver import simplify

    made = simplify(query, lowering(settings, Builder(), share=True)).query
    return query if settings.strict and made != Constant(False) else made


def is_empty(way: Way, settings: Settings) -> bool:
    """No packet is accepted, as far as the level tells, and at level 0 the facts of level 1."""
    reduced = settings.level > 0 and not settings.strict
    graph = way.graph if reduced else optimise(way.graph, Builder(), 1)
    return graph is REJECT and way.is_sound()


def _matches_nothing(part: Query, settings: Settings) -> bool:
    plain = replace(settings, level=max(settings.level, 1), strict=False)
    return any(is_empty(way, plain) for way in ways(simplified(part, plain), plain))
