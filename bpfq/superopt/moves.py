"""Programs that differ from another in one place, and answer every case as they should.

redirect   an edge, or all edges into an instruction, lead elsewhere; what no edge leads to
           any more is left out
index      an edge sets X, and the loads behind it count from there: what differs in its
           offsets only becomes one

ld [26]; jeq #a          ld [26]; jeq #a
ld [30]; jeq #b    =>    ld [x + 30]; jeq #b  <-----+
ld [28]; jeq #a          ldx #8; ld [28]; jeq #a ---+
ld [38]; jeq #b
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from bpfq.isa.cbpf import opcodes
from bpfq.superopt.budget import Part
from bpfq.superopt.cases import SIZE_OF_INDIRECT, SIZE_OF_LOAD
from bpfq.superopt.flow import REJECT, Flow, Node, canonical, is_jump
from bpfq.superopt.traffic import Edge, Traffic

FARTHEST = 1 << 16  # offset of a load that is looked at
_MOST_APART = 64  # bytes between fields that one instruction is to read

_INDIRECT_OF = {code: opcodes.LOAD_INDIRECT[size] for code, size in SIZE_OF_LOAD.items()}


# ---------------------------------------------------------------- redirect


def redirected(traffic: Traffic, budget: Part) -> Iterator[Flow]:
    """Programs with an edge elsewhere that are right for all cases."""
    flow = traffic.flow
    entry = len(flow) - 1
    into: list[list[Edge]] = [[] for _ in flow]
    for edge in traffic.leaving:
        to = _target(flow, edge)
        if to >= 0:
            into[to].append(edge)
    for at in range(len(flow)):
        groups = [into[at]] + ([[edge] for edge in into[at]] if len(into[at]) > 1 else [])
        for group in groups:
            arrivals = traffic.arriving[at] if group is into[at] else traffic.leaving[group[0]]
            sources = 0
            for source, _ in group:
                sources |= 1 << source
            for to in range(REJECT, len(flow)):
                if to == at or to >= 0 and (traffic.behind[to] | 1 << to) & sources:
                    continue
                if not budget.spend():
                    return
                if all(traffic.is_right(to, arrival) for arrival in arrivals):
                    yield canonical(_led(flow, group, to), entry if group else to)


def _target(flow: Sequence[Node], edge: Edge) -> int:
    at, side = edge
    return flow[at].yes if side else flow[at].no


def _led(flow: Sequence[Node], edges: Sequence[Edge], to: int) -> list[Node]:
    """The nodes with these edges leading elsewhere."""
    nodes = list(flow)
    for at, side in edges:
        code, k, yes, no = nodes[at]
        if not is_jump(code):
            yes = no = to
        elif side:
            yes = to
        else:
            no = to
        nodes[at] = Node(code, k, yes, no)
    return nodes


# ---------------------------------------------------------------- index


def by_index(traffic: Traffic, budget: Part) -> Iterator[Flow]:
    """Programs with X set on an edge, hardly larger; a case may tell that they are wrong."""
    flow = traffic.flow
    offsets = {
        node.k
        for node in flow
        if (node.code in SIZE_OF_LOAD or node.code in SIZE_OF_INDIRECT) and node.k < FARTHEST
    }
    distances = {b - a for a in offsets for b in offsets if 0 < b - a < _MOST_APART}
    for distance in sorted(distances):
        both = _both(flow, distance, offsets)
        for edge in traffic.leaving:
            to = _target(flow, edge)
            if to >= 0 and both.plain[to] != both.behind[to]:
                nodes = _with_index(both, edge, to, distance)
                entry = both.plain[-1]
                if _reached(nodes, entry) > len(flow) + 1:
                    continue
                if not budget.spend():
                    return
                yield canonical(nodes, entry)


class _Both(NamedTuple):
    """A program where X is 0, and behind it where X is a distance; equal nodes are one.

    plain, behind: the number of each of its nodes in either.
    """

    nodes: list[Node]
    plain: list[int]
    behind: list[int]


def _both(flow: Flow, distance: int, offsets: set[int]) -> _Both:
    behind = [_from_x(node, distance, offsets) for node in flow]
    relative = {(node.code, node.k) for node in behind}
    plain = [
        node._replace(code=_INDIRECT_OF[node.code])
        if (_INDIRECT_OF.get(node.code), node.k) in relative
        else node
        for node in flow
    ]
    made: dict[Node, int] = {}
    numbers = _numbered(plain, made), _numbered(behind, made)
    return _Both(list(made), *numbers)


def _numbered(nodes: Sequence[Node], made: dict[Node, int]) -> list[int]:
    """The number of each node among those made, where children stand before parents."""
    numbers: list[int] = []
    for code, k, yes, no in nodes:
        yes, no = (numbers[to] if to >= 0 else to for to in (yes, no))
        numbers.append(made.setdefault(Node(code, k, yes, no), len(made)))
    return numbers


def _with_index(both: _Both, edge: Edge, to: int, distance: int) -> list[Node]:
    """X is the distance behind the edge, which led to a node, and 0 elsewhere."""
    first = both.behind[to]
    nodes = _led(both.nodes, [(both.plain[edge[0]], edge[1])], len(both.nodes))
    nodes.append(Node(opcodes.LOADX_IMMEDIATE, distance, first, first))
    return nodes


def _reached(nodes: Sequence[Node], entry: int) -> int:
    """How many nodes the entry leads to."""
    seen = {entry}
    work = [entry]
    while work:
        _, _, yes, no = nodes[work.pop()]
        for to in (yes, no):
            if to >= 0 and to not in seen:
                seen.add(to)
                work.append(to)
    return len(seen)


def _from_x(node: Node, distance: int, offsets: set[int]) -> Node:
    indirect = _INDIRECT_OF.get(node.code)
    if indirect is None or node.k - distance not in offsets:
        return node
    return node._replace(code=indirect, k=node.k - distance)
