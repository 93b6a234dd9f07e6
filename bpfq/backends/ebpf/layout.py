"""Blocks -> slots: one block behind the other, with as few jumps as that takes.

    b0: if r1 > r2 goto REJECT else b1           if r1 > r2 goto +5
    b1: if w3 != 8 goto REJECT else b2           if w3 != 8 goto +3        falls into b2
    b2: ...

A block falls into one of its successors where that is not placed yet; a comparison is turned round
for that.  Skips beyond 16 bits take a jump of 32 bits (cpu v4).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bpfq.backends.ebpf.blocks import Block, Goto, If, Label, Return, Source, targets
from bpfq.backends.ebpf.tails import merged
from bpfq.isa.ebpf.instructions import (
    Comparison,
    Exit,
    Immediate,
    Instruction,
    Jump,
    JumpLong,
    LoadImmediate64,
    Register,
)
from bpfq.isa.ebpf.program import MapSpec, Reference, ReferenceKind
from bpfq.record import field, record, replace

_OPPOSITES: Final = {
    Comparison.EQ: Comparison.NE, Comparison.NE: Comparison.EQ,
    Comparison.GT: Comparison.LE, Comparison.LE: Comparison.GT,
    Comparison.GE: Comparison.LT, Comparison.LT: Comparison.GE,
    Comparison.SGT: Comparison.SLE, Comparison.SLE: Comparison.SGT,
    Comparison.SGE: Comparison.SLT, Comparison.SLT: Comparison.SGE,
}  # fmt: skip
_REFERENCES: Final[dict[Immediate, ReferenceKind]] = {
    Immediate.MAP_FD: "map", Immediate.MAP_VALUE: "map_value",
}  # fmt: skip
_FARTHEST: Final = (1 << 15) - 1  # slots that a 16-bit skip reaches


@record
class Laid:
    """instructions, and what each slot is there for, as the blocks have it.

    maps: what the program looks into; a LoadImmediate64 of kind MAP_FD or MAP_VALUE has the number
    of one.
    """

    instructions: tuple[Instruction, ...]
    sources: tuple[Source, ...]
    maps: tuple[MapSpec, ...] = ()

    @property
    def references(self) -> tuple[Reference, ...]:
        """Where the loader puts in a map."""
        found: list[Reference] = []
        at = 0
        for each in self.instructions:
            if isinstance(each, LoadImmediate64) and each.kind in _REFERENCES:
                found.append(Reference(at, self.maps[each.value].name, _REFERENCES[each.kind]))
            at += _slots(each)
        return tuple(found)


def layout(blocks: Mapping[Label, Block], entry: Label) -> Laid:
    once = _threaded(merged(_threaded(blocks, entry), entry), entry)
    made = _joined(once, entry)
    order = _order(made, entry)
    return _Slots(made, order).written()


def _threaded(blocks: Mapping[Label, Block], entry: Label) -> dict[Label, Block]:
    """The blocks that are reached, with edges past those that only go on."""

    def final(label: Label) -> Label:
        while not blocks[label].code and isinstance(end := blocks[label].end, Goto):
            label = end.target
        return label

    found: dict[Label, Block] = {}
    work = [entry]
    while work:
        label = work.pop()
        if label in found:
            continue
        end = blocks[label].end
        match end:
            case If(yes=yes, no=no) if final(yes) == final(no):
                end = Goto(final(yes))
            case If(yes=yes, no=no):
                end = replace(end, yes=final(yes), no=final(no))
            case Goto(target):
                end = Goto(final(target))
            case Return():
                pass
        found[label] = replace(blocks[label], end=end)
        work += reversed(targets(end))
    return found


def _joined(blocks: dict[Label, Block], entry: Label) -> dict[Label, list[Block]]:
    """Rows of blocks, each of which can only be entered at its first."""
    entered: dict[Label, int] = {entry: 1}
    for block in blocks.values():
        for label in targets(block.end):
            entered[label] = entered.get(label, 0) + 1
    rows: dict[Label, list[Block]] = {}
    inner = {
        block.end.target
        for block in blocks.values()
        if isinstance(block.end, Goto) and entered[block.end.target] == 1
    }
    for label, block in blocks.items():
        if label in inner:
            continue
        row = rows[label] = [block]
        while isinstance(end := row[-1].end, Goto) and end.target in inner:
            row.append(blocks[end.target])
    return rows


def _order(rows: Mapping[Label, list[Block]], entry: Label) -> list[Label]:
    """A successor follows at once where one is left; the deeper one first, rare ones last."""
    depth = _depths(rows, entry)
    order: list[Label] = []
    placed: set[Label] = set()
    waiting = [entry]
    while waiting:
        label: Label | None = waiting.pop()
        while label is not None and label not in placed:
            order.append(label)
            placed.add(label)
            end = rows[label][-1].end
            left = [each for each in targets(end) if each not in placed]
            if isinstance(end, If) and end.rare and end.yes in left:
                waiting.insert(0, end.yes)
                left.remove(end.yes)
            waiting += sorted(left, key=depth.__getitem__)
            label = _next(end, left, depth)
    return order


def _next(end: object, left: list[Label], depth: Mapping[Label, int]) -> Label | None:
    if isinstance(end, If) and end.comparison not in _OPPOSITES and end.no in left:
        return end.no
    return max(left, key=depth.__getitem__, default=None)


def _depths(rows: Mapping[Label, list[Block]], entry: Label) -> dict[Label, int]:
    """How many slots follow on the longest way; a way back counts for nothing."""
    found: dict[Label, int] = {}
    seen: set[Label] = set()
    work = [(entry, False)]
    while work:
        label, done = work.pop()
        following = targets(rows[label][-1].end)
        if done:
            own = sum(len(block.code) + 1 for block in rows[label])
            found[label] = own + max((found.get(each, 0) for each in following), default=0)
        elif label not in seen:
            seen.add(label)
            work.append((label, True))
            work += [(each, False) for each in following]
    return found


@record(frozen=False)
class _Slots:
    """Rows in their order; far: rows whose jumps need 32 bits."""

    rows: Mapping[Label, list[Block]]
    order: list[Label]
    _starts: dict[Label, int] = field(default_factory=dict)

    def written(self) -> Laid:
        return self._written(self._rows_that_are_far())

    def _ends(self, number: int, far: bool) -> list[tuple[If | None, Label | None]]:
        """The jumps behind a row: comparisons and others (None), with where they lead.

        No label: past the next jump.
        """
        label = self.order[number]
        following = self.order[number + 1] if number + 1 < len(self.order) else None
        end = self.rows[label][-1].end
        match end:
            case Return():
                return []
            case Goto(target):
                return [] if target == following else [(None, target)]
            case If(comparison=comparison, yes=yes, no=no) as test:
                if far:  # if ... goto +1; gotol no; gotol yes
                    return [(test, None), (None, no), *([] if yes == following else [(None, yes)])]
                if yes == following and comparison in _OPPOSITES:
                    test = replace(test, comparison=_OPPOSITES[comparison], yes=no, no=yes)
                return [(test, test.yes), *([] if test.no == following else [(None, test.no)])]

    def _rows_that_are_far(self) -> set[int]:
        far: set[int] = set()
        while True:
            at = 0
            for number, label in enumerate(self.order):
                self._starts[label] = at
                at += self._length(number, number in far)
            more = {n for n in range(len(self.order)) if n not in far and self._is_far(n)}
            if not more:
                return far
            far |= more

    def _length(self, number: int, far: bool) -> int:
        row = self.rows[self.order[number]]
        code = sum(_slots(each) for block in row for each in block.code)
        ends = self._ends(number, far)
        return code + len(ends) + isinstance(row[-1].end, Return)

    def _is_far(self, number: int) -> bool:
        end = self._starts[self.order[number]] + self._length(number, False)
        following = targets(self.rows[self.order[number]][-1].end)
        return any(abs(self._starts[each] - end) >= _FARTHEST for each in following)

    def _written(self, far: set[int]) -> Laid:
        instructions: list[Instruction] = []
        sources: list[Source] = []
        at = 0
        for number, label in enumerate(self.order):
            row = self.rows[label]
            for block in row:
                for each in block.code:
                    instructions.append(each)
                    sources += [block.source] * _slots(each)
                    at += _slots(each)
            made = self._jumps(number, number in far, at)
            instructions += made
            sources += [row[-1].source] * len(made)
            at += len(made)
        return Laid(tuple(instructions), tuple(sources))

    def _jumps(self, number: int, far: bool, at: int) -> list[Instruction]:
        if isinstance(self.rows[self.order[number]][-1].end, Return):
            return [Exit()]
        made: list[Instruction] = []
        ends = self._ends(number, far)
        for place, (test, label) in enumerate(ends):
            here = at + place + 1
            skip = 1 if label is None else self._starts[label] - here
            if test is None and label is not None and self._only_returns(label):
                made.append(Exit())
            elif test is None:
                made.append(JumpLong(skip) if far and abs(skip) > _FARTHEST else Jump(skip))
            elif isinstance(test.operand, Register):
                made.append(test.comparison.reg(test.dst, test.operand, skip, test.width))
            else:
                made.append(test.comparison.imm(test.dst, test.operand, skip, test.width))
        return made

    def _only_returns(self, label: Label) -> bool:
        (block, *others) = self.rows[label]
        return not others and not block.code and isinstance(block.end, Return)


def _slots(instruction: Instruction) -> int:
    return 2 if isinstance(instruction, LoadImmediate64) else 1
