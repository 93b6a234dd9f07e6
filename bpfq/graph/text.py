"""A graph as text, one test a line in topological order: what golden tests and --stages show."""

from __future__ import annotations

from typing import assert_never

from bpfq.graph.nodes import ACCEPT, Node, Test, Verdict
from bpfq.graph.terms import (
    Binary,
    Choose,
    Constant,
    Draw,
    Load,
    Lookup,
    Members,
    Metadata,
    Term,
    WireLength,
)
from bpfq.graph.walk import topological

_SHOWN = 4  # intervals of a large set
_WIDTHS = {1: "b", 2: "h", 4: "w"}


def to_text(root: Node) -> str:
    """Every test as ``n: term relation operand ? yes : no``; the first line is the entry."""
    order = topological(root)
    names: dict[Node, str] = {test: str(number) for number, test in enumerate(order)}

    def name(node: Node) -> str:
        if isinstance(node, Verdict):
            return "accept" if node is ACCEPT else "reject"
        return names[node]

    if not order:
        return name(root)
    return "\n".join(
        f"{name(test)}: {_test(test)} ? {name(test.yes)} : {name(test.no)}" for test in order
    )


def _test(test: Test) -> str:
    return f"{term_text(test.term)} {test.relation.value} {term_text(test.operand)}"


def _set_text(bounds: tuple[int, ...]) -> str:
    """``{5, 0x10-0x1f, ... 998 more}``."""
    pairs = list(zip(bounds[::2], bounds[1::2], strict=True))
    shown = [
        _number(first) if end == first + 1 else f"{_number(first)}-{_number(end - 1)}"
        for first, end in pairs[:_SHOWN]
    ]
    more = [f"... {len(pairs) - _SHOWN} more"] if len(pairs) > _SHOWN else []
    return f"{{{', '.join([*shown, *more])}}}"


def _number(value: int) -> str:
    return str(value) if value < 10 else hex(value)


def term_text(term: Term) -> str:
    """A term as an expression: ``h[12]``, ``b[x + 9]``, ``len``, ``(a ? b : c)``."""
    match term:
        case Constant(value):
            return _number(value)
        case Members(bounds):
            return _set_text(bounds)
        case WireLength():
            return "len"
        case Metadata(name):
            return name
        case Draw(identity):
            return f"random{identity}"
        case Load(None, offset, size):
            return f"{_WIDTHS[size]}[{offset}]"
        case Load(index, offset, size) if index is not None:
            return f"{_WIDTHS[size]}[{term_text(index)} + {offset}]"
        case Lookup(members, index, offset, size):
            at = offset if index is None else f"{term_text(index)} + {offset}"
            return f"@{members.name}[{at}:{size}]"
        case Binary(operator, left, right):
            return f"({term_text(left)} {operator.value} {term_text(right)})"
        case Choose(relation, left, right, then, otherwise):
            condition = f"{term_text(left)} {relation.value} {term_text(right)}"
            return f"({condition} ? {term_text(then)} : {term_text(otherwise)})"
        case Load():
            raise AssertionError("an index is a term or None")
        case _:
            assert_never(term)
