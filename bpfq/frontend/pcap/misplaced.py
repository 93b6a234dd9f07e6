"""Mistakes of order: what stands where the grammar wants something else.

Each function returns None if the mistake is of another kind.
"""

from __future__ import annotations

import re

from bpfq.errors import FilterError
from bpfq.frontend.pcap.place import (
    BOUNDARIES,
    OPERAND_ENDS,
    PRIMITIVE_STARTS,
    RELATIONS,
    TAKES_VALUE,
    VALUES,
    Place,
)
from bpfq.frontend.pcap.tokens import Token
from bpfq.source import Span, Suggestion


def relation_after_word(place: Place) -> FilterError | None:
    """``port = 80``, ``port != 80``, ``port > 1024``."""
    token, previous = place.token, place.before()
    if token is None or previous is None or token.type not in RELATIONS:
        return None
    if previous.type not in TAKES_VALUE:
        return None
    word = place.shown(previous)
    following = place.tokens[place.at + 1] if place.at + 1 < len(place.tokens) else None
    suggestions: tuple[Suggestion, ...] = ()
    if following is not None:
        suggestions = _without_relation(place, previous, token, following)
    return place.error(
        f"'{word}' is not compared, its value follows without '{place.shown(token)}'",
        token.span,
        *suggestions,
    )


def _without_relation(
    place: Place, word: Token, relation: Token, value: Token
) -> tuple[Suggestion, ...]:
    shown = place.shown(value)
    span = Span(word.start, value.end)
    if relation.type == "=":
        return (place.instead(span, f"{place.shown(word)} {shown}"),)
    if relation.word == "!=":
        first = _start_of_primitive(place)
        span = Span(first.start, value.end)
        before = place.text[first.start : word.end]
        return (place.instead(span, f"not {before} {shown}"),)
    if word.word == "port" and value.type == "NUM":
        low, high = {
            ">": (value.number + 1, 65535),
            ">=": (value.number, 65535),
            "<": (0, value.number - 1),
            "<=": (0, value.number),
        }[relation.word]
        if 0 <= low <= high <= 65535:
            return (place.instead(span, f"portrange {low}-{high}"),)
    return ()


def _start_of_primitive(place: Place) -> Token:
    """The first of the qualifiers that end before this token."""
    at = place.at - 1
    while at and place.tokens[at - 1].type in ("PNAME", "SRC", "DST", "ATYPE"):
        at -= 1
    return place.tokens[at]


def port_interval(place: Place) -> FilterError | None:
    """``port 80 - 90``, ``port 80:90``."""
    token, low, word = place.token, place.before(), place.before(2)
    if token is None or low is None or word is None or token.type not in ("-", ":"):
        return None
    if place.at + 1 >= len(place.tokens) or word.word not in ("port", "portrange"):
        return None
    high = place.tokens[place.at + 1]
    span = Span(word.start, high.end)
    better = f"portrange {place.shown(low)}-{place.shown(high)}"
    return place.error(
        f"a range of ports is written '{better}'", token.span, place.instead(span, better)
    )


def star(place: Place) -> FilterError | None:
    """``host 10.0.0.*``."""
    token, name, word = place.token, place.before(), place.before(2)
    if token is None or name is None or word is None or token.type != "*":
        return None
    found = re.fullmatch(r"([0-9]{1,3}(?:\.[0-9]{1,3}){0,2})\.", name.word)
    if found is None:
        return None
    parts = found[1].split(".")
    start = word.start if word.type == "ATYPE" else name.start
    padded = ".".join((*parts, *["0"] * (4 - len(parts))))
    stars = re.match(r"[.*]*", place.text[token.start :])
    span = Span(start, token.start + (stars.end() if stars else 1))
    better = f"net {padded}/{8 * len(parts)}"
    return place.error(
        f"there are no wildcards; did you mean '{better}'?",
        Span(name.start, span.end),
        place.instead(span, better),
    )


def nothing_to_relate(place: Place) -> FilterError | None:
    """``len > 5 and < 10``."""
    token, previous = place.token, place.before()
    if token is None or previous is None or token.type not in RELATIONS:
        return None
    if previous.type not in BOUNDARIES:
        return None
    shown = place.shown(token)
    left = next((t for t in place.tokens[: place.at] if t.type == "LEN"), None)
    better = (place.instead(token.span, f"{place.shown(left)} {shown}"),) if left else ()
    return place.error(f"'{shown}' has nothing on its left", token.span, *better)


def bare_prefix(place: Place) -> FilterError | None:
    """``net 10/8``."""
    token, number, word = place.token, place.before(), place.before(2)
    if token is None or number is None or word is None or token.type != "/":
        return None
    if number.type != "NUM" or word.word not in ("net", "host", "src", "dst"):
        return None
    better = f"{number.word}.0.0.0/"
    return place.error(
        "a prefix length follows an address with dots",
        Span(number.start, token.end),
        place.instead(Span(number.start, token.end), better),
    )


def word_order(place: Place) -> FilterError | None:
    """``src tcp port 80``, ``src ip 1.2.3.4``, ``port src 80``, ``dst proto 6``."""
    token, previous = place.token, place.before()
    if token is None or previous is None:
        return None
    span = Span(previous.start, token.end)
    shown, word = place.shown(token), place.shown(previous)
    if previous.type in ("SRC", "DST", "ADDRN", "ATYPE") and token.type == "PNAME":
        return place.error(
            f"the protocol stands first: '{shown} {word}'",
            token.span,
            place.instead(span, f"{shown} {word}"),
        )
    if previous.type == "ATYPE" and token.type in ("SRC", "DST"):
        return place.error(
            f"the direction stands first: '{shown} {word}'",
            token.span,
            place.instead(span, f"{shown} {word}"),
        )
    if previous.type in ("SRC", "DST", "ADDRN") and token.type in (
        *("PROTO", "PROTOCHAIN", "GATEWAY", "CAST"),
    ):
        return place.error(
            f"'{shown}' takes no direction",
            previous.span,
            place.instead(span, shown),
        )
    return None


def wrong_operator(place: Place) -> FilterError | None:
    """``tcp & udp``, ``len => 5``, ``len <> 5``."""
    token, previous = place.token, place.before()
    if token is None or previous is None:
        return None
    pair = f"{previous.word}{token.word}"
    right = {"=>": ">=", "=<": "<=", "<>": "!=", "><": "!=", "!=": "!="}.get(pair)
    if right and previous.end == token.start:
        span = Span(previous.start, token.end)
        return place.error(f"write '{right}'", span, place.instead(span, right))
    if token.type in ("&", "|") and previous.type in OPERAND_ENDS:
        doubled = token.type * 2
        return place.error(
            f"'{token.type}' joins numbers; tests are joined by '{doubled}'",
            token.span,
            place.instead(token.span, doubled),
        )
    if token.type in RELATIONS and _has_relation(place):
        return place.error("relations cannot be chained; join two with 'and'", token.span)
    return None


def _has_relation(place: Place) -> bool:
    for token in reversed(place.tokens[: place.at]):
        if token.type in BOUNDARIES:
            return False
        if token.type in RELATIONS:
            return True
    return False


def no_type_word(place: Place) -> FilterError | None:
    """``tcp 80``, ``ip 1.2.3.4``, a bare address, ``port 80 443``."""
    token, previous = place.token, place.before()
    if token is None or token.type not in VALUES:
        return None
    shown = place.shown(token)
    if previous is not None and previous.type in VALUES and previous.type == token.type:
        span = Span(previous.start, token.end)
        qualifier = place.before(2)
        better = f"({place.shown(previous)} or {shown})"
        if qualifier is not None and qualifier.word == "portrange":
            better = f"{place.shown(previous)}-{shown}"
            return place.error(
                "a range of ports is written first-last", span, place.instead(span, better)
            )
        return place.error("two values are joined by 'or'", token.span, place.instead(span, better))
    if previous is not None and previous.type not in ("PNAME", "AND", "OR", "NOT", "("):
        return None
    word = {"NUM": "port", "EID": "ether host", "AID": "link host"}.get(token.type, "host")
    return place.error(
        f"'{shown}' has no type word before it; did you mean '{word} {shown}'?",
        token.span,
        place.instead(token.span, f"{word} {shown}"),
    )


def missing_and(place: Place) -> FilterError | None:
    token, previous = place.token, place.before()
    if token is None or previous is None or previous.type not in OPERAND_ENDS:
        return None
    if token.type not in (*PRIMITIVE_STARTS, *VALUES):
        return None
    shown = place.shown(token)
    return place.error(
        f"'and' or 'or' is missing before '{shown}'",
        token.span,
        place.instead(token.span, f"and {shown}"),
        place.instead(token.span, f"or {shown}"),
    )
