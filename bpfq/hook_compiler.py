"""The pipeline for the hooks of the kernel: the same ways to decide, written as eBPF.

    decided    Query   -> Graphs     as for classic programs; with loops, with sets that may change
    cheapest   Graphs  -> Emitted    the best of their eBPF programs
"""

from __future__ import annotations

from bpfq.choice import Compiled, cheapest
from bpfq.compiler import decided
from bpfq.ebpf.choice import Emitted, Hooked
from bpfq.ebpf.choice import cheapest as cheapest_emitted
from bpfq.graphs import Way, ways
from bpfq.opt.pipeline import Watch
from bpfq.query.nodes import ProtocolChain, Query
from bpfq.query.sets import names_sets
from bpfq.query.walk import leaves
from bpfq.record import replace
from bpfq.settings import Settings


def compile_hooked(
    query: Query,
    settings: Settings,
    hooked: Hooked,
    watch: Watch = lambda stage, value: None,
) -> tuple[Compiled, Emitted]:
    """The eBPF program of a query for the hook of its target, and the classic one that is like it.

    Raises as ``compile_query`` does.
    """
    live = hooked.maps and names_sets(query)
    now = replace(settings, allow_empty=True) if live else settings  # more may come into a set
    plain, found = decided(query, now, watch)
    plainly = replace(settings, level=min(settings.level, 1))  # of a long list one program will do
    compiled = cheapest(found, plainly if live else settings, watch)
    if live:
        return compiled, compile_emitted(query, with_live_sets(settings), hooked, watch)
    return compiled, _emitted(plain, found, settings, hooked)


def compile_emitted(
    query: Query,
    settings: Settings,
    hooked: Hooked,
    watch: Watch = lambda stage, value: None,
) -> Emitted:
    """The eBPF program alone, as one of many filters needs it; raises as ``compile_query`` does."""
    plain, found = decided(query, settings, watch)
    return _emitted(plain, found, settings, hooked)


def _emitted(query: Query, found: tuple[Way, ...], settings: Settings, hooked: Hooked) -> Emitted:
    """The best program of a query as it is decided, with loops where they are better."""
    looped: tuple[Way, ...] = ()
    if settings.level > 0 and any(isinstance(leaf, ProtocolChain) for leaf in leaves(query)):
        with_loops = replace(settings.options, loops=True)
        looped = ways(query, replace(settings, options=with_loops))
    return cheapest_emitted((*found, *looped), settings, hooked)


def with_live_sets(settings: Settings) -> Settings:
    """The settings of a program whose named sets may change while it runs."""
    return replace(settings, options=replace(settings.options, live_sets=True))
