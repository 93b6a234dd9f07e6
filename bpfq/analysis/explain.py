"""What a filter tests, spelled out, and what it does not see: plain data.

A *gap* is a kind of packet that some primitive does not look into: a tagged frame, a later
fragment.  Whether the filter then rejects such packets or lets all of them in depends on the
Boolean structure: ``port 53`` misses them, ``not port 53`` matches them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bpfq.analysis.phrases import phrase
from bpfq.query import nodes as q
from bpfq.query.walk import leaves, operands, reads
from bpfq.record import record
from bpfq.tables.fields import FIELDS
from bpfq.tables.linktypes import LinkType
from bpfq.tables.protocols import PROTOCOLS
from bpfq.targets import Target

_TRANSPORT_OF_IPV6 = ("tcp", "udp", "sctp", "pim")  # what --tcp6 lets an index read
_INDENT = "    "


@record
class Gap:
    """Packets that the filter does not look into, and the option that lets it."""

    what: str
    option: str = ""
    let_in: bool = False  # they match, whatever they hold; else they do not match


@record
class Explanation:
    """in_full: the query, one clause a line.  gaps: what it does not look into."""

    in_full: tuple[str, ...]
    gaps: tuple[Gap, ...]


@record
class Setting:
    """What the filter was compiled for; the options are those of ``bpfq.compile``."""

    target: Target
    link: LinkType
    through: tuple[str, ...] = ()
    tcp6: bool = False
    family: int | None = None
    protochain: int = 8


def explain(query: q.Query, setting: Setting, text: str | None = None) -> Explanation:
    """text: the filter that the spans of the query refer to."""
    return Explanation(tuple(in_full(query, text)), tuple(gaps(query, setting)))


# ---------------------------------------------------------------- in full


def in_full(query: q.Query, text: str | None = None) -> Iterator[str]:
    """The query with every primitive spelled out, one a line, indented by nesting."""
    work: list[tuple[str, int, q.Query]] = [("", 0, query)]
    while work:
        prefix, depth, node = work.pop()
        parts = operands(node)
        if isinstance(node, q.Not):
            work.append((f"{prefix}not ", depth, node.operand))
        elif not parts:
            words = phrase(node, text)  # type: ignore[arg-type]  # no operands: a leaf
            yield f"{_INDENT * depth}{prefix}{f'({words})' if prefix.endswith('not ') else words}"
        elif isinstance(node, q.And) and depth == 0 and not prefix:
            work += [("and ", 0, part) for part in reversed(parts[1:])]
            work.append(("", 0, parts[0]))
        else:
            yield f"{_INDENT * depth}{prefix}{_HEADS[type(node)]}"
            work += [(_link(node, n), depth + 1, p) for n, p in reversed(list(enumerate(parts)))]


_HEADS: dict[type, str] = {q.And: "all of", q.Or: "any of", q.When: "a choice"}


def _link(node: q.Query, number: int) -> str:
    return ("if ", "then ", "else ")[number] if isinstance(node, q.When) else ""


# ---------------------------------------------------------------- gaps


def gaps(query: q.Query, setting: Setting) -> Iterator[Gap]:
    """Everything of interest that the filter does not look into."""
    for what, option, misses in _kinds(query, setting):
        affected = [leaf for leaf in leaves(query) if misses(leaf)]
        if affected:
            yield Gap(what, option, _lets_in(query, misses))


_Misses = Callable[[q.Leaf], bool]


def _kinds(query: q.Query, setting: Setting) -> Iterator[tuple[str, str, _Misses]]:
    """What may be missed here, the option against it, and the primitives that miss it."""
    ip6 = setting.family != 4 and setting.link.name != "IPV4"
    ip4 = setting.family != 6 and setting.link.name != "IPV6"
    yield from _shims(query, setting)
    if ip6 and not setting.tcp6:
        yield "IPv6, where the filter indexes a transport header", "--tcp6", _reads_ipv4_only
    if ip6:
        yield (
            "IPv6 with extension headers",
            "",
            lambda leaf: _next_header(leaf, tcp6=setting.tcp6),
        )
    if ip4:
        yield "2nd and later fragments of IPv4", "", _reads_transport
    chain = f"headers behind number {setting.protochain} of a chain"
    more = f"--protochain {2 * setting.protochain}"
    yield chain, more, lambda leaf: isinstance(leaf, q.ProtocolChain)


def _shims(query: q.Query, setting: Setting) -> Iterator[tuple[str, str, _Misses]]:
    layout, through = setting.link.layout, set(setting.through)
    if layout is None or _looks_behind_shims(query):
        return
    if layout.vlan and not through & {"vlan", "qinq"} and setting.target.vlan == "inline":
        yield "frames with an 802.1Q tag", "--through vlan", _is_network_test
    if layout.vlan and "qinq" not in through and setting.target.vlan == "metadata":
        yield "frames with two 802.1Q tags", "--through qinq", _is_network_test
    if layout.mpls and not through - {"vlan", "qinq"}:
        yield "what MPLS, PPPoE or a tunnel carries", "--through mpls,pppoe,gre", _is_network_test


def _looks_behind_shims(query: q.Query) -> bool:
    """The filter speaks of tags, labels or tunnels itself."""
    return any(isinstance(leaf, q.Encapsulation) for leaf in leaves(query))


def _is_network_test(leaf: q.Leaf) -> bool:
    """Reads the type field of the link header, or what stands behind it."""
    match leaf:
        case q.Broadcast(layer) | q.Multicast(layer):
            return layer != "link"
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
        case q.Port():
            return True
        case q.Compare():
            rows = [PROTOCOLS.get(_protocol_of(read)) for read in _reads(leaf)]
            return any(row is not None and row.base == "transport" for row in rows)
        case _:
            return False


def _next_header(leaf: q.Leaf, *, tcp6: bool) -> bool:
    """Takes the next-header field of the fixed IPv6 header for the transport protocol."""
    match leaf:
        case q.Port():
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
