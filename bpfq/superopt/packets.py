"""Packets that take a program through each of its edges, made by running it.

    ldh [12]; jeq #0x800    bytes 12 and 13 become 08 00, or 08 01
    ldb [23]; jset #0x30    byte 23 becomes 0x30, 0x10 or 0

A packet is kept where it takes an edge that none did before; its comparisons are then turned
round one after the other.  Accepted packets are also cut short before what they were tested for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from bpfq.isa.cbpf import opcodes
from bpfq.isa.cbpf.instructions import ANCILLARY
from bpfq.operators import WORD_BITS, WORD_MASK, Operator
from bpfq.superopt.cases import (
    OPERATOR_OF,
    SET,
    SIZE_OF_INDIRECT,
    SIZE_OF_LOAD,
    START,
    Case,
    Values,
    holds,
)
from bpfq.superopt.flow import Flow, is_jump

_MOST_KEPT = 160
_MOST_TRIED = 4_000
_FARTHEST = 1 << 12  # a byte beyond this is not written

METADATA = {offset: name for name, offset in ANCILLARY.items()}

Edge = tuple[int, int, bool]  # the program, the jump, its outcome


class Source(NamedTuple):
    """Bytes of the packet that a register was loaded from, and what was done with them since."""

    address: int
    size: int
    done: tuple[tuple[Operator, int], ...] = ()


class Met(NamedTuple):
    """A comparison on a packet's way, and where what it compares came from."""

    edge: Edge
    code: int
    constant: int
    a: int
    source: Source | None
    source_x: Source | None


def journey(flow: Flow, number: int, case: Case) -> tuple[list[Met], list[int]]:
    """The comparisons that a packet meets, and where its loads end."""
    met: list[Met] = []
    ends: list[int] = []
    values, at = START, len(flow) - 1
    a: Source | None = None
    x: Source | None = None
    while at >= 0:
        code, k, yes, no = flow[at]
        if is_jump(code):
            by_x = bool(code & opcodes.OPERAND_X)
            taken = holds(code, values[0], values[1], k)
            constant = values[1] if by_x else k
            met.append(Met((number, at, taken), code, constant, values[0], a, x if by_x else None))
            at = yes if taken else no
            continue
        a, x = _sources(code, k, values, a, x)
        if code in SIZE_OF_LOAD or code in SIZE_OF_INDIRECT:
            ends += [a.address + a.size] if a else []
        elif code == opcodes.LOADX_HEADER_LENGTH:
            ends.append(k + 1)
        after = case.step(code, k, values)
        if after is None:
            break
        values, at = after, yes
    return met, ends


def _sources(
    code: int, k: int, values: Values, a: Source | None, x: Source | None
) -> tuple[Source | None, Source | None]:
    """Where A and X come from behind an instruction; None where it is no field of the packet."""
    if code in SIZE_OF_LOAD:
        near = k < _FARTHEST or k in METADATA
        return (Source(k, SIZE_OF_LOAD[code]) if near else None), x
    if code in SIZE_OF_INDIRECT:
        address = values[1] + k & WORD_MASK
        return (Source(address, SIZE_OF_INDIRECT[code]) if address < _FARTHEST else None), x
    if code == opcodes.LOADX_HEADER_LENGTH:
        return a, Source(k, 1, ((Operator.AND, 15), (Operator.MUL, 4)))
    if code == opcodes.TAX:
        return a, a
    if code == opcodes.TXA:
        return x, x
    operator = OPERATOR_OF.get(code & ~opcodes.OPERAND_X)
    if operator is not None and a is not None:
        right = values[1] if code & opcodes.OPERAND_X else k
        return a._replace(done=(*a.done, (operator, right))), x
    writes_x = code & opcodes.CLASS_MASK == opcodes.LOADX_IMMEDIATE
    return (a, None) if writes_x else (a if code in opcodes.STORES else None, x)


def flips(met: Met, case: Case) -> Iterator[Case]:
    """Packets on which the comparison may come out otherwise, and on the edge of it."""
    kind, k = met.code & opcodes.OPERATION_MASK, met.constant
    wanted = (k, k & -k, 0, ~k) if kind == SET else (k, k + 1, k - 1)
    for value in wanted:
        if met.source is not None:
            yield from _written(case, met.source, value & WORD_MASK)
    if met.source_x is not None:
        yield from _written(case, met.source_x, met.a)


def _written(case: Case, source: Source, value: int) -> Iterator[Case]:
    """The packet with bytes, or a word beside it, from which the value is computed."""
    address, size, done = source
    old = _held(case, address, size)
    if old is None:
        return
    for operator, right in reversed(done):
        value = undone(operator, right, value, old) & WORD_MASK
    if value >> 8 * size or value == old:
        return
    name = METADATA.get(address)
    if name is not None:
        yield case.changed(metadata={**(case.metadata or {}), name: value})
    else:
        octets = case.octets
        written = octets[:address] + value.to_bytes(size, "big") + octets[address + size :]
        yield case.changed(octets=written)


def _held(case: Case, address: int, size: int) -> int | None:
    name = METADATA.get(address)
    if name is not None:
        return None if case.metadata is None else case.metadata.get(name, 0)
    octets = case.octets[address : address + size]
    return int.from_bytes(octets, "big") if len(octets) == size else None


def undone(operator: Operator, right: int, value: int, old: int) -> int:
    """What ``operator right`` makes value of, by a guess that running it confirms."""
    match operator:
        case Operator.ADD:
            return value - right
        case Operator.SUB:
            return value + right
        case Operator.AND:
            return old & ~right | value & right
        case Operator.XOR:
            return value ^ right
        case Operator.RSH:
            right %= WORD_BITS
            return value << right | old & (1 << right) - 1
        case Operator.LSH:
            return value >> right % WORD_BITS
        case Operator.MUL:
            return value // right if right else value
        case Operator.DIV:
            return value * right
        case _:
            return value


def packets(flows: Sequence[Flow], plain: Sequence[Case]) -> list[Case]:
    """Packets that together take the edges of the programs, starting from plain ones.

    To those accepted by the first program belong what is nearly accepted, and what they are when
    they are cut short, before where each load ends.
    """
    kept: list[Case] = []
    seen: set[Edge] = set()
    work = deque(plain)
    tried = 0
    while work and tried < _MOST_TRIED and len(kept) < _MOST_KEPT:
        case = work.popleft()
        tried += 1
        met = [each for n, flow in enumerate(flows) for each in journey(flow, n, case)[0]]
        edges = {each.edge for each in met}
        if edges <= seen:
            continue
        seen |= edges
        kept.append(case)
        for each in met:
            work.extend(flips(each, case))
    near = [made for case in kept for made in _near(flows[0], case)]
    return kept + near[:_MOST_KEPT]


def beside(flow: Flow, case: Case) -> Iterator[Case]:
    """A packet with one comparison that it meets turned round."""
    for met in journey(flow, 0, case)[0]:
        yield from flips(met, case)


def _near(flow: Flow, case: Case) -> Iterator[Case]:
    """What an accepted packet is like with one comparison turned round, and when it is cut."""
    if case.verdict(flow, len(flow) - 1):
        met, ends = journey(flow, 0, case)
        for each in met:
            yield from flips(each, case)
        for end in sorted(set(ends)):
            if end <= len(case.octets):
                yield case.changed(octets=case.octets[: end - 1])
