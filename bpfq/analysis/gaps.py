"""What some primitive of a filter does not look into, and what becomes of such packets.

A *gap* is a kind of packet: a tagged frame, a later fragment.  The primitives tell which kinds
come into question; whether the filter rejects all packets of a kind, or matches all of them
unread, is then decided exactly, over every packet of the kind:

    port 53            later fragments: not seen         not port 53    later fragments: let in
    host A or port 53  later fragments: seen in part, by the first clause
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal, TypeAlias

from bpfq.analysis.decide import Questions, Undecided
from bpfq.analysis.subject import meaning_of
from bpfq.errors import BpfqError
from bpfq.query import nodes as q
from bpfq.query.walk import leaves, operands, reads
from bpfq.record import record, replace
from bpfq.settings import Settings
from bpfq.symbolic.formula import SEQUENTIAL
from bpfq.symbolic.propositions import Accepts, Every, Opposite, Packet, Proposition
from bpfq.tables.fields import FIELDS
from bpfq.tables.protocols import PROTOCOLS

Fate: TypeAlias = Literal["not seen", "let in", "in part"]

_TRANSPORT_OF_IPV6 = ("tcp", "udp", "sctp", "pim")  # what --tcp6 lets an index read
_MOST_LEAVES = 2500  # primitives; what becomes of the packets is left open in longer filters

# Packets of each kind, as a filter.
_VLAN = "vlan"
_QINQ = "vlan and vlan"
_LABELLED = "ether proto 0x8847 or ether proto 0x8864"
_TUNNELS = "ip proto 4 or ip proto 41 or ip proto 47 or udp dst port 4789 or udp dst port 6081"
_IPV6 = "ip6"
_EXTENSIONS = "ip6 and (ip6[6] = 0 or ip6[6] = 43 or ip6[6] = 44 or ip6[6] = 60)"
_FRAGMENTS = "ip and ip[6:2] & 0x1fff != 0"
_HEADER = 8  # bytes of the shortest extension header


@record
class Gap:
    """Packets that some primitive does not look into, and the option that lets it.

    fate: "not seen": the filter rejects them all; "let in": it matches them all, whatever they
    hold; "in part": other clauses decide, or it could not be told.
    """

    what: str
    option: str = ""
    fate: Fate = "in part"


def gaps(query: q.Query, settings: Settings) -> Iterator[Gap]:
    """Everything of interest that some primitive does not look into."""
    judge = _Judge(query, settings)
    for what, option, packets, misses in _kinds(query, settings):
        if not any(misses(leaf) for leaf in leaves(query)):
            continue
        fate = judge.fate(packets)
        if fate == "let in" and not _lets_in(query, misses):
            continue  # matched for what it looks at
        if fate == "in part" and packets == _TUNNELS:
            continue  # the packets around a tunnel are seen
        yield Gap(what, option, fate)


class _Judge:
    """What becomes of all packets of a kind."""

    def __init__(self, query: q.Query, settings: Settings) -> None:
        self._settings = replace(settings, through=())
        self._packet = Packet()
        self._questions = Questions(self._packet, wire_is_captured=settings.target.metadata)
        self._filter: Proposition | None = None
        if sum(1 for _ in leaves(query)) <= _MOST_LEAVES:
            self._filter = meaning_of(query, settings, self._packet, SEQUENTIAL)

    def fate(self, packets: str) -> Fate:
        from bpfq.frontend.pcap.parse import parse

        if self._filter is None:
            return "in part"
        try:
            kind = meaning_of(parse(packets), self._settings, self._packet, SEQUENTIAL)
        except BpfqError:  # not all of the kind exists here
            return "in part"
        try:
            if self._none(Every((Accepts(kind), Accepts(self._filter)))):
                return "not seen"
            if self._none(Every((Accepts(kind), Accepts(Opposite(self._filter))))):
                return "let in"
        except Undecided:
            pass
        return "in part"

    def _none(self, proposition: Proposition) -> bool:
        return self._questions.find(proposition) is None


_Misses = Callable[[q.Leaf], bool]


def _kinds(query: q.Query, settings: Settings) -> Iterator[tuple[str, str, str, _Misses]]:
    """What may be missed here, the option against it, such packets, and what misses them."""
    tcp6, most = settings.options.tcp6, settings.options.protochain
    yield from _shims(query, settings)
    if settings.link.name != "IPV4":
        if not tcp6:
            indexed = "IPv6, where the filter indexes a transport header"
            yield indexed, "--tcp6", _IPV6, _reads_ipv4_only
        yield (
            "IPv6 with extension headers", "", _EXTENSIONS,
            lambda leaf: _next_header(leaf, tcp6=tcp6),
        )  # fmt: skip
        yield (
            f"headers behind number {most} of a chain", f"--protochain {2 * most}",
            _long_chain(most), lambda leaf: isinstance(leaf, q.ProtocolChain),
        )  # fmt: skip
    if settings.link.name != "IPV6" and not settings.target.reassembled:
        yield "2nd and later fragments of IPv4", "", _FRAGMENTS, _reads_transport


def _long_chain(most: int) -> str:
    """IPv6 with one extension header more, each as short as can be."""
    headers = (f"ip6[{40 + _HEADER * n}] = 0 and ip6[{41 + _HEADER * n}] = 0" for n in range(most))
    return f"ip6 and ip6[6] = 0 and {' and '.join(headers)}"


def _shims(query: q.Query, settings: Settings) -> Iterator[tuple[str, str, str, _Misses]]:
    layout, through = settings.link.layout, set(settings.through)
    if layout is None or _looks_behind_shims(query):
        return
    if layout.vlan and not through & {"vlan", "qinq"} and settings.target.vlan == "inline":
        yield "frames with an 802.1Q tag", "--through vlan", _VLAN, _is_network_test
    if layout.vlan and "qinq" not in through and settings.target.vlan == "metadata":
        yield "frames with two 802.1Q tags", "--through qinq", _QINQ, _is_network_test
    if layout.mpls and not through - {"vlan", "qinq"}:
        yield "MPLS and PPPoE frames", "--through mpls,pppoe", _LABELLED, _is_network_test
        option = "--through gre,ipip,vxlan,geneve"
        yield "what a tunnel carries", option, _TUNNELS, _is_network_test


def _looks_behind_shims(query: q.Query) -> bool:
    """The filter speaks of tags, labels or tunnels itself."""
    return any(isinstance(leaf, q.Encapsulation) for leaf in leaves(query))


def _is_network_test(leaf: q.Leaf) -> bool:
    """Reads the type field of the link header, or what stands behind it."""
    match leaf:
        case q.Broadcast(layer) | q.Multicast(layer):
            return layer != "link"
        case q.InSet(members=members):
            return members.kind != "mac"
        case q.Compare():
            return any(_protocol_of(read) not in ("link", "radio") for read in _reads(leaf))
        case _:
            return isinstance(
                leaf,
                q.Protocol
                | q.ProtocolNumber
                | q.ProtocolChain
                | q.Address4
                | q.Address6
                | q.Port
                | q.DecnetAddress,
            )


def _reads(leaf: q.Compare) -> tuple[q.Index | q.FieldValue, ...]:
    return (*reads(leaf.left), *reads(leaf.right))


def _protocol_of(read: q.Index | q.FieldValue) -> str:
    return read.protocol if isinstance(read, q.Index) else FIELDS[read.name].protocol


def _reads_ipv4_only(leaf: q.Leaf) -> bool:
    return isinstance(leaf, q.Compare) and any(
        isinstance(read, q.Index) and read.protocol in _TRANSPORT_OF_IPV6 for read in _reads(leaf)
    )


def _reads_transport(leaf: q.Leaf) -> bool:
    """Reads behind the IPv4 header, so it needs the first fragment."""
    match leaf:
        case q.Port() | q.InSet(members=q.NamedSet(kind="port")):
            return True
        case q.Compare():
            rows = [PROTOCOLS.get(_protocol_of(read)) for read in _reads(leaf)]
            return any(row is not None and row.base == "transport" for row in rows)
        case _:
            return False


def _next_header(leaf: q.Leaf, *, tcp6: bool) -> bool:
    """Takes the next-header field of the fixed IPv6 header for the transport protocol."""
    match leaf:
        case q.Port() | q.InSet(members=q.NamedSet(kind="port")):
            return True
        case q.Protocol(name):
            return "ip6" in PROTOCOLS[name].layers
        case q.ProtocolNumber(layer):
            return layer in ("ip6", "inet")
        case q.Compare():
            return any(_reads_behind_ip6(read, tcp6) for read in _reads(leaf))
        case _:
            return False


def _reads_behind_ip6(read: q.Index | q.FieldValue, tcp6: bool) -> bool:
    row = PROTOCOLS.get(_protocol_of(read))
    if row is None or "ip6" not in row.layers:
        return False
    return row.base == "icmp6" or tcp6 or isinstance(read, q.FieldValue)


# ---------------------------------------------------------------- what becomes of the packets


def _lets_in(query: q.Query, misses: _Misses) -> bool:
    """Whether packets on which these primitives are false match for that very reason."""
    holds = _decide(query, lambda leaf: False if misses(leaf) else None)
    if holds is not None:
        return holds
    return all(not positive for leaf, positive in _polarities(query) if misses(leaf))


def _decide(query: q.Query, known: Callable[[q.Leaf], bool | None]) -> bool | None:
    """True, False, or None where the unknown primitives decide."""
    done: list[bool | None] = []
    work: list[tuple[q.Query, bool]] = [(query, False)]
    while work:
        node, ready = work.pop()
        parts = operands(node)
        if not parts:
            done.append(known(node))  # type: ignore[arg-type]  # no operands: a leaf
        elif not ready:
            work.append((node, True))
            work += [(part, False) for part in reversed(parts)]
        else:
            values = done[-len(parts) :]
            del done[-len(parts) :]
            done.append(_combined(node, values))
    return done[0]


def _combined(node: q.Query, values: list[bool | None]) -> bool | None:
    match node:
        case q.Not():
            return None if values[0] is None else not values[0]
        case q.And():
            return False if False in values else None if None in values else True
        case q.Or():
            return True if True in values else None if None in values else False
        case _:
            condition, then, otherwise = values
            if condition is None:
                return then if then is otherwise else None
            return then if condition else otherwise


def _polarities(query: q.Query) -> Iterator[tuple[q.Leaf, bool]]:
    """Each primitive, and whether it counts as it stands or negated."""
    work = [(query, True)]
    while work:
        node, positive = work.pop()
        parts = operands(node)
        if not parts:
            yield node, positive  # type: ignore[misc]  # no operands: a leaf
        else:
            below = positive != isinstance(node, q.Not)
            work += [(part, below) for part in parts]
