"""The pipeline: a query enters at the top and leaves as an array of instructions.

    simplify   Query   -> Query      without the tests that others of its tests decide
    ways       Query   -> Graphs     how to decide, on this target
    emit       Graph   -> Program    instructions, checked

Every step is one call; ``watch(stage, value)`` sees what it made: "query" and "simplified"
(queries), "formula" and "sets" (formulas), "graph" (a Start), "pass" (a Change), "program".
"""

from __future__ import annotations

from bpfq.backends.cbpf.emit import Rows, programs
from bpfq.backends.cbpf.objective import LEAVES, best
from bpfq.errors import LimitError
from bpfq.graph.nodes import REJECT, Builder, Node
from bpfq.graphs import Way, lowering, ways
from bpfq.isa.cbpf.check import check
from bpfq.isa.cbpf.instructions import SockFilter
from bpfq.opt.pipeline import Watch, optimise
from bpfq.query.nodes import Constant, Query
from bpfq.query.through import look_through
from bpfq.record import record, replace
from bpfq.settings import Settings
from bpfq.simplify.needed import may_interact
from bpfq.targets import Target


@record
class Compiled:
    words: tuple[SockFilter, ...]
    graph: Node


def compile_query(
    query: Query, settings: Settings, watch: Watch = lambda stage, value: None
) -> Compiled:
    """The program of a query.

    Raises UnsupportedError for what the target cannot see, FilterError for a filter that can
    match nothing, LimitError for a program larger than the target takes.
    """
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
    compiled = cheapest(found, settings)
    watch("program", compiled.words)
    _check_limits(compiled.words, settings.target)
    return compiled


def simplified(query: Query, settings: Settings) -> Query:
    """The query as the rest sees it.  A strict program makes all loads, unless nothing matches."""
    if settings.level < 2 or not may_interact(query):
        return query
    from bpfq.simplify.driver import simplify

    made = simplify(query, lowering(settings, Builder(), share=True)).query
    return query if settings.strict and made != Constant(False) else made


def cheapest(found: tuple[Way, ...], settings: Settings) -> Compiled:
    """The best of the programs of sound graphs; the first graph is always sound."""
    made: dict[tuple[SockFilter, ...], Way] = {}
    limit = settings.target.limit
    rows = Rows(LEAVES[settings.objective], limit)
    for way in found:
        for words in programs(way.graph, settings.accept, settings.level, rows):
            made.setdefault(words, way)
    while True:
        fitting = [words for words in made if limit is None or len(words) <= limit]
        if fitting:
            words = best(fitting, settings.objective, settings.traffic)
        else:
            words = min(made, key=len)
        way = made.pop(words)
        if way.is_sound():
            return Compiled(words, way.graph)


def is_empty(way: Way, settings: Settings) -> bool:
    """No packet is accepted, as far as the level tells, and at level 0 the facts of level 1."""
    reduced = settings.level > 0 and not settings.strict
    graph = way.graph if reduced else optimise(way.graph, Builder(), 1)
    return graph is REJECT and way.is_sound()


def _matches_nothing(part: Query, settings: Settings) -> bool:
    plain = replace(settings, level=max(settings.level, 1), strict=False)
    return any(is_empty(way, plain) for way in ways(simplified(part, plain), plain))


def _check_limits(words: tuple[SockFilter, ...], target: Target) -> None:
    if target.limit is not None and len(words) > target.limit:
        raise LimitError(f"{len(words)} instructions, target '{target.name}' takes {target.limit}")
    check(words, limit=max(len(words), 1))
