"""A program is longer than its target takes: by how much, and what of the filter would fit.

    host a or host b or ... 5000 of them, on a packet socket

    12614 instructions, 8518 more than the 4096 of 'packet'; what would fit: 3 filters of 1667
    entries of the list each; 1650 networks that hold the list and 61035156 more addresses; an
    eBPF map

Every number was tried: the first part of the list and the networks are compiled.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bpfq.aggregation import Prefix, aggregated, extra
from bpfq.errors import LimitError
from bpfq.operators import WORD_MASK
from bpfq.query import nodes as q
from bpfq.query.walk import operands, replaced
from bpfq.record import record, replace
from bpfq.targets import Target

_LEAST = 8  # entries of a list
_TRIALS = 4  # programs that are made to find how much fits
_ROOM = 31, 32  # of what fits by proportion
_LONGER_ROWS = 4, 5  # of the parts, where they can be written more densely than the whole

Length = Callable[[q.Query], int]


@record
class _List:
    """A node of many entries in a query."""

    query: q.Query
    node: q.And | q.Or

    def of(self, entries: Sequence[q.Query]) -> q.Query:
        """The query with other entries in its list."""
        kind = type(self.node)
        made = entries[0] if len(entries) == 1 else kind(tuple(entries), span=self.node.span)
        return replaced(self.query, self.node, made)


def explain_limit(query: q.Query, instructions: int, target: Target, length: Length) -> LimitError:
    """The error for a program that is too long.

    length: of the program of a query, on the same target.
    """
    assert target.limit is not None
    message = target.excess(instructions)
    found = _longest_list(query)
    if found is None:
        return LimitError(message)
    entries = len(found.node.operands)
    most = max(1, target.limit * entries // instructions)  # entries, as far as proportions tell
    ways = [_split(found, most, target.limit, length)]
    networks = _networks(found.node)
    if networks is not None:
        ways.append(_widened(found, networks, min(most, len(networks) - 1), target.limit, length))
    fitting = [way for way in ways if way is not None]
    if not fitting:
        return LimitError(message)
    return LimitError(f"{message}; what would fit: {'; '.join((*fitting, 'an eBPF map'))}")


def _longest_list(query: q.Query) -> _List | None:
    longest: q.And | q.Or | None = None
    work = [query]
    while work:
        node = work.pop()
        if isinstance(node, q.And | q.Or):
            if longest is None or len(node.operands) > len(longest.operands):
                longest = node
        work += operands(node)
    if longest is None or len(longest.operands) < _LEAST:
        return None
    return _List(query, longest)


# ---------------------------------------------------------------- a part at a time


def _split(found: _List, most: int, limit: int, length: Length) -> str | None:
    entries = found.node.operands
    parts = -(-len(entries) // most)
    more, of = _LONGER_ROWS
    tried = (max(2, parts * more // of), *range(parts, parts + _TRIALS - 1))
    for count in tried:
        size = -(-len(entries) // count)
        if length(found.of(entries[:size])) <= limit:
            return f"{count} filters of {size} entries of the list each"
    return None


# ---------------------------------------------------------------- larger networks


def _networks(node: q.And | q.Or) -> list[Prefix] | None:
    """What a list of addresses of one kind asks for; None for other lists."""
    first = _address(node.operands[0])
    refused = isinstance(node, q.And)
    found: list[Prefix] = []
    for part in node.operands:
        address = _address(part)
        if address is None or first is None or isinstance(part, q.Not) is not refused:
            return None
        if _kind(address) != _kind(first):
            return None
        for number, mask in address.networks:
            if not mask or (mask ^ WORD_MASK) & (mask ^ WORD_MASK) + 1:
                return None
            found.append((number & mask, mask.bit_count()))
    return found


def _address(part: q.Query) -> q.Address4 | None:
    node = part.operand if isinstance(part, q.Not) else part
    return node if isinstance(node, q.Address4) else None


def _kind(node: q.Address4) -> object:
    return node.protocol, node.direction, node.under


def _widened(
    found: _List, networks: list[Prefix], most: int, limit: int, length: Length
) -> str | None:
    first = found.node.operands[0]
    address = _address(first)
    assert address is not None
    for _ in range(_TRIALS):
        if most < 1:
            return None
        wider = aggregated(networks, most)
        nodes = [replace(address, networks=((number, _mask(bits)),)) for number, bits in wider]
        entries = [q.Not(node) if isinstance(first, q.Not) else node for node in nodes]
        instructions = length(found.of(entries))
        if instructions <= limit:
            more = extra(networks, wider)
            return f"{len(wider)} networks that hold the list and {more} more addresses"
        most = most * limit * _ROOM[0] // (instructions * _ROOM[1])
    return None


def _mask(bits: int) -> int:
    return WORD_MASK << 32 - bits & WORD_MASK
