"""Which graph of a query becomes which program.

    graphs, each as the passes leave it  ->  programs  ->  the one that the objective prefers,
    its conditions in the order that is the quickest on the traffic

An order that makes a program longer is no candidate, but where the traffic is known or speed is
asked for.
"""

from __future__ import annotations

from bpfq.backends.cbpf.cost import Cost, cost
from bpfq.backends.cbpf.emit import fitted, programs
from bpfq.backends.cbpf.objective import LEAVES, Limits, figures, limits, quickest
from bpfq.graph.nodes import Node
from bpfq.graphs import Way, reordered
from bpfq.isa.cbpf.instructions import SockFilter
from bpfq.opt.pipeline import Watch
from bpfq.record import field, record
from bpfq.settings import Settings


@record
class Compiled:
    words: tuple[SockFilter, ...]
    graph: Node


@record
class _Candidate:
    """A program of a graph; way: what the graph comes from."""

    words: tuple[SockFilter, ...]
    graph: Node
    way: Way
    cost: Cost


def cheapest(found: tuple[Way, ...], settings: Settings, watch: Watch) -> Compiled:
    """The best of the programs of sound graphs; the first graph is always sound."""
    if settings.level < 2:
        shortest = min(programs(found[0].graph, settings.accept, settings.level), key=len)
        return Compiled(shortest, found[0].graph)
    choice = _Choice(settings, watch)
    left = [each for way in found for each in choice.candidates(way, way.graph)]
    if settings.asks_for_speed:
        left += [each for way in found for each in choice.reordered(way)]
    most = settings.target.limit
    if most is not None and all(len(each.words) > most for each in left):
        left += [each for way in found for each in choice.denser(way, most)]
    while True:
        fitting = [each for each in left if most is None or len(each.words) <= most]
        if fitting:
            chosen = choice.preferred(fitting)
        else:
            chosen = min(left, key=lambda each: len(each.words))
        if chosen.way.is_sound():
            return Compiled(chosen.words, chosen.graph)
        left = [each for each in left if each.way is not chosen.way]


@record(eq=False, frozen=False)
class _Choice:
    """Among the programs of one query."""

    settings: Settings
    watch: Watch
    _reordered: dict[Way, list[_Candidate]] = field(default_factory=dict)

    def candidates(self, way: Way, graph: Node) -> list[_Candidate]:
        """The programs of a graph that was made from the way's."""
        settings = self.settings
        leaf = LEAVES[settings.optimise_for]
        made = dict.fromkeys(programs(graph, settings.accept, settings.level, leaf))
        return [_Candidate(words, graph, way, cost(words, settings.traffic)) for words in made]

    def denser(self, way: Way, most: int) -> list[_Candidate]:
        """The program of a way with rows as long as it needs to fit, if it does then."""
        settings = self.settings
        words = fitted(way.graph, settings.accept, settings.level, most)
        if words is None:
            return []
        return [_Candidate(words, way.graph, way, cost(words, settings.traffic))]

    def reordered(self, way: Way) -> list[_Candidate]:
        """The programs of a way whose tests stand in another order."""
        if way not in self._reordered:
            graphs = reordered(way.graph, self.settings, self.watch)
            found = [each for graph in graphs for each in self.candidates(way, graph)]
            self._reordered[way] = found
        return self._reordered[way]

    def preferred(self, candidates: list[_Candidate]) -> _Candidate:
        """The first candidate that is quick enough in some order."""
        known = self.settings.profile is not None
        limit = limits([each.cost for each in candidates], self.settings.optimise_for, known)
        ranked = sorted(candidates, key=self._figures)
        if self.settings.asks_for_speed:
            return next(each for each in ranked if limit.allow(each.cost))
        return next(found for each in ranked if (found := self._in_order(each, limit)))

    def _in_order(self, one: _Candidate, limit: Limits) -> _Candidate | None:
        """The best order of the tests that makes no longer program, if any is in the limits."""
        shorter = [each for each in self.reordered(one.way) if len(each.words) <= len(one.words)]
        allowed = [each for each in (one, *shorter) if limit.allow(each.cost)]
        if not allowed:
            return None
        quick = quickest([each.cost for each in allowed], self.settings.optimise_for)
        return min((each for each in allowed if quick.allow(each.cost)), key=self._figures)

    def _figures(self, one: _Candidate) -> tuple[int, ...]:
        return figures(one.cost, self.settings.optimise_for)
