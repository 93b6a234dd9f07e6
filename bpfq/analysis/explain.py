"""What a filter tests, spelled out and in English, and what it does not see: plain data."""

from __future__ import annotations

from collections.abc import Iterator

from bpfq.analysis.english import sentence
from bpfq.analysis.gaps import Gap, gaps
from bpfq.analysis.phrases import phrase
from bpfq.query import nodes as q
from bpfq.query.walk import operands
from bpfq.record import record
from bpfq.settings import Settings

_INDENT = "    "


@record
class Explanation:
    """in_full: the query, one clause a line.  english: a sentence, None where none would help.

    gaps: what some clause does not look into, and what becomes of such packets.
    """

    in_full: tuple[str, ...]
    english: str | None
    gaps: tuple[Gap, ...]


def explain(query: q.Query, settings: Settings, text: str | None = None) -> Explanation:
    """settings: what the filter was compiled for.  text: what the spans of the query refer to."""
    full, found = tuple(in_full(query, text)), tuple(gaps(query, settings))
    return Explanation(full, sentence(query, text), found)


# ---------------------------------------------------------------- in full


def in_full(query: q.Query, text: str | None = None) -> Iterator[str]:
    """The query with every primitive spelled out, one a line, indented by nesting."""
    work: list[tuple[str, int, q.Query]] = [("", 0, query)]
    while work:
        prefix, depth, node = work.pop()
        parts = operands(node)
        if isinstance(node, q.Not):
            work.append((f"{prefix}not ", depth, node.operand))
        elif not parts:
            words = phrase(node, text)  # type: ignore[arg-type]  # no operands: a leaf
            yield f"{_INDENT * depth}{prefix}{f'({words})' if prefix.endswith('not ') else words}"
        elif isinstance(node, q.And) and depth == 0 and not prefix:
            work += [("and ", 0, part) for part in reversed(parts[1:])]
            work.append(("", 0, parts[0]))
        else:
            yield f"{_INDENT * depth}{prefix}{_HEADS[type(node)]}"
            work += [(_link(node, n), depth + 1, p) for n, p in reversed(list(enumerate(parts)))]


_HEADS: dict[type, str] = {q.And: "all of", q.Or: "any of", q.When: "a choice"}


def _link(node: q.Query, number: int) -> str:
    return ("if ", "then ", "else ")[number] if isinstance(node, q.When) else ""
