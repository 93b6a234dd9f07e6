"""What a syntax error most likely meant: message, place and a filter to write instead.

Each function looks for one kind of mistake at the token where the parser stopped and returns None
if it is another kind; the order of ``_KINDS`` is from the most to the least specific.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from bpfq.errors import FilterError
from bpfq.frontend.pcap import display, words
from bpfq.frontend.pcap.qualifiers import brief, rewrite
from bpfq.frontend.pcap.tokens import Token
from bpfq.source import Span, Suggestion

_OPERAND_ENDS = (
    *("NUM", "ID", "HID", "HID6", "EID", "AID", ")", "]", "PNAME", "BARE", "CAST"),
    *("LEN", "SHIM", "LLC", "RNR"),
)
_VALUES = ("NUM", "ID", "HID", "HID6", "EID", "AID")
_PRIMITIVE_STARTS = (
    *("PNAME", "ATYPE", "SRC", "DST", "ADDRN", "PROTO", "PROTOCHAIN", "GATEWAY", "CAST"),
    *("SIZE", "BYTE", "IFINDEX", "SHIM", "BARE", "LISTED", "LOGTEXT", "SRNR", "REASON"),
    *("ACTION", "TYPE", "SUBTYPE", "DIR", "LLC", "LEN", "NOT", "("),
)
_TAKES_VALUE = (
    *("ATYPE", "SRC", "DST", "ADDRN", "PROTO", "PROTOCHAIN", "GATEWAY", "SHIM", "SIZE"),
    *("IFINDEX", "LOGTEXT", "RNR", "SRNR", "REASON", "ACTION", "TYPE", "SUBTYPE", "DIR"),
)
_ARITHMETIC = ("[", "LEN", "+", "-", "*", "/", "%", "&", "|", "^", "LSHIFT", "RSHIFT", "NUM")
_RELATIONS = ("=", "<", ">", "RELATION")
_BOUNDARIES = ("AND", "OR", "NOT")
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
    **{"host": "an address", "net": "a network", "port": "a port"},
    "portrange": "two ports, first-last",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where the parser stopped: at the token with index ``at``, or behind the last one."""

    text: str
    tokens: list[Token]
    at: int

    @property
    def token(self) -> Token | None:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def before(self, count: int = 1) -> Token | None:
        return self.tokens[self.at - count] if self.at >= count else None

    def type_before(self, count: int = 1) -> str:
        token = self.before(count)
        return token.type if token else ""

    def shown(self, token: Token) -> str:
        return brief(self.text[token.start : token.end])

    def error(self, message: str, span: Span, *suggestions: Suggestion) -> FilterError:
        return FilterError(message, span=span, suggestions=suggestions)

    def instead(self, span: Span, replacement: str) -> Suggestion:
        return rewrite(self.text, span, replacement)


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
    if not character.isprintable() or character.isspace():
        blank = Suggestion(place.text.replace(character, " ").strip())
        return place.error(
            f"unexpected invisible character U+{ord(character):04X}", token.span, blank
        )
    return token.error


def _comma(place: Place, token: Token) -> FilterError:
    previous, word = place.before(), place.before(2)
    message = "a comma joins nothing; write a list as '(a or b)'"
    rest = re.match(r"(?:,[ ]*[\w.:/-]+)+", place.text[token.start :])
    if previous is None or word is None or rest is None or previous.type not in _VALUES:
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
    arithmetic = previous is not None and previous.type in (*_ARITHMETIC[:-1], *_RELATIONS)
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
    if place.token is None or place.token.type not in _PRIMITIVE_STARTS:
        return None
    if joiner.type not in (*_BOUNDARIES, "("):
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


# ---------------------------------------------------------------- parentheses and the end


def _parentheses(place: Place) -> FilterError | None:
    token = place.token
    opened = _open_brackets(place)
    if token is not None and token.type in _RELATIONS and opened and opened[-1].type == "[":
        return place.error("'[' is never closed", opened[-1].span)
    if token is None and opened and place.type_before() in _OPERAND_ENDS:
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


def _missing_relation(place: Place) -> FilterError | None:
    """``tcp[tcpflags] & tcp-syn``, and a number or address that stands alone."""
    token = place.token
    if token is not None and token.type not in ("AND", "OR", ")"):
        return None
    tail = _arithmetic_tail(place)
    if not tail or place.type_before() not in _OPERAND_ENDS:
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
        if kind in _RELATIONS or kind in _TAKES_VALUE or kind == "BYTE":
            return []
        if kind in _BOUNDARIES:
            break
        depth += {")": 1, "]": 1, "(": -1, "[": -1}.get(kind, 0)
        if depth < 0:
            break
        start -= 1
    tail = place.tokens[start : place.at]
    if all(token.type in (*_ARITHMETIC, "PNAME", "]", ":", "(", ")") for token in tail) and any(
        token.type in _ARITHMETIC for token in tail
    ):
        return tail
    return []


def _ends_too_early(place: Place) -> FilterError | None:
    token, previous = place.token, place.before()
    if previous is None or previous.type in _OPERAND_ENDS:
        return None
    if token is not None and token.type not in ("AND", "OR", ")"):
        return None
    needed = _NEEDED.get(previous.type) or _NEEDED_BY_TYPE.get(previous.word, "a value")
    return place.error(f"'{place.shown(previous)}' needs {needed} after it", previous.span)


# ---------------------------------------------------------------- order and operators


def _relation_after_word(place: Place) -> FilterError | None:
    """``port = 80``, ``port != 80``, ``port > 1024``."""
    token, previous = place.token, place.before()
    if token is None or previous is None or token.type not in _RELATIONS:
        return None
    if previous.type not in _TAKES_VALUE:
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


def _port_interval(place: Place) -> FilterError | None:
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


def _star(place: Place) -> FilterError | None:
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


def _nothing_to_relate(place: Place) -> FilterError | None:
    """``len > 5 and < 10``."""
    token, previous = place.token, place.before()
    if token is None or previous is None or token.type not in _RELATIONS:
        return None
    if previous.type not in _BOUNDARIES:
        return None
    shown = place.shown(token)
    left = next((t for t in place.tokens[: place.at] if t.type == "LEN"), None)
    better = (place.instead(token.span, f"{place.shown(left)} {shown}"),) if left else ()
    return place.error(f"'{shown}' has nothing on its left", token.span, *better)


def _bare_prefix(place: Place) -> FilterError | None:
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


def _word_order(place: Place) -> FilterError | None:
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


def _wrong_operator(place: Place) -> FilterError | None:
    """``tcp & udp``, ``len => 5``, ``len <> 5``."""
    token, previous = place.token, place.before()
    if token is None or previous is None:
        return None
    pair = f"{previous.word}{token.word}"
    right = {"=>": ">=", "=<": "<=", "<>": "!=", "><": "!=", "!=": "!="}.get(pair)
    if right and previous.end == token.start:
        span = Span(previous.start, token.end)
        return place.error(f"write '{right}'", span, place.instead(span, right))
    if token.type in ("&", "|") and previous.type in _OPERAND_ENDS:
        doubled = token.type * 2
        return place.error(
            f"'{token.type}' joins numbers; tests are joined by '{doubled}'",
            token.span,
            place.instead(token.span, doubled),
        )
    if token.type in _RELATIONS and _has_relation(place):
        return place.error("relations cannot be chained; join two with 'and'", token.span)
    return None


def _has_relation(place: Place) -> bool:
    for token in reversed(place.tokens[: place.at]):
        if token.type in _BOUNDARIES:
            return False
        if token.type in _RELATIONS:
            return True
    return False


def _no_type_word(place: Place) -> FilterError | None:
    """``tcp 80``, ``ip 1.2.3.4``, a bare address, ``port 80 443``."""
    token, previous = place.token, place.before()
    if token is None or token.type not in _VALUES:
        return None
    shown = place.shown(token)
    if previous is not None and previous.type in _VALUES and previous.type == token.type:
        span = Span(previous.start, token.end)
        word = place.before(2)
        better = f"({place.shown(previous)} or {shown})"
        if word is not None and word.word == "portrange":
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


def _missing_and(place: Place) -> FilterError | None:
    token, previous = place.token, place.before()
    if token is None or previous is None or previous.type not in _OPERAND_ENDS:
        return None
    if token.type not in (*_PRIMITIVE_STARTS, *_VALUES):
        return None
    shown = place.shown(token)
    return place.error(
        f"'and' or 'or' is missing before '{shown}'",
        token.span,
        place.instead(token.span, f"and {shown}"),
        place.instead(token.span, f"or {shown}"),
    )


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
    _star,
    _misspelt_before,
    _unknown_word,
    _keyword_as_name,
    _wrong_operator,
    _relation_after_word,
    _nothing_to_relate,
    _port_interval,
    _bare_prefix,
    _parentheses,
    _missing_relation,
    _word_order,
    _no_type_word,
    _missing_and,
    _ends_too_early,
)
