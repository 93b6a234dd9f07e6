"""A filter with its words: what a query does not keep of the text that it was read from.

A query has no parentheses, and an id that took over the words of the one before it looks like one
that has its own.  Whoever judges or edits the text itself needs both::

    not port 22 and 23 or (udp)     joined: not port 22 | and | 23 | or | (udp)
                                    heirs: 23 takes over "port", which stands below "not"
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bpfq.errors import quoting
from bpfq.frontend.pcap.clauses import Clause
from bpfq.frontend.pcap.elaborate import Elaborator
from bpfq.frontend.pcap.parse import parse_tokens
from bpfq.frontend.pcap.tokens import Token, scan
from bpfq.query.nodes import Query
from bpfq.record import record
from bpfq.source import Span

if TYPE_CHECKING:
    from bpfq.frontend.pcap.names import Resolver


@record
class Joiner:
    word: str  # "and", "or"
    span: Span


@record
class Group:
    """What ``and`` and ``or`` join on one level of parentheses.

    operands: with their parentheses and ``not``; one more than joiners, and two or more.
    """

    operands: tuple[Span, ...]
    joiners: tuple[Joiner, ...]

    @property
    def span(self) -> Span:
        return Span(self.operands[0].start, self.operands[-1].end)


@record
class Heir:
    """An id without words of its own: ``head`` is where the words stand that it takes over."""

    span: Span
    head: Span


@record
class Negation:
    """``not`` and what it covers, but for closing parentheses."""

    word: Span
    operand: Span


@record
class Name:
    """An id that is a name; ``type`` is the type word that it stands for, "host" if left out."""

    span: Span
    whole: Span  # with the words before it, where they are its own
    protocol: str | None
    type: str


@record
class Written:
    text: str
    query: Query
    groups: tuple[Group, ...]  # outer before inner, else in text order
    heirs: tuple[Heir, ...]
    negations: tuple[Negation, ...]
    names: tuple[Name, ...]


def read(text: str, *, resolver: Resolver | None = None) -> Written:
    """The query of a filter, and how it is written; raises what ``parse`` raises."""
    with quoting(text):
        tokens = scan(text)
        watching = _Watching(text, resolver)
        query = parse_tokens(tokens, watching)
    return Written(
        text,
        query,
        _groups(tokens, frozenset(token.start for token in watching.joiners)),
        tuple(watching.heirs),
        tuple(watching.negations),
        tuple(watching.names),
    )


class _Watching(Elaborator):
    """The elaborator, which also notes what a query does not keep."""

    def __init__(self, text: str, resolver: Resolver | None) -> None:
        super().__init__(text, resolver)
        self.joiners: list[Token] = []
        self.heirs: list[Heir] = []
        self.negations: list[Negation] = []
        self.names: list[Name] = []

    def combine(self, left: Clause, operator: Token, right: Clause) -> Clause:
        self.joiners.append(operator)
        return super().combine(left, operator, right)

    def negate(self, word: Token, clause: Clause) -> Clause:
        if clause.span is not None:
            self.negations.append(Negation(word.span, clause.span))
        return super().negate(word, clause)

    def identifier(self, token: Token, length: Token | None = None) -> Clause:
        taken = None if self._head_is_next else self.inherited
        qualifiers = self.inherited
        clause = super().identifier(token, length)
        assert clause.span is not None
        if taken is not None:
            self.heirs.append(Heir(clause.span, taken.span))
        if token.type == "ID" and qualifiers is not None:
            kind = qualifiers.type or "host"
            self.names.append(Name(token.span, clause.span, qualifiers.protocol, kind))
        return clause


def _groups(tokens: Sequence[Token], joiners: frozenset[int]) -> tuple[Group, ...]:
    """joiners: where the words stand that join; others belong to primitives, as in src or dst."""
    found: list[tuple[int, Group]] = []
    levels: list[list[Token]] = [[]]
    for token in tokens:
        if token.type == "(":
            levels[-1].append(token)
            levels.append([])
        elif token.type == ")":
            _close(levels.pop(), joiners, found)
            levels[-1].append(token)
        else:
            levels[-1].append(token)
    _close(levels.pop(), joiners, found)
    return tuple(group for _, group in sorted(found, key=lambda item: item[0]))


def _close(level: Sequence[Token], joiners: frozenset[int], found: list[tuple[int, Group]]) -> None:
    """level: the tokens of one level; what stands inside parentheses is left out of it."""
    operands: list[list[Token]] = [[]]
    between: list[Joiner] = []
    for token in level:
        if token.start in joiners:
            between.append(Joiner(token.type.lower(), token.span))
            operands.append([])
        else:
            operands[-1].append(token)
    if between:
        spans = tuple(Span(operand[0].start, operand[-1].end) for operand in operands)
        found.append((spans[0].start, Group(spans, tuple(between))))
