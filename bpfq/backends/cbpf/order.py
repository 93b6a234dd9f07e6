"""The order of blocks in a program: each near enough to what jumps to it.

Conditional jumps reach 255 instructions, and need nothing to follow them: any order is legal in
which jumps go forward.  A search of a thousand values is longer than five jumps, yet every path
through it is eleven; so the upper comparisons of the far half are put between the blocks of the
near half, each just in reach of the one before, and no jump needs help.

    depth first: 0 1 [.. 600 ..] 2 [.. 600 ..]      0 -> 2 is too far
    here:        0 1 [.. 240 ..] 2 [..] 2a [..]     2 waits no longer than it may

That works as long as a subtree is not much longer than the jumps of a path together.  Longer ones
are taken apart, and each part begins with a jump that needs help.
"""

from __future__ import annotations

from collections import Counter, deque

from typing import TypeAlias

from bpfq.backends.cbpf.select import Block, Selection
from bpfq.graph.nodes import Verdict
from bpfq.record import field, record

Place: TypeAlias = int | Verdict  # a block by its number

_REACH = 240  # instructions; leaves room for trampolines between
_MOST_CARRIED = 1600  # instructions of a subtree whose jumps all stay within reach


def depth_first(selection: Selection) -> list[Place]:
    """Blocks and verdicts in a legal order, the true successor's code behind each block."""
    order: list[Place] = []
    seen: set[Place] = set()
    work: list[tuple[Place, bool]] = [(selection.start.at, False)]
    while work:
        place, done = work.pop()
        if done:
            order.append(place)
        elif place not in seen:
            seen.add(place)
            work.append((place, True))
            if isinstance(place, int):
                block = selection.blocks[place]
                work += [(block.yes.at, False), (block.no.at, False)]
    order.reverse()
    return order


def within_reach(selection: Selection) -> list[Place]:
    """Blocks in a legal order in which most jumps are short; verdicts are left out."""
    order = [place for place in depth_first(selection) if isinstance(place, int)]
    successors = {number: _successors(selection.blocks[number]) for number in order}
    lengths = {number: len(selection.blocks[number].code) + 1 for number in order}
    entries = Counter(to for each in successors.values() for to in each)
    sizes: dict[int, int] = {}
    for number in reversed(order):
        own = (sizes[to] for to in successors[number] if entries[to] == 1)
        sizes[number] = lengths[number] + sum(own)
    return _Schedule(successors, lengths, sizes, entries).run(order[0])


def _successors(block: Block) -> list[int]:
    return [at for at in dict.fromkeys((block.no.at, block.yes.at)) if isinstance(at, int)]


@record(frozen=False)
class _Schedule:
    """waiting: blocks that may stand next, and how long they can be put off, the oldest first.

    due, carried: instructions of these blocks, and of all that only they lead to.
    later: what will need a trampoline to be reached.
    """

    successors: dict[int, list[int]]
    lengths: dict[int, int]
    sizes: dict[int, int]
    entries: Counter[int]
    waiting: deque[tuple[int, int]] = field(default_factory=deque)
    later: list[int] = field(default_factory=list)
    due: int = 0
    carried: int = 0

    def run(self, first: int) -> list[Place]:
        made: list[Place] = []
        position = 0
        self.later.append(first)
        while self.waiting or self.later:
            number = self._next(position)
            made.append(number)
            position += self.lengths[number]
            for to in self.successors[number]:
                self.entries[to] -= 1
                if not self.entries[to]:
                    self._put_off(to, position + _REACH)
        return made

    def _put_off(self, number: int, until: int) -> None:
        size = self.sizes[number]
        if self.carried + size > _MOST_CARRIED:
            self.later.append(number)
        else:
            self.waiting.append((number, until))
            self.due += self.lengths[number]
            self.carried += size

    def _next(self, position: int) -> int:
        """The newest, unless that makes the oldest wait too long."""
        if not self.waiting:
            return self.later.pop()
        urgent = self.waiting[0][1] - position <= self.due
        number, _ = self.waiting.popleft() if urgent else self.waiting.pop()
        self.due -= self.lengths[number]
        self.carried -= self.sizes[number]
        return number
