"""A query in words that pcap text has, in an order in which it can say them.

tcp.window > 1000              tcp[14:2] > 1000 or (ip6[6] = 6 and ip6[54:2] > 1000)
net @bad                       net 192.0.2.0/24 or net 2001:db8::/32
(vlan / ip) | arp              arp or (vlan and ip)      behind ``vlan`` all is behind the tag
"""

from __future__ import annotations

from bpfq.errors import FilterError
from bpfq.query import nodes
from bpfq.query.nodes import Query, Under
from bpfq.query.sets import expanded
from bpfq.query.text import in_plain_words, to_pcap
from bpfq.query.walk import map_leaves, operands, position_after, unders, with_operands


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


def _without_sets(leaf: nodes.Leaf) -> Query:
    return expanded(leaf) if isinstance(leaf, nodes.InSet) else leaf


# ---------------------------------------------------------------- order


def _outermost_first(query: Query) -> Query:
    """Operands in the order of their positions; those that move what follows behind the others."""
    done: list[tuple[Query, Under | None, bool]] = []  # query, where it begins, does it move
    work: list[tuple[Query, bool]] = [(query, False)]
    while work:
        node, ready = work.pop()
        match node:
            case nodes.Not() | nodes.And() | nodes.Or() | nodes.When():
                below = operands(node)
                if not ready:
                    work.append((node, True))
                    work.extend((part, False) for part in reversed(below))
                    continue
                parts = done[len(done) - len(below) :]
                del done[len(done) - len(below) :]
                if isinstance(node, nodes.And | nodes.Or):
                    parts.sort(key=lambda part: (len(part[1] or ()), part[2]))
                begins = next((begin for _, begin, _ in parts if begin is not None), None)
                moves = any(move for _, _, move in parts)
                ordered = with_operands(node, tuple(part for part, _, _ in parts))
                done.append((ordered, begins, moves))
            case _:
                places = unders(node)
                begin = places[0] if places else None
                done.append((node, begin, position_after(node, begin or ()) != (begin or ())))
    return done[0][0]
