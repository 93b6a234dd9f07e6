"""The filter that the rules look at, and what they share: quoting, places, checked fixes."""

from __future__ import annotations

from collections.abc import Sequence

from bpfq.analysis.lint.findings import Edit, Fix, applied
from bpfq.analysis.lint.oracle import Oracle
from bpfq.analysis.lint.reading import Reading
from bpfq.choice import Compiled
from bpfq.errors import BpfqError, LimitError, UnsupportedError
from bpfq.frontend.pcap.parse import parse
from bpfq.frontend.pcap.written import Written
from bpfq.query.nodes import Query
from bpfq.query.text import to_pcap
from bpfq.query.walk import map_unders, operands
from bpfq.record import record
from bpfq.settings import Settings
from bpfq.source import Span, Suggestion, balanced

_LONGEST_QUOTE = 60  # characters of the filter that a message repeats
_LONGEST_SUGGESTION = 200


@record
class Subject:
    """compiled: None where the target cannot run the filter, and ``refusal`` says why.

    optmem: bytes of option memory that a socket has, None if not known.
    """

    reading: Reading
    settings: Settings
    oracle: Oracle
    compiled: Compiled | None = None
    refusal: UnsupportedError | LimitError | None = None
    optmem: int | None = None

    @property
    def query(self) -> Query:
        return self.reading.query

    @property
    def written(self) -> Written | None:
        return self.reading.written

    @property
    def text(self) -> str:
        return self.written.text if self.written is not None else ""

    def spans(self, *nodes: Query) -> tuple[Span, ...]:
        """Where the nodes are written; those that are not have none."""
        return tuple(
            balanced(self.text, node.span) if operands(node) else node.span
            for node in nodes
            if node.span is not None
        )

    def quoted(self, node: Query) -> str:
        """The words of the filter for a node, in quotes."""
        for span in self.spans(node):
            words = self.words(span)
            if words.count("(") == words.count(")"):
                return f"'{brief(words)}'"
        return f"'{brief(_spelled(node))}'"

    def quoted_at(self, node: Query) -> str:
        """The same with the line, where the filter has several."""
        words = self.quoted(node)
        if node.span is None or "\n" not in self.text.strip():
            return words
        return f"{words} (line {self.text.count(chr(10), 0, node.span.start) + 1})"

    def words(self, span: Span) -> str:
        """The words of the filter on one line."""
        return " ".join(self.text[span.start : span.end].split())

    def read(self, text: str) -> Query | None:
        """The query of another text, or None if it is none."""
        try:
            return parse(text, resolver=self.reading.resolver)
        except BpfqError:
            return None

    def fix(self, edits: Sequence[Edit], expected: Query | None = None) -> Fix | None:
        """The edits as a fix, if the edited text means the same query, or the expected one."""
        wanted = self.query if expected is None else expected
        if not edits or self.read(applied(self.text, edits)) != wanted:
            return None
        return Fix(tuple(edits))

    def other(self, edits: Sequence[Edit]) -> Query | None:
        """What the edited text means, or None if it is no filter or still means the same."""
        query = self.read(applied(self.text, edits))
        return None if query == self.query else query

    def suggestion(self, edits: Sequence[Edit], span: Span, why: str) -> Suggestion:
        """The filter after the edits, or what becomes of the span where the filter is long."""
        text = applied(self.text, edits)
        if len(text) > _LONGEST_SUGGESTION:
            inside = [edit for edit in edits if span.start <= edit.span.start <= span.end]
            grown = sum(len(edit.text) - (edit.span.end - edit.span.start) for edit in inside)
            text = text[span.start : span.end + grown]
        return Suggestion(" ".join(text.split()), why)


def brief(words: str) -> str:
    return words if len(words) <= _LONGEST_QUOTE else f"{words[:_LONGEST_QUOTE]}..."


def _spelled(node: Query) -> str:
    """A node as text where pcap text can say it, else as Python."""
    try:
        return to_pcap(map_unders(node, lambda under: ()))
    except BpfqError:
        return repr(node)
