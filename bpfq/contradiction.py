"""Why a filter can match nothing: the smallest set of clauses that collide, underlined."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations

from bpfq.errors import FilterError
from bpfq.headers.places import IPV6_HEADER
from bpfq.operators import Operator
from bpfq.query import build
from bpfq.query import nodes as q
from bpfq.query.text import to_pcap
from bpfq.record import replace
from bpfq.source import Span, Suggestion
from bpfq.tables.protocols import PROTOCOLS

_IPV4_ONLY = ("tcp", "udp", "sctp", "icmp", "igmp")  # what an index of them reads
_OVER_IPV6 = ("tcp", "udp", "sctp")
_PAIRS_AT_MOST = 150  # clauses are compared two by two up to here; beyond, all share the blame


def explain_empty(query: q.Query, is_empty: Callable[[q.Query], bool], where: str) -> FilterError:
    """The error for a query that ``is_empty`` holds for, on the target or link type ``where``."""
    return explain_clash(clashing(query, is_empty), where)


def explain_clash(clauses: Sequence[q.Query], where: str) -> FilterError:
    """The error for clauses that match nothing together, or for the one that does alone."""
    spans = tuple(span for span in (_span(clause) for clause in clauses) if span is not None)
    if len(clauses) == 1:
        message = f"matches no packet on {where}"
    else:
        message = "matches no packet: these clauses exclude each other"
    plain = FilterError(message, span=spans[0] if spans else None, other_spans=spans[1:])
    return _ipv4_only(clauses) or plain


def clashing(query: q.Query, is_empty: Callable[[q.Query], bool]) -> Sequence[q.Query]:
    """Follow the empty parts down to one clause, or to a pair that only together match nothing."""
    while True:
        match query:
            case q.Or(operands):  # every alternative is empty; the first one stands for them
                query = operands[0]
            case q.And(operands):
                distinct = tuple(dict.fromkeys(operands))
                alone = next((part for part in distinct if is_empty(part)), None)
                if alone is None:
                    return _minimal(distinct, is_empty)
                query = alone
            case _:
                return (query,)


def _minimal(
    operands: tuple[q.Query, ...], is_empty: Callable[[q.Query], bool]
) -> Sequence[q.Query]:
    for number, pair in enumerate(combinations(operands, 2)):
        if number >= _PAIRS_AT_MOST:
            return operands
        if is_empty(q.And(pair)):
            return pair
    kept = list(operands)
    for part in operands:  # drop what is not needed; what stays collides only as a whole
        rest = [other for other in kept if other is not part]
        if len(rest) > 1 and is_empty(q.And(tuple(rest))):
            kept = rest
    return kept


def _span(node: q.Query) -> Span | None:
    return getattr(node, "span", None)


def _ipv4_only(clauses: Sequence[q.Query]) -> FilterError | None:
    """``ip6 and tcp[...]``: the commonest collision has a text of its own."""
    ip6 = next((clause for clause in clauses if clause == q.Protocol("ip6")), None)
    reads = [
        read for clause in clauses for read in _reads_of(clause) if read.protocol in _IPV4_ONLY
    ]
    if ip6 is None or not reads:
        return None
    word = reads[0].protocol
    tries = []
    if word in _OVER_IPV6:
        tries.append(Suggestion("--tcp6", f"let {word}[...] work on IPv6 too"))
        plain = to_pcap(q.And(tuple(part for clause in clauses for part in _over_ipv6(clause))))
        tries.append(Suggestion(plain, "plain pcap-filter, no extension headers"))
    return FilterError(
        f"matches no packet: {word}[...] reads IPv4 only, but ip6 excludes IPv4",
        span=ip6.span,
        other_spans=tuple(read.span for read in reads[:1] if read.span is not None),
        suggestions=tuple(tries),
    )


def _reads_of(clause: q.Query) -> list[q.Index]:
    """The header reads of a relation, from left to right."""
    found: list[q.Index] = []
    work: list[q.Value] = [clause.right, clause.left] if isinstance(clause, q.Compare) else []
    while work:
        match work.pop():
            case q.Index() as read:
                found.append(read)
                work.append(read.offset)
            case q.Arithmetic(left=left, right=right):
                work += [right, left]
            case q.Negative(operand):
                work.append(operand)
            case _:
                continue
    return found


def _over_ipv6(clause: q.Query) -> tuple[q.Query, ...]:
    """A relation on a transport header as the same on the bytes behind the IPv6 header."""
    reads = [read for read in _reads_of(clause) if read.protocol in _OVER_IPV6]
    if not reads or not isinstance(clause, q.Compare):
        return (clause,)
    number = PROTOCOLS[reads[0].protocol].numbers[0]
    next_header = q.Compare("=", q.Index("ip6", q.Number(6), 1), q.Number(number))
    return next_header, replace(clause, left=_moved(clause.left), right=_moved(clause.right))


def _moved(value: q.Value) -> q.Value:
    match value:
        case q.Index(protocol, offset, size, under) if protocol in _OVER_IPV6:
            if isinstance(offset, q.Number):
                return q.Index("ip6", q.Number(IPV6_HEADER + offset.value), size, under)
            behind = build.arithmetic(Operator.ADD, q.Number(IPV6_HEADER), _moved(offset))
            return q.Index("ip6", behind, size, under)
        case q.Arithmetic(operator, left, right):
            return build.arithmetic(operator, _moved(left), _moved(right))
        case q.Negative(operand):
            return build.negative(_moved(operand))
        case _:
            return value
