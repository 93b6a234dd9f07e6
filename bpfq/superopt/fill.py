"""Every sequence of so many instructions that takes all cases from where they enter to right exits.

    slot 0: ldh [12]            each instruction of the alphabet is put into slot 0, the cases are
    slot 1: jeq #6, slot 2, -1  taken through it, then those that are at slot 1 go on, and so on;
    slot 2: ...                 a jump leads to later slots and to exits, -1, -2, ...

Given up: an instruction that changes nothing or loses a packet that is to be accepted; a jump that
does not split the cases, a slot that no case comes to, an exit that is wrong for a case; and a
state (what is at each slot) from which nothing was found before.  Nothing shorter than the slots is
missed in this way: what is given up does the same for all cases without that instruction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from bpfq.record import field, record
from bpfq.superopt.budget import Part
from bpfq.superopt.cases import Case, Values, holds
from bpfq.superopt.flow import is_jump
from bpfq.superopt.groups import Group, Groups, Halves, Region, Slot
from bpfq.superopt.traffic import Arrival

Pending: TypeAlias = tuple[Group | None, ...]  # at the next slots


@record(frozen=False)
class Search:
    """One region and the cases that it is tried on."""

    groups: Groups
    _failed: set[Pending] = field(default_factory=set)
    _slots: list[Slot] = field(default_factory=list)

    def run(self, slots: int) -> Iterator[tuple[Slot, ...]]:
        """Sequences that are right for all cases, until the budget is spent."""
        yield from self._fill((self.groups.first(), *(None,) * (slots - 1)))

    def _fill(self, pending: Pending) -> Iterator[tuple[Slot, ...]]:
        """Recursion as deep as there are slots."""
        if pending in self._failed or self.groups.budget.is_spent:
            return
        group, later = pending[0], pending[1:]
        assert group is not None
        found = False
        for each in self._steps(group, later) if later else self._last(group):
            found = True
            yield each
        if not found and not self.groups.budget.is_spent:
            self._failed.add(pending)

    def _steps(self, group: Group, later: Pending) -> Iterator[tuple[Slot, ...]]:
        at = len(self._slots)
        for code, k, behind in self.groups.behind(group):
            after = self._merged(later, 0, behind)
            if after is not None:
                yield from self._put(Slot(code, k, at + 1, at + 1), after)
        for halves in self.groups.halves(group):
            for yes, no, after in self._targets(halves, at, later):
                yield from self._put(Slot(halves.code, halves.k, yes, no), after)

    def _put(self, slot: Slot, after: Pending) -> Iterator[tuple[Slot, ...]]:
        self._slots.append(slot)
        yield from self._fill(after)
        self._slots.pop()

    def _targets(
        self, halves: Halves, at: int, later: Pending
    ) -> Iterator[tuple[int, int, Pending]]:
        """Where both halves of a group can go, and what is pending then."""
        slots = range(at + 1, at + 1 + len(later))
        for yes in (*halves.yes_exits, *slots):
            with_yes = later if yes < 0 else self._merged(later, yes - at - 1, halves.yes)
            if with_yes is None:
                continue
            for no in (*halves.no_exits, *slots):
                if yes == no or later[0] is None and at + 1 not in (yes, no):
                    continue
                after = with_yes if no < 0 else self._merged(with_yes, no - at - 1, halves.no)
                if after is not None:
                    yield yes, no, after

    def _last(self, group: Group) -> Iterator[tuple[Slot, ...]]:
        for slot in self.groups.endings(group):
            yield (*self._slots, slot)

    def _merged(self, pending: Pending, place: int, group: Group) -> Pending | None:
        """The group comes to a slot as well; None where too few slots are left for it."""
        held = pending[place]
        if held is not None:
            group = self.groups.joined(held, group)
        left = len(pending) - place
        if left <= 2 and not group.is_done and not self.groups.can_end(group, left):
            return None
        return (*pending[:place], group, *pending[place + 1 :])


# ---------------------------------------------------------------- on many cases


def fillings(
    region: Region, arrivals: Sequence[Arrival], slots: int, budget: Part, few: list[int]
) -> Iterator[tuple[Slot, ...]]:
    """Sequences that are right for all arrivals, found on few of them.

    few: the arrivals by number that the search is made with.  One on which a sequence fails that
    is right for the others is added, and the search is made again.
    """
    wrong: int | None = 0
    while wrong is not None:
        search = Search(Groups(region, [arrivals[number] for number in few], budget))
        wrong = None
        for found in search.run(slots):
            wrong = first_wrong(region, arrivals, found)
            if wrong is not None:
                few.append(wrong)
                break
            yield found


def first_wrong(region: Region, arrivals: Sequence[Arrival], slots: Sequence[Slot]) -> int | None:
    """The first arrival that does not come to a right exit."""
    for place, (number, values) in enumerate(arrivals):
        left = _exit(region.cases[number], values, slots)
        if left is None:
            right = not region.cases[number].wanted
        else:
            exit, after = left
            right = region.right(exit, (number, after))
        if not right:
            return place
    return None


def _exit(case: Case, values: Values, slots: Sequence[Slot]) -> tuple[int, Values] | None:
    """Where a case leaves, with what; None where it is rejected."""
    at = 0
    while at >= 0:
        code, k, yes, no = slots[at]
        if is_jump(code):
            at = yes if holds(code, values[0], values[1], k) else no
            continue
        after = case.step(code, k, values)
        if after is None:
            return None
        values, at = after, yes
    return -1 - at, values
