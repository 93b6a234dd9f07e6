"""A scratch word that nothing reads is not written.

    ldb [x + 0]                    ldb [x + 0]
    and #0xfc                      and #0xfc
    st  M[0]                  =>   jeq #0x40    a, b
    jeq #0x40    a, b

A word is set aside for a term that several tests need, before it is known that each of them enters
where the accumulator still holds it.
"""

from __future__ import annotations

from bpfq.backends.cbpf.select import Block, Label, Selection
from bpfq.isa.cbpf.instructions import (
    Instruction,
    Jump,
    JumpIf,
    JumpIfX,
    LoadScratch,
    LoadXScratch,
    StoreA,
    StoreX,
)
from bpfq.record import replace


def without_idle_stores(selection: Selection) -> Selection:
    """The same code without stores to words that no instruction loads."""
    blocks = selection.blocks
    read = {
        each.slot
        for block in blocks
        for each in block.code
        if isinstance(each, LoadScratch | LoadXScratch)
    }
    idle = [_idle(block, read) for block in blocks]
    if not any(idle):
        return selection

    def moved(label: Label) -> Label:
        if not isinstance(label.at, int):
            return label
        return label._replace(entry=label.entry - sum(at < label.entry for at in idle[label.at]))

    def kept(number: int) -> tuple[Instruction, ...]:
        code = enumerate(blocks[number].code)
        return tuple(each for at, each in code if at not in idle[number])

    made = (
        replace(block, code=kept(number), yes=moved(block.yes), no=moved(block.no))
        for number, block in enumerate(blocks)
    )
    return Selection(tuple(made), moved(selection.start))


def _idle(block: Block, read: set[int]) -> list[int]:
    """Where the block stores what nobody reads; jumps inside it keep their distances."""
    if any(isinstance(each, Jump | JumpIf | JumpIfX) for each in block.code):
        return []
    return [
        at
        for at, each in enumerate(block.code)
        if isinstance(each, StoreA | StoreX) and each.slot not in read
    ]
