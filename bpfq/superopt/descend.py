"""Best first over programs that are right for all cases, by moves, from several starts.

A program on the way may be a little worse than the best, and need not be proved; one that is better
than the best is, before it counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heappop, heappush

from bpfq.record import field, record
from bpfq.superopt.budget import Part
from bpfq.superopt.flow import Flow
from bpfq.superopt.moves import by_index, redirected
from bpfq.superopt.progress import Progress
from bpfq.superopt.traffic import Traffic


@record(frozen=False)
class Descent:
    """The programs that were looked at, and those whose neighbours are still to be.

    Those wait by figure, in the order they came, with how many cases they are right for.
    """

    progress: Progress
    _seen: set[Flow] = field(default_factory=set)
    _waiting: list[tuple[int, int, int, Flow]] = field(default_factory=list)

    def run(self, flows: Iterable[Flow], candidates: int) -> None:
        """Go on from these programs too, until so many candidates were tried."""
        progress = self.progress
        part = Part(progress.budget, candidates)
        self._offer((flow for flow in flows if part.spend()), right_for=0)
        while self._waiting and not part.is_spent:
            figure, _, known, flow = heappop(self._waiting)
            if not self._is_near(figure) or not progress.is_right(flow, known):
                continue
            traffic = Traffic(flow, tuple(progress.cases))
            self._offer(by_index(traffic, part), right_for=0)
            self._offer(redirected(traffic, part), right_for=len(traffic.cases))

    def _offer(self, flows: Iterable[Flow], right_for: int) -> None:
        """right_for: so many cases, the first ones, are known to be answered as they should."""
        progress = self.progress
        for flow in flows:
            if not flow or flow in self._seen:
                continue
            figure = progress.goal.figure(flow)
            if not self._is_near(figure):
                continue
            self._seen.add(flow)
            if not progress.is_right(flow, right_for):
                continue
            if figure >= progress.figure or progress.improves(flow):
                known = len(progress.cases)
                heappush(self._waiting, (figure, len(self._seen), known, flow))

    def _is_near(self, figure: int) -> bool:
        return figure <= self.progress.goal.within_reach(self.progress.figure)
