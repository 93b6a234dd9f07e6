"""The pipeline: a query enters at the top and leaves as an array of instructions.

    simplify   Query   -> Query      without the tests that others of its tests decide
    lower      Query   -> Formula    where the bytes are, on this target
    build      Formula -> Graph      how to decide
    optimise   Graph   -> Graph      the passes of the level
    emit       Graph   -> Program    instructions, checked

Every step is one call; ``watch(stage, value)`` sees what it made.
"""

from __future__ import annotations

from collections.abc import Callable

from bpfq.backends.cbpf.emit import emit
from bpfq.errors import LimitError
from bpfq.graph.build import build
from bpfq.graph.formula import Formula, both
from bpfq.graph.nodes import REJECT, Builder, Node
from bpfq.headers.linktype import captured_80211
from bpfq.headers.places import Headers
from bpfq.isa.cbpf.check import check
from bpfq.isa.cbpf.instructions import SockFilter
from bpfq.lower.context import Context
from bpfq.lower.lower import lower
from bpfq.opt.pipeline import optimise
from bpfq.query.nodes import Constant, Query
from bpfq.query.through import look_through
from bpfq.record import record, replace
from bpfq.settings import Settings
from bpfq.simplify.needed import may_interact
from bpfq.targets import Target

Watch = Callable[[str, object], None]


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
    graph = decide(query, settings, watch)
    if not settings.allow_empty and is_empty(graph, settings):
        from bpfq.contradiction import explain_empty

        raise explain_empty(written, lambda part: _matches_nothing(part, settings), settings.where)
    # a test can be worth more for what it decides in passing than it costs
    graphs = (graph,) if query is written else (graph, decide(written, settings))
    programs = (Compiled(emit(one, settings.accept, settings.level), one) for one in graphs)
    compiled = min(programs, key=lambda one: len(one.words))
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


def decide(query: Query, settings: Settings, watch: Watch = lambda stage, value: None) -> Node:
    """The optimised decision graph of a query."""
    builder = Builder(keep_loads=settings.strict)
    formula = formula_of(query, settings, builder, share=settings.level > 0)
    watch("formula", formula)
    graph = build(formula, builder)
    watch("graph", graph)
    graph = optimise(graph, builder, settings.level)
    watch("optimised", graph)
    return graph


def formula_of(query: Query, settings: Settings, builder: Builder, *, share: bool) -> Formula:
    """What a query tests, and in which order."""
    return lowering(settings, builder, share=share)(query)


def lowering(settings: Settings, builder: Builder, *, share: bool) -> Callable[[Query], Formula]:
    """The formulas of queries, with terms in common.  share: equal primitives are one formula."""
    through = frozenset(settings.through)
    headers = Headers(builder, settings.target, settings.link, settings.savefile, through)
    context = Context(headers, settings.options, share=share)
    return lambda query: both(captured_80211(headers), lower(query, context))


def is_empty(graph: Node, settings: Settings) -> bool:
    """No packet is accepted, as far as the level tells, and at level 0 the facts of level 1."""
    reduced = settings.level > 0 and not settings.strict
    return (graph if reduced else optimise(graph, Builder(), 1)) is REJECT


def _matches_nothing(part: Query, settings: Settings) -> bool:
    plain = replace(settings, level=max(settings.level, 1), strict=False)
    return decide(simplified(part, plain), plain) is REJECT


def _check_limits(words: tuple[SockFilter, ...], target: Target) -> None:
    if target.limit is not None and len(words) > target.limit:
        raise LimitError(f"{len(words)} instructions, target '{target.name}' takes {target.limit}")
    check(words, limit=max(len(words), 1))
