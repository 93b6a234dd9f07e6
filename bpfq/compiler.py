"""The pipeline: a query enters at the top and leaves as an array of instructions.

    lower      Query   -> Formula    where the bytes are, on this target
    build      Formula -> Graph      how to decide
    optimise   Graph   -> Graph      the passes of the level
    emit       Graph   -> Program    instructions, checked

Every step is one call; ``watch(stage, value)`` sees what it made.
"""

from __future__ import annotations

from collections.abc import Callable

from bpfq.backends.cbpf.emit import emit
from bpfq.errors import FilterError, LimitError, UnsupportedError
from bpfq.graph.build import build
from bpfq.graph.formula import both
from bpfq.graph.nodes import REJECT, Builder, Node
from bpfq.headers.places import Headers
from bpfq.headers.linktype import captured_80211
from bpfq.isa.cbpf.check import check
from bpfq.isa.cbpf.instructions import SockFilter
from bpfq.lower.context import Context, Options
from bpfq.lower.lower import lower
from bpfq.opt.pipeline import optimise
from bpfq.query.nodes import Query
from bpfq.query.through import look_through
from bpfq.record import record, replace
from bpfq.source import Suggestion, nearest
from bpfq.tables import linktypes
from bpfq.tables.linktypes import LinkType
from bpfq.targets import Target

DEFAULT_LEVEL = 1
LEVELS = (0, 1)

Watch = Callable[[str, object], None]


@record
class Settings:
    """What a filter is compiled for; ``bpfq.compile`` documents the fields."""

    target: Target
    link: LinkType
    snaplen: int = 262144
    level: int = DEFAULT_LEVEL
    savefile: str | None = None
    through: tuple[str, ...] = ()
    strict: bool = False
    allow_empty: bool = False
    options: Options = Options()

    @property
    def where(self) -> str:
        """The target or link type, as messages name it."""
        if self.target.layer == 3:
            return f"target '{self.target.name}'"
        return f"DLT_{self.link.name}"

    @property
    def accept(self) -> int:
        return self.snaplen if self.target.accept is None else self.target.accept


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
    query = look_through(query, settings.through)
    watch("query", query)
    graph = decide(query, settings, watch)
    if not settings.allow_empty and is_empty(graph, settings):
        from bpfq.contradiction import explain_empty

        raise explain_empty(query, lambda part: _matches_nothing(part, settings), settings.where)
    words = emit(graph, settings.accept, settings.level)
    watch("program", words)
    _check_limits(words, settings.target)
    return Compiled(words, graph)


def decide(query: Query, settings: Settings, watch: Watch = lambda stage, value: None) -> Node:
    """The optimised decision graph of a query."""
    builder = Builder(keep_loads=settings.strict)
    headers = Headers(
        builder, settings.target, settings.link, settings.savefile, frozenset(settings.through)
    )
    context = Context(headers, settings.options, share=settings.level > 0)
    formula = both(captured_80211(headers), lower(query, context))
    watch("formula", formula)
    graph = build(formula, builder)
    watch("graph", graph)
    graph = optimise(graph, builder, settings.level)
    watch("optimised", graph)
    return graph


def is_empty(graph: Node, settings: Settings) -> bool:
    """No packet is accepted, as far as the facts of level 1 tell."""
    if settings.level > 0 and not settings.strict:
        return graph is REJECT
    return optimise(graph, Builder(), 1) is REJECT


def _matches_nothing(part: Query, settings: Settings) -> bool:
    return decide(part, replace(settings, level=1, strict=False)) is REJECT


def _check_limits(words: tuple[SockFilter, ...], target: Target) -> None:
    if target.limit is not None and len(words) > target.limit:
        raise LimitError(f"{len(words)} instructions, target '{target.name}' takes {target.limit}")
    check(words, limit=max(len(words), 1))


def link_type(link: str | int) -> LinkType:
    """The link type of a DLT name (with or without "DLT_") or number.

    Raises FilterError that names the nearest known one.
    """
    if isinstance(link, int) or link.isdecimal():
        found = linktypes.by_number().get(int(link))
    else:
        found = linktypes.link_types().get(link.upper().removeprefix("DLT_"))
    if found is None:
        close = nearest(str(link).upper(), linktypes.link_types())
        raise FilterError(
            f"unknown link type '{link}'; bpfq -L lists them",
            suggestions=(Suggestion(f"-y {close}"),) if close else (),
        )
    return found


def target_link(target: Target, link: str | int, family: int | None) -> LinkType:
    """The link type a target sees: its own, narrowed by the family, or the one named."""
    if target.link is None:
        named = link_type(link)
        return link_type(f"IPV{family}") if named.name == "RAW" and family else named
    if target.link == "COOKED":
        return linktypes.COOKED
    name = target.link
    if name == "RAW" and family is not None:
        name = f"IPV{family}"
    elif family is not None and name != f"IPV{family}":
        raise UnsupportedError(f"target '{target.name}' carries {name} only, not IPv{family}")
    return link_type(name)
