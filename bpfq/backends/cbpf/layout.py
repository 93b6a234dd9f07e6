"""Blocks -> instructions, written from the end backwards so that every jump target is placed.

The order is that of the reference: the false successor's code stands last, the true successor's
before it, then the test.  Conditional jumps reach 255 instructions; where a target is farther, a
trampoline (a copy of the return, or a ``ja``) is put behind the test and shared by every later
jump that reaches it.
"""

from __future__ import annotations

from typing import TypeAlias

from bpfq.backends.cbpf.order import Place, depth_first, within_reach
from bpfq.backends.cbpf.searches import written_out
from bpfq.backends.cbpf.select import Block, Label, Selection, Value
from bpfq.graph.membership import LEAF
from bpfq.graph.nodes import ACCEPT, REJECT, Verdict
from bpfq.isa.cbpf.instructions import (
    Instruction,
    Jump,
    JumpIf,
    JumpIfX,
    LoadScratch,
    LoadXScratch,
    Return,
)
from bpfq.operators import Relation
from bpfq.record import field, record

_FARTHEST = 255

# relation, constant or X, and where both exits lead
_Jump: TypeAlias = tuple[Relation, Value, int, int]


def layout(selection: Selection, accept: int, leaf: int = LEAF) -> tuple[Instruction, ...]:
    """The whole program; ``accept`` is what a match returns, a non-match returns 0.

    leaf: equalities in a row in the searches of large sets.
    """
    selection = written_out(selection, leaf)
    blocks = selection.blocks
    is_short = sum(len(block.code) + 1 for block in blocks) <= _FARTHEST
    order = depth_first(selection) if is_short else within_reach(selection)
    writer = _Writer(accept, _reads_scratch(blocks))
    if writer.reads_scratch:
        # The kernel carries "was stored" from a return to the code behind it (check_load_and_stores
        # in net/core/filter.c), so with scratch words in use nothing may stand behind a return.
        writer.place(REJECT, None)
        writer.place(ACCEPT, None)
    for place in reversed(order):
        if isinstance(place, int):
            for exit in (blocks[place].no.at, blocks[place].yes.at):
                if isinstance(exit, Verdict) and not writer.has(exit):
                    writer.place(exit, None)
            writer.place(place, blocks[place])
        elif not writer.has(place):
            writer.place(place, None)
    return tuple(reversed(writer.backwards))


def _reads_scratch(blocks: tuple[Block, ...]) -> bool:
    return any(
        isinstance(instruction, LoadScratch | LoadXScratch)
        for block in blocks
        for instruction in block.code
    )


@record(frozen=False)
class _Writer:
    accept: int
    reads_scratch: bool
    backwards: list[Instruction] = field(default_factory=list)
    _placed: dict[Place, int] = field(default_factory=dict)  # instructions from start to end
    _reached: dict[Label, int] = field(default_factory=dict)  # nearest alias of a label, likewise
    _jumps: dict[_Jump, int] = field(default_factory=dict)  # final jumps of blocks, likewise

    def has(self, place: Place) -> bool:
        return place in self._placed

    def place(self, place: Place, block: Block | None) -> None:
        if block is None:
            self.backwards.append(self._return(place))
        else:
            jump = self._jump(block)
            if not block.code and jump in self._jumps:
                self._placed[place] = self._jumps[jump]
                return
            if self._jumps.get(jump) != len(self.backwards):
                self._final(block)
                self._jumps[jump] = len(self.backwards)
            self.backwards.extend(reversed(block.code))
        self._placed[place] = len(self.backwards)

    def _jump(self, block: Block) -> _Jump:
        """What tells the final jump of one block from that of another."""
        (true, into_true), (false, into_false) = block.yes, block.no
        placed = self._placed
        return block.relation, block.value, placed[true] - into_true, placed[false] - into_false

    def _return(self, verdict: Place) -> Instruction:
        return Return(self.accept if verdict is ACCEPT else 0)

    def _final(self, block: Block) -> None:
        """The jump at the end of a block, and what it needs to reach its targets."""
        while True:
            true, false = self._distance(block.yes), self._distance(block.no)
            if true <= _FARTHEST and false <= _FARTHEST:
                break
            self._trampoline(block.yes if true > _FARTHEST else block.no)
        if block.value is None:
            self.backwards.append(JumpIfX(block.relation, true, false))
        else:
            assert isinstance(block.value, int)  # sets are written out
            self.backwards.append(JumpIf(block.relation, block.value, true, false))

    def _distance(self, label: Label) -> int:
        """Instructions between here and the nearest copy of the label."""
        at = self._reached.get(label)
        if at is None:
            at = self._placed[label.at] - label.entry
        return len(self.backwards) - at

    def _trampoline(self, label: Label) -> None:
        if isinstance(label.at, Verdict) and not self.reads_scratch:
            self.backwards.append(self._return(label.at))
        else:
            target = self._placed[label.at] - label.entry
            self.backwards.append(Jump(len(self.backwards) - target))
        self._reached[label] = len(self.backwards)
