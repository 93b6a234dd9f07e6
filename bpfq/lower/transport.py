"""Transport ports over IPv4 and IPv6, without extension headers or later fragments."""

from __future__ import annotations

from collections.abc import Callable

from bpfq.graph.formula import Formula, both, either, negation
from bpfq.headers.places import Frame, Place
from bpfq.lower import lists
from bpfq.lower.context import Context, directed
from bpfq.lower.network import is_ip, is_ip6, next_is, not_later_fragment
from bpfq.operators import Relation
from bpfq.query import nodes as q
from bpfq.tables.protocols import PROTO_SCTP, PROTO_TCP, PROTO_UDP

_NUMBERS = {
    "tcp": (PROTO_TCP,),
    "udp": (PROTO_UDP,),
    "sctp": (PROTO_SCTP,),
    None: (PROTO_TCP, PROTO_UDP, PROTO_SCTP),
}


def port(node: q.Port | lists.Ports, c: Context) -> Formula:
    frame = c.frame(node.under)
    return with_ports(node.protocol, c, frame, lambda place: _ports(node, c, place))


def with_ports(
    protocol: str | None, c: Context, frame: Frame, ports: Callable[[Place], Formula]
) -> Formula:
    """What is asked of the ports at a place, where the transport header is."""
    numbers = _NUMBERS[protocol]
    return either(
        both(
            is_ip6(c, frame),
            either(*(next_is(c, frame, "ip6", number) for number in numbers)),
            ports(c.headers.transport6(frame)),
        ),
        both(
            is_ip(c, frame),
            either(*(next_is(c, frame, "ip", number) for number in numbers)),
            not_later_fragment(c, frame),
            ports(c.headers.transport4(frame)),
        ),
    )


def _ports(node: q.Port | lists.Ports, c: Context, transport: Place) -> Formula:
    return directed(
        node.direction, _one_port(node, c, transport, 0), _one_port(node, c, transport, 2)
    )


def _one_port(node: q.Port | lists.Ports, c: Context, transport: Place, offset: int) -> Formula:
    if isinstance(node, q.Port):
        return _in_range(c, transport, offset, node.low, node.high)
    return lists.within(c.headers.load(transport, offset, 2), node.intervals)


def _in_range(c: Context, transport: Place, offset: int, low: int, high: int) -> Formula:
    h = c.headers
    if low == high:
        return h.atom(transport, offset, 2, low)
    return both(
        h.atom(transport, offset, 2, low, relation=Relation.GE),
        negation(h.atom(transport, offset, 2, high, relation=Relation.GT)),
    )


def udp_destination(number: int, c: Context, frame: Frame) -> tuple[Formula, Formula]:
    """``udp dst port number`` over IPv4 and over IPv6, each alone."""
    h = c.headers
    over4 = both(
        is_ip(c, frame),
        h.atom(frame.network, 9, 1, PROTO_UDP),
        not_later_fragment(c, frame),
        h.atom(h.transport4(frame), 2, 2, number),
    )
    over6 = both(
        is_ip6(c, frame),
        h.atom(frame.network, 6, 1, PROTO_UDP),
        h.atom(h.transport6(frame), 2, 2, number),
    )
    return over4, over6
