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

INSIDE = -1


@record
class Comment:
    """A comment that has a line for itself.

    gap_above, gap_below: an empty line sets it apart.  outside: parentheses that open between it and
    the primitive; INSIDE where it stands behind the first words of the primitive.
    """

    text: str
    gap_above: bool = False
    gap_below: bool = False
    outside: int = 0


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
        said, place = f"#{said.rstrip()}", at + len(code)
        if sign and spans and _ends_a_line(code):
            owner = spans[max(bisect_left(starts, place) - 1, 0)]
            remarks.setdefault(owner, Remarks()).behind.append(said)
        elif sign:
            comment = Comment(said, *_gaps(lines, number))
            owner_at = bisect_right(ends, place)
            if owner_at == len(spans):
                below.append(comment)
            else:
                owner = spans[owner_at]
                outside = _outside(blanked, place, balanced(blanked, owner))
                remarks.setdefault(owner, Remarks()).above.append(replace(comment, outside=outside))
        at += len(line) + 1
    return Comments(remarks, tuple(below))


def _ends_a_line(code: str) -> bool:
    """Whether a comment says something of what stands before it, not of what is opened there."""
    return bool(code.strip()) and not code.rstrip().endswith("(")


def _gaps(lines: Sequence[str], number: int) -> tuple[bool, bool]:
    """Whether the lines above and below are empty; what ends the text is no line."""

    def is_empty(at: int) -> bool:
        return 0 <= at < len(lines) and not lines[at].strip()

    alone = lines[number].lstrip().startswith("#")
    return alone and is_empty(number - 1), is_empty(number + 1) and number + 2 < len(lines)


def _outside(blanked: str, at: int, owner: Span) -> int:
    return INSIDE if at > owner.start else blanked.count("(", at, owner.start)
