"""Runs of decisions that leave to one place, folded into one proposition.

    c1 ? exit : (c2 ? exit : (c3 ? exit : rest))   =>   (c1 or c2 or c3) ? exit : rest

A program's long list is such a run; taken together its tests merge in n log n steps instead of
one by one in n * n.
"""

from __future__ import annotations

from collections import Counter

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
    Some,
    operands,
)

_SHORTEST = 4  # decisions


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


def folded(node: Proposition, leading: Counter[Proposition]) -> Proposition | None:
    """The node's run as one choice; None where it begins no run worth it."""
    split = _split(node)
    if split is None:
        return None
    _, then, otherwise = split
    runs = [_run(node, exit, leading) for exit in (then, otherwise)]
    tests, exit, rest = max(runs, key=lambda run: len(run[0]))
    if len(tests) < _SHORTEST:
        return None
    return Cases(Some(tuple(tests)), exit, rest)


def _run(
    node: Proposition, exit: Proposition, leading: Counter[Proposition]
) -> tuple[list[Proposition], Proposition, Proposition]:
    """The tests that lead to the exit, one after the other, and what follows them."""
    tests: list[Proposition] = []
    while True:
        split = _split(node)
        if split is None or exit not in split[1:] or (tests and leading[node] > 1):
            return tests, exit, node
        test, then, otherwise = split
        tests.append(test if then is exit else Opposite(test))
        node = otherwise if then is exit else then


def _split(node: Proposition) -> tuple[Proposition, Proposition, Proposition] | None:
    """A decision as its test, which may have a fault, and its two exits."""
    match node:
        case Decide(condition, then, otherwise) if FAULT not in (then, otherwise):
            return Decide(condition, TRUE, FALSE), then, otherwise
        case Decide(reaches, Decide(condition, then, otherwise), short) if (
            short is FAULT and FAULT not in (then, otherwise)
        ):
            needs, test = Decide(reaches, TRUE, FAULT), Decide(condition, TRUE, FALSE)
            return Every((needs, test)), then, otherwise
        case Cases(needs, Decide(condition, then, otherwise), _) if _is_need(
            needs
        ) and FAULT not in (then, otherwise):
            return Every((needs, Decide(condition, TRUE, FALSE))), then, otherwise
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
