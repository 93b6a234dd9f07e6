"""Filter text to tokens, the longest match first.

A word is read whole and classified afterwards: keyword, MAC address, number, IPv4 address, named
number, name, in this order.  What contains a colon is looked at first: a MAC or IPv6 address is
always longer than the word it starts with.  (PLY's own lexer takes the first rule that matches,
which cannot express this; the parser takes tokens from any source.)

The first thing that is no token ends the scan as an ERROR token; it is raised when the parser
reaches it, so that mistakes are reported in text order.
"""

from __future__ import annotations

import re

from bpfq.errors import FilterError, LimitError
from bpfq.frontend.pcap import keywords
from bpfq.operators import WORD_MASK
from bpfq.source import Span
from bpfq.tables.constants import NAMED_NUMBERS

MAX_TOKENS = 200_000

_TOKEN = re.compile(
    r"""[ \t\r\n]*(?:
        (?P<word>[A-Za-z0-9][-_.A-Za-z0-9]*)
      | (?P<operator>[<>!=]=|<<|>>|&&|\|\||[-+*/%:\[\]!<>()&|^=])
      | \\(?P<escaped>[^ !()\n\t]+)
      | \$(?P<station>[0-9A-Fa-f]{1,2})
      | @(?P<set>[A-Za-z][A-Za-z0-9_]*)
      | (?P<end>\Z)
      | (?P<stray>.)
    )""",
    re.VERBOSE | re.DOTALL,
)
_OPERATORS = {
    "&&": "AND",
    "||": "OR",
    "!": "NOT",
    "==": "=",
    "<<": "LSHIFT",
    ">>": "RSHIFT",
    **{relation: "RELATION" for relation in (">=", "<=", "!=")},
}

NUMBER = r"(?:0[xX][0-9A-Fa-f]+|[0-9]+)"
_NUM = re.compile(NUMBER)
_HID = re.compile(rf"{NUMBER}(?:\.{NUMBER}){{1,3}}")
_MAC = re.compile(
    r"[0-9A-Fa-f]{1,2}(?:(?:-[0-9A-Fa-f]{1,2}){5}|(?:\.[0-9A-Fa-f]{1,2}){5})"
    r"|[0-9A-Fa-f]{4}(?:\.[0-9A-Fa-f]{4}){2}|[0-9A-Fa-f]{12}"
)


class Token:
    """One token, as the parser wants it: ``type`` is the grammar's terminal.

    ``word`` is the canonical spelling of a keyword or the text of anything else; ``number`` is
    the value of a NUM.
    """

    __slots__ = ("end", "error", "lexer", "number", "start", "type", "word")

    def __init__(self, type: str, word: str, start: int, end: int, number: int = 0) -> None:
        self.type = type
        self.word = word
        self.start = start
        self.end = end
        self.number = number
        self.error: FilterError | None = None
        self.lexer: object = None  # written by PLY when it reports an error

    @property
    def value(self) -> Token:
        return self

    @property
    def span(self) -> Span:
        return Span(self.start, self.end)


class Unexpected(Exception):
    """A token stands where it cannot, or the text ends there (None)."""

    def __init__(self, token: Token | None) -> None:
        self.token = token


def scan(text: str) -> list[Token]:
    """All tokens of a filter; raises LimitError for more than MAX_TOKENS."""
    tokens: list[Token] = []
    at = 0
    while True:
        match = _TOKEN.match(text, at)
        assert match is not None
        kind = match.lastgroup
        if kind == "end":
            break
        assert kind is not None
        token = _token(text, kind, match)
        tokens.append(token)
        at = token.end
        if token.error is not None:
            break
    if len(tokens) > MAX_TOKENS:
        raise LimitError(
            f"the filter has {len(tokens)} tokens; the limit is {MAX_TOKENS}",
            span=Span(tokens[MAX_TOKENS].start, tokens[MAX_TOKENS].end),
        )
    return tokens


def _token(text: str, kind: str, match: re.Match[str]) -> Token:
    start, end = match.span(kind)
    found = match[kind]
    if kind == "word":
        found = found.rstrip("-_")
        end = start + len(found)
        if text.startswith(":", end) and len(found) <= 4:
            token = _with_colons(text, start)
            if token is not None:
                return token
        return _word(found, start, end)
    if kind == "operator":
        if found == ":" and text.startswith(":", end):
            token = _with_colons(text, start)
            assert token is not None
            return token
        return Token(_OPERATORS.get(found, found), "=" if found == "==" else found, start, end)
    if kind == "escaped":
        return Token("ID", found, start - 1, end)
    if kind == "station":
        return Token("AID", found, start - 1, end)
    if kind == "set":
        return Token("SET", found, start - 1, end)
    shown = f"'{found}'" if found.isprintable() else repr(found)
    return _error(f"unexpected character {shown}", start, end)


def _word(found: str, start: int, end: int) -> Token:
    keyword = keywords.KEYWORDS.get(found)
    if keyword is not None:
        return Token(keyword[0], keyword[1], start, end)
    if not (found[0].isdigit() or found[0] in "abcdefABCDEF"):
        return _name(found, start, end)
    if _MAC.fullmatch(found):
        return Token("EID", found, start, end)
    if _NUM.fullmatch(found):
        return _number(found, start, end)
    if _HID.fullmatch(found):
        return Token("HID", found, start, end)
    return _name(found, start, end)


def _name(found: str, start: int, end: int) -> Token:
    named = NAMED_NUMBERS.get(found)
    if named is not None:
        return Token("NUM", found, start, end, named)
    return Token("ID", found, start, end)


def _number(found: str, start: int, end: int) -> Token:
    value = number_value(found)
    if value is None:
        return _error(f"number {found} contains a digit that is not octal", start, end)
    if value > WORD_MASK:
        shown = found if len(found) <= 40 else f"{found[:37]}..."
        return _error(f"number {shown} does not fit in 32 bits", start, end)
    return Token("NUM", found, start, end, value)


def number_value(digits: str) -> int | None:
    """The value of a hexadecimal, octal or decimal number, or None for a digit 8 or 9 in octal.

    A number that is certain to exceed 32 bits gives some value that does.
    """
    if digits[:2] in ("0x", "0X"):
        return int(digits, 16)
    if digits[0] == "0":
        return None if "8" in digits or "9" in digits else int(digits, 8)
    return int(digits) if len(digits) <= 10 else WORD_MASK + 1


def _error(message: str, start: int, end: int) -> Token:
    token = Token("ERROR", message, start, end)
    token.error = FilterError(message, span=Span(start, end))
    return token


def _with_colons(text: str, start: int) -> Token | None:
    """The MAC or IPv6 address that starts here, or None: the longest, a MAC before IPv6."""
    from bpfq.frontend.pcap import (
        colons,  # costly patterns, and most filters have no colon
    )

    kind, end = colons.longest(text, start)
    if end == start:
        return None
    if kind:
        return Token(kind, text[start:end], start, end)
    return _error("a MAC address has six groups of one or two hexadecimal digits", start, end)
