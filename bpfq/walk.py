"""Everything that something is made of, with shared parts and of any depth: no recursion.

    a = b + c, b = [c]    =>    c, b, a

Formulas, terms and diagrams share their parts, so a walk must meet each part once.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from typing import TypeVar

_Node = TypeVar("_Node")


def bottom_up(
    roots: Iterable[_Node],
    parts: Callable[[_Node], Sequence[_Node]],
    done: Container[_Node] = (),
) -> Iterator[_Node]:
    """The roots and all they are made of, each once, behind its own parts, in their order.

    done: what is left out, with all that only it is made of; what is yielded may be added to it.
    """
    seen: set[_Node] = set()
    opened: list[_Node] = []
    work: list[_Node | None] = [*roots]  # None: the parts of what was opened last are done
    work.reverse()
    while work:
        node = work.pop()
        if node is None:
            yield opened.pop()
        elif node not in seen and node not in done:
            seen.add(node)
            opened.append(node)
            work.append(None)
            work += reversed(parts(node))
