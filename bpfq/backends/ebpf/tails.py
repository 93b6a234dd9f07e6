"""Blocks that do the same, and lead to the same, are one block.

    b4: r1 += r4;  goto b5           the ports of IPv4      b4: r1 += r4;  goto b5
    b5: r4 = *(u16 *)(r1 -2) ...                            b5: r4 = *(u16 *)(r1 -2) ...
    b7: r1 += 32;  goto b8           those of IPv6      =>  b7: r1 += 32;  goto b5
    b8: r4 = *(u16 *)(r1 -2) ...

The operations that they come from differ: they read elsewhere, which is in the pointer by then.
"""

from __future__ import annotations

from collections.abc import Mapping

from bpfq.backends.ebpf.blocks import Block, End, Goto, If, Label, targets
from bpfq.record import replace


def merged(blocks: Mapping[Label, Block], entry: Label) -> dict[Label, Block]:
    """The blocks with one in place of several; those that nothing leads to are still there."""
    names: dict[Label, Label] = {}
    known: dict[object, Label] = {}
    found = dict(blocks)
    for label in _last_first(blocks, entry):
        block = blocks[label]
        end = _renamed(block.end, names)
        found[label] = replace(block, end=end)
        names[label] = known.setdefault((block.code, end), label)
    return found


def _renamed(end: End, names: Mapping[Label, Label]) -> End:
    match end:
        case If(yes=yes, no=no):
            return replace(end, yes=names.get(yes, yes), no=names.get(no, no))
        case Goto(target):
            return Goto(names.get(target, target))
        case _:
            return end


def _last_first(blocks: Mapping[Label, Block], entry: Label) -> list[Label]:
    """Each behind what it leads to, but for ways back."""
    found: list[Label] = []
    seen: set[Label] = set()
    work = [(entry, False)]
    while work:
        label, done = work.pop()
        if done:
            found.append(label)
        elif label not in seen:
            seen.add(label)
            work.append((label, True))
            work += [(each, False) for each in targets(blocks[label].end)]
    return found
