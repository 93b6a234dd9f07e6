"""Short programs: every shorter one of their alphabet is tried."""

from __future__ import annotations

from bpfq.superopt.alphabet import Alphabet
from bpfq.superopt.budget import Part
from bpfq.superopt.cases import START
from bpfq.superopt.fill import fillings
from bpfq.superopt.flow import ACCEPT, REJECT
from bpfq.superopt.groups import Region
from bpfq.superopt.progress import Progress
from bpfq.superopt.traffic import Arrival
from bpfq.superopt.windows import differing, with_slots

_EXITS = (ACCEPT, REJECT)
_RETURNS = 2  # instructions behind the slots


def is_shortest(progress: Progress, letters: Alphabet) -> bool:
    """Make the best program the shortest one of the alphabet; False where that was not decided."""
    few = differing([(number, START) for number in range(len(progress.cases))], progress.cases)
    slots = 1
    while slots < progress.size - _RETURNS:
        if progress.is_open:
            return False
        known = len(progress.cases)
        _try(progress, letters, slots, few)
        if len(progress.cases) == known:
            slots += 1
        few += range(known, len(progress.cases))
    return not progress.is_open and not progress.budget.is_spent


def _try(progress: Progress, letters: Alphabet, slots: int, few: list[int]) -> None:
    """The first program of so many slots that is right for all cases is proved or refuted."""
    cases = tuple(progress.cases)

    def right(exit: int, arrival: Arrival) -> bool:
        return (_EXITS[exit] == ACCEPT) == cases[arrival[0]].wanted

    region = Region(cases, len(_EXITS), right, letters)
    arrivals = [(number, START) for number in range(len(cases))]
    part = Part(progress.budget, progress.budget.limit)
    for found in fillings(region, arrivals, slots, part, few):
        progress.improves(with_slots(progress.best, len(progress.best) - 1, _EXITS, found))
        return
