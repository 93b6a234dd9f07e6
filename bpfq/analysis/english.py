"""A filter as a sentence.

    port 53 and not host 10.0.0.1
    =>  Packets that are TCP, UDP or SCTP from or to port 53 (domain), except those that are IPv4,
        ARP or RARP from or to 10.0.0.1.

Negations are pushed down to the primitives; alternatives of one kind are listed together.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from bpfq.analysis.english_words import (
    address4_words,
    address6_words,
    leaf_words,
    listed,
    port_words,
)
from bpfq.query import nodes as q
from bpfq.query.walk import operands

_MOST_LEAVES = 40  # beyond, a sentence says less than the list of clauses
_MOST_DEPTH = 6


def sentence(query: q.Query, text: str | None = None) -> str | None:
    """The filter in words; None where it has too many parts for a sentence.

    text: the filter that spans refer to.
    """
    match query:
        case q.Constant(value):
            return "Every packet." if value else "No packet."
        case _:
            pass
    if _depth(query) > _MOST_DEPTH:
        return None
    kept, excepted = _split(query)
    within = q.And if len(kept) > 1 else None
    words = " and ".join(_inner(part, text, within) for part in kept)
    if _leaf_count([*kept, *excepted]) > _MOST_LEAVES:
        return None
    if not excepted:
        return f"Packets that {words}."
    around = q.Or if len(excepted) > 1 else None
    others = " or ".join(_inner(part, text, around) for part in excepted)
    if not kept:
        return f"All packets except those that {others}."
    return f"Packets that {words}, except those that {others}."


def _split(query: q.Query) -> tuple[list[q.Query], list[q.Query]]:
    """What a packet must be, and what it must not be."""
    parts = query.operands if isinstance(query, q.And) else (query,)
    kept: list[q.Query] = []
    excepted: list[q.Query] = []
    for part in parts:
        if not isinstance(part, q.Not):
            kept.append(part)
        elif isinstance(part.operand, q.Or):
            excepted += part.operand.operands
        else:
            excepted.append(part.operand)
    return kept, excepted


def _depth(query: q.Query) -> int:
    """Nested operators, up to one more than a sentence takes."""
    level, depth = [query], 0
    while level and depth <= _MOST_DEPTH:
        level = [part for node in level for part in operands(node)]
        depth += 1
    return depth


def _inner(query: q.Query, text: str | None, within: type | None) -> str:
    """within: the operator around it, None where nothing can be misread."""
    match query:
        case q.And(parts):
            words = " and ".join(_inner(part, text, q.And) for part in parts)
            return f"({words})" if within is q.Or else words
        case q.Or(parts):
            groups = _grouped(parts)
            words = _alternatives([_group(group, text) for group in groups])
            return f"({words})" if within is q.And and len(groups) > 1 else words
        case q.Not(operand):
            return _negated(operand, text, within)
        case q.When(condition, then, otherwise):
            return (
                f"(where they {_inner(condition, text, None)}: {_inner(then, text, None)}; "
                f"else: {_inner(otherwise, text, None)})"
            )
        case _:
            return leaf_words(query, text)


def _alternatives(words: list[str]) -> str:
    """are TCP or UDP, with one verb where they share it."""
    if all(one.startswith("are ") for one in words):
        return f"are {listed([one.removeprefix('are ') for one in words], 'or')}"
    return listed(words, "or")


def _negated(operand: q.Query, text: str | None, within: type | None) -> str:
    match operand:
        case q.Not(inner):
            return _inner(inner, text, within)
        case q.And(parts):
            return _inner(q.Or(tuple(q.Not(part) for part in parts)), text, within)
        case q.Or(parts):
            return _inner(q.And(tuple(q.Not(part) for part in parts)), text, within)
        case q.When():
            return f"do not match {_inner(operand, text, None)}"
        case _:
            return _not(leaf_words(operand, text))


def _not(words: str) -> str:
    verb, _, rest = words.partition(" ")
    return f"are not {rest}" if verb == "are" else f"do not {words}"


# ---------------------------------------------------------------- lists


def _kind(query: q.Query) -> object:
    """Neighbours of one kind are said together; anything else stands alone."""
    match query:
        case q.Address4(protocol, direction, _, under):
            return ("address4", protocol, direction, under)
        case q.Address6(direction, _, under):
            return ("address6", direction, under)
        case q.Port(protocol, direction, _, _, under):
            return ("port", protocol, direction, under)
        case _:
            return id(query)


def _grouped(parts: Sequence[q.Query]) -> list[list[q.Query]]:
    return [list(group) for _, group in groupby(parts, key=_kind)]


def _group(group: list[q.Query], text: str | None) -> str:
    if len(group) == 1:
        return _inner(group[0], text, within=q.Or)
    match group[0]:
        case q.Address4():
            networks = [n for part in group if isinstance(part, q.Address4) for n in part.networks]
            return address4_words(group[0], networks)
        case q.Address6():
            wide = [n for part in group if isinstance(part, q.Address6) for n in part.networks]
            return address6_words(group[0], wide)
        case q.Port() as first:
            ports = [(p.low, p.high) for p in group if isinstance(p, q.Port)]
            return port_words(first, ports)
        case _:
            raise AssertionError("only lists of addresses and ports are grouped")


def _leaf_count(parts: Sequence[q.Query]) -> int:
    """Primitives after lists are taken together."""
    count, work = 0, list(parts)
    while work:
        node = work.pop()
        below = operands(node)
        if isinstance(node, q.Or):
            groups = _grouped(node.operands)
            count += sum(1 for group in groups if len(group) > 1)
            work += [group[0] for group in groups if len(group) == 1]
        elif below:
            work += below
        else:
            count += 1
    return count
