"""The cases on their ways through one program: what each brings to every instruction.

A change at one place concerns the cases that come there only, and what happens to them behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from bpfq.record import field, record
from bpfq.superopt.cases import START, Case, Values, holds
from bpfq.superopt.flow import ACCEPT, Flow, is_jump

Arrival: TypeAlias = tuple[int, Values]  # the case by its number, and what it brings
Edge: TypeAlias = tuple[int, bool]  # a node and its outcome, True for one that is no jump


@record(frozen=False)
class Traffic:
    """arriving: by node.  leaving: by edge.  behind: bits of the nodes that a node leads to."""

    flow: Flow
    cases: Sequence[Case]
    arriving: list[list[Arrival]] = field(default_factory=list)
    leaving: dict[Edge, list[Arrival]] = field(default_factory=dict)
    behind: list[int] = field(default_factory=list)
    _right: dict[tuple[int, Arrival], bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for number, (code, _, yes, no) in enumerate(self.flow):
            self.arriving.append([])
            self.leaving[number, True] = []
            if is_jump(code):
                self.leaving[number, False] = []
            self.behind.append(self._reached(yes) | self._reached(no))
        self.arriving[-1] = [(number, START) for number in range(len(self.cases))]
        for at in range(len(self.flow) - 1, -1, -1):
            self._pass_on(at)

    def _reached(self, at: int) -> int:
        return self.behind[at] | 1 << at if at >= 0 else 0

    def _pass_on(self, at: int) -> None:
        code, k, yes, no = self.flow[at]
        for arrival in self.arriving[at]:
            number, values = arrival
            side = True
            if is_jump(code):
                side = holds(code, values[0], values[1], k)
            else:
                after = self.cases[number].step(code, k, values)
                if after is None:
                    continue
                arrival = (number, after)
            self.leaving[at, side].append(arrival)
            to = yes if side else no
            if to >= 0:
                self.arriving[to].append(arrival)

    def is_right(self, at: int, arrival: Arrival) -> bool:
        """The case is answered as it should be from a node on."""
        number, values = arrival
        case = self.cases[number]
        if at < 0:
            return (at == ACCEPT) == case.wanted
        key = (at, arrival)
        found = self._right.get(key)
        if found is None:
            found = self._right[key] = case.verdict(self.flow, at, values) == case.wanted
        return found
