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

MAX_TOKENS = 100_000

_TOKEN = re.compile(
    r"""[ \t\r\n]*(?:
        (?P<word>[A-Za-z0-9][-_.A-Za-z0-9]*)
      | (?P<operator>[<>!=]=|<<|>>|&&|\|\||[-+*/%:\[\]!<>()&|^=])
      | \\(?P<escaped>[^ !()\n\t]+)
      | \$(?P<station>[0-9A-Fa-f]{1,2})
      | (?P<end>\Z)
      | (?P<stray>.)
    )""",
    re.VERBOSE | re.DOTALL,
)
_OPERATORS = {
    **{"&&": "AND", "||": "OR", "!": "NOT", "==": "=", "<<": "LSHIFT", ">>": "RSHIFT"},
    **{relation: "RELATION" for relation in (">=", "<=", "!=")},
}

_NUMBER = r"(?:0[xX][0-9A-Fa-f]+|[0-9]+)"
_NUM = re.compile(_NUMBER)
_HID = re.compile(rf"{_NUMBER}(?:\.{_NUMBER}){{1,3}}")
_MAC = re.compile(
    r"[0-9A-Fa-f]{1,2}(?:(?:-[0-9A-Fa-f]{1,2}){5}|(?:\.[0-9A-Fa-f]{1,2}){5})"
    r"|[0-9A-Fa-f]{4}(?:\.[0-9A-Fa-f]{4}){2}|[0-9A-Fa-f]{12}"
)

_COLON_MAC = re.compile(r"[0-9A-Fa-f]{1,2}(?::[0-9A-Fa-f]{1,2}){5}")
_BROKEN_MAC = re.compile(r"[0-9A-Fa-f]{1,2}:+(?:[0-9A-Fa-f]{1,2}:+)+")
_GROUPS = re.compile(r"(?:[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){0,7})?")
_QUAD = rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}\.{_NUMBER}"
_SIX_AND_QUAD = re.compile(rf"(?:[0-9A-Fa-f]{{1,4}}:){{6}}{_QUAD}")
_AFTER_GAP = tuple(  # by the number of groups before "::"
    re.compile(rf"(?:[0-9A-Fa-f]{{1,4}}(?::[0-9A-Fa-f]{{1,4}}){{0,{6 - n}}})?") for n in range(7)
)
_QUAD_AFTER_GAP = tuple(
    re.compile(rf"(?:[0-9A-Fa-f]{{1,4}}:){{0,{5 - n}}}{_QUAD}") for n in range(6)
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
    return _error(f"unexpected character {found!r}", start, end)


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
        return int(digits[2:], 16)
    if digits[0] == "0":
        return None if "8" in digits or "9" in digits else int(digits, 8)
    return int(digits) if len(digits) <= 10 else WORD_MASK + 1


def _error(message: str, start: int, end: int) -> Token:
    token = Token("ERROR", message, start, end)
    token.error = FilterError(message, span=Span(start, end))
    return token


def _with_colons(text: str, start: int) -> Token | None:
    """The MAC or IPv6 address that starts here, or None: the longest, a MAC before IPv6."""
    mac = _COLON_MAC.match(text, start)
    mac_end = mac.end() if mac else start
    ip_end = _ip6_end(text, start)
    broken = _BROKEN_MAC.match(text, start)
    broken_end = broken.end() if broken else start
    end = max(mac_end, ip_end, broken_end)
    if end == start:
        return None
    found = text[start:end]
    if end == mac_end:
        return Token("EID", found, start, end)
    if end == ip_end:
        return Token("HID6", found, start, end)
    return _error("a MAC address has six groups of one or two hexadecimal digits", start, end)


def _ip6_end(text: str, start: int) -> int:
    """Where the longest text form of an IPv6 address ends, or start."""
    groups = _GROUPS.match(text, start)
    assert groups is not None
    end = groups.end()
    count = groups[0].count(":") + 1 if groups[0] else 0
    if count < 8 and text.startswith("::", end):
        return _gap_end(text, end + 2, count)
    quad = _SIX_AND_QUAD.match(text, start)
    if quad:
        return quad.end()
    return end if count == 8 else start


def _gap_end(text: str, after: int, count: int) -> int:
    end = after
    if count < 7:
        plain = _AFTER_GAP[count].match(text, after)
        assert plain is not None
        end = plain.end()
    if count < 6:
        quad = _QUAD_AFTER_GAP[count].match(text, after)
        if quad:
            end = max(end, quad.end())
    return end
