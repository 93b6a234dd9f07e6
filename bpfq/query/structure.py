"""What every query node has: structural equality, hashing and representation without recursion,
and the span where it was written, which takes no part in them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bpfq.record import field, fields, record
from bpfq.source import Span


class Node:
    """Structural equality, hashing and representation without recursion."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Node):
            return NotImplemented
        return list(_flat(self)) == list(_flat(other))

    def __hash__(self) -> int:
        return hash(tuple(_flat(self)))

    def __repr__(self) -> str:
        out: list[str] = []
        work: list[object] = [self]
        while work:
            item = work.pop()
            if isinstance(item, _Text):
                out.append(item)
            elif isinstance(item, Node):
                work.extend(reversed(_pieces(item)))
            elif isinstance(item, tuple) and any(isinstance(x, Node) for x in item):
                spread: list[object] = [_Text("(")]
                for x in item:
                    spread += [x, _Text(", ")]
                work.extend(reversed([*spread[:-1], _Text(")")]))
            else:
                out.append(repr(item))
        return "".join(out)


class _Text(str):
    """Literal text on the work list of a representation."""


def _compared(node: Node) -> list[tuple[str, Any]]:
    return [(f.name, getattr(node, f.name)) for f in fields(type(node)) if f.compare]


def _pieces(node: Node) -> list[object]:
    pieces: list[object] = [_Text(f"{type(node).__name__}(")]
    for number, (name, value) in enumerate(_compared(node)):
        pieces += [_Text(f"{', ' if number else ''}{name}="), value]
    return [*pieces, _Text(")")]


def _flat(node: Node) -> Iterator[object]:
    """Types and plain field values in prefix order, with tuple lengths: a unique image."""
    work: list[object] = [node]
    while work:
        item = work.pop()
        if isinstance(item, Node):
            yield type(item)
            work.extend(value for _, value in reversed(_compared(item)))
        elif isinstance(item, tuple):
            yield len(item)
            work.extend(reversed(item))
        else:
            yield item


@record(eq=False, repr=False)
class Spanned(Node):
    """A node that remembers where it was written."""

    span: Span | None = field(default=None, compare=False, kw_only=True)
