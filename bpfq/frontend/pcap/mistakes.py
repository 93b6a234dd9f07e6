"""Syntax errors."""

from __future__ import annotations

from bpfq.errors import FilterError
from bpfq.frontend.pcap.tokens import Token
from bpfq.source import Span


def syntax_error(text: str, tokens: list[Token], at: int) -> FilterError:
    if at >= len(tokens):
        return FilterError("the filter ends too early", span=Span(len(text), len(text)))
    token = tokens[at]
    return token.error or FilterError(f"unexpected '{token.word}'", span=token.span)
