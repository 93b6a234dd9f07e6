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

from bpfq.record import record
from bpfq.simplify.smt_encode import NETWORK_HEADER
from bpfq.superopt.draft import Draft
from bpfq.symbolic.diagram import Diagram, Diagrams
from bpfq.symbolic.propositions import MOST_CAPTURED
from bpfq.symbolic.variables import Variable
from bpfq.symbolic.words import NETWORK, START, Length, Metadata, Word
from bpfq.walk import bottom_up

_MOST_STEPS = 400  # nodes visited in one walk
_MOST_VISITS = 10  # of one node
_MOST_TRIES = 8  # values that lead to one child
_MOST_CONSTANTS = 16
_LONGEST = 1 << 17  # captured bytes of a packet
_STARTS = (
    (Draft(is_far=True), False),
    (Draft(is_far=True), True),
    (Draft(is_far=False), False),
    (Draft(is_far=True, is_loose=True, fill=0x55), False),
)


class Example(NamedTuple):
    """A packet, and the bytes that follow what was captured."""

    octets: bytes
    behind: bytes
    wire_length: int
    metadata: dict[str, int]
    network_header: bytes


def examples(diagrams: Diagrams, diagram: Diagram, wire_is_captured: bool) -> Iterator[Example]:
    """Packets that lead to "holds", mostly; few, or none where none is found."""
    for start, is_turned in _STARTS:
        walk = _Walk(diagrams, _constants(diagram), is_turned)
        for draft in walk.run(diagram, start):
            made = _made(draft, wire_is_captured)
            if made is not None:
                yield made


def _constants(diagram: Diagram) -> tuple[int, ...]:
    """Values that some words are compared with."""
    nodes = bottom_up((diagram,), lambda node: node.children)
    found = dict.fromkeys(cut for node in nodes for cut in node.cuts if cut > 1)
    return tuple(islice(found, _MOST_CONSTANTS))


@record
class _Walk:
    """One walk down, depth first.

    elsewhere: what any word is compared with: two of them may turn out to be the same bytes.
    is_turned: values are tried from the lowest on, else from both sides.
    """

    diagrams: Diagrams
    elsewhere: tuple[int, ...]
    is_turned: bool

    def run(self, diagram: Diagram, draft: Draft) -> Iterator[Draft]:
        """What leads to "holds"."""
        diagrams = self.diagrams
        ways = [iter([(diagram, draft)])]
        visits: Counter[Diagram] = Counter()
        for _ in range(_MOST_STEPS):
            step = next(ways[-1], None)
            if step is None:
                ways.pop()
                if not ways:
                    return
                continue
            node, draft = step
            visits[node] += 1
            if node is diagrams.holds:
                yield draft
            elif node is not diagrams.fails and visits[node] <= _MOST_VISITS:
                variable = diagrams.variables[node.level]
                if isinstance(variable, tuple) and isinstance(variable[0], str):
                    ways.append(_by_room(variable[0], variable[1], node, draft))
                else:
                    ways.append(self._by_value(_words(variable), node, draft))

    def _by_value(
        self, words: tuple[Word, ...], node: Diagram, draft: Draft
    ) -> Iterator[tuple[Diagram, Draft]]:
        """Where values of a word lead, or how two of them compare."""
        draft = draft.settled(words)
        values = [draft.value(word) for word in words]
        if None in values:
            yield from ((child, draft) for child in dict.fromkeys(node.children))
            return
        tries: Counter[Diagram] = Counter()
        dead = (self.diagrams.fails, self.diagrams.faults)
        for word, value, outcome in self._changes(words, [value or 0 for value in values], node):
            child = node.children[bisect_right(node.cuts, outcome)]
            if child not in dead and tries[child] < _MOST_TRIES:
                made = draft.with_value(word, value)
                if made is not None:
                    tries[child] += 1
                    yield child, made.keeping(words)

    def _changes(
        self, words: tuple[Word, ...], values: list[int], node: Diagram
    ) -> Iterator[tuple[Word, int, int]]:
        """Words with values that they may get, and which way the node is left then."""
        if len(words) == 2:
            left, right = values
            yield words[0], left, (left > right) - (left < right)
            for step in (-1, 0, 1):
                yield words[0], right + step, step
                yield words[1], left - step, step
            return
        (word,), (now,) = words, values
        ends = [*node.cuts, word.most + 1]
        last = [end - 1 for end in ends]
        if not self.is_turned:
            last = [value for pair in zip(reversed(last), last, strict=True) for value in pair]
        for value in dict.fromkeys((*last, now, 0, *ends, *self.elsewhere)):
            yield word, value, value


def _by_room(
    base: str, index: Word | None, node: Diagram, draft: Draft
) -> Iterator[tuple[Diagram, Draft]]:
    """Where captured lengths lead, the longest first."""
    if index is not None:
        draft = draft.settled((index,)).with_place(index)
    edges = (-MOST_CAPTURED, *node.cuts, 2 * MOST_CAPTURED)
    for place in reversed(range(len(node.children))):
        made = draft.within(base, index, edges[place], edges[place + 1])
        if made is not None:
            yield node.children[place], made


def _words(variable: Variable) -> tuple[Word, ...]:
    if not isinstance(variable, tuple):
        return (variable,)
    left, right = variable
    assert not isinstance(left, str) and right is not None
    return left, right


# ---------------------------------------------------------------- the packet


def _made(draft: Draft, wire_is_captured: bool) -> Example | None:
    """The packet as short as it may be, but with all that was written; None where it is none."""
    octets = {at: value for base, at, value in _octets(draft) if base == START}
    header = {at: value for base, at, value in _octets(draft) if base == NETWORK}
    before = max(NETWORK_HEADER, max(header, default=0) + 1) if header else 0
    low, high = draft.room.get(START, (0, MOST_CAPTURED))
    end = max(octets, default=-1) + 1
    captured = min(high - 1, max(low, end))
    wire = next((draft.values[at] for at in draft.values if isinstance(at, Length)), None)
    if wire is not None and (wire < captured or wire_is_captured):
        captured = wire
    if captured > _LONGEST or end > _LONGEST or not low <= captured < high:
        return None
    whole = _filled(octets, max(captured, end), draft.fill)
    return Example(
        whole[:captured],
        whole[captured:],
        captured if wire is None else wire,
        {at.name: value for at, value in draft.values.items() if isinstance(at, Metadata)},
        _filled(header, before, draft.fill),
    )


def _octets(draft: Draft) -> Iterator[tuple[str, int, int]]:
    for place, value in draft.values.items():
        if isinstance(place, tuple):
            yield (*place, value)


def _filled(octets: dict[int, int], size: int, fill: int) -> bytes:
    made = bytearray([fill]) * size
    for at, value in octets.items():
        made[at] = value
    return bytes(made)
