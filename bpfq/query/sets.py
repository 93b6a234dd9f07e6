"""A test of a named set in other words: as one of its entries now.

src net @bad         src net (192.0.2.0/24 or 2001:db8::/32)
src and dst @bad     src net (...) and dst net (...)             each end on its own
"""

from __future__ import annotations

from bpfq.query import build
from bpfq.query.nodes import InSet, Network, Query
from bpfq.query.walk import leaves
from bpfq.record import replace

_FAMILIES = {None: (4, 6), "ip": (4,), "arp": (4,), "rarp": (4,), "ip6": (6,)}


def names_sets(query: Query) -> bool:
    """Some test of the query names a set."""
    return any(isinstance(leaf, InSet) for leaf in leaves(query))


def families(node: InSet) -> tuple[int, ...]:
    """The versions of IP whose addresses the test of a set of addresses looks at."""
    return _FAMILIES[node.protocol]


def networks(node: InSet, family: int) -> tuple[Network, ...]:
    """The addresses of a family in the set, with their masks."""
    width = 32 if family == 4 else 128
    full = (1 << width) - 1
    return tuple(
        (address, full ^ full >> bits)
        for version, address, bits in node.members.entries
        if version == family
    )


def expanded(node: InSet) -> Query:
    """The test with the entries of the set."""
    if node.direction == "src and dst":
        ends = (replace(node, direction=end) for end in ("src", "dst"))
        return build.all_of(*map(expanded, ends), span=node.span)
    return build.any_of(*_tests(node), span=node.span)


def _tests(node: InSet) -> list[Query]:
    direction, under, entries = node.direction, node.under, node.members.entries
    match node.members.kind:
        case "port":
            return [build.port(node.protocol, direction, low, high, under) for low, high in entries]
        case "mac":
            return [build.mac_address(direction, [mac for (mac,) in entries], under)]
    found: list[Query] = []
    for family in families(node):
        own = networks(node, family)
        if own and family == 4:
            found.append(build.address4(node.protocol, direction, own, under))
        elif own:
            found.append(build.address6(direction, own, under))
    return found
