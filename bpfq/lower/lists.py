"""Primitives of one kind, joined by ``or``, as one primitive of many values.

    host a or tcp or host b or not port 80 ...       =>  host {a, b} or tcp or not port 80 ...
    not port 1 and not port 2 and ...                =>  not port {1, 2}

A list of thousands is lowered once, and its values become tests of sets at once.  What later
members of a list read was read at the first, so they may move there; ``opt.sets`` does the same to
formulas, for shorter lists and for other kinds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TypeAlias

from bpfq.graph.bounds import largest
from bpfq.graph.formula import TRUE, Formula, Within
from bpfq.graph.terms import Term
from bpfq.intervals import united
from bpfq.operators import WORD_MASK
from bpfq.query import nodes as q
from bpfq.query.walk import operands
from bpfq.record import record
from bpfq.source import Span

_LONG = 48  # members; shorter lists are lowered one by one
_ONE_OF_TWO = ("src", "dst", "src or dst")  # with "src and dst" both ends go together

Interval: TypeAlias = tuple[int, int]  # first and last


@record(eq=False)
class Addresses:
    """``Address4`` with its networks as intervals."""

    protocol: str | None
    direction: str
    intervals: tuple[Interval, ...]
    under: q.Under
    span: Span | None


@record(eq=False)
class Ports:
    """``Port`` with many ranges."""

    protocol: str | None
    direction: str
    intervals: tuple[Interval, ...]
    under: q.Under
    span: Span | None


@record(eq=False)
class Refused:
    """None of a list."""

    operand: Addresses | Ports


Item: TypeAlias = q.Query | Addresses | Ports | Refused


def has_long_list(query: q.Query) -> bool:
    """Some list is worth joining."""
    work = [query]
    while work:
        node = work.pop()
        below = operands(node)
        if len(joined(node)) < len(below):
            return True
        if isinstance(node, q.InSet) and len(node.members.entries) > _LONG:
            return True
        work += below
    return False


def joined(node: q.Query) -> tuple[Item, ...]:
    """The operands of a node; those of a long list are one, in the place of the first."""
    below = operands(node)
    if len(below) <= _LONG or isinstance(node, q.When):
        return below
    refused = isinstance(node, q.And)
    kinds = [_kind(part, refused) for part in below]
    counts = Counter(kinds)
    items: list[Item] = []
    met: set[object] = set()
    for part, kind in zip(below, kinds, strict=True):
        if kind is None or counts[kind] <= _LONG:
            items.append(part)
        elif kind not in met:
            met.add(kind)
            whole = _list([one for one, other in zip(below, kinds, strict=True) if other == kind])
            items.append(Refused(whole) if refused else whole)
    return tuple(items)


def _kind(part: q.Query, refused: bool) -> object:
    """Equal for what may be one list; None for what may not."""
    node = _primitive(part)
    if refused is not isinstance(part, q.Not) or not isinstance(node, q.Address4 | q.Port):
        return None
    if node.direction not in _ONE_OF_TWO:
        return None
    if isinstance(node, q.Address4) and not all(_is_prefix(mask) for _, mask in node.networks):
        return None
    return type(node), node.protocol, node.direction, node.under


def _primitive(part: q.Query) -> q.Query:
    return part.operand if isinstance(part, q.Not) else part


def _is_prefix(mask: int) -> bool:
    rest = mask ^ WORD_MASK
    return mask != 0 and not rest & rest + 1


def _list(parts: list[q.Query]) -> Addresses | Ports:
    first = _primitive(parts[0])
    intervals: list[Interval] = []
    for node in map(_primitive, parts):
        match node:
            case q.Port():
                intervals.append((node.low, node.high))
            case q.Address4():
                intervals += (
                    (address & mask, address | mask ^ WORD_MASK) for address, mask in node.networks
                )
    if isinstance(first, q.Port):
        made: type[Addresses | Ports] = Ports
    else:
        assert isinstance(first, q.Address4)
        made = Addresses
    return made(first.protocol, first.direction, tuple(intervals), first.under, first.span)


def within(term: Term, intervals: Iterable[Interval]) -> Formula:
    """The term is in one of the intervals."""
    bounds = united((first, last + 1) for first, last in intervals)
    return TRUE if bounds == (0, largest(term) + 1) else Within(term, bounds)
