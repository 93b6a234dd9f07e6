"""Where the parser stopped, with what stands around it."""

from __future__ import annotations

from bpfq.errors import FilterError
from bpfq.frontend.pcap.qualifiers import brief, rewrite
from bpfq.frontend.pcap.tokens import Token
from bpfq.record import record
from bpfq.source import Span, Suggestion

OPERAND_ENDS = (
    *("NUM", "ID", "HID", "HID6", "EID", "AID", "SET", ")", "]", "PNAME", "BARE", "CAST"),
    *("LEN", "SHIM", "LLC", "RNR"),
)
VALUES = ("NUM", "ID", "HID", "HID6", "EID", "AID", "SET")
PRIMITIVE_STARTS = (
    *("PNAME", "ATYPE", "SRC", "DST", "ADDRN", "PROTO", "PROTOCHAIN", "GATEWAY", "CAST"),
    *("SIZE", "BYTE", "IFINDEX", "SHIM", "BARE", "LISTED", "LOGTEXT", "SRNR", "REASON"),
    *("ACTION", "TYPE", "SUBTYPE", "DIR", "LLC", "LEN", "NOT", "("),
)
TAKES_VALUE = (
    *("ATYPE", "SRC", "DST", "ADDRN", "PROTO", "PROTOCHAIN", "GATEWAY", "SHIM", "SIZE"),
    *("IFINDEX", "LOGTEXT", "RNR", "SRNR", "REASON", "ACTION", "TYPE", "SUBTYPE", "DIR"),
)
ARITHMETIC = ("[", "LEN", "+", "-", "*", "/", "%", "&", "|", "^", "LSHIFT", "RSHIFT", "NUM")
RELATIONS = ("=", "<", ">", "RELATION")
BOUNDARIES = ("AND", "OR", "NOT")


@record
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
