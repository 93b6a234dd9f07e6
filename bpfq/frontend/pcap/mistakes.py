"""What a syntax error most likely meant: message, place and a filter to write instead.

Each function looks for one kind of mistake at the token where the parser stopped and returns None
if it is another kind; the order of ``_KINDS`` is from the most to the least specific.
"""

from __future__ import annotations

import re

from bpfq.errors import FilterError
from bpfq.frontend.pcap import display, misplaced, unfinished, words
from bpfq.frontend.pcap.place import (
    ARITHMETIC,
    BOUNDARIES,
    PRIMITIVE_STARTS,
    RELATIONS,
    VALUES,
    Place,
)
from bpfq.frontend.pcap.tokens import Token
from bpfq.source import Span, Suggestion


def syntax_error(text: str, tokens: list[Token], at: int) -> FilterError:
    """The error for a filter that the parser refused at tokens[at], or at the end."""
    place = Place(text, tokens, min(at, len(tokens)))
    for kind in _KINDS:
        error = kind(place)
        if error is not None:
            return error
    return _otherwise(place)


# ---------------------------------------------------------------- characters and languages


def _display_filter(place: Place) -> FilterError | None:
    token = place.token
    if token is None or token.type not in ("ID", "ERROR"):
        return None
    return display.refusal(place.text)


_QUOTES = dict.fromkeys("\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u00ab\u00bb'\"`")


def _stray_character(place: Place) -> FilterError | None:
    token = place.token
    if token is None or token.error is None:
        return None
    character = place.shown(token)
    if len(character) != 1:
        return token.error
    if character in _QUOTES:
        kind = "a quote" if character.isascii() else "a typographic quote"
        bare = Suggestion(place.text.translate({ord(q): None for q in _QUOTES}).strip())
        return place.error(
            f"{character} is {kind}; a filter has none, the shell removes its own",
            token.span,
            bare,
        )
    if character == ",":
        return _comma(place, token)
    if character == "~":
        return place.error(
            "there is no bitwise '~'; write '^ 0xffffffff' behind the value", token.span
        )
    if "\udc80" <= character <= "\udcff":  # as the system hands bytes of a command line over
        return place.error(f"byte 0x{ord(character) & 0xFF:02x} is not UTF-8", token.span)
    if not character.isprintable() or character.isspace():
        instead = " " if character.isspace() else ""
        blank = Suggestion(place.text.replace(character, instead).strip())
        return place.error(
            f"unexpected invisible character U+{ord(character):04X}", token.span, blank
        )
    return token.error


def _comma(place: Place, token: Token) -> FilterError:
    previous, word = place.before(), place.before(2)
    message = "a comma joins nothing; write a list as '(a or b)'"
    rest = re.match(r"(?:,[ ]*[\w.:/-]+)+", place.text[token.start :])
    if previous is None or word is None or rest is None or previous.type not in VALUES:
        return place.error(message, token.span)
    items = [place.shown(previous), *(x.strip() for x in rest[0].split(",")[1:])]
    span = Span(previous.start, token.start + rest.end())
    if word.word == "portrange" and len(items) == 2:
        return place.error(message, token.span, place.instead(span, "-".join(items)))
    return place.error(message, token.span, place.instead(span, f"({' or '.join(items)})"))


# ---------------------------------------------------------------- words


def _unknown_word(place: Place) -> FilterError | None:
    token = place.token
    if token is None or token.type != "ID":
        return None
    previous = place.before()
    arithmetic = previous is not None and previous.type in (*ARITHMETIC[:-1], *RELATIONS)
    return words.unknown(place.text, token, previous, arithmetic=arithmetic)


def _keyword_as_name(place: Place) -> FilterError | None:
    """``proto tcp``: a name that is also a keyword needs a backslash."""
    token, previous = place.token, place.before()
    if token is None or previous is None or previous.type not in ("PROTO", "PROTOCHAIN"):
        return None
    if token.type != "PNAME":
        return None
    better = f"\\{place.shown(token)}"
    return place.error(
        f"'{place.shown(token)}' is a keyword; as a name it is written {better}",
        token.span,
        place.instead(token.span, better),
    )


def _misspelt_before(place: Place) -> FilterError | None:
    """``port 80 or TCP port 443``: the word before was read as a name."""
    previous, joiner = place.before(), place.before(2)
    if previous is None or previous.type != "ID" or joiner is None:
        return None
    if place.token is None or place.token.type not in (*PRIMITIVE_STARTS, *VALUES):
        return None
    if joiner.type not in (*BOUNDARIES, "("):
        return None
    return words.unknown(place.text, previous, joiner, arithmetic=False)


def _less_than(place: Place) -> FilterError | None:
    token, previous = place.token, place.before()
    if token is None or previous is None or previous.type != "SIZE":
        return None
    if token.type == "ID" and token.word in ("than", "then"):
        return place.error(
            f"'{previous.word}' is followed by the number itself",
            token.span,
            place.instead(Span(previous.end, token.end), ""),
        )
    return None


def _otherwise(place: Place) -> FilterError:
    token, previous = place.token, place.before()
    if token is None:
        end = len(place.text)
        return place.error("the filter ends too early", Span(end, end))
    shown = place.shown(token)
    if previous is None:
        return place.error(f"a filter cannot start with '{shown}'", token.span)
    return place.error(f"unexpected '{shown}' after '{place.shown(previous)}'", token.span)


_KINDS = (
    _display_filter,
    _stray_character,
    _less_than,
    misplaced.star,
    _misspelt_before,
    _unknown_word,
    _keyword_as_name,
    misplaced.wrong_operator,
    misplaced.relation_after_word,
    misplaced.nothing_to_relate,
    misplaced.port_interval,
    misplaced.bare_prefix,
    unfinished.parentheses,
    unfinished.missing_relation,
    misplaced.word_order,
    misplaced.no_type_word,
    misplaced.missing_and,
    unfinished.ends_too_early,
)
