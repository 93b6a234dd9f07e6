"""A query in words that pcap text has, in an order in which it can say them.

tcp.window > 1000              tcp[14:2] > 1000 or (ip6[6] = 6 and ip6[54:2] > 1000)
net @bad                       net 192.0.2.0/24 or net 2001:db8::/32
(vlan / ip) | arp              arp or (vlan and ip)      behind ``vlan`` all is behind the tag
"""

from __future__ import annotations

from typing import TypeAlias

from bpfq.errors import FilterError
from bpfq.query import nodes
from bpfq.query.nodes import Leaf, Query, Under
from bpfq.query.sets import expanded
from bpfq.query.text import in_plain_words, to_pcap
from bpfq.query.walk import (
    Combination,
    folded,
    map_leaves,
    position_after,
    unders,
    with_operands,
)

# a query, where it begins, and whether it moves what follows
_Placed: TypeAlias = tuple[Query, Under | None, bool]


def in_words(query: Query, *, sets: bool = False) -> Query:
    """An equal query that ``to_pcap`` writes as it stands; raises FilterError where there is none.

    sets: keep tests of named sets, which only bpfq reads.
    """
    if not sets:
        query = map_leaves(query, _without_sets)
    query = in_plain_words(query)
    try:
        to_pcap(query)
    except FilterError:
        ordered = _outermost_first(query)
        if ordered == query:
            raise
        to_pcap(ordered)
        return ordered
    return query


def _without_sets(leaf: Leaf) -> Query:
    return expanded(leaf) if isinstance(leaf, nodes.InSet) else leaf


# ---------------------------------------------------------------- order


def _outermost_first(query: Query) -> Query:
    """Operands in the order of their positions; those that move what follows behind the others."""
    return folded(query, _placed, _in_order)[0]


def _placed(leaf: Leaf) -> _Placed:
    places = unders(leaf)
    begin = places[0] if places else None
    return leaf, begin, position_after(leaf, begin or ()) != (begin or ())


def _in_order(node: Combination, parts: list[_Placed]) -> _Placed:
    if isinstance(node, nodes.And | nodes.Or):
        parts.sort(key=lambda part: (len(part[1] or ()), part[2]))
    begins = next((begin for _, begin, _ in parts if begin is not None), None)
    moves = any(move for _, _, move in parts)
    return with_operands(node, tuple(part for part, _, _ in parts)), begins, moves
