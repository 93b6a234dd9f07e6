"""Mistakes of completeness: brackets, operands and relations that are missing.

Each function returns None if the mistake is of another kind.
"""

from __future__ import annotations

from bpfq.errors import FilterError
from bpfq.frontend.pcap.place import (
    ARITHMETIC,
    BOUNDARIES,
    OPERAND_ENDS,
    RELATIONS,
    TAKES_VALUE,
    Place,
)
from bpfq.frontend.pcap.tokens import Token
from bpfq.source import Span

_NEEDED = {
    "PROTO": "a protocol",
    "PROTOCHAIN": "a protocol number",
    "GATEWAY": "the name of a host",
    "SIZE": "a number of bytes",
    "BYTE": "an offset, an operator and a value",
    "[": "an offset",
    "AND": "another test",
    "OR": "another test",
    "NOT": "a test",
    "(": "a test",
    "MASK": "a network mask",
    "/": "a number",
}
_NEEDED_BY_TYPE = {
    "host": "an address",
    "net": "a network",
    "port": "a port",
    "portrange": "two ports, first-last",
}


def parentheses(place: Place) -> FilterError | None:
    token = place.token
    opened = _open_brackets(place)
    if token is not None and token.type in RELATIONS and opened and opened[-1].type == "[":
        return place.error("'[' is never closed", opened[-1].span)
    if token is None and opened and place.type_before() in OPERAND_ENDS:
        innermost = opened[-1]
        return place.error(f"'{innermost.type}' is never closed", innermost.span)
    if token is None or token.type not in (")", "]"):
        return None
    if not opened:
        return place.error(f"'{token.type}' closes nothing", token.span)
    last = opened[-1]
    if {"(": ")", "[": "]"}[last.type] != token.type:
        return place.error(f"'{last.type}' is closed by '{token.type}'", last.span)
    if place.before() is last:
        return place.error(
            f"nothing stands between '{last.type}' and '{token.type}'",
            Span(last.start, token.end),
        )
    return None


def _open_brackets(place: Place) -> list[Token]:
    opened: list[Token] = []
    for token in place.tokens[: place.at]:
        if token.type in ("(", "["):
            opened.append(token)
        elif token.type in (")", "]"):
            opened.pop()
    return opened


def missing_relation(place: Place) -> FilterError | None:
    """``tcp[tcpflags] & tcp-syn``, and a number or address that stands alone."""
    token = place.token
    if token is not None and token.type not in ("AND", "OR", ")"):
        return None
    tail = _arithmetic_tail(place)
    if not tail or place.type_before() not in OPERAND_ENDS:
        return None
    span = Span(tail[0].start, tail[-1].end)
    shown = place.text[span.start : span.end]
    if len(tail) == 1 and tail[0].type == "NUM" and tail[0].number <= 0xFFFF:
        return place.error(
            f"'{shown}' is a number, not a test; did you mean 'port {shown}'?",
            span,
            place.instead(span, f"port {shown}"),
        )
    return place.error(
        "this is a number, not a test; compare it with something",
        span,
        place.instead(span, f"{shown} != 0"),
    )


def _arithmetic_tail(place: Place) -> list[Token]:
    """The tokens of an expression without a relation that ends here, or none."""
    depth, start = 0, place.at
    while start:
        kind = place.tokens[start - 1].type
        if kind in RELATIONS or kind in TAKES_VALUE or kind == "BYTE":
            return []
        if kind in BOUNDARIES:
            break
        depth += {")": 1, "]": 1, "(": -1, "[": -1}.get(kind, 0)
        if depth < 0:
            break
        start -= 1
    tail = place.tokens[start : place.at]
    if all(token.type in (*ARITHMETIC, "PNAME", "]", ":", "(", ")") for token in tail) and any(
        token.type in ARITHMETIC for token in tail
    ):
        return tail
    return []


def ends_too_early(place: Place) -> FilterError | None:
    token, previous = place.token, place.before()
    if previous is None or previous.type in OPERAND_ENDS:
        return None
    if token is not None and token.type not in ("AND", "OR", ")"):
        return None
    needed = _NEEDED.get(previous.type) or _NEEDED_BY_TYPE.get(previous.word, "a value")
    return place.error(f"'{place.shown(previous)}' needs {needed} after it", previous.span)
