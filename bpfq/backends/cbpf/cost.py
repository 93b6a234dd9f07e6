"""What a program costs to run, and which of several is the best bargain."""

from __future__ import annotations

from collections.abc import Sequence

from bpfq.isa.cbpf.encode import decode
from bpfq.isa.cbpf.instructions import (
    Jump,
    JumpIf,
    JumpIfX,
    Return,
    ReturnA,
    SockFilter,
)

_MUCH_LONGER = 1.3  # of the shortest worst case
_FEW = 64  # executed instructions more; so many are no matter to a socket


def longest_path(words: Sequence[SockFilter]) -> int:
    """The most instructions that one packet can execute; the program only jumps forward."""
    ahead = [0] * (len(words) + 1)
    for at in range(len(words) - 1, -1, -1):
        match decode(words[at]):
            case Return() | ReturnA():
                ahead[at] = 1
            case Jump(skip):
                ahead[at] = 1 + ahead[at + 1 + skip]
            case (
                JumpIf(skip_true=true, skip_false=false) | JumpIfX(skip_true=true, skip_false=false)
            ):
                ahead[at] = 1 + max(ahead[at + 1 + true], ahead[at + 1 + false])
            case _:
                ahead[at] = 1 + ahead[at + 1]
    return ahead[0]


def best(programs: Sequence[tuple[SockFilter, ...]]) -> int:
    """The number of the smallest program whose worst case is not much longer than need be."""
    if len(programs) == 1:
        return 0
    worst = [longest_path(words) for words in programs]
    limit = max(min(worst) * _MUCH_LONGER, min(worst) + _FEW)
    return min(
        (len(words), number) for number, words in enumerate(programs) if worst[number] <= limit
    )[1]
