"""How a filter became its program: every stage that changed something, as plain data.

query        tcp port 80 or tcp port 443
simplified   where the simplifier left something out
graph        its tests, as written, lists as sets, by fields, or refusals first
passes       each that changed the graph: which tests are gone, new, or lead elsewhere
program      instructions
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from bpfq.analysis.decisions.changes import same_tests
from bpfq.analysis.decisions.picture import Decision, Exit, Picture, numbered, sketches
from bpfq.compiler import compile_query
from bpfq.errors import FilterError
from bpfq.graph.nodes import Node
from bpfq.graph.walk import topological
from bpfq.isa.cbpf.instructions import SockFilter
from bpfq.opt.pipeline import Change, Start
from bpfq.query.nodes import Query
from bpfq.query.dsl_text import to_python
from bpfq.query.text import to_pcap
from bpfq.record import record
from bpfq.settings import Settings


@record
class Step:
    """One run of a pass.

    name: of the pass.  about: what it does, a sentence.  before: how many tests there were.
    after: the graph that it made; numbers are those of the graph before, new tests have new ones.
    new: the numbers that are new.  gone: the tests that are left out.
    led: tests that stayed and lead elsewhere now -> where their yes and no led before.
    started: where the graph before started.
    """

    name: str
    about: str
    before: int
    after: Picture
    new: frozenset[int]
    gone: tuple[Decision, ...]
    led: Mapping[int, tuple[Exit, Exit]]
    started: Exit


@record
class Stages:
    """query: as it was understood.  simplified: None where the simplifier left it as it was.

    made: how the graph came about: "as written", "lists as sets", "by fields", "refusals first".
    searched: what the search of level 3 came to, "" without one.
    """

    query: str
    simplified: str | None
    made: str
    graph: Picture
    steps: tuple[Step, ...]
    program: tuple[SockFilter, ...]
    searched: str = ""

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self, width: int = 80) -> list[str]:
        """The stages as text of so many columns."""
        from bpfq.analysis.drawing.story import story

        return list(story(self, width))


def stages(query: Query, settings: Settings) -> Stages:
    """The stages that led to the program; candidates that were not chosen are left out.

    Raises what compiling raises.
    """
    seen: list[tuple[str, object]] = []
    made = compile_query(query, settings, lambda stage, value: seen.append((stage, value)))
    start, changes, reduced = _history(seen, made.graph)
    drawn = sketches(query, settings)
    numbers = numbered(topological(start.graph))
    first = last = drawn.picture(start.graph, numbers)
    free, steps = len(numbers), []
    for change in changes:
        numbers, free = _numbers(change, numbers, free)
        after = drawn.picture(change.after, numbers)
        steps.append(_step(change, last, after))
        last = after
    text = filter_as_text(query)
    simplified = None if reduced is None else filter_as_text(reduced)
    return Stages(
        text, None if simplified == text else simplified, start.how, first, tuple(steps), made.words
    )


def filter_as_text(query: Query) -> str:
    """The filter as text, as Python where pcap's language has no words for it."""
    try:
        return to_pcap(query)
    except FilterError:
        return to_python(query)


def _history(
    seen: Sequence[tuple[str, object]], graph: Node
) -> tuple[Start, list[Change], Query | None]:
    """How a graph was made, and of which query, None where it is the one that was written."""
    changes: list[Change] = []
    for number in range(len(seen) - 1, -1, -1):
        value = seen[number][1]
        if isinstance(value, Change) and value.after is graph:
            changes.append(value)
            graph = value.before
        elif isinstance(value, Start) and value.graph is graph:
            return value, changes[::-1], _source(seen[:number])
    raise AssertionError("the watcher saw the start and the changes of every graph")


def _source(seen: Sequence[tuple[str, object]]) -> Query | None:
    """The query that was seen last, where it is a simplified one."""
    named = [one for one in seen if one[0] in ("query", "simplified")]
    written, (stage, last) = named[0][1], named[-1]
    if stage == "query" or last is written:
        return None
    return cast(Query, last)  # what that stage makes


def _numbers(change: Change, known: Mapping[Node, int], free: int) -> tuple[dict[Node, int], int]:
    """The numbers of the tests after a change, and the next one that is free."""
    after = topological(change.after)
    same = same_tests(topological(change.before), after)
    numbers: dict[Node, int] = {}
    for test in after:
        image = same.get(test)
        numbers[test] = free if image is None else known[image]
        free += image is None
    return numbers, free


def _step(change: Change, before: Picture, after: Picture) -> Step:
    old = {one.number: one for one in before.decisions}
    kept = {one.number for one in after.decisions}
    led = {
        one.number: (was.yes, was.no)
        for one in after.decisions
        if (was := old.get(one.number)) and (was.yes, was.no) != (one.yes, one.no)
    }
    return Step(
        change.by.__name__.replace("_", " "),
        (change.by.__doc__ or "").partition("\n")[0].replace("``", "`"),
        len(old),
        after,
        frozenset(kept - old.keys()),
        tuple(one for one in before.decisions if one.number not in kept),
        led,
        before.start,
    )
