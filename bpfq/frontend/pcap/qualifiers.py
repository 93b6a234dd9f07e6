"""What stands before an id: protocol, direction and type word, and which of them fit together."""

from __future__ import annotations

from bpfq.errors import FilterError
from bpfq.frontend.pcap.tokens import Token
from bpfq.query.checks import WLAN_DIRECTIONS
from bpfq.query.nodes import Under
from bpfq.record import record
from bpfq.source import Span, Suggestion
from bpfq.tables.protocols import PROTOCOLS

ALLOWED_PROTOCOLS = {  # type word -> protocols that may stand before it
    "port": ("tcp", "udp", "sctp"),
    "portrange": ("tcp", "udp", "sctp"),
    "proto": ("link", "ip", "ip6", "iso", "isis"),
    "protochain": ("ip", "ip6"),
    "gateway": ("ip", "arp", "rarp"),
    "broadcast": ("link", "ip"),
    "multicast": ("link", "ip", "ip6"),
}
_LONGEST_WORD = 80  # characters of a word that a message repeats
_LONGEST_REWRITE = 200  # characters of a filter that a suggestion repeats whole


@record
class Qualifiers:
    """Protocol, direction and type of a primitive; None where the text leaves one out."""

    protocol: str | None
    direction: str | None
    type: str | None
    span: Span

    @property
    def direction_word(self) -> str:
        return self.direction or "src or dst"


def rewrite(text: str, span: Span, replacement: str, why: str = "") -> Suggestion:
    """The filter with one part replaced; only the part if the filter is long."""
    if len(text) > _LONGEST_REWRITE:
        return Suggestion(replacement, why)
    return Suggestion(f"{text[: span.start]}{replacement}{text[span.end :]}".strip(), why)


def brief(word: str) -> str:
    """A word as a message shows it: the beginning of a very long one."""
    return word if len(word) <= _LONGEST_WORD else f"{word[:_LONGEST_WORD]}..."


def from_tokens(
    protocol: Token | None, direction: tuple[Token, ...] | None, type_word: Token | None
) -> Qualifiers:
    parts = [t for t in (protocol, *(direction or ()), type_word) if t is not None]
    word = type_word.word if type_word else None
    return Qualifiers(
        protocol.word if protocol else None,
        _direction(direction) if direction else None,
        word,
        Span(parts[0].start, parts[-1].end),
    )


def _direction(tokens: tuple[Token, ...]) -> str:
    if len(tokens) == 1:
        return tokens[0].word
    return f"src {tokens[1].type.lower()} dst"


def check_protocol(protocol: str | None, what: str, span: Span | None) -> None:
    """Raise FilterError unless the protocol may stand before the type word."""
    allowed = ALLOWED_PROTOCOLS[what]
    if protocol is not None and protocol not in allowed:
        raise FilterError(
            f"'{spelling(protocol)}' cannot qualify '{what}', only {listing(allowed)} can",
            span=span,
        )


def spelling(protocol: str | None) -> str:
    """The word that people use for a protocol."""
    return "ether" if protocol == "link" else str(protocol)


def check_direction(qualifiers: Qualifiers, what: str, span: Span | None) -> None:
    """Raise FilterError for an 802.11 direction before what is not a MAC address."""
    if qualifiers.direction in WLAN_DIRECTIONS:
        raise FilterError(
            f"'{qualifiers.direction}' names an 802.11 MAC address, it cannot qualify {what}",
            span=span,
        )


def check_over_mpls(word: str, fits: bool, under: Under, span: Span | None) -> None:
    """Raise FilterError for a protocol that nothing after an MPLS label can announce."""
    if "mpls" in under and not fits:
        raise FilterError(
            f"'{word}' cannot be tested after 'mpls': a label is followed by ip or ip6 only",
            span=span,
        )


def fits_over_mpls(protocol: str) -> bool:
    """Whether the protocol's test asks for nothing but ip or ip6 of the link layer."""
    row = PROTOCOLS[protocol]
    return protocol in ("ip", "ip6") or not set(row.layers) & {"link", "iso", "isis"}


def listing(words: tuple[str, ...]) -> str:
    """'a', 'b' and 'c'."""
    quoted = [f"'{word}'" for word in words]
    return " and ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)
