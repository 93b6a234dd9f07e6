"""What stands where while a program runs: fixed registers, those for webs, the stack.

direct      R1 context, or the packet where nothing else is asked of it; then its end, temporary
            R0 the verdict from the start, webs in what is left
copied      R6 context, R0 and R5 temporary, webs in R1 to R4 and, across calls, in R7 to R9
sliced      R6 and R7 slices, R0 and R5 temporary, webs in R1 to R4 and, across calls, R8 and R9
legacy      R6 context, loads end in R0
"""

from __future__ import annotations

from typing import Final

from bpfq.isa.ebpf import instructions as e
from bpfq.isa.ebpf.instructions import Register
from bpfq.record import record

WORD: Final = 8  # bytes of the stack that a spilled web takes


@record
class Frame:
    """context, packet, end: registers, None where there is none.  temporary: two registers.

    free: registers for webs, the first is preferred.  kept: those of them that calls leave alone.
    """

    context: Register | None
    packet: Register | None
    end: Register | None
    temporary: tuple[Register, Register]
    free: tuple[Register, ...]
    kept: frozenset[Register] = frozenset()


def direct(asks_context: bool, keeps_r1: bool = False) -> Frame:
    """R0 is the second temporary register, which a program that spills nothing does not need.

    keeps_r1: R1 stays as it is at the start, and the context is somewhere else.
    """
    packet, end = (e.R2, e.R3) if asks_context or keeps_r1 else (e.R1, e.R2)
    context = (e.R8 if keeps_r1 else e.R1) if asks_context else None
    used = {e.R0, e.R1, packet, end, context, e.R9, e.R10}
    free = tuple(each for each in Register if each not in used)
    return Frame(context, packet, end, (e.R9, e.R0), free)


DIRECT_CALLING: Final = Frame(
    e.R6, e.R7, e.R8, (e.R0, e.R5), (e.R1, e.R2, e.R3, e.R4, e.R9), frozenset({e.R9})
)
COPIED: Final = Frame(
    e.R6, None, None, (e.R0, e.R5), (e.R1, e.R2, e.R3, e.R4, e.R7, e.R8, e.R9),
    frozenset({e.R7, e.R8, e.R9}),
)  # fmt: skip
SLICED: Final = Frame(
    None, None, None, (e.R0, e.R5), (e.R1, e.R2, e.R3, e.R4, e.R8, e.R9), frozenset({e.R8, e.R9})
)
LEGACY: Final = Frame(
    e.R6, None, None, (e.R5, e.R4), (e.R0, e.R1, e.R2, e.R3, e.R7, e.R8, e.R9),
    frozenset({e.R7, e.R8, e.R9}),
)  # fmt: skip
