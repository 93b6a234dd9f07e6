"""A filter as Python text, ``tcp.dport == 443``, without running Python.

Names are those of the expression language; there are operators, calls, fields, lists and nothing
else, so that a text from anywhere can be read.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

from bpfq.errors import BpfqError, FilterError, quoting
from bpfq.frontend import dsl
from bpfq.frontend.dsl_handles import NO_TRUTH, Cond, shown
from bpfq.operators import WORD_BITS
from bpfq.query.checks import in_range
from bpfq.query.nodes import Query
from bpfq.source import Span, nearest

_HANDLES: Final = "bpfq.frontend."  # modules whose objects have fields
_NAMES: Final = tuple(name for name in dsl.__all__ if name not in ("Cond", "Value"))
_BINARY: Final[Mapping[type[ast.operator], Callable[[object, object], object]]] = {
    ast.BitAnd: operator.and_, ast.BitOr: operator.or_, ast.BitXor: operator.xor,
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul,
    ast.Div: operator.truediv, ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod,
    ast.LShift: operator.lshift, ast.RShift: operator.rshift,
}  # fmt: skip
_UNARY: Final[Mapping[type[ast.unaryop], Callable[[Any], object]]] = {
    ast.Invert: operator.invert, ast.USub: operator.neg,
}  # fmt: skip
_RELATIONS: Final[Mapping[type[ast.cmpop], Callable[[Any, Any], object]]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le,
    ast.Gt: operator.gt, ast.GtE: operator.ge,
}  # fmt: skip
_MISTAKES: Final = (TypeError, ValueError, AttributeError, LookupError, ArithmeticError)


def read_python(text: str) -> Query:
    """The query of a Python expression; raises FilterError with the place of what is wrong."""
    with quoting(text):
        found = _value(_parsed(text), text)
        if not isinstance(found, Cond):
            raise FilterError(f"{shown(found)} is no filter: compare it with something")
        return found.query


def _parsed(text: str) -> ast.expr:
    try:
        return ast.parse(text, mode="eval").body
    except SyntaxError as error:
        raise FilterError(f"no Python expression: {error.msg}") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise FilterError(f"no Python expression: {error or 'nested too deep'}") from None


def _value(root: ast.expr, text: str) -> object:
    done: list[object] = []
    work: list[tuple[ast.expr, bool]] = [(root, False)]
    while work:
        node, ready = work.pop()
        try:
            below = _parts(node)
            if below and not ready:
                work.append((node, True))
                work.extend((part, False) for part in reversed(below))
                continue
            parts = done[len(done) - len(below) :]
            del done[len(done) - len(below) :]
            done.append(_combined(node, parts))
        except BpfqError as error:
            error.span = error.span or _span(node, text)
            raise
        except _MISTAKES as error:
            raise FilterError(str(error), span=_span(node, text)) from None
    return done[0]


def _parts(node: ast.expr) -> list[ast.expr]:
    """The expressions that a value is made of; raises TypeError for what no filter has."""
    match node:
        case ast.Constant() | ast.Name():
            return []
        case ast.Attribute(value=value) | ast.UnaryOp(operand=value) if _is_known(node):
            return [value]
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _BINARY:
            return [left, right]
        case ast.Compare(left=left, ops=[sign], comparators=[right]) if type(sign) in _RELATIONS:
            return [left, right]
        case ast.Compare(ops=[ast.In() | ast.NotIn()]):
            raise TypeError("a field is in a list by .in_(...)")
        case ast.BoolOp() | ast.UnaryOp(op=ast.Not()) | ast.Compare(ops=[_, _, *_]):
            raise TypeError(NO_TRUTH)
        case ast.Call(func=called, args=arguments, keywords=[]):
            return [called, *arguments]
        case ast.Subscript(value=value, slice=at):
            return [value, at]
        case ast.Slice(lower=lower, upper=upper, step=None):
            return [part for part in (lower, upper) if part is not None]
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return items
    raise TypeError("no filter has this: fields, operators, calls and lists make one")


def _is_known(node: ast.Attribute | ast.UnaryOp) -> bool:
    return isinstance(node, ast.Attribute) or type(node.op) in _UNARY


def _combined(node: ast.expr, parts: list[object]) -> object:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name):
            return _named(name)
        case ast.Attribute(attr=name):
            return _field(parts[0], name)
        case ast.UnaryOp(op=sign):
            return _UNARY[type(sign)](parts[0])
        case ast.BinOp(op=sign):
            return _calculated(sign, *parts)
        case ast.Compare(ops=[sign]):
            return _RELATIONS[type(sign)](parts[0], parts[1])
        case ast.Call():
            called, *arguments = parts
            return called(*arguments)  # type: ignore[operator]  # what is no function says so
        case ast.Subscript():
            return parts[0][parts[1]]  # type: ignore[index]  # likewise
        case ast.Slice(lower=lower, upper=upper):
            values = iter(parts)
            return slice(next(values) if lower else None, next(values) if upper else None)
        case ast.Tuple():
            return tuple(parts)
    return parts


def _calculated(sign: ast.operator, left: object, right: object) -> object:
    """Of numbers and of what filters are made of; a long shift would take all memory."""
    if any(isinstance(side, str | bytes | list | tuple) for side in (left, right)):
        raise TypeError("texts and lists cannot be calculated with")
    if isinstance(left, int) and isinstance(right, int) and isinstance(sign, ast.LShift):
        in_range(right, WORD_BITS - 1, "shift", None)
    return _BINARY[type(sign)](left, right)


def _named(name: str) -> object:
    if name not in _NAMES:
        close = nearest(name, _NAMES)
        raise AttributeError(
            f"unknown name '{name}'" + (f"; did you mean '{close}'?" if close else "")
        )
    return getattr(dsl, name)


def _field(owner: object, name: str) -> object:
    """A field or a method of what the expression language makes."""
    if name.startswith("_") or not type(owner).__module__.startswith(_HANDLES):
        raise AttributeError(f"{shown(owner)} has no field '{name}'")
    return getattr(owner, name)


def _span(node: ast.expr, text: str) -> Span:
    """Lines count from 1, columns are bytes of UTF-8."""
    lines = text.splitlines(keepends=True)

    def place(line: int, column: int) -> int:
        before = sum(map(len, lines[: line - 1]))
        return before + len(lines[line - 1].encode()[:column].decode("utf-8", "ignore"))

    end_line = node.end_lineno or node.lineno
    end_column = node.col_offset if node.end_col_offset is None else node.end_col_offset
    return Span(place(node.lineno, node.col_offset), place(end_line, end_column))
