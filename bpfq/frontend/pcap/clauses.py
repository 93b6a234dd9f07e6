"""Operands of ``and`` and ``or`` while they are being read.

Joining two operands at a time would copy a chain of n operands n times; a Clause collects them
and becomes a node once.
"""

from __future__ import annotations

from bpfq.query import build
from bpfq.query.nodes import Query
from bpfq.source import Span, join


class Clause:
    """One query, or several joined by the same word."""

    __slots__ = ("operands", "operator", "span")

    def __init__(self, query: Query, span: Span | None) -> None:
        self.operator: str | None = None  # "and", "or"
        self.operands = [query]
        self.span = span

    def query(self) -> Query:
        if self.operator is None:
            return self.operands[0]
        joined = build.all_of if self.operator == "and" else build.any_of
        return joined(*self.operands, span=self.span)

    def joined(self, operator: str, other: Clause) -> Clause:
        """This clause (which must not be used again) with another one behind it."""
        if self.operator not in (None, operator):
            self.operands = [self.query()]
        self.operator = operator
        if other.operator == operator:
            self.operands.extend(other.operands)
        else:
            self.operands.append(other.query())
        self.span = join(self.span, other.span)
        return self
