"""What a search wants less of.

size, balanced   instructions
kernel-size      eBPF instructions
speed            time over the profile, in tenths of a nanosecond
"""

from __future__ import annotations

from collections.abc import Sequence

from bpfq.backends.cbpf.cost import cost
from bpfq.backends.cbpf.objective import Limits, limits
from bpfq.isa.cbpf.instructions import SockFilter
from bpfq.isa.cbpf.size import converted_size
from bpfq.opt.profile import Profile
from bpfq.record import record
from bpfq.settings import BALANCED
from bpfq.superopt.flow import Flow, size, words_of

_KERNEL_SLACK = 6  # eBPF instructions, about those of one load behind X
_PARTS = 50  # of the time; one of them is the slack
_SLOWER = (11, 10)  # of level 2's time, balanced


@record
class Bounds:
    """The limits of the objective; time over the profile, where that is limited as well."""

    limits: Limits = Limits()
    time: int | None = None


@record
class Goal:
    """objective: one of ``OBJECTIVES``.  accept: what a match returns."""

    objective: str
    traffic: Profile
    accept: int

    def words(self, flow: Flow) -> tuple[SockFilter, ...]:
        return words_of(flow, self.accept)

    def figure(self, flow: Flow) -> int:
        if self.objective in ("speed", "kernel-size"):
            return self.figure_of(self.words(flow))
        return size(flow)

    def figure_of(self, words: Sequence[SockFilter]) -> int:
        if self.objective == "speed":
            return cost(words, self.traffic).price
        return converted_size(words) if self.objective == "kernel-size" else len(words)

    def within_reach(self, figure: int) -> int:
        """What a program on the way to one that is better than the figure may have."""
        if self.objective == "speed":
            return figure + figure // _PARTS
        return figure + (_KERNEL_SLACK if self.objective == "kernel-size" else 1)

    def bounds(self, programs: Sequence[Sequence[SockFilter]]) -> Bounds:
        """What a better program may cost beside these; the first is that of level 2."""
        costs = [cost(words, self.traffic) for words in programs]
        time = costs[0].price * _SLOWER[0] // _SLOWER[1] if self.objective == BALANCED else None
        return Bounds(limits(costs, self.objective), time)

    def is_within(self, flow: Flow, bounds: Bounds) -> bool:
        found = cost(self.words(flow), self.traffic)
        return bounds.limits.allow(found) and (bounds.time is None or found.price <= bounds.time)

    def unit(self) -> str:
        """Of what is told."""
        if self.objective == "speed":
            return "ns a packet"
        return "eBPF instructions" if self.objective == "kernel-size" else "instructions"

    def told(self, figure: int) -> float:
        """A figure in that unit."""
        if self.objective != "speed":
            return figure
        return round(figure / 10 / max(1, sum(self.traffic.weights)), 2)
