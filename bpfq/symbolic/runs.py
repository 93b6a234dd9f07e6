"""Runs of decisions that leave to one place, folded into one proposition.

    c1 ? exit : (c2 ? exit : (c3 ? exit : rest))   =>   (c1 or c2 or c3) ? exit : rest

Before a test its bytes must be captured; that they are not has one outcome in all of a run.

A program's long list is such a run; taken together its tests merge in n log n steps instead of
one by one in n * n.
"""

from __future__ import annotations

from collections import Counter

from bpfq.record import record
from bpfq.symbolic.propositions import (
    FALSE,
    FAULT,
    TRUE,
    Cases,
    Decide,
    Every,
    Opposite,
    Outcome,
    Proposition,
    Reaches,
    Some,
    operands,
)

_SHORTEST = 4  # decisions


@record
class Run:
    """``exit`` where the test is TRUE, ``rest`` where it is FALSE, ``short`` where it is FAULT."""

    test: Proposition
    exit: Proposition
    rest: Proposition
    short: Proposition

    @property
    def parts(self) -> tuple[Proposition, ...]:
        return (self.test, self.exit, self.rest, self.short)


def parents(proposition: Proposition) -> Counter[Proposition]:
    """How many places lead to each part of the proposition."""
    counted: Counter[Proposition] = Counter()
    work = [proposition]
    while work:
        for part in operands(work.pop()):
            counted[part] += 1
            if counted[part] == 1:
                work.append(part)
    return counted


def folded(node: Proposition, leading: Counter[Proposition]) -> Run | None:
    """The node's run as one choice; None where it begins no run worth it."""
    split = _split(node)
    if split is None:
        return None
    runs = [_run(node, exit, leading) for exit in (split.then, split.otherwise)]
    tests, run = max(runs, key=lambda found: found[0])
    return None if tests < _SHORTEST else run


def _run(node: Proposition, exit: Proposition, leading: Counter[Proposition]) -> tuple[int, Run]:
    """How many tests lead to the exit, one after the other, and what follows them."""
    tests: list[Proposition] = []
    short: Proposition | None = None
    while True:
        split = _split(node)
        if split is None or exit not in (split.then, split.otherwise):
            break
        if tests and leading[node] > 1:
            break
        if split.short is not None and short not in (None, split.short):
            break
        short = short or split.short
        leaves = split.then is exit
        tests.append(split.test if leaves else Opposite(split.test))
        node = split.otherwise if leaves else split.then
    return len(tests), Run(Some(tuple(tests)), exit, node, short or FAULT)


@record
class _Split:
    """A decision as its test, its two exits, and where a fault of the test leads, if it has one."""

    test: Proposition
    then: Proposition
    otherwise: Proposition
    short: Proposition | None


def _split(node: Proposition) -> _Split | None:
    needs: list[Proposition] = []
    short: Proposition | None = None
    match node:
        case Cases(needed, decision, _) if _is_need(needed):
            node, short = decision, FAULT
            needs.append(needed)
    while True:
        match node:
            case Decide(Reaches() as reaches, Decide() as decision, Outcome() as end) if (
                short is None or short is end
            ):
                needs.append(Decide(reaches, TRUE, FAULT))
                node, short = decision, end
            case _:
                break
    match node:
        case Decide(condition, then, otherwise) if FAULT not in (then, otherwise):
            test = Decide(condition, TRUE, FALSE)
            return _Split(Every((*needs, test)) if needs else test, then, otherwise, short)
        case _:
            return None


def _is_need(proposition: Proposition) -> bool:
    """It is TRUE or FAULT, as what a load needs."""
    work, seen = [proposition], set()
    while work:
        part = work.pop()
        if part in seen:
            continue
        seen.add(part)
        match part:
            case Outcome():
                if part is FALSE:
                    return False
            case Decide(then=then, otherwise=otherwise):
                work += [then, otherwise]
            case Every(parts):
                work += parts
            case _:
                return False
    return True
