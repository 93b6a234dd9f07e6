"""An index is put into X no earlier than where it is used.

    a: ldxb 4*([14]&0xf)            a: ld [20]
       ld [20]                         and #0x1fff00ff
       and #0x1fff00ff        =>       jeq #6          b, reject
       jeq #6     c, reject         b: ldxb 4*([14]&0xf)
    c: ldh [x + 14]                 c: ldh [x + 14]
       jeq #80    accept, d            jeq #80         accept, d

Nothing falls into a block from above, so that in front of each there is room for what one of the
edges into it needs; the others enter behind.  The program is as long as before, and a packet that
leaves at the first jump executes less.
"""

from __future__ import annotations

from bpfq.backends.cbpf.select import Block, Label, Selection
from bpfq.graph.nodes import Verdict
from bpfq.isa.cbpf.instructions import (
    AluX,
    Instruction,
    LoadIndirect,
    LoadXHeaderLength,
    LoadXImmediate,
    LoadXLength,
    LoadXScratch,
    StoreX,
    Tax,
    Txa,
)
from bpfq.record import replace

_SETS_X = LoadXHeaderLength | LoadXImmediate | LoadXLength | LoadXScratch | Tax
_READS_X = LoadIndirect | AluX | StoreX | Txa


def sink(selection: Selection) -> Selection:
    """The same code with loads of X moved behind jumps that part of the packets leave by."""
    blocks = list(selection.blocks)
    needed = _needed(selection)
    taken: set[Label] = {selection.start}
    for kind in (LoadXHeaderLength, LoadXImmediate):
        for number, block in enumerate(blocks):
            at = _idle(block, kind)
            if at is None or _is_entered_behind(number, at, blocks):
                continue
            exits = [exit for exit in (block.yes, block.no) if exit in needed]
            if len(exits) == 1 and exits[0].entry == 0 and exits[0] not in taken:
                taken.add(exits[0])
                blocks = _moved(blocks, number, at, exits[0])
    return replace(selection, blocks=tuple(blocks))


def _idle(block: Block, kind: type[Instruction]) -> int | None:
    """Where the block puts something into X that it does not use itself."""
    if not isinstance(block.value, int):
        return None  # X is asked for, or a search that others with the same exits share
    for at in range(len(block.code) - 1, -1, -1):
        instruction = block.code[at]
        if isinstance(instruction, kind):
            return at
        if isinstance(instruction, _SETS_X | _READS_X):
            return None
    return None


def _is_entered_behind(number: int, at: int, blocks: list[Block]) -> bool:
    """Some edge into the block comes with X set already."""
    labels = (label for block in blocks for label in (block.yes, block.no))
    return any(label.at == number and label.entry > at for label in labels)


def _moved(blocks: list[Block], number: int, at: int, exit: Label) -> list[Block]:
    """The instruction stands in front of the exit; edges from elsewhere enter behind it."""

    def behind(label: Label) -> Label:
        return Label(label.at, label.entry + 1) if label.at == exit.at else label

    def entered(label: Label) -> Label:
        return label if label == exit else behind(label)

    made = [replace(block, yes=behind(block.yes), no=behind(block.no)) for block in blocks]
    block = blocks[number]
    rest = block.code[:at] + block.code[at + 1 :]
    made[number] = replace(block, code=rest, yes=entered(block.yes), no=entered(block.no))
    assert not isinstance(exit.at, Verdict)
    target = made[exit.at]
    made[exit.at] = replace(target, code=(block.code[at], *target.code))
    return made


def _needed(selection: Selection) -> set[Label]:
    """The labels behind which X is read before it is set."""
    found: set[Label] = set()
    for number in range(len(selection.blocks) - 1, -1, -1):
        block = selection.blocks[number]
        needs = block.value is None or block.yes in found or block.no in found
        for at in range(len(block.code), -1, -1):
            if at < len(block.code):
                if isinstance(block.code[at], _READS_X):
                    needs = True
                elif isinstance(block.code[at], _SETS_X):
                    needs = False
            if needs:
                found.add(Label(number, at))
    return found
