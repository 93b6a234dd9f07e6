"""Filter text to query."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from bpfq.errors import quoting
from bpfq.frontend.pcap.elaborate import Elaborator
from bpfq.frontend.pcap.tokens import Token, Unexpected, scan
from bpfq.query.nodes import Query

if TYPE_CHECKING:
    from bpfq.frontend.pcap.names import Resolver


def parse(text: str, *, resolver: Resolver | None = None) -> Query:
    """The query that a filter means, independent of link type and target.

    Names of hosts, networks and stations are errors unless a resolver looks them up.  Raises
    FilterError, or LimitError for more than ``tokens.MAX_TOKENS`` tokens or arithmetic nested
    too deep; both carry the text.
    """
    with quoting(text):
        return parse_tokens(scan(text), Elaborator(text, resolver))


def parse_tokens(tokens: list[Token], elaborator: Elaborator) -> Query:
    """What the elaborator makes of all tokens of a filter; raises FilterError, LimitError."""
    try:
        query: Query = _parser().parse(lexer=_Stream(tokens, elaborator))
    except Unexpected as stop:
        from bpfq.frontend.pcap.mistakes import syntax_error

        at = tokens.index(stop.token) if stop.token else len(tokens)
        raise syntax_error(elaborator.text, tokens, at) from None
    return query


class _Stream:
    """The tokens of one filter, in the shape of a PLY lexer; the actions find the elaborator."""

    def __init__(self, tokens: list[Token], elaborator: Elaborator) -> None:
        self.tokens = tokens
        self.elaborator = elaborator
        self.at = 0  # tokens handed out

    def token(self) -> Token | None:
        if self.at == len(self.tokens):
            self.at += 1
            return None
        token = self.tokens[self.at]
        self.at += 1
        if token.error is not None:
            raise Unexpected(token)
        return token


@cache
def _parser() -> Any:
    """The LR parser from the tables that were made ahead of time."""
    from bpfq.frontend.pcap import automaton

    return automaton.parser()
