"""A selection as one list of operations, each with the numbers of those that may follow.

    0: ldh [12]          1
    1: jeq #0x800        2, REJECT
    2: ldb [23]          3
    3: jeq #17           ACCEPT, REJECT

Operations with the same successors are one, and each stands in front of what follows it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

from bpfq.backends.cbpf.select import Label, Selection
from bpfq.graph.nodes import ACCEPT as ACCEPTED
from bpfq.graph.nodes import Test, Verdict
from bpfq.graph.terms import Members
from bpfq.isa.cbpf import instructions as i
from bpfq.operators import Relation
from bpfq.record import record

ACCEPT: Final = -1
REJECT: Final = -2


@record
class Branch:
    """Go to the first successor where A stands in the relation to value, or to X (None)."""

    relation: Relation
    value: int | Members | None


@record
class Advance:
    """X = A + X; A is not read any more."""


Computation: TypeAlias = i.Load | i.LoadX | i.Store | i.Arithmetic
Operation: TypeAlias = Computation | Advance | Branch
Point: TypeAlias = tuple[int, int]  # a block and a place in its code


@record
class Flow:
    """operations and, for each, its successors; entry: the first, or a verdict.

    tests: what each operation belongs to, as far as known.
    """

    operations: tuple[Operation, ...]
    successors: tuple[tuple[int, ...], ...]
    entry: int
    tests: tuple[Test | None, ...]


def flow(selection: Selection) -> Flow:
    """The operations of a selection in topological order."""
    numbers: dict[Point, int] = {}
    made: dict[tuple[Operation, tuple[int, ...]], int] = {}
    tests: list[Test | None] = []
    start = selection.start
    for point in _last_first(selection, start):
        operation, following = _at(selection, point)
        targets = tuple(_target(each, numbers) for each in following)
        if operation is None or (len(targets) == 2 and targets[0] == targets[1]):
            numbers[point] = targets[0]
        else:
            numbers[point] = made.setdefault((operation, targets), len(made))
            if len(made) > len(tests):
                tests.append(selection.blocks[point[0]].test)
    return _numbered(list(made), tests, _target(start, numbers))


def _last_first(selection: Selection, start: Label) -> list[Point]:
    """The points that are reached, each behind all that follow it."""
    found: dict[Point, None] = {}
    work: list[tuple[Label, bool]] = [(start, False)]
    while work:
        label, done = work.pop()
        if isinstance(label.at, Verdict) or (point := (label.at, label.entry)) in found:
            continue
        if done:
            found[point] = None
            continue
        work.append((label, True))
        work += [(each, False) for each in _at(selection, point)[1]]
    return list(found)


def _at(selection: Selection, point: Point) -> tuple[Operation | None, tuple[Label, ...]]:
    """The operation of a point, None for an unconditional jump, and what follows it."""
    number, at = point
    block = selection.blocks[number]
    if at == len(block.code):
        return Branch(block.relation, block.value), (block.yes, block.no)

    def label(skip: int) -> Label:
        return Label(number, at + 1 + skip)

    match block.code[at]:
        case i.Jump(skip):
            return None, (label(skip),)
        case i.JumpIf(relation, value, yes, no):
            return Branch(relation, value), (label(yes), label(no))
        case i.JumpIfX(relation, yes, no):
            return Branch(relation, None), (label(yes), label(no))
        case i.Return() | i.ReturnA() | i.Raw():
            raise AssertionError("blocks end in tests")
        case operation:
            return operation, (label(0),)


def _target(label: Label, numbers: dict[Point, int]) -> int:
    if isinstance(label.at, Verdict):
        return ACCEPT if label.at is ACCEPTED else REJECT
    return numbers[label.at, label.entry]


def renumbered(
    operations: Sequence[Operation],
    successors: Sequence[Sequence[int]],
    entry: int,
    tests: Sequence[Test | None],
) -> Flow:
    """The operations that are reached, each in front of those that follow it."""
    order: dict[int, None] = {}
    work = [(entry, False)]
    while work:
        number, done = work.pop()
        if done:
            order[number] = None
        elif number >= 0 and number not in order:
            work.append((number, True))
            work += [(each, False) for each in successors[number]]
    names = {number: place for place, number in enumerate(order)}
    names.update({ACCEPT: ACCEPT, REJECT: REJECT})
    made = [(operations[n], tuple(names[each] for each in successors[n])) for n in order]
    return _numbered(made, [tests[n] for n in order], names[entry])


def _numbered(
    made: list[tuple[Operation, tuple[int, ...]]], tests: Sequence[Test | None], entry: int
) -> Flow:
    """The operations that are reached from the entry, first to last; they come last to first."""
    reached = {entry} if entry >= 0 else set()
    for number in range(len(made) - 1, -1, -1):
        if number in reached:
            reached.update(target for target in made[number][1] if target >= 0)
    order = sorted(reached, reverse=True)
    renamed = {number: place for place, number in enumerate(order)}
    renamed.update({ACCEPT: ACCEPT, REJECT: REJECT})
    return Flow(
        tuple(made[number][0] for number in order),
        tuple(tuple(renamed[target] for target in made[number][1]) for number in order),
        renamed[entry],
        tuple(tests[number] for number in order),
    )
