"""What each production of the grammar means: tokens in, query nodes out.

The parser reduces in text order, so what earlier text does to later text is plain state here: the
encapsulations passed so far (``under``), and the qualifiers that a bare id would take.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from bpfq.errors import FilterError
from bpfq.frontend.pcap import identifiers, special
from bpfq.frontend.pcap.clauses import Clause
from bpfq.frontend.pcap.names import NO_SETS, Listing, WithSets
from bpfq.frontend.pcap.qualifiers import (
    Qualifiers,
    check_over_mpls,
    check_protocol,
    fits_over_mpls,
    from_tokens,
    rewrite,
)
from bpfq.frontend.pcap.tokens import Token, Unexpected
from bpfq.operators import Operator
from bpfq.query import build
from bpfq.query.checks import in_range
from bpfq.query.nodes import Query, Under, Value
from bpfq.source import Span, join
from bpfq.tables.protocols import PROTOCOLS

if TYPE_CHECKING:
    from bpfq.frontend.pcap.names import Resolver

_OPERATORS = {operator.value: operator for operator in Operator}


class Elaborator:
    """One parse: every method is called by one production of the grammar."""

    def __init__(self, text: str, resolver: Resolver | None) -> None:
        self.text = text
        self.resolver = resolver
        self.sets: Mapping[str, Listing] = NO_SETS
        if isinstance(resolver, WithSets):
            self.resolver, self.sets = resolver.resolver, resolver.sets
        self.under: Under = ()
        self.inherited: Qualifiers | None = None  # what a bare id takes
        self._head_is_next = False

    # ------------------------------------------------------------ Boolean structure

    def everything(self) -> Query:
        return build.everything()

    def finish(self, clause: Clause) -> Query:
        return clause.query()

    def combine(self, left: Clause, operator: Token, right: Clause) -> Clause:
        return left.joined(operator.type.lower(), right)

    def negate(self, word: Token, clause: Clause) -> Clause:
        span = join(word.span, clause.span)
        return Clause(build.negate(clause.query(), span=span), span)

    def open(self, parenthesis: Token) -> Qualifiers | None:
        """What a bare id takes after the parenthesis: the same as before it."""
        return self.inherited

    def close(self, saved: Qualifiers | None, clause: Clause, parenthesis: Token) -> Clause:
        self.inherited = saved
        return clause

    def _plain(self, query: Query) -> Clause:
        """A primitive that leaves nothing to inherit."""
        self.inherited = None
        return Clause(query, query.span)

    # ------------------------------------------------------------ qualifiers and ids

    def head(
        self, protocol: Token | None, direction: tuple[Token, ...] | None, word: Token | None
    ) -> None:
        self.inherited = from_tokens(protocol, direction, word)
        self._head_is_next = True

    def identifier(self, token: Token, length: Token | None = None) -> Clause:
        span = Span(token.start, length.end if length else token.end)
        qualifiers = self.inherited
        if qualifiers is None:
            if token.type == "ID":
                raise Unexpected(token)
            raise self._nothing_inherited(token, span)
        whole = Span(qualifiers.span.start, span.end) if self._head_is_next else span
        self._head_is_next = False
        context = identifiers.Context(self.text, qualifiers, self.under, self.resolver, span, whole)
        if length is not None:
            query = identifiers.prefix(context, token, length)
        elif token.type == "NUM":
            query = identifiers.number(context, token.number)
        elif token.type == "ID":
            from bpfq.frontend.pcap import named  # only names need it: a quicker start

            query = named.name(context, token.word)
        elif token.type == "SET":
            from bpfq.frontend.pcap import sets

            query = sets.in_set(context, token.word, self.sets)
        else:
            query = identifiers.address(context, token)
        return Clause(query, whole)

    def _nothing_inherited(self, token: Token, span: Span) -> FilterError:
        word = {"NUM": "port", "EID": "ether host", "AID": "link host"}.get(token.type, "host")
        shown = self.text[span.start : span.end]
        return FilterError(
            f"'{shown}' has no type word, and what stands before it has none to take over; "
            f"did you mean '{word} {shown}'?",
            span=span,
            suggestions=(rewrite(self.text, span, f"{word} {shown}"),),
        )

    def protocol(self, token: Token) -> Clause:
        word = token.word
        if not PROTOCOLS[word].layers:
            shown = self.text[token.start : token.end]
            raise FilterError(
                f"'{shown}' cannot stand alone; it needs 'host', 'proto' or [...] after it"
                if word == "link"
                else f"'{shown}' cannot stand alone; index it: {shown}[0] = 0",
                span=token.span,
            )
        check_over_mpls(word, fits_over_mpls(word), self.under, token.span)
        return self._plain(build.protocol(word, self.under, span=token.span))

    # ------------------------------------------------------------ arithmetic

    def number(self, token: Token) -> Value:
        return build.number(token.number, span=token.span)

    def length(self, token: Token) -> Value:
        return build.length(span=token.span)

    def index(self, protocol: Token, offset: Value, size: Token | None, closing: Token) -> Value:
        span = Span(protocol.start, closing.end)
        word = protocol.word
        if PROTOCOLS[word].base is None:
            raise FilterError(f"'{word}' has no bytes to index", span=span)
        if size is not None and size.number not in (1, 2, 4):
            raise FilterError(
                f"{size.number} bytes cannot be read at once; read 1, 2 or 4", span=size.span
            )
        check_over_mpls(word, fits_over_mpls(word) or word == "link", self.under, span)
        return build.index(word, offset, size.number if size else 1, self.under, span=span)

    def arithmetic(self, left: Value, operator: Token, right: Value) -> Value:
        span = join(left.span, right.span)
        return build.arithmetic(_OPERATORS[operator.word], left, right, span=span)

    def negative(self, sign: Token, operand: Value) -> Value:
        return build.negative(operand, span=join(sign.span, operand.span))

    def relation(self, left: Value, relation: Token, right: Value) -> Clause:
        span = join(left.span, right.span)
        return self._plain(build.compare(relation.word, left, right, span=span))

    # ------------------------------------------------------------ primitives of their own

    def cast(self, protocol: Token | None, word: Token) -> Clause:
        span = Span(protocol.start if protocol else word.start, word.end)
        layer = protocol.word if protocol else "link"
        check_protocol(layer, word.word, span)
        make = build.broadcast if word.word == "broadcast" else build.multicast
        return self._plain(make(layer, self.under, span=span))

    def size(self, word: Token, bound: Token) -> Clause:
        relation = "<=" if word.word == "less" else ">="
        span = Span(word.start, bound.end)
        left, right = build.length(span=word.span), self.number(bound)
        return self._plain(build.compare(relation, left, right, span=span))

    def byte(self, word: Token, offset: Token, operator: Token, value: Token) -> Clause:
        in_range(value.number, 0xFF, "byte", value.span)
        span = Span(word.start, value.end)
        return self._plain(
            build.link_byte(offset.number, operator.word, value.number, self.under, span=span)
        )

    def interface(self, word: Token, index: Token) -> Clause:
        span = Span(word.start, index.end)
        return self._plain(build.interface_index(index.number, self.under, span=span))

    def shim(self, word: Token, identifier: Token | None) -> Clause:
        query = special.shim(word, identifier, self.under)
        self.under = (*self.under, word.word)
        return self._plain(query)

    def bare(self, word: Token) -> Clause:
        query = special.bare(word, self.under)
        if word.word == "lane" and "lane" not in self.under:
            self.under = (*self.under, "lane")
        return self._plain(query)

    def llc(self, word: Token, kind: Token | None) -> Clause:
        query = special.llc(self.text, word, kind, self.under)
        self.under = tuple(shim for shim in self.under if shim != "lane")
        return self._plain(query)

    def log(self, word: Token, value: Token) -> Clause:
        return self._plain(special.log(self.text, word, value, self.under))

    def frame_type(
        self, protocol: Token | None, word: Token, type_word: Token, subtype: Token | None
    ) -> Clause:
        if protocol is not None and protocol.word in ("icmp", "icmp6"):
            raise special.icmp_type(self.text, protocol, word, type_word)
        return self._plain(special.frame_type(self.text, word, type_word, subtype, self.under))

    def frame_subtype(self, word: Token, name: Token) -> Clause:
        return self._plain(special.frame_subtype(self.text, word, name, self.under))

    def frame_direction(self, word: Token, value: Token) -> Clause:
        return self._plain(special.frame_direction(self.text, word, value, self.under))

    def listed(self, field: Token, relation: Token | None, values: list[Token]) -> Clause:
        return self._plain(special.listed(field, relation, values, self.under))
