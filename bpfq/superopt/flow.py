"""A classic program as the graph of its instructions: what is rearranged, counted and laid out.

    0: ldh [12]            3: ldh [12]    -> 2         children have smaller numbers,
    1: jeq #0x800 2 4      2: jeq #0x800  -> 1, R      R rejects, A accepts;
    2: ldb [23]      =>    1: ldb [23]    -> 0         equal instructions that lead to
    3: jeq #6 5 4          0: jeq #6      -> A, R      the same place are one
    4: ret #0
    5: ret #262144

The size of the program is known without laying it out: an instruction that is no jump has to stand
before its successor, and each successor has room for one of them.  Every other costs a copy of
the jump or the return it goes on with, or a ``ja``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from bpfq.isa.cbpf import opcodes
from bpfq.isa.cbpf.instructions import SockFilter

ACCEPT, REJECT = -1, -2


class Node(NamedTuple):
    """One instruction and what follows; ``no`` is ``yes`` unless it is a conditional jump."""

    code: int
    k: int
    yes: int
    no: int


Flow: TypeAlias = tuple[Node, ...]  # children before parents, the entry last; equal ones once


def is_jump(code: int) -> bool:
    return code & opcodes.CLASS_MASK == opcodes.CLASS_JUMP


def flow_of(words: Sequence[SockFilter]) -> Flow | None:
    """The graph of a program; None for one that returns A, or decides without an instruction."""
    place: dict[int, int] = {}
    nodes: list[Node] = []
    for pc in range(len(words) - 1, -1, -1):
        code, jt, jf, k = words[pc]
        if code == opcodes.RETURN:
            place[pc] = ACCEPT if k else REJECT
        elif code == opcodes.RETURN_A:
            return None
        elif code == opcodes.JUMP:
            place[pc] = place[pc + 1 + k]
        else:
            jumps = is_jump(code)
            yes, no = (pc + 1 + jt, pc + 1 + jf) if jumps else (pc + 1, pc + 1)
            place[pc] = len(nodes)
            nodes.append(Node(code, k, place[yes], place[no]))
    return canonical(nodes, place[0]) if place[0] >= 0 else None


def canonical(nodes: Sequence[Node], entry: int) -> Flow:
    """What is reached from the entry, equal nodes once, jumps that decide something."""
    made: list[Node] = []
    known: dict[Node, int] = {}
    new: dict[int, int] = {ACCEPT: ACCEPT, REJECT: REJECT}
    work = [entry]
    while work:
        at = work[-1]
        if at in new:
            work.pop()
            continue
        code, k, yes, no = nodes[at]
        if yes in new and no in new:
            work.pop()
            yes, no = new[yes], new[no]
            if yes == no and is_jump(code):
                new[at] = yes
                continue
            node = Node(code, k, yes, no)
            number = known.get(node)
            if number is None:
                number = known[node] = len(made)
                made.append(node)
            new[at] = number
        else:
            work += [no, yes]
    return tuple(made[: new[entry] + 1]) if new[entry] >= 0 else ()


def size(flow: Flow) -> int:
    """Instructions of the program, both returns counted where they are reached."""
    entered: set[int] = set()
    verdicts: set[int] = set()
    total = len(flow)
    for code, _, yes, no in flow:
        if not is_jump(code):
            if yes in entered:
                total += 1
            entered.add(yes)
        if yes < 0:
            verdicts.add(yes)
        if no < 0:
            verdicts.add(no)
    return total + len(verdicts)


def words_of(flow: Flow, accept: int) -> tuple[SockFilter, ...]:
    """The program, ``size`` instructions; ``accept`` is what a match returns."""
    before: dict[int, int] = {}  # the instruction that falls through into a node
    for number, node in enumerate(flow):
        if not is_jump(node.code):
            before.setdefault(node.yes, number)
    layout = _Layout(flow, accept, before, [], {})
    work = [len(flow) - 1]
    while work:
        chain = layout.chain(work[-1])
        needed = [to for to in layout.targets(chain) if to not in layout.place]
        if needed:
            work += needed
        else:
            work.pop()
            if chain[0] not in layout.place:
                layout.write(chain)
    return tuple(reversed(layout.backwards))


class _Layout(NamedTuple):
    flow: Flow
    accept: int
    before: dict[int, int]
    backwards: list[SockFilter]
    place: dict[int, int]  # instructions from the start of a node to the end

    def chain(self, at: int) -> list[int]:
        """The nodes that stand in a row with this one."""
        while at in self.before:
            at = self.before[at]
        row = [at]
        while at >= 0 and self.before.get(self.flow[at].yes) == at:
            at = self.flow[at].yes
            row.append(at)
        return row

    def targets(self, chain: list[int]) -> list[int]:
        """Where the row leads, what it is to reach by the longest jump first."""
        last = chain[-1]
        if last < 0:
            return []
        code, _, yes, no = self.flow[last]
        if not is_jump(code) and yes >= 0 and is_jump(self.flow[yes].code):
            _, _, yes, no = self.flow[yes]  # a copy of the jump is written
        return [yes, no]

    def write(self, chain: list[int]) -> None:
        last = chain[-1]
        if last >= 0 and not is_jump(self.flow[last].code):
            self._write_copy(self.flow[last].yes)
        for at in reversed(chain):
            self._write(at)
            self.place[at] = len(self.backwards)

    def _write(self, at: int) -> None:
        if at < 0:
            word = SockFilter(opcodes.RETURN, 0, 0, self.accept if at == ACCEPT else 0)
        else:
            code, k, yes, no = self.flow[at]
            jt, jf = (self._skip(yes), self._skip(no)) if is_jump(code) else (0, 0)
            word = SockFilter(code, jt, jf, k)
        self.backwards.append(word)

    def _write_copy(self, at: int) -> None:
        """What an instruction goes on with that stands elsewhere."""
        if at < 0 or is_jump(self.flow[at].code):
            self._write(at)
        else:
            self.backwards.append(SockFilter(opcodes.JUMP, 0, 0, self._skip(at)))

    def _skip(self, at: int) -> int:
        return len(self.backwards) - self.place[at]
