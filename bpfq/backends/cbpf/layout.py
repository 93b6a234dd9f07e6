"""Blocks -> instructions, written from the end backwards so that every jump target is placed.

The order is that of the reference: the false successor's code stands last, the true successor's
before it, then the test.  Conditional jumps reach 255 instructions; where a target is farther, a
trampoline (a copy of the return, or a ``ja``) is put behind the test and shared by every later
jump that reaches it.
"""

from __future__ import annotations

from typing import TypeAlias

from bpfq.backends.cbpf.select import Block, Label, jump_value
from bpfq.graph.nodes import ACCEPT, REJECT, Node, Test, Verdict
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

# whether X is compared, relation, constant, and where both exits lead
_Jump: TypeAlias = tuple[bool, Relation, int, int, int]


def layout(root: Node, blocks: dict[Node, Block], accept: int) -> tuple[Instruction, ...]:
    """The whole program; ``accept`` is what a match returns, a non-match returns 0."""
    writer = _Writer(accept, _reads_scratch(blocks))
    if writer.reads_scratch:
        # The kernel carries "was stored" from a return to the code behind it (check_load_and_stores
        # in net/core/filter.c), so with scratch words in use nothing may stand behind a return.
        writer.place(REJECT, None)
        writer.place(ACCEPT, None)
    work: list[tuple[Node, bool]] = [(root, False)]
    while work:
        node, ready = work.pop()
        if writer.has(node):
            continue
        if ready or isinstance(node, Verdict):
            writer.place(node, blocks.get(node))
        else:
            work += [(node, True), (node.yes, False), (node.no, False)]
    return tuple(reversed(writer.backwards))


def _reads_scratch(blocks: dict[Node, Block]) -> bool:
    return any(
        isinstance(instruction, LoadScratch | LoadXScratch)
        for block in blocks.values()
        for instruction in block.code
    )


@record(frozen=False)
class _Writer:
    accept: int
    reads_scratch: bool
    backwards: list[Instruction] = field(default_factory=list)
    _placed: dict[Node, int] = field(default_factory=dict)  # instructions from its start to the end
    _reached: dict[Label, int] = field(default_factory=dict)  # nearest alias of a label, likewise
    _jumps: dict[_Jump, int] = field(default_factory=dict)  # final jumps of tests, likewise

    def has(self, node: Node) -> bool:
        return node in self._placed

    def place(self, node: Node, block: Block | None) -> None:
        if block is None:
            self.backwards.append(self._return(node))
        else:
            jump = self._jump(block)
            if not block.code and jump in self._jumps:
                self._placed[node] = self._jumps[jump]
                return
            self._test(block)
            self._jumps[jump] = len(self.backwards) - len(block.code)
        self._placed[node] = len(self.backwards)

    def _jump(self, block: Block) -> _Jump:
        """What tells the final jump of one test from that of another."""
        test = block.test
        yes, no = (self._placed[to.node] - to.entry for to in (block.yes, block.no))
        return (block.by_x, test.relation, jump_value(test), yes, no)

    def _return(self, node: Node) -> Instruction:
        return Return(self.accept if node is ACCEPT else 0)

    def _test(self, block: Block) -> None:
        while True:
            true, false = self._distance(block.yes), self._distance(block.no)
            if true <= _FARTHEST and false <= _FARTHEST:
                break
            self._trampoline(block.yes if true > _FARTHEST else block.no)
        test: Test = block.test
        if block.by_x:
            self.backwards.append(JumpIfX(test.relation, true, false))
        else:
            self.backwards.append(JumpIf(test.relation, jump_value(test), true, false))
        self.backwards.extend(reversed(block.code))

    def _distance(self, label: Label) -> int:
        """Instructions between here and the nearest copy of the label."""
        at = self._reached.get(label)
        if at is None:
            at = self._placed[label.node] - label.entry
        return len(self.backwards) - at

    def _trampoline(self, label: Label) -> None:
        if isinstance(label.node, Verdict) and not self.reads_scratch:
            self.backwards.append(self._return(label.node))
        else:
            self.backwards.append(Jump(self._distance(label)))
        self._reached[label] = len(self.backwards)
