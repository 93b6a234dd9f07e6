"""Where on the stack the keys stand that a program looks for, read off its text.

    r1 = map
    r2 = r10
    r2 += -8
    call map_lookup_elem        Key(-8, 4) of a map with keys of 4 bytes

What is read there must be known before anything is computed: only of what is read later on it is
found out what it is where ways meet.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from bpfq.isa.ebpf import instructions as e
from bpfq.isa.ebpf.helpers import HELPERS
from bpfq.isa.ebpf.instructions import Instruction, Operation, Register
from bpfq.operators import WORD_BITS

LOOK_UP: Final = HELPERS["map_lookup_elem"]


class Key(NamedTuple):
    """offset: from R10.  size: bytes."""

    offset: int
    size: int


def keys(
    instructions: Mapping[int, Instruction],
    following: Mapping[int, Sequence[int]],
    sizes: Mapping[int, int],
) -> dict[int, Key]:
    """By the slots of calls; without those where the map or the place is not plain to see.

    sizes: bytes of a key of the map that a slot asks for.
    """
    before = _only_ways(following)
    found: dict[int, Key] = {}
    for slot in following:
        if instructions[slot] == e.Call(LOOK_UP):
            key = _key(slot, instructions, before, sizes)
            if key is not None:
                found[slot] = key
    return found


def _only_ways(following: Mapping[int, Sequence[int]]) -> dict[int, int]:
    """The slot in front of each that only one leads to."""
    ways = Counter(to for behind in following.values() for to in behind)
    return {to: slot for slot, behind in following.items() for to in behind if ways[to] == 1}


def _key(
    slot: int,
    instructions: Mapping[int, Instruction],
    before: Mapping[int, int],
    sizes: Mapping[int, int],
) -> Key | None:
    offset, start, size = 0, False, None
    while slot in before and (size is None or not start):
        slot = before[slot]
        match instructions[slot]:
            case e.LoadImmediate64(Register.R1, _, e.Immediate.MAP_FD) if size is None:
                size = sizes.get(slot, 0)
            case e.MoveRegister(Register.R2, Register.R10, width) if width != WORD_BITS:
                start = True
            case e.Alu(Operation.ADD, Register.R2, value, width) if width != WORD_BITS:
                offset += 0 if start else value
    return Key(offset, size) if size and start else None
