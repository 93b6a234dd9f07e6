"""What a search knows so far: the best program, and the cases that wrong ones fail on."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from bpfq.record import field, record
from bpfq.superopt.budget import Budget
from bpfq.superopt.cases import Case
from bpfq.superopt.flow import Flow, size
from bpfq.superopt.goal import Bounds, Goal
from bpfq.superopt.judge import Judge
from bpfq.superopt.packets import beside

_MOST_LEARNT = 8  # packets, of a program that is wrong
_MOST_MADE = 200  # packets that are looked at for them


@record(frozen=False)
class Progress:
    """best: the best program that is known to be right, and its figure.

    cases: all say what is wanted.  bounds: what a better program may cost.  proved: how often one
    was found.  is_open: something shorter than the best may be right, too slow or not decided.
    """

    judge: Judge
    goal: Goal
    budget: Budget
    best: Flow
    figure: int
    cases: list[Case] = field(default_factory=list)
    bounds: Bounds = Bounds()
    proved: int = 0
    is_open: bool = False
    _asked: set[Flow] = field(default_factory=set)
    _order: list[int] = field(default_factory=list)  # what failed last is asked first

    @property
    def size(self) -> int:
        return size(self.best)

    def learn(self, cases: Iterable[Case]) -> None:
        """More cases; those where both answers are right tell nothing."""
        for case in cases:
            if case.wanted is not None:
                self._order.insert(0, len(self.cases))
                self.cases.append(case)

    def is_right(self, flow: Flow, known: int = 0) -> bool:
        """The program answers every case as it should; known: it does for the first so many."""
        if not flow:
            return False  # it decides without an instruction: a matter of the simplifier
        if known == len(self.cases):
            return True
        for place, number in enumerate(self._order):
            case = self.cases[number]
            if case.verdict(flow, len(flow) - 1) != case.wanted:
                del self._order[place]
                self._order.insert(0, number)
                return False
        return True

    def improves(self, flow: Flow) -> bool:
        """A program that is right for all cases is better and proved; it is the best now."""
        figure = self.goal.figure(flow)
        if self.budget.is_spent or flow in self._asked:
            return False
        if figure >= self.figure or not self.goal.is_within(flow, self.bounds):
            self.is_open |= size(flow) < self.size
            return False
        self.budget.proofs += 1
        self._asked.add(flow)
        ruling = self.judge.rule(flow, self.goal.words(flow))
        if ruling.verdict == "proved":
            self.best, self.figure = flow, figure
            self.proved += 1
            return True
        if ruling.verdict == "undecided" or not self._tells(flow, ruling.wrong):
            self.is_open = True
        return False

    def _tells(self, flow: Flow, wrong: Case | None) -> bool:
        """Learn packets that a wrong program gets wrong, near the one found or near known ones."""
        known = self.cases if wrong is None else [wrong]
        made = islice((near for case in known for near in beside(flow, case)), _MOST_MADE)
        found = [] if wrong is None else [wrong]
        for case in map(self.judge.judged, made):
            if len(found) >= _MOST_LEARNT:
                break
            if case.wanted not in (None, case.verdict(flow, len(flow) - 1)):
                found.append(case)
        self.learn(found)
        return bool(found)
