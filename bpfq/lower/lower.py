"""Query -> Formula: the Boolean walk, and the table from node types to lowering functions."""

from __future__ import annotations

from typing import TypeAlias, assert_never

from bpfq.errors import BpfqError
from bpfq.graph.formula import (
    FALSE,
    TRUE,
    Atom,
    Fixed,
    Formula,
    both,
    cases,
    either,
    negation,
)
from bpfq.lower import (
    encapsulation,
    linklayer,
    network,
    transport,
)
from bpfq.lower.compare import compare
from bpfq.lower.context import Context
from bpfq.lower.lists import Addresses, Item, Ports, Refused, joined
from bpfq.operators import Relation
from bpfq.query import nodes as q
from bpfq.query.walk import operands


def lower(query: q.Query, context: Context) -> Formula:
    """The formula over packet loads that the query is on the context's target.

    Raises UnsupportedError, with the node's span, for what the target or link type cannot see.
    """
    results: list[Formula] = []
    work: list[tuple[Item, int]] = [(query, 0)]
    while work:
        node, done = work.pop()
        if done:
            parts = results[-done:]
            del results[-done:]
            results.append(_combine(node, parts, context))
        elif children := _children(node, context):
            work.append((node, len(children)))
            work.extend((child, 0) for child in reversed(children))
        else:
            results.append(_leaf(node, context))
    return results[0]


def _children(node: Item, c: Context) -> tuple[Item, ...]:
    match node:
        case Refused(operand):
            return (operand,)
        case Addresses() | Ports():
            return ()
        case q.InSet() if not c.join and not c.options.live_sets:
            from bpfq.query.sets import expanded

            return (expanded(node),)
        case _:
            return joined(node) if c.join else operands(node)


def _combine(node: Item, parts: list[Formula], context: Context) -> Formula:
    """An operand that stands twice is tested once: the second outcome would be the first."""
    match node:
        case q.And():
            return both(*dict.fromkeys(parts))
        case q.Or():
            return either(*dict.fromkeys(parts))
        case q.Not() | Refused() if context.share:
            return context.opposites.setdefault(parts[0], negation(parts[0]))
        case q.Not():
            return negation(parts[0])
        case q.InSet():
            return parts[0]
        case _:
            return cases(parts[0], parts[1], parts[2])


def _leaf(node: Item, context: Context) -> Formula:
    if not context.share or isinstance(node, q.Sample | Addresses | Ports | Refused):
        return _lowered(node, context)
    formula = context.lowered.get(node)
    if formula is None:
        formula = context.lowered[node] = _lowered(node, context)
    return formula


def _lowered(node: Item, context: Context) -> Formula:
    try:
        return _lower_leaf(node, context)
    except BpfqError as error:
        if error.span is None:
            error.span = getattr(node, "span", None)
        raise


def _lower_leaf(node: Item, c: Context) -> Formula:
    match node:
        case q.Constant(value):
            return Fixed(value)
        case q.Sample(threshold):
            return _sample(threshold, c)
        case q.Protocol():
            return network.protocol(node, c)
        case q.ProtocolNumber():
            return network.protocol_number(node.layer, node.number, c, c.frame(node.under))
        case q.ProtocolChain():
            return network.protocol_chain(node, c)
        case q.Encapsulation():
            return encapsulation.encapsulation(node, c)
        case q.Address4():
            return network.address4(node, c)
        case q.Address6():
            return network.address6(node, c)
        case q.MacAddress():
            return linklayer.mac_address(node, c)
        case q.StationAddress():
            return linklayer.station_address(node, c)
        case q.DecnetAddress():
            return network.decnet_address(node, c)
        case q.Gateway():
            return network.gateway(node, c)
        case Addresses():
            return network.addresses4(node, c)
        case q.Port() | Ports():
            return transport.port(node, c)
        case q.InSet():
            from bpfq.lower import live, sets  # few filters name sets

            return live.in_set(node, c) if c.options.live_sets else sets.in_set(node, c)
        case q.Broadcast():
            return linklayer.broadcast(node, c)
        case q.Multicast():
            return linklayer.multicast(node, c)
        case q.Compare():
            return compare(node, c)
        case q.LinkByte():
            return linklayer.link_byte(node, c)
        case q.PacketDirection():
            return linklayer.packet_direction(node, c)
        case q.InterfaceIndex():
            return linklayer.interface_index(node, c)
        case q.Llc():
            return linklayer.llc(node, c)
        case q.FrameType() | q.FrameDirection() | q.FirewallLog():
            return _rare(node, c)
        case q.AtmField() | q.AtmClass() | q.Ss7Unit() | q.Ss7Field():
            return _rare(node, c)
        case q.And() | q.Or() | q.Not() | q.When() | Refused():
            raise AssertionError("a Boolean node is no leaf")
        case _:
            assert_never(node)


_Rare: TypeAlias = (
    q.FrameType | q.FrameDirection | q.FirewallLog | q.AtmField | q.AtmClass | q.Ss7Unit
    | q.Ss7Field
)  # fmt: skip


def _rare(node: _Rare, c: Context) -> Formula:
    """What few filters ask for is imported when one does."""
    from bpfq.lower import firewall, signalling, wlan

    match node:
        case q.FrameType():
            return wlan.frame_type(node, c)
        case q.FrameDirection():
            return wlan.frame_direction(node, c)
        case q.FirewallLog():
            return firewall.log_field(node, c)
        case q.AtmField() | q.AtmClass():
            return signalling.atm(node, c)
        case q.Ss7Unit() | q.Ss7Field():
            return signalling.ss7(node, c)
        case _:
            assert_never(node)


def _sample(threshold: int, c: Context) -> Formula:
    target = c.headers.target
    if not target.metadata and target.hook is None:
        raise c.refuse("'rand' (the kernel draws the number, on live targets only)", None)
    if threshold >= 2**32:
        return TRUE
    if threshold == 0:
        return FALSE
    draw = c.headers.builder.draw(c.next_draw())
    return negation(Atom(draw, Relation.GE, c.headers.builder.constant(threshold)))
