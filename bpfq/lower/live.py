"""Tests of named sets that may change while the program runs: look-ups, whatever is in them now.

src net @bad        ip and @bad[26:4] = 1 or ... or ip6 and @bad[22:16] = 1
"""

from __future__ import annotations

from bpfq.graph.formula import Atom, Formula, both, either
from bpfq.graph.terms import Load
from bpfq.headers.places import Frame, Place
from bpfq.lower import linklayer, network, transport
from bpfq.lower.context import Context, directed
from bpfq.operators import Relation
from bpfq.query import nodes as q
from bpfq.query.sets import families

_SOURCE6, _DESTINATION6, _SIZE6 = 8, 24, 16


def in_set(node: q.InSet, c: Context) -> Formula:
    frame = c.frame(node.under)
    match node.members.kind:
        case "port":
            return transport.with_ports(
                node.protocol, c, frame,
                lambda place: directed(
                    node.direction, _found(node, c, place, 0, 2), _found(node, c, place, 2, 2)
                ),
            )  # fmt: skip
        case "mac":
            return _mac(node, frame, c)
    return either(*(_addresses(node, family, frame, c) for family in families(node)))


def _addresses(node: q.InSet, family: int, frame: Frame, c: Context) -> Formula:
    if family == 6:
        return both(
            network.is_ip6(c, frame),
            _ends(node, c, frame.network, (_SOURCE6, _DESTINATION6), _SIZE6),
        )
    return either(
        *(
            both(
                network.type_of(word, c, frame),
                _ends(node, c, frame.network, network.address_places(word), 4),
            )
            for word in network.words_of(node.protocol, frame)
        )
    )


def _mac(node: q.InSet, frame: Frame, c: Context) -> Formula:
    if frame.mac is None or node.direction not in ("src", "dst", "src or dst", "src and dst"):
        raise c.refuse("a set of MAC addresses that may change", node.span)
    return both(linklayer.mac_guard(frame, c), _ends(node, c, frame.header, frame.mac, 6))


def _ends(node: q.InSet, c: Context, place: Place, offsets: tuple[int, int], size: int) -> Formula:
    source, destination = (_found(node, c, place, offset, size) for offset in offsets)
    return directed(node.direction, source, destination)


def _found(node: q.InSet, c: Context, place: Place, offset: int, size: int) -> Formula:
    load = c.headers.load(place, offset, size)
    assert isinstance(load, Load)
    found = c.headers.builder.lookup(node.members, load)
    return Atom(found, Relation.EQ, c.headers.builder.constant(1))
