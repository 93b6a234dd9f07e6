"""Query -> graphs: the ways to decide a query that the back end chooses from.

    lower      Query   -> Formula    where the bytes are, on this target
    sets       Formula -> Formula    lists as tests of sets
    build      Formula -> Graph      how to decide
    optimise   Graph   -> Graph      the passes of the level

From level 2 on there may be several, and some have to be proved before they are used.
"""

from __future__ import annotations

from collections.abc import Callable

from bpfq.graph.build import build
from bpfq.graph.formula import Formula, both, size
from bpfq.graph.membership import written_out
from bpfq.graph.nodes import Builder, Node
from bpfq.graph.walk import topological
from bpfq.headers.linktype import captured_80211
from bpfq.headers.places import Headers
from bpfq.lower.context import Context
from bpfq.lower.lists import has_long_list
from bpfq.lower.lower import lower
from bpfq.opt.candidates import by_fields_where_worth, keeps_contract
from bpfq.opt.gates import order_branches, order_gates
from bpfq.opt.inrows import in_rows
from bpfq.opt.likely import order_values
from bpfq.opt.observed import Observed
from bpfq.opt.pipeline import Change, Start, Watch, optimise
from bpfq.opt.refusals import refusals_first
from bpfq.opt.sets import gather_sets
from bpfq.opt.tabulate import tabulate
from bpfq.query.nodes import Query
from bpfq.record import record
from bpfq.settings import Settings

_SIZES = ("size", "kernel-size")  # worth more executed instructions
_FEW = 100  # atoms; what level 1 makes of a longer filter is never the shorter program
_LONG = 500  # atoms; a longer list is not built one by one where sets take a quarter of them
_MANY = 2000  # tests of a long list, whose values no traffic tells apart
_SIMPLE = 2  # tests; so few stay as everybody writes them, "ip and udp" as ip first


@record(eq=False)
class Way:
    """One graph of a query.  formula: what it has to be proved against, None where it need not."""

    graph: Node
    formula: Formula | None = None

    def is_sound(self) -> bool:
        """It keeps the contract: made by steps that do, or decided now."""
        return self.formula is None or keeps_contract(self.formula, self.graph)


def decide(query: Query, settings: Settings) -> Node:
    """The optimised decision graph of a query, tests of large sets as searches."""
    return written_out(ways(query, settings)[0].graph, Builder())


def ways(
    query: Query, settings: Settings, watch: Watch = lambda stage, value: None
) -> tuple[Way, ...]:
    """The optimised graphs: as written, with lists as sets, by fields, with refusals first."""
    builder = Builder(keep_loads=settings.strict)
    sets = settings.level > 1 and not settings.strict
    long = sets and has_long_list(query)  # not worth building one by one
    formula = lowering(settings, builder, share=settings.level > 0, join=long)(query)
    watch("formula", formula)
    formulas = {"as written": formula}
    if sets:
        gathered = gather_sets(formula)
        listed = tabulate(gathered)
        if listed is not formula:
            watch("sets", listed)
            is_tree = listed is not gathered
            if long or (size(formula) > _LONG and (is_tree or _much_smaller(listed, formula))):
                formulas.clear()
            formulas["lists as sets"] = listed
    starts = [Start(how, build(one, builder)) for how, one in formulas.items()]
    found: dict[Node, Formula | None] = {}
    for start, one in zip(starts, formulas.values(), strict=True):
        watch("graph", start)
        if sets and size(one) <= _FEW:
            found[optimise(start.graph, builder, 1, watch)] = None
        best = optimise(start.graph, builder, settings.level, watch)
        found[best] = None
    if sets:
        other = by_fields_where_worth(one, starts[-1].graph, best, builder)
        if other is not None:
            watch("graph", Start("by fields", other))
            found.setdefault(optimise(other, builder, settings.level, watch), one)
        moved = refusals_first(one) if settings.optimise_for in _SIZES else one
        if moved is not one and size(one) <= _FEW:
            start = Start("refusals first", build(moved, builder))
            watch("graph", start)
            found.setdefault(optimise(start.graph, builder, settings.level, watch), None)
        for graph, proved in list(found.items()) if size(one) <= _LONG else ():
            made = in_rows(graph, builder)
            if made not in found:
                watch("pass", Change(in_rows, graph, made))
                found[made] = proved
    return tuple(Way(graph, formula) for graph, formula in found.items())


def reordered(graph: Node, settings: Settings, watch: Watch) -> tuple[Node, ...]:
    """Other graphs that decide the same on every packet and leave earlier on the usual ones."""
    if settings.level < 2 or settings.strict:
        return ()
    tests = len(topological(graph))
    if tests > _MANY or (not settings.asks_for_speed and tests <= _SIMPLE):
        return ()
    builder, observed = Builder(), Observed(settings.traffic)
    found: dict[Node, None] = {graph: None}
    made = graph
    orders = (order_values, order_gates, *((order_branches,) if settings.asks_for_speed else ()))
    for order in orders:
        before, made = made, order(made, builder, observed)
        if made is not before:
            watch("pass", Change(order, before, made))
            found[made] = None
    return tuple(found)[1:]


def _much_smaller(gathered: Formula, formula: Formula) -> bool:
    return size(gathered) * 4 < size(formula)


def formula_of(query: Query, settings: Settings, builder: Builder, *, share: bool) -> Formula:
    """What a query tests, and in which order."""
    return lowering(settings, builder, share=share)(query)


def lowering(
    settings: Settings, builder: Builder, *, share: bool, join: bool = False
) -> Callable[[Query], Formula]:
    """The formulas of queries, with terms in common.

    share: equal primitives are one formula.  join: long lists are tests of sets.
    """
    through = frozenset(settings.through)
    headers = Headers(builder, settings.target, settings.link, settings.savefile, through)
    context = Context(headers, settings.options, share=share, join=join)
    return lambda query: both(captured_80211(headers), lower(query, context))
