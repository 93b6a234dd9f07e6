"""I: what IPv6 packets and fragments do to tests of transport headers.

(ip or ip6) and tcp[13] = 2               I01   tcp[...] reads IPv4 only
ip6 and udp port 53                       I02   not behind extension headers
ip[6:2] & 0x2000 != 0 and tcp port 80     I02   in the first fragment only
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bpfq.analysis.lint.findings import Finding
from bpfq.analysis.lint.places import Place, asked
from bpfq.analysis.lint.subject import Subject
from bpfq.operators import Operator
from bpfq.query import build
from bpfq.query import nodes as q
from bpfq.query.nodes import Leaf, Query
from bpfq.query.walk import leaves, operands, reads
from bpfq.source import Suggestion
from bpfq.tables.protocols import PROTOCOLS

_WITH_IPV6 = ("tcp", "udp", "sctp", "pim")  # as indexed words IPv4 only, unless --tcp6
_IPV4_PROTOCOLS = ("icmp", "igmp")  # there is no such thing over IPv6
_IPV6_HEADER = 40  # bytes, RFC 8200
_FRAGMENT_FIELD = range(6, 8)  # bytes of the IPv4 header: flags and fragment offset, RFC 791
_OFFSET_MASK = 0x1FFF

# ---------------------------------------------------------------- I01


def ipv4_only(subject: Subject) -> Iterator[Finding]:
    """``tcp[...]`` where the filter speaks of IPv6 elsewhere."""
    query = subject.query
    if subject.settings.options.tcp6 or _reads_transport_by_hand(query):
        return
    speaks = next((leaf for leaf in leaves(query) if _is_ipv6(leaf)), None)
    if speaks is None or subject.oracle.never(query):
        return
    for place in asked(query):
        word = _ipv4_word(place)
        if word is not None and _loses_ipv6(subject, place):
            tries = (Suggestion("--tcp6", f"let {word}[...] work on IPv6 too"),)
            yield Finding(
                "I01",
                "warning",
                f"{word}[...] reads IPv4 only, and the filter speaks of IPv6 in "
                f"{subject.quoted_at(speaks)}",
                subject.spans(place.node, speaks),
                suggestions=tries if word in _WITH_IPV6 else (),
            )


def _ipv4_word(place: Place) -> str | None:
    """The indexed protocol that stands for a whole family; icmp only where IPv6 is asked for."""
    if not isinstance(place.node, q.Compare):
        return None
    for word in _indexed(place.node):
        if word in _WITH_IPV6:
            return word
        if word in _IPV4_PROTOCOLS and any(map(_mentions_ipv6, place.around())):
            return word
    return None


def _mentions_ipv6(query: Query) -> bool:
    return any(isinstance(leaf, q.Protocol) and leaf.name == "ip6" for leaf in leaves(query))


def _loses_ipv6(subject: Subject, place: Place) -> bool:
    """Whether what surrounds the place leaves room for IPv6, and no other clause takes it all."""
    room = build.all_of(*place.around(), build.protocol("ip6", _under(place.node)))
    return not subject.oracle.never(room) and not subject.oracle.implies(room, subject.query)


def _is_ipv6(leaf: Leaf) -> bool:
    match leaf:
        case q.Protocol(name):
            return name in ("ip6", "icmp6")
        case q.ProtocolNumber(layer) | q.ProtocolChain(layer):
            return layer == "ip6"
        case q.Compare():
            return any(word in ("ip6", "icmp6") for word in _indexed(leaf))
        case _:
            return isinstance(leaf, q.Address6)


def _indexed(leaf: q.Compare) -> list[str]:
    return [
        read.protocol
        for read in (*reads(leaf.left), *reads(leaf.right))
        if isinstance(read, q.Index)
    ]


def _reads_transport_by_hand(query: Query) -> bool:
    """``ip6[53]``: whoever writes that knows."""
    for leaf in leaves(query):
        if isinstance(leaf, q.Compare):
            for read in (*reads(leaf.left), *reads(leaf.right)):
                if isinstance(read, q.Index) and read.protocol == "ip6":
                    offset = read.offset
                    if not isinstance(offset, q.Number) or offset.value >= _IPV6_HEADER:
                        return True
    return False


def _under(leaf: Query) -> tuple[str, ...]:
    if isinstance(leaf, q.Compare):
        return next((read.under for read in (*reads(leaf.left), *reads(leaf.right))), ())
    return getattr(leaf, "under", ())


# ---------------------------------------------------------------- I02


def first_header_only(subject: Subject) -> Iterator[Finding]:
    """A transport test beside words that say: IPv6, or fragments."""
    if subject.oracle.never(subject.query):
        return
    tests = [place for place in asked(subject.query) if _needs_transport(place.node)]
    chained = [place.node for place in tests if _is_said(place, _is_ipv6) and _is_next(place.node)]
    if chained:
        yield Finding(
            "I02",
            "note",
            f"{subject.quoted(chained[0])} is not found behind IPv6 extension headers",
            subject.spans(*chained),
            suggestions=_protochain(chained[0]),
        )
    first = [
        place.node
        for place in tests
        if _is_said(place, _reads_fragment_field) and _lets_fragments(subject, place)
    ]
    if first:
        yield Finding(
            "I02",
            "note",
            f"{subject.quoted(first[0])} stands in the first fragment only: the others never match",
            subject.spans(*first),
        )


def _needs_transport(node: Query) -> bool:
    match node:
        case q.Port() | q.InSet(members=q.NamedSet(kind="port")):
            return True
        case q.Protocol(name):
            return "ip6" in PROTOCOLS[name].layers
        case q.Compare():
            return any(PROTOCOLS[word].base == "transport" for word in _indexed(node))
        case _:
            return False


def _is_next(node: Query) -> bool:
    """Takes the next-header field of the fixed IPv6 header for the transport protocol."""
    return isinstance(node, q.Port) or (isinstance(node, q.Protocol) and node.name != "icmp6")


def _protochain(node: Query) -> tuple[Suggestion, ...]:
    if not isinstance(node, q.Protocol):
        return ()
    number = PROTOCOLS[node.name].numbers[0]
    return (Suggestion(f"ip6 protochain {number}", f"finds {node.name} behind them"),)


def _is_said(place: Place, says: Callable[[Leaf], bool]) -> bool:
    """Whether one of the clauses that must hold as well is such a primitive."""
    return any(
        says(clause)  # type: ignore[arg-type]  # no operands: a leaf
        for clause in place.around()
        if not operands(clause)
    )


def _reads_fragment_field(leaf: Leaf) -> bool:
    return isinstance(leaf, q.Compare) and any(
        isinstance(read, q.Index)
        and read.protocol == "ip"
        and isinstance(read.offset, q.Number)
        and read.offset.value in _FRAGMENT_FIELD
        for read in (*reads(leaf.left), *reads(leaf.right))
    )


def _lets_fragments(subject: Subject, place: Place) -> bool:
    """Whether the test reads behind the IPv4 header, and later fragments get as far as it."""
    if isinstance(place.node, q.Protocol):
        return False
    flags = build.index("ip", build.number(_FRAGMENT_FIELD[0]), 2, _under(place.node))
    offset = build.arithmetic(Operator.AND, flags, build.number(_OFFSET_MASK))
    later = build.compare("!=", offset, build.number(0))
    return not subject.oracle.never(build.all_of(*place.around(), later))
