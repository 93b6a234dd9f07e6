"""The instructions that a search tries: what programs are made of, and what is near it.

    ldh [12]      also the bytes, halves and words that overlap bytes 12 and 13
    jeq #6        equal to 5, 6, 7, or at least so much
    and #0xf0     also its complement; both as masks of ``jset``

Offsets stay even for loads of more than one byte, unless a program has an odd one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bpfq.isa.cbpf import opcodes
from bpfq.operators import WORD_MASK, Operator
from bpfq.record import record
from bpfq.superopt.cases import SET, SIZE_OF_INDIRECT, SIZE_OF_LOAD
from bpfq.superopt.flow import Node, is_jump
from bpfq.superopt.moves import FARTHEST

SCRATCH = opcodes.STORES | opcodes.SCRATCH_LOADS
_AND = opcodes.ALU[Operator.AND]


@record
class Alphabet:
    """operations: code and k.  constants: for equality and order.  masks: for ``jset``."""

    operations: tuple[tuple[int, int], ...]
    constants: frozenset[int]
    masks: tuple[int, ...]
    compares_x: bool


def alphabet(nodes: Iterable[Node]) -> Alphabet:
    """From the instructions of programs, without those on scratch words."""
    operations: dict[tuple[int, int], None] = {}
    constants: dict[int, None] = {}
    masks: dict[int, None] = {}
    compares_x = False
    for code, k, _, _ in nodes:
        if not is_jump(code):
            if code not in SCRATCH:
                operations[code, k] = None
                operations.update(dict.fromkeys(_overlapping(code, k)))
            if code == _AND:
                masks.update(dict.fromkeys((k, ~k & WORD_MASK)))
        elif code & opcodes.OPERAND_X:
            compares_x = True
        elif code & opcodes.OPERATION_MASK == SET:
            masks[k] = None
        else:
            constants.update(dict.fromkeys((k, k + 1 & WORD_MASK, k - 1 & WORD_MASK)))
    return Alphabet(tuple(operations), frozenset(constants), tuple(masks), compares_x)


def _overlapping(code: int, k: int) -> Iterator[tuple[int, int]]:
    """Loads of some of the bytes that a load reads, if it is a load from the packet."""
    for sizes, codes in (
        (SIZE_OF_LOAD, opcodes.LOAD_ABSOLUTE),
        (SIZE_OF_INDIRECT, opcodes.LOAD_INDIRECT),
    ):
        if code in sizes and k < FARTHEST:
            for size in (4, 2, 1):
                for offset in range(max(0, k - size + 1), k + sizes[code]):
                    if size == 1 or offset % 2 == 0:
                        yield codes[size], offset
