"""What each test of a graph asks, in words, from what is known where it stands.

    1: [20] = 6          behind [12:2] = 0x86dd: tcp
    2: [x+14:2] = 80     behind that: src port 80

Worlds flow along the edges: each says what the types and protocols of the packets can be.  Where
worlds that meet read a test differently, all their words are told.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from bpfq.analysis.decisions.landmarks import Header, Landmarks, Window, World, window_of
from bpfq.analysis.decisions.resolving import Resolved, Resolver, Taken
from bpfq.analysis.decisions.saying import say, say_metadata, say_parts, say_set
from bpfq.analysis.decisions.worlds import Comparison, joined, learnt
from bpfq.graph.nodes import Node, Test
from bpfq.graph.terms import Constant, Members, Metadata
from bpfq.operators import Relation
from bpfq.record import record

_MOST_WORLDS: Final = 8
_MOST_WORDS: Final = 3  # different readings of one test
_ANY: Final[World] = {}


def meanings(order: Sequence[Test], root: Node, marks: Landmarks) -> dict[Test, str]:
    """The words of the tests, "" where they have none.

    order: tests, each before all that it leads to; the ones of a graph, or the first of them.
    """
    reader = Reader(marks, Resolver(marks))
    worlds: dict[Node, list[World]] = {root: [_ANY]}
    never: dict[Node, list[World]] = {}  # of tests that no packet reaches, as if one did
    found: dict[Test, str] = {}
    for test in order:
        arriving = worlds.pop(test, None)
        words: list[str] = []
        for world in arriving or never.pop(test, [_ANY]):
            for way in reader.ways(test, world):
                words.append(way.words)
                for exit, (behind, possible) in ((test.yes, way.yes), (test.no, way.no)):
                    reached = worlds if arriving and possible else never
                    _arrive(reached.setdefault(exit, []), behind, reader)
        distinct = list(dict.fromkeys(words))
        told = all(distinct) and len(distinct) <= _MOST_WORDS
        found[test] = " / ".join(distinct) if told else ""
    return found


def _arrive(known: list[World], world: World, reader: Reader) -> None:
    """Worlds that agree on the types are joined."""
    types = reader.types(world)
    for number, other in enumerate(known):
        if reader.types(other) == types:
            known[number] = joined(other, world)
            return
    known.append(world)
    if len(known) > _MOST_WORLDS:
        known[:] = [_ANY]


@record
class Way:
    """One reading of a test.

    yes, no: the worlds behind its exits, and whether packets get there.
    """

    words: str
    yes: tuple[World, bool]
    no: tuple[World, bool]


@record(eq=False)
class Reader:
    """Reads tests in worlds."""

    marks: Landmarks
    resolver: Resolver

    def types(self, world: World) -> list[tuple[Window, frozenset[int]]]:
        return [(key, values) for key, values in world.items() if self.marks.is_type(key)]

    def ways(self, test: Test, world: World) -> Iterator[Way]:
        """The readings of a test; several where its term depends on what is not known."""
        term, operand = self.resolver.own(test.term), self.resolver.own(test.operand)
        if isinstance(operand, Members):
            yield from (self._set(made, operand) for made in self.resolver.resolved(term, world))
            return
        if not isinstance(operand, Constant):
            yield Way("", (world, True), (world, True))
            return
        window = window_of(term)
        asked = None if window is None else Comparison(window, test.relation, operand.value)
        words = "" if asked is None else self._words(asked, world, {})
        if asked is not None and words:
            yield self._exits(words, asked, world)
            return
        for made in self.resolver.resolved(term, world):
            yield self._way(made, test.relation, operand.value)

    def _way(self, made: Resolved, relation: Relation, value: int) -> Way:
        world = made.world
        if isinstance(made.term, Constant):
            holds = relation.holds(made.term.value, value)
            return Way("", (world, holds), (world, not holds))
        window = window_of(made.term)
        if window is None:
            return Way("", (world, True), (world, True))
        asked = Comparison(window, relation, value)
        return self._exits(self._words(asked, world, made.taken), asked, world)

    def _exits(self, words: str, asked: Comparison, world: World) -> Way:
        yes, no = (learnt(world, asked, holds, self.marks.keys) for holds in (True, False))
        return Way(words, yes, no)

    def _words(self, asked: Comparison, world: World, taken: Taken) -> str:
        window = asked.window
        if asked.relation is Relation.EQ:
            named = self.marks.ethertype(window, asked.value)
            if named:
                return named
            world, _ = learnt(world, asked, True, self.marks.keys)
        if isinstance(window.base, Metadata):
            return say_metadata(window.base.name, asked)
        behind = self._behind(window, world, taken)
        parts = say_parts(self.marks, behind, asked) if asked.relation is Relation.EQ else ()
        if parts:
            return ", ".join(parts)
        return _one({say(one, asked) for one in _innermost(behind, window)})

    def _set(self, made: Resolved, members: Members) -> Way:
        """The reading of a test of a large set."""
        window, count = window_of(made.term), len(members.bounds) // 2
        words = ""
        if window is not None:
            behind = _innermost(self._behind(window, made.world, made.taken), window)
            words = _one({say_set(one, window, count) for one in behind})
        return Way(words, (made.world, True), (made.world, True))

    def _behind(self, window: Window, world: World, taken: Taken) -> list[Header]:
        """The headers that start before the end of a window."""
        headers = (self.resolver.where(one, taken) for one in self.marks.headers_in(world))
        end = window.at + window.size
        return [one for one in headers if one.base is window.base and one.at < end]


def _innermost(headers: list[Header], window: Window) -> list[Header]:
    """Of those that start before a window, or with it, the last ones."""
    at = max((one.at for one in headers if one.at <= window.at), default=-1)
    return [one for one in headers if one.at == at]


def _one(words: set[str]) -> str:
    """What all say, "" where they differ."""
    return words.pop() if len(words) == 1 else ""
