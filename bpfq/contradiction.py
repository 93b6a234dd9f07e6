"""Why a filter can match nothing: the smallest set of clauses that collide, underlined."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

from bpfq.errors import FilterError
from bpfq.query import nodes as q
from bpfq.source import Span, Suggestion

if TYPE_CHECKING:
    from bpfq.compiler import Settings

_PAIRS_AT_MOST = 400  # clauses are compared two by two up to here; beyond, all share the blame


def explain_empty(
    query: q.Query, is_empty: Callable[[q.Query], bool], settings: Settings
) -> FilterError:
    """The error for a query that ``is_empty`` holds for."""
    clauses = _clashing(query, is_empty)
    spans = tuple(span for span in (_span(clause) for clause in clauses) if span is not None)
    if len(clauses) == 1:
        message = f"matches no packet on {_where(settings)}"
    else:
        message = _ipv4_only(clauses) or "matches no packet: these clauses exclude each other"
    return FilterError(
        message,
        span=spans[0] if spans else None,
        other_spans=spans[1:],
        suggestions=_suggestions(clauses),
    )


def _where(settings: Settings) -> str:
    if settings.target.layer == 3:
        return f"target '{settings.target.name}'"
    return f"DLT_{settings.link.name}"


def _clashing(query: q.Query, is_empty: Callable[[q.Query], bool]) -> Sequence[q.Query]:
    """Follow the empty parts down to one clause, or to a pair that only together match nothing."""
    while True:
        match query:
            case q.Or(operands):  # every alternative is empty; the first one stands for them
                query = operands[0]
            case q.And(operands):
                alone = next((part for part in operands if is_empty(part)), None)
                if alone is None:
                    return _minimal(operands, is_empty)
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


def _ipv4_only(clauses: Sequence[q.Query]) -> str | None:
    """``ip6 and tcp[...]``: the commonest collision has a text of its own."""
    if not any(_is_ip6(clause) for clause in clauses):
        return None
    word = next((word for word in map(_indexed, clauses) if word), None)
    return word and f"matches no packet: {word}[...] reads IPv4 only, but ip6 excludes IPv4"


def _is_ip6(clause: q.Query) -> bool:
    return isinstance(clause, q.Protocol) and clause.name == "ip6"


def _indexed(clause: q.Query) -> str | None:
    """The transport protocol that a relation indexes."""
    if not isinstance(clause, q.Compare):
        return None
    work: list[q.Value] = [clause.left, clause.right]
    while work:
        value = work.pop()
        match value:
            case q.Index(protocol=("tcp" | "udp" | "sctp" | "icmp" | "igmp") as word):
                return word
            case q.Arithmetic(left=left, right=right):
                work += [left, right]
            case q.Negative(operand):
                work.append(operand)
            case _:
                continue
    return None


def _suggestions(clauses: Sequence[q.Query]) -> tuple[Suggestion, ...]:
    words = {word for clause in clauses if (word := _indexed(clause))}
    if any(_is_ip6(clause) for clause in clauses) and words & {"tcp", "udp", "sctp"}:
        word = sorted(words & {"tcp", "udp", "sctp"})[0]
        return (Suggestion("--tcp6", f"let {word}[...] work on IPv6 too"),)
    return ()
