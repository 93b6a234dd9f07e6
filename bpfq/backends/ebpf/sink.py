"""An index is computed as late as can be: behind loads and tests that do not read it.

    ldxb 4*([14]&0xf)                ld [20]
    ld [20]                          jset #0x1fff    REJECT, 2
    jset #0x1fff   REJECT, 2    =>   ldxb 4*([14]&0xf)
    2: ldh [x + 14]                  2: ldh [x + 14]

Packets that leave before do not pay for it, and a pointer that nobody needs any more may move.
"""

from __future__ import annotations

from bpfq.backends.ebpf.flow import Branch, Flow, Operation, renumbered
from bpfq.backends.ebpf.webs import X, needed, reads, writes
from bpfq.isa.cbpf import instructions as i
from bpfq.record import record

_INDICES = i.LoadXImmediate | i.LoadXHeaderLength


def sink(flow: Flow) -> Flow:
    if flow.entry < 0:
        return flow
    moving = _Moving(
        list(flow.operations),
        [list(each) for each in flow.successors],
        [bits >> X & 1 == 1 for bits in needed(flow)],
        [[] for _ in flow.operations],
        flow.entry,
    )
    for number, following in enumerate(flow.successors):
        for each in following:
            if each >= 0:
                moving.before[each].append(number)
    for number in range(len(flow.operations) - 1, -1, -1):
        if isinstance(flow.operations[number], _INDICES):
            while moving.step(number):
                pass
    return renumbered(moving.operations, moving.successors, moving.entry, flow.tests)


@record(frozen=False)
class _Moving:
    """asks: X is read in or behind an operation before it is set.  before: who leads there."""

    operations: list[Operation]
    successors: list[list[int]]
    asks: list[bool]
    before: list[list[int]]
    entry: int

    def step(self, number: int) -> bool:
        """Move an operation behind the one that follows, if that may be."""
        (following,) = self.successors[number]
        if following < 0 or self.before[following] != [number]:
            return False
        operation = self.operations[following]
        if X in reads(operation) or writes(operation) == X:
            return False
        edges = self.successors[following]
        asking = [at for at, each in enumerate(edges) if each >= 0 and self.asks[each]]
        if isinstance(operation, Branch) and len(asking) != 1:
            return False
        self._exchange(number, following, asking[0] if asking else 0)
        return True

    def _exchange(self, number: int, following: int, edge: int) -> None:
        for other in self.before[number]:
            self.successors[other] = [
                following if each == number else each for each in self.successors[other]
            ]
        if self.entry == number:
            self.entry = following
        target = self.successors[following][edge]
        self.before[following], self.before[number] = self.before[number], [following]
        self.successors[following][edge] = number
        self.successors[number] = [target]
        if target >= 0:
            at = self.before[target].index(following)
            self.before[target][at] = number
        self.asks[following] = self.asks[number]
        self.asks[number] = False
