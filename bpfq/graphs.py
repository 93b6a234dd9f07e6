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
from bpfq.opt.inrows import in_rows
from bpfq.opt.pipeline import Change, Start, Watch, optimise
from bpfq.opt.sets import gather_sets
from bpfq.opt.tabulate import tabulate
from bpfq.query.nodes import Query
from bpfq.record import field, record
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


def as_written(query: Query, settings: Settings, *, join: bool = False) -> Node:
    """The graph of a query, test by test; join: long lists and named sets are one test each."""
    builder = Builder(keep_loads=True)
    return written_out(
        build(formula_of(query, settings, builder, share=False, join=join), builder), builder
    )


def ways(
    query: Query, settings: Settings, watch: Watch = lambda stage, value: None
) -> tuple[Way, ...]:
    """The optimised graphs: as written, with lists as sets, by fields, with refusals first."""
    builder = Builder(keep_loads=settings.strict)
    if settings.level < 2 or settings.strict:
        formula = lowering(settings, builder, share=settings.level > 0)(query)
        watch("formula", formula)
        start = Start("as written", build(formula, builder))
        watch("graph", start)
        return (Way(optimise(start.graph, builder, settings.level, watch)),)
    found = _Ways(settings, builder, watch)
    last = None
    for how, formula in _formulas(query, settings, builder, watch).items():
        last = found.add(how, formula)
    assert last is not None
    if not settings.options.live_sets:  # what is in a set is not known to any proof
        found.add_by_fields(*last)
    if settings.optimise_for in _SIZES:
        found.add_refusals_first(last[0])
    if size(last[0]) <= _LONG:
        found.add_in_rows()
    return tuple(Way(graph, formula) for graph, formula in found.graphs.items())


def _formulas(
    query: Query, settings: Settings, builder: Builder, watch: Watch
) -> dict[str, Formula]:
    """The query by how it is read: as written, where it is not too long for that, and as sets."""
    long = has_long_list(query)  # not worth building one by one
    formula = lowering(settings, builder, share=True, join=long)(query)
    watch("formula", formula)
    gathered = gather_sets(formula)
    listed = tabulate(gathered)
    if listed is formula:
        return {"as written": formula}
    watch("sets", listed)
    is_tree = listed is not gathered
    if long or (size(formula) > _LONG and (is_tree or _much_smaller(listed, formula))):
        return {"lists as sets": listed}
    return {"as written": formula, "lists as sets": listed}


@record(eq=False)
class _Ways:
    """graphs: those found so far, with the formula that each has to be proved against, if any."""

    settings: Settings
    builder: Builder
    watch: Watch
    graphs: dict[Node, Formula | None] = field(default_factory=dict)

    def add(self, how: str, formula: Formula) -> tuple[Formula, Node, Node]:
        """A formula as it stands; with its graph before and after the passes."""
        plain = build(formula, self.builder)
        self.watch("graph", Start(how, plain))
        if size(formula) <= _FEW:
            self.graphs[optimise(plain, self.builder, 1, self.watch)] = None
        best = optimise(plain, self.builder, self.settings.level, self.watch)
        self.graphs[best] = None
        return formula, plain, best

    def add_by_fields(self, formula: Formula, plain: Node, best: Node) -> None:
        other = by_fields_where_worth(formula, plain, best, self.builder)
        if other is not None:
            self._add_other("by fields", other, formula)

    def add_refusals_first(self, formula: Formula) -> None:
        from bpfq.opt.refusals import refusals_first

        moved = refusals_first(formula)
        if moved is not formula and size(formula) <= _FEW:
            self._add_other("refusals first", build(moved, self.builder), None)

    def _add_other(self, how: str, graph: Node, proved: Formula | None) -> None:
        self.watch("graph", Start(how, graph))
        made = optimise(graph, self.builder, self.settings.level, self.watch)
        self.graphs.setdefault(made, proved)

    def add_in_rows(self) -> None:
        for graph, proved in list(self.graphs.items()):
            made = in_rows(graph, self.builder)
            if made not in self.graphs:
                self.watch("pass", Change(in_rows, graph, made))
                self.graphs[made] = proved


def reordered(graph: Node, settings: Settings, watch: Watch) -> tuple[Node, ...]:
    """Other graphs that decide the same on every packet and leave earlier on the usual ones."""
    if settings.level < 2 or settings.strict:
        return ()
    tests = len(topological(graph))
    if tests > _MANY or (not settings.asks_for_speed and tests <= _SIMPLE):
        return ()
    from bpfq.opt.gates import order_branches, order_gates
    from bpfq.opt.likely import order_values
    from bpfq.opt.observed import Observed

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


def formula_of(
    query: Query, settings: Settings, builder: Builder, *, share: bool, join: bool = False
) -> Formula:
    """What a query tests, and in which order."""
    return lowering(settings, builder, share=share, join=join)(query)


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
