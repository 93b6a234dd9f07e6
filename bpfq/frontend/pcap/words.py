"""Words that are not in the language: what was most likely meant."""

from __future__ import annotations

import re

from bpfq.errors import FilterError
from bpfq.frontend.pcap.keywords import KEYWORDS
from bpfq.frontend.pcap.qualifiers import brief, rewrite
from bpfq.frontend.pcap.tokens import Token
from bpfq.source import nearest
from bpfq.tables.constants import NAMED_NUMBERS

_MEANT = {  # words of other tools and habits -> how this language says it
    "dns": "port domain",
    "dhcp": "udp portrange 67-68",
    "tls": "tcp port 443",
    "ipv4": "ip",
    "ipv6": "ip6",
    "icmpv6": "icmp6",
    "eth": "ether",
    "mac": "ether host",
    "lldp": "ether proto \\lldp",
    "gre": "proto 47",
    "addr": "host",
    "address": "host",
    "subnet": "net",
    "network": "net",
    "dport": "dst port",
    "sport": "src port",
    "dstport": "dst port",
    "srcport": "src port",
    "source": "src",
    "destination": "dst",
    "protocol": "proto",
    "ports": "portrange",
    "size": "len",
    "syn": "tcp[tcpflags] & tcp-syn != 0",
    "any": "(write nothing: the empty filter)",
}
_AFTER_TRANSPORT = ("port", "portrange", "src", "dst", "and", "or")


def unknown(text: str, token: Token, previous: Token | None, *, arithmetic: bool) -> FilterError:
    """The error for a name where the grammar allows none; arithmetic: a number belongs there."""
    word = token.word
    better = (
        _upper_case(word)
        or _hyphen(word)
        or (nearest(word, NAMED_NUMBERS) if arithmetic else _as_test(word, previous))
    )
    if better is None:
        kind = "number" if arithmetic else "word"
        return FilterError(f"unknown {kind} '{brief(word)}'", span=token.span)
    return FilterError(
        _message(word, better), span=token.span, suggestions=(rewrite(text, token.span, better),)
    )


def _message(word: str, better: str) -> str:
    if word.lower() == better:
        return f"'{word}' must be written in lower case"
    if better.replace(" ", "") == word and "-" in word:
        return (
            f"'{brief(word)}' is one name, a hyphen belongs to it; did you mean '{brief(better)}'?"
        )
    return f"unknown word '{brief(word)}'; did you mean '{better}'?"


def _upper_case(word: str) -> str | None:
    lower = word.lower()
    return lower if lower != word and (lower in KEYWORDS or lower in NAMED_NUMBERS) else None


def _hyphen(word: str) -> str | None:
    """``len-5`` -> ``len - 5``."""
    parts = word.split("-")
    if len(parts) < 2:
        return None
    if all(re.fullmatch("len|length|[0-9]+|0[xX][0-9A-Fa-f]+", part) for part in parts):
        return " - ".join(parts)
    return None


def _as_test(word: str, previous: Token | None) -> str | None:
    transport = previous is not None and previous.word in ("tcp", "udp", "sctp")
    known = _AFTER_TRANSPORT if transport else tuple(KEYWORDS)
    return (
        _run_together(word)
        or _MEANT.get(word)
        or _service(word, previous)
        or nearest(word, known)
        or _one_slip(word, known)
        or _host_name(word)
    )


def _one_slip(word: str, known: tuple[str, ...]) -> str | None:
    """A word of the same length in which one letter differs, or two changed places."""
    for candidate in known:
        if len(candidate) == len(word) > 2:
            wrong = sum(a != b for a, b in zip(word, candidate, strict=True))
            if wrong == 1 or (wrong == 2 and sorted(word) == sorted(candidate)):
                return candidate
    return None


def _run_together(word: str) -> str | None:
    """``arpand`` -> ``arp and``."""
    for joiner in ("and", "or", "not"):
        for first, second in ((word[: -len(joiner)], joiner), (joiner, word[len(joiner) :])):
            if first in KEYWORDS and second in KEYWORDS and first + second == word:
                return f"{first} {second}"
    return None


def _service(word: str, previous: Token | None) -> str | None:
    from bpfq.tables.ipprotocols import ip_protocols
    from bpfq.tables.services import services

    if word in services():
        return f"port {word}"
    if word in ip_protocols() and previous is None:
        return f"proto \\{word}"
    return None


def _host_name(word: str) -> str | None:
    return f"host {word}" if "." in word else None
