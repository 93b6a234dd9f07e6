"""Taking a clause out of a filter: out of its text, and out of its query."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Container, Sequence

from bpfq.analysis.lint.findings import Edit
from bpfq.frontend.pcap.written import Group, Heir, Written
from bpfq.query import build
from bpfq.query import nodes as q
from bpfq.query.nodes import Query
from bpfq.query.walk import operands
from bpfq.source import Span

# ---------------------------------------------------------------- text


def head_words(written: Written, heir: Heir) -> str:
    """The words that an id takes over, with a space behind them."""
    return " ".join(written.text[heir.head.start : heir.head.end].split()) + " "


def spelled(written: Written, heir: Heir) -> Edit:
    """The words that an id takes over, before the id itself."""
    return Edit(Span(heir.span.start, heir.span.start), head_words(written, heir))


def holds(outer: Span, inner: Span) -> bool:
    return outer.start <= inner.start and inner.end <= outer.end


def heirs_by_head(written: Written) -> dict[Span, list[Heir]]:
    """Words that are taken over, and by whom."""
    found: dict[Span, list[Heir]] = {}
    for heir in written.heirs:
        found.setdefault(heir.head, []).append(heir)
    return found


def removals(written: Written, nodes: Sequence[Query]) -> list[list[Edit]]:
    """For each node: the operand that it is and a word that joins it, out of the text.

    All of them can go together.  Ids that took over words of the operand get their own.  Line ends
    and what stands beside the operand in its line stay.  No edits for a node that is no operand.
    """
    found = [None if node.span is None else _operand(written, node.span) for node in nodes]
    gone: dict[Span, set[int]] = {}
    for each in found:
        if each is not None:
            gone.setdefault(each[0].span, set()).add(each[1])
    heirs = heirs_by_head(written)
    return [
        [] if each is None else _removal(written, each[0], each[1], gone[each[0].span], heirs)
        for each in found
    ]


def _removal(
    written: Written, group: Group, number: int, gone: set[int], heirs: dict[Span, list[Heir]]
) -> list[Edit]:
    operand = group.operands[number]
    edits = [
        spelled(written, heir)
        for head, several in heirs.items()
        if holds(operand, head)
        for heir in several
        if not holds(operand, heir.span)
    ]
    at = _joiner(written.text, group, number, gone)
    joiner = group.joiners[at].span
    first, second = (operand, joiner) if at == number else (joiner, operand)
    if "\n" in written.text[first.end : second.start]:
        return [*edits, _deleted(written.text, first), _deleted(written.text, second)]
    return [*edits, _deleted(written.text, Span(first.start, second.end))]


def _joiner(text: str, group: Group, number: int, gone: set[int]) -> int:
    """The joiner that goes with an operand: the one before it, or, in lists of lines that end in
    ``or``, the one behind; at the ends of a list the one that is left.
    """
    last = len(group.joiners)
    if len(gone) > last:  # no operand is left to join: each can only go alone
        gone = {number}
    ends_lines = "\n" in text[group.joiners[0].span.end : group.operands[1].start]
    if ends_lines:
        return number - 1 if all(n in gone for n in range(number, last + 1)) else number
    return number if all(n in gone for n in range(number + 1)) else number - 1


def _operand(written: Written, span: Span) -> tuple[Group, int] | None:
    """The smallest operand that holds the span."""
    best: tuple[int, Group, int] | None = None
    for group in written.groups:
        number = bisect_right(group.operands, span.start, key=lambda operand: operand.start) - 1
        if number >= 0 and holds(operand := group.operands[number], span):
            size = operand.end - operand.start
            if best is None or size < best[0]:
                best = (size, group, number)
    return None if best is None else best[1:]


def _deleted(text: str, span: Span) -> Edit:
    """The span with the blanks before it, or, at the start of a line, behind it.

    A line that it fills goes as a whole.
    """
    start, end = span
    while start and text[start - 1] in " \t":
        start -= 1
    if start and text[start - 1] not in "\n(":
        return Edit(Span(start, end), "")
    if text.startswith("\n", end) and (start == 0 or text[start - 1] == "\n"):
        return Edit(Span(start, end + 1), "")
    while end < len(text) and text[end] in " \t":
        end += 1
    if end == len(text) or text[end] == "\n":
        end = span.end  # up to there a comment may have stood
    return Edit(Span(span.start, end), "")


# ---------------------------------------------------------------- query


def without(query: Query, gone: Container[int]) -> Query:
    """The query without the operands that are named by their id."""
    done: list[Query] = []
    work: list[tuple[Query, bool]] = [(query, False)]
    while work:
        node, ready = work.pop()
        below = [part for part in operands(node) if id(part) not in gone]
        if not operands(node):
            done.append(node)
        elif not ready:
            work.append((node, True))
            work += [(part, False) for part in reversed(below)]
        else:
            parts = done[len(done) - len(below) :]
            del done[len(done) - len(below) :]
            done.append(_rebuilt(node, parts))
    return done[0]


def _rebuilt(node: Query, parts: list[Query]) -> Query:
    match node:
        case q.And():
            return build.all_of(*parts)
        case q.Or():
            return build.any_of(*parts)
        case q.Not():
            return build.negate(parts[0]) if parts else node
        case _:
            return q.When(*parts) if len(parts) == 3 else node
