"""Comments of a filter file, and the primitive that each belongs to.

# the lab                  above "net 10.9.0.0/16"
not net 10.9.0.0/16 and
port (80  # web            behind "port 80"
or 443)
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from bpfq.query.nodes import Query
from bpfq.query.walk import leaves
from bpfq.record import field, record, replace
from bpfq.source import Span, balanced


@record
class Comment:
    """A comment that has a line for itself.

    gap_above, gap_below: an empty line sets it apart.  place: "before" a primitive, "inside" of one,
    behind its first words, or "outside" of parentheses that open before it.
    """

    text: str
    gap_above: bool = False
    gap_below: bool = False
    place: str = "outside"


@record(frozen=False)
class Remarks:
    """What is written above a primitive, and behind it in its line."""

    above: list[Comment] = field(default_factory=list)
    behind: list[str] = field(default_factory=list)


@record
class Comments:
    """below: behind the last primitive."""

    remarks: dict[Span, Remarks]
    below: tuple[Comment, ...]


def no_comments() -> Comments:
    return Comments({}, ())


def comments_of(text: str, blanked: str, query: Query) -> Comments:
    """blanked: the text without its comments, of the same length, which the query was read from."""
    spans = sorted({leaf.span for leaf in leaves(query) if leaf.span is not None})
    starts, ends = [span.start for span in spans], sorted(span.end for span in spans)
    remarks: dict[Span, Remarks] = {}
    below: list[Comment] = []
    lines, at = text.split("\n"), 0
    for number, line in enumerate(lines):
        code, sign, said = line.partition("#")
        if sign and code.strip() and spans:
            owner = spans[max(bisect_left(starts, at + len(code)) - 1, 0)]
            remarks.setdefault(owner, Remarks()).behind.append(f"#{said.rstrip()}")
        elif sign:
            comment = _alone(lines, number)
            owner_at = bisect_right(ends, at)
            if owner_at == len(spans):
                below.append(comment)
            else:
                owner = spans[owner_at]
                comment = replace(comment, place=_place(blanked, at, balanced(blanked, owner)))
                remarks.setdefault(owner, Remarks()).above.append(comment)
        at += len(line) + 1
    return Comments(remarks, tuple(below))


def _alone(lines: Sequence[str], number: int) -> Comment:
    def is_empty(at: int) -> bool:
        return 0 <= at < len(lines) and not lines[at].strip()

    last = number + 2 >= len(lines)  # a text ends with a line end
    return Comment(
        lines[number].strip(),
        gap_above=number > 0 and is_empty(number - 1),
        gap_below=is_empty(number + 1) and not last,
    )


def _place(blanked: str, at: int, owner: Span) -> str:
    if at > owner.start:
        return "inside"
    return "outside" if "(" in blanked[at : owner.start] else "before"
