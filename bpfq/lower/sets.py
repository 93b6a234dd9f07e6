"""Tests of named sets: with the entries of now, as tests of sets of values."""

from __future__ import annotations

from bpfq.graph.formula import FALSE, Formula, both, either
from bpfq.lower import linklayer, network, transport
from bpfq.lower.context import Context
from bpfq.lower.lists import Addresses, Ports
from bpfq.operators import WORD_MASK
from bpfq.query import nodes as q
from bpfq.query.sets import families, networks


def in_set(node: q.InSet, c: Context) -> Formula:
    """Whatever the order of the entries, each field is tested once."""
    direction, under = node.direction, node.under
    match node.members.kind:
        case "port":
            ranges = tuple((low, high) for low, high in node.members.entries)
            listed = Ports(node.protocol, direction, ranges, under, node.span)
            return transport.port(listed, c)
        case "mac":
            if direction == "src and dst":
                return _each_end(node, c)
            addresses = tuple(address for (address,) in node.members.entries)
            named = q.MacAddress(direction, addresses, under, span=node.span)
            return linklayer.mac_address(named, c)
    return either(*(_of_family(node, family, c) for family in families(node)))


def _of_family(node: q.InSet, family: int, c: Context) -> Formula:
    own = networks(node, family)
    if not own:
        return FALSE
    if family == 4:
        intervals = tuple((address, address | mask ^ WORD_MASK) for address, mask in own)
        listed = Addresses(node.protocol, node.direction, intervals, node.under, node.span)
        return network.addresses4(listed, c)
    ends = ("src", "dst") if node.direction == "src and dst" else (node.direction,)
    tests = (q.Address6(end, own, node.under, span=node.span) for end in ends)
    return both(*(network.address6(test, c) for test in tests))


def _each_end(node: q.InSet, c: Context) -> Formula:
    addresses = tuple(address for (address,) in node.members.entries)
    tests = (q.MacAddress(end, addresses, node.under, span=node.span) for end in ("src", "dst"))
    return both(*(linklayer.mac_address(test, c) for test in tests))
