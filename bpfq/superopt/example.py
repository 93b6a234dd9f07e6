"""Packets that a diagram leads to TRUE for, found by walking it: cheaper than asking a solver.

    captured >= 24 | [12:2]: 0x800 | [23:1]: 7 .. 255  ->  TRUE
    24 bytes, 08 00 at 12, 07 at 23

Each node's variable is given a value of an interval that goes on, and is kept.  Where the
variables are independent of each other, any way down is that of a packet; else some are tried.
The same diagram always gives the same packets, which z3 does not promise.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from bpfq.simplify.smt_encode import NETWORK_HEADER
from bpfq.superopt.draft import Draft
from bpfq.symbolic.diagram import Diagram, Diagrams
from bpfq.symbolic.propositions import MOST_CAPTURED
from bpfq.symbolic.variables import Variable
from bpfq.symbolic.words import NETWORK, START, Length, Metadata, Word
from bpfq.walk import bottom_up

_MOST_STEPS = 1000  # nodes visited
_MOST_VISITS = 10  # of one node
_MOST_TRIES = 8  # values that lead to one child
_MOST_CONSTANTS = 16
_LONGEST = 1 << 17  # captured bytes of a packet


class Example(NamedTuple):
    """A packet, and the bytes that follow what was captured."""

    octets: bytes
    behind: bytes
    wire_length: int
    metadata: dict[str, int]
    network_header: bytes


def examples(diagrams: Diagrams, diagram: Diagram, wire_is_captured: bool) -> Iterator[Example]:
    """Packets that lead to "holds", mostly; few, or none where none is found."""
    drafts = [(diagram, Draft(is_far)) for is_far in (True, False)]
    ways: list[Iterator[tuple[Diagram, Draft]]] = [iter(drafts)]
    elsewhere = _constants(diagram)
    visits: Counter[Diagram] = Counter()
    for _ in range(_MOST_STEPS):
        node, draft = next(ways[-1], (None, None))
        if node is None or draft is None:
            ways.pop()
            if not ways:
                return
        elif node is diagrams.holds:
            made = _made(draft, wire_is_captured)
            if made is not None:
                yield made
        elif node is not diagrams.fails:
            visits[node] += 1
            if visits[node] <= _MOST_VISITS:
                ways.append(_next(diagrams, node, draft, elsewhere))


def _constants(diagram: Diagram) -> tuple[int, ...]:
    """Values that some words are compared with."""
    nodes = bottom_up((diagram,), lambda node: node.children)
    found = dict.fromkeys(cut for node in nodes for cut in node.cuts if cut > 1)
    return tuple(islice(found, _MOST_CONSTANTS))


def _next(
    diagrams: Diagrams, node: Diagram, draft: Draft, elsewhere: tuple[int, ...]
) -> Iterator[tuple[Diagram, Draft]]:
    """Where values of a node's variable lead.

    elsewhere: what other words are compared with, which may turn out to be the same bytes.
    """
    variable = diagrams.variables[node.level]
    if isinstance(variable, tuple) and isinstance(variable[0], str):
        base, index = variable[0], variable[1]
        if index is not None:
            draft = draft.settled((index,)).with_place(index)
        edges = (-MOST_CAPTURED, *node.cuts, 2 * MOST_CAPTURED)
        for place in reversed(range(len(node.children))):
            made = draft.within(base, index, edges[place], edges[place + 1])
            if made is not None:
                yield node.children[place], made
        return
    words = _words(variable)
    draft = draft.settled(words)
    values = [draft.value(word) for word in words]
    if None in values:
        yield from ((child, draft) for child in dict.fromkeys(node.children))
        return
    tries: Counter[Diagram] = Counter()
    dead = (diagrams.fails, diagrams.faults)
    for word, value, outcome in _changes(words, [value or 0 for value in values], node, elsewhere):
        child = node.children[bisect_right(node.cuts, outcome)]
        if child not in dead and tries[child] < _MOST_TRIES:
            made = draft.with_value(word, value)
            if made is not None:
                tries[child] += 1
                yield child, made.keeping(words)


def _words(variable: Variable) -> tuple[Word, ...]:
    if not isinstance(variable, tuple):
        return (variable,)
    left, right = variable
    assert not isinstance(left, str) and right is not None
    return left, right


def _changes(
    words: tuple[Word, ...], values: list[int], node: Diagram, elsewhere: tuple[int, ...]
) -> Iterator[tuple[Word, int, int]]:
    """Words with values that they may get, and which way the node is left then."""
    if len(words) == 2:
        left, right = values
        now = (left > right) - (left < right)
        yield words[0], left, now
        for step in (-1, 0, 1):
            yield words[0], right + step, step
            yield words[1], left - step, step
        return
    (word,), (now,) = words, values
    ends = [*node.cuts, word.most + 1]
    last = [end - 1 for pair in zip(reversed(ends), ends) for end in pair]
    for value in dict.fromkeys((*last, now, 0, *ends, *elsewhere)):
        yield word, value, value


# ---------------------------------------------------------------- the packet


def _made(draft: Draft, wire_is_captured: bool) -> Example | None:
    """The packet as short as it may be, but with all that was written; None where it is none."""
    octets = {at: value for base, at, value in _octets(draft) if base == START}
    header = {at: value for base, at, value in _octets(draft) if base == NETWORK}
    network = _filled(header, max(NETWORK_HEADER, max(header, default=0) + 1)) if header else b""
    low, high = draft.room.get(START, (0, MOST_CAPTURED))
    end = max(octets, default=-1) + 1
    captured = min(high - 1, max(low, end))
    wire = next((draft.values[at] for at in draft.values if isinstance(at, Length)), None)
    if wire is not None and (wire < captured or wire_is_captured):
        captured = wire
    if captured > _LONGEST or end > _LONGEST or not low <= captured < high:
        return None
    whole = _filled(octets, max(captured, end))
    return Example(
        whole[:captured],
        whole[captured:],
        captured if wire is None else wire,
        {at.name: value for at, value in draft.values.items() if isinstance(at, Metadata)},
        network,
    )


def _octets(draft: Draft) -> Iterator[tuple[str, int, int]]:
    for place, value in draft.values.items():
        if isinstance(place, tuple):
            yield (*place, value)


def _filled(octets: dict[int, int], size: int) -> bytes:
    made = bytearray(size)
    for at, value in octets.items():
        made[at] = value
    return bytes(made)
