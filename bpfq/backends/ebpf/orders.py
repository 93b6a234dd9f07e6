"""Which webs may stay in the byte order of the packet: constants are swapped instead.

    ldh [12]                     r3 = *(u16 *)(r1 +12)
    jeq #0x800        =>         if w3 != 0x8 goto ...

A comparison for order needs the bytes in the machine's order, and so does arithmetic.
"""

from __future__ import annotations

from collections.abc import Iterator

from bpfq.backends.ebpf.flow import Branch, Flow, Operation
from bpfq.backends.ebpf.webs import Registers, Webs
from bpfq.graph.terms import Members
from bpfq.isa.cbpf import instructions as i
from bpfq.operators import Operator, Relation

_HALFWORD = 0xFFFF
_BITWISE = (Operator.AND, Operator.OR, Operator.XOR)


def packet_order(flow: Flow, webs: Webs, loads: dict[int, int]) -> dict[int, int]:
    """Webs that stay as they are loaded, with their bytes (2 or 4).

    loads: the operations that load several bytes in the packet's order, with how many.
    """
    sizes = _sizes(flow, webs, loads)
    while True:
        spoilt = {
            web
            for number, operation in enumerate(flow.operations)
            for web in _spoilt(
                operation, loads.get(number, 0), webs.read[number], webs.written[number], sizes
            )
        }
        if not spoilt:
            return sizes
        for web in spoilt:
            del sizes[web]


def _sizes(flow: Flow, webs: Webs, loads: dict[int, int]) -> dict[int, int]:
    """Webs that hold a load, or something that may be made of one as it is."""
    found: dict[int, int] = {}
    for number, operation in enumerate(flow.operations):
        web = webs.written[number]
        size = loads.get(number) or _kept(operation, webs.read[number], found)
        if web is not None and size:
            found.setdefault(web, size)
    return found


def _kept(operation: Operation, read: Registers, sizes: dict[int, int]) -> int:
    """The bytes of what an operation makes in the packet's order; 0: it cannot."""
    match operation:
        case i.Alu(operator, value) if operator in _BITWISE:
            size = sizes.get(next(iter(read.values())), 0)
            return size if value >> 8 * size == 0 or operator is Operator.AND else 0
        case i.StoreA() | i.StoreX() | i.LoadScratch() | i.LoadXScratch() | i.Tax() | i.Txa():
            return sizes.get(next(iter(read.values())), 0)
        case _:
            return 0


def _spoilt(
    operation: Operation, loaded: int, read: Registers, web: int | None, sizes: dict[int, int]
) -> Iterator[int]:
    """The webs that need the machine's order on account of an operation."""
    size = loaded or _kept(operation, read, sizes)
    if web is not None and web in sizes and sizes[web] != size:
        yield web
    match operation:
        case Branch(Relation.EQ | Relation.SET, int()):
            return
        case Branch(_, Members(most=most)) if all(
            sizes.get(each) == (2 if most <= _HALFWORD else 4) for each in read.values()
        ):
            return
        case Branch(Relation.EQ, None) if len({sizes.get(each) for each in read.values()}) == 1:
            return
        case _ if size and not loaded and web is not None and web in sizes:
            return
        case _:
            yield from (each for each in read.values() if each in sizes)
