"""The largest value of each web, as far as the kernel's verifier will see it.

A byte swap makes it forget, so that a 16-bit load has no bound once it is in the machine's order.
"""

from __future__ import annotations

from collections.abc import Collection

from bpfq.backends.cbpf.lookups import LookAbsolute, LookIndirect
from bpfq.backends.ebpf.flow import Advance, Flow, Operation
from bpfq.backends.ebpf.webs import A, X, Registers, Webs
from bpfq.backends.loops import LoadChain
from bpfq.isa.cbpf import instructions as i
from bpfq.operators import WORD_MASK, Operator

HEADER_LENGTH = 60  # bytes, of an IPv4 header at most


def bounds(flow: Flow, webs: Webs, swapping: Collection[int]) -> list[int]:
    """swapping: the operations whose result is swapped when it is loaded."""
    found = [-1] * webs.count
    for number, operation in enumerate(flow.operations):
        web = webs.written[number]
        if web is not None:
            most = WORD_MASK
            if number not in swapping:
                most = _most(operation, webs.read[number], found)
            found[web] = max(found[web], most)
    return found


def _most(operation: Operation, read: Registers, found: list[int]) -> int:
    def of(register: int) -> int:
        most = found[read[register]]
        return WORD_MASK if most < 0 else most

    match operation:
        case LoadChain():
            return WORD_MASK
        case LookAbsolute() | LookIndirect():
            return 1
        case i.LoadAbsolute(_, size) | i.LoadIndirect(_, size):
            return (1 << 8 * size) - 1
        case i.LoadXHeaderLength():
            return HEADER_LENGTH
        case i.LoadImmediate(value) | i.LoadXImmediate(value):
            return value
        case Advance():
            return min(WORD_MASK, of(A) + of(X))
        case i.Alu(operator, value):
            return min(WORD_MASK, _computed(operator, of(A), value))
        case i.StoreA() | i.StoreX() | i.LoadScratch() | i.LoadXScratch() | i.Tax() | i.Txa():
            return of(next(iter(read)))
        case _:
            return WORD_MASK


def _computed(operator: Operator, most: int, value: int) -> int:
    match operator:
        case Operator.AND:
            return min(most, value)
        case Operator.ADD:
            return most + value
        case Operator.MUL:
            return most * value
        case Operator.LSH:
            return most << value
        case Operator.RSH:
            return most >> value
        case _:
            return WORD_MASK
