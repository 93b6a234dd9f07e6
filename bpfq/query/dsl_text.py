"""A query as a Python expression that evaluates to the same tree.

The names are those of ``bpfq``: ``ip & udp & host('10.0.0.1')``.  What has no spelling of its own
is written as ``Cond(nodes.X(...))``, with ``nodes`` the module ``bpfq.query.nodes``.

Python reads at most some hundred nested parentheses and operators.  Deeper trees are written as
``(_1 := ..., _2 := ... & _1, ... | _2)[-1]``, and long lists of operands as ``any_of(...)``.
"""

from __future__ import annotations

from typing import TypeAlias, assert_never

from bpfq.operators import Operator
from bpfq.query import nodes
from bpfq.query.dsl_leaves import comparison_text, field_text, leaf_text, node_text, under_text
from bpfq.query.nodes import Query, Under, Value
from bpfq.query.walk import SHIFTING, leaves, map_unders, operands, reads, unders, value_operands
from bpfq.record import record, replace

_LONGEST_CHAIN = 20  # operands joined by & or |
_DEEPEST = 30  # levels of one expression


@record
class _Inside:
    """``vlan / inner``: an encapsulation and what is tested behind it."""

    shim: nodes.Encapsulation
    inner: Query


@record
class _Text:
    """An expression, how tightly it binds, and how many levels it has."""

    text: str
    binds: int
    depth: int = 1

    def at_least(self, binds: int) -> str:
        """The text, in parentheses unless it binds at least so tightly."""
        return self.text if self.binds >= binds else f"({self.text})"


_Item: TypeAlias = Query | Value | _Inside

_COMPARE, _OR, _XOR, _AND, _SHIFT, _SUM, _PRODUCT, _UNARY, _ATOM = range(9)
_LEVELS = {
    **{Operator.OR: _OR, Operator.XOR: _XOR, Operator.AND: _AND},
    **{Operator.LSH: _SHIFT, Operator.RSH: _SHIFT, Operator.ADD: _SUM, Operator.SUB: _SUM},
    **{Operator.MUL: _PRODUCT, Operator.DIV: _PRODUCT, Operator.MOD: _PRODUCT},
}


def to_python(root: Query | Value) -> str:
    """A Python expression that evaluates to a Cond, or a Value, of the same tree."""
    if isinstance(root, nodes.Number):
        return f"Value({node_text(root)})"
    done: list[_Text] = []
    named: list[str] = []  # parts of deep trees, in the order of their evaluation
    work: list[tuple[_Item, tuple[_Item, ...] | None]] = [(root, None)]
    while work:
        item, below = work.pop()
        if below is None:
            below = _below(item)
            if below:
                work.append((item, below))
                work.extend((part, None) for part in reversed(below))
                continue
        parts = done[len(done) - len(below) :]
        del done[len(done) - len(below) :]
        spelled = _spelled(item, below, parts)
        if spelled.depth > _DEEPEST:
            named.append(f"_{len(named) + 1} := {spelled.text}")
            spelled = _Text(f"_{len(named)}", _ATOM)
        done.append(spelled)
    return f"({', '.join(named)}, {done[0].text})[-1]" if named else done[0].text


def _below(item: _Item) -> tuple[_Item, ...]:
    match item:
        case _Inside(_, inner):
            return (inner,)
        case nodes.And(parts):
            return _grouped(parts)
        case nodes.Or() | nodes.Not() | nodes.When():
            return operands(item)
        case nodes.Compare(left=left, right=right):
            return () if comparison_text(item) else (left, right)
        case nodes.Index() | nodes.Arithmetic() | nodes.Negative():
            return value_operands(item)
        case _:
            return ()


def _grouped(parts: tuple[Query, ...]) -> tuple[_Item, ...]:
    """The operands of an And, those behind an encapsulation together with it."""
    out: list[_Item] = []
    at = 0
    while at < len(parts):
        shim = parts[at]
        at += 1
        end = at
        if isinstance(shim, nodes.Encapsulation) and shim.kind in SHIFTING:
            words = (*shim.under, shim.kind)
            while end < len(parts) and _stands_behind(parts[end], words):
                end += 1
            if any(any(unders(leaf)) for part in parts[at:end] for leaf in leaves(part)):
                out.append(_Inside(shim, _stripped(parts[at:end], len(words))))
                at = end
                continue
        out.append(shim)
    return tuple(out)


def _stands_behind(query: Query, words: Under) -> bool:
    """Every header that the query reads is behind these encapsulations."""
    return all(under[: len(words)] == words for leaf in leaves(query) for under in unders(leaf))


def _stripped(parts: tuple[Query, ...], outer: int) -> Query:
    query = parts[0] if len(parts) == 1 else nodes.And(parts)
    return map_unders(query, lambda under: under[outer:])


# ---------------------------------------------------------------- one node


def _spelled(item: _Item, below: tuple[_Item, ...], parts: list[_Text]) -> _Text:
    depth = 1 + max((part.depth for part in parts), default=0)
    match item:
        case _Inside(shim):
            inner = parts[0].at_least(_PRODUCT if isinstance(below[0], _Inside) else _UNARY)
            return _Text(f"{leaf_text(shim)[0]} / {inner}", _PRODUCT, depth)
        case nodes.Not():
            return _Text(f"~{parts[0].at_least(_UNARY)}", _UNARY, depth)
        case nodes.And():
            return _chain(parts, "&", "all_of", _AND, depth)
        case nodes.Or():
            return _chain(parts, "|", "any_of", _OR, depth)
        case nodes.When():
            return _Text(f"when({', '.join(part.text for part in parts)})", _ATOM, depth)
        case nodes.Compare():
            return _comparison(item, parts, depth)
        case (
            nodes.Number()
            | nodes.Length()
            | nodes.FieldValue()
            | nodes.Index()
            | nodes.Negative()
            | nodes.Arithmetic()
        ):
            return _value(item, parts, depth)
        case _:
            text, comparison = leaf_text(item)
            return _Text(text, _COMPARE if comparison else _ATOM)


def _chain(parts: list[_Text], sign: str, function: str, binds: int, depth: int) -> _Text:
    if len(parts) == 1:  # an And that became one encapsulation and its inside
        return replace(parts[0], depth=depth)
    if len(parts) > _LONGEST_CHAIN:
        return _Text(f"{function}({', '.join(part.text for part in parts)})", _ATOM, depth)
    return _Text(f" {sign} ".join(part.at_least(_SHIFT) for part in parts), binds, depth)


def _comparison(item: nodes.Compare, parts: list[_Text], depth: int) -> _Text:
    text = comparison_text(item)
    if text is not None:
        return _Text(text, _ATOM)
    left = _wrapped(item.left, parts[0])
    relation = "==" if item.relation == "=" else item.relation
    return _Text(f"{left.at_least(_OR)} {relation} {parts[1].at_least(_OR)}", _COMPARE, depth)


# ---------------------------------------------------------------- values


def _wrapped(value: Value, text: _Text) -> _Text:
    """A number where Python would compute or compare by itself is made a Value."""
    if isinstance(value, nodes.Number):
        return _Text(f"Value({node_text(value)})", _ATOM)
    return text


def _value(item: Value, parts: list[_Text], depth: int) -> _Text:
    match item:
        case nodes.Number(number):
            return _Text(str(number), _ATOM)
        case nodes.Length():
            return _Text("length", _ATOM)
        case nodes.FieldValue():
            return _Text(field_text(item), _ATOM)
        case nodes.Index():
            return _Text(_index(item, parts[0]), _ATOM, depth)
        case nodes.Negative(operand):
            inner = _wrapped(operand, parts[0])
            return _Text(f"-{inner.at_least(_UNARY)}", _UNARY, depth)
        case nodes.Arithmetic(operator, left, right):
            level = _LEVELS[operator]
            sign = "//" if operator is Operator.DIV else operator.value
            first, second = (_masked(operator, *pair) for pair in zip((left, right), parts))
            if isinstance(right, nodes.Number):
                first = _wrapped(left, first)
            text = f"{first.at_least(level)} {sign} {second.at_least(level + 1)}"
            return _Text(text, level, depth)
        case _:
            assert_never(item)


def _index(item: nodes.Index, offset: _Text) -> str:
    if item.under and any(True for _ in reads(item.offset)):
        # .under() would move the reads inside the offset too
        inner = f"{offset.at_least(_ATOM)}.value"
        return f"Value(nodes.Index({item.protocol!r}, {inner}, {item.size}, {item.under!r}))"
    word = "ether" if item.protocol == "link" else item.protocol
    width = "" if item.size == 1 else f":{item.size}"
    text = offset.text
    match item.offset:
        case nodes.Negative(nodes.Number(number)) if number:
            text = f"-{number}"
    return f"{word}[{text}{width}]{under_text(item.under)}"


def _masked(operator: Operator, operand: Value, text: _Text) -> _Text:
    """Masks are read more easily in base 16."""
    bitwise = operator in (Operator.AND, Operator.OR, Operator.XOR)
    if bitwise and isinstance(operand, nodes.Number) and operand.value > 9:
        return _Text(f"{operand.value:#x}", _ATOM)
    return text
