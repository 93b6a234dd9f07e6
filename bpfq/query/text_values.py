"""Comparisons as pcap text: arithmetic with its precedence, named fields as indexed bytes.

tcp.window > 1000  ->  tcp[14:2] > 1000 or (ip6[6] = 6 and ip6[54:2] > 1000)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

from bpfq.errors import FilterError
from bpfq.operators import Operator
from bpfq.query import build, nodes
from bpfq.query.nodes import Query, Under, Value
from bpfq.query.walk import map_reads, reads, value_operands
from bpfq.record import replace
from bpfq.tables.fields import FIELDS, Field
from bpfq.tables.protocols import PROTOCOLS

IPV6_HEADER = 40  # bytes
_NEXT_HEADER = 6  # byte of the IPv6 header

_LEVELS = {  # how tightly an operator binds; % and ^ take all that follows, so they are set apart
    Operator.OR: 1,
    Operator.AND: 2,
    Operator.LSH: 3,
    Operator.RSH: 3,
    Operator.ADD: 4,
    Operator.SUB: 4,
    Operator.MUL: 5,
    Operator.DIV: 5,
}
_GREEDY, _UNARY, _ATOM = 0, 6, 7
_BITWISE = (Operator.AND, Operator.OR, Operator.XOR)


def decimal(number: nodes.Number) -> str:
    return str(number.value)


def compare_text(node: nodes.Compare, spelling: Callable[[nodes.Number], str] = decimal) -> str:
    """The comparison of a tree without named fields; masks that are spelled in base 10 get 16."""
    left, right = (_value_text(side, spelling) for side in (node.left, node.right))
    return f"{left} {node.relation} {right}"


def _value_text(root: Value, spelling: Callable[[nodes.Number], str]) -> str:
    done: list[tuple[str, int]] = []  # text and how tightly it binds
    work: list[tuple[Value, bool]] = [(root, False)]
    while work:
        value, ready = work.pop()
        below = value_operands(value)
        if below and not ready:
            work.append((value, True))
            work.extend((x, False) for x in reversed(below))
            continue
        parts = done[len(done) - len(below) :]
        del done[len(done) - len(below) :]
        done.append(_spelled(value, parts, spelling))
    return done[0][0]


def _spelled(
    value: Value, below: list[tuple[str, int]], spelling: Callable[[nodes.Number], str]
) -> tuple[str, int]:
    match value:
        case nodes.Number():
            return spelling(value), _ATOM
        case nodes.Length():
            return "len", _ATOM
        case nodes.Index(protocol, _, size):
            word = "ether" if protocol == "link" else protocol
            width = "" if size == 1 else f":{size}"
            return f"{word}[{below[0][0]}{width}]", _ATOM
        case nodes.Negative():
            return f"-{_set_apart(below[0], _UNARY)}", _UNARY
        case nodes.Arithmetic(operator, left, right):
            texts = [
                _hexadecimal(operator, left, below[0]),
                _hexadecimal(operator, right, below[1]),
            ]
            level = _LEVELS.get(operator, _GREEDY)
            if level == _GREEDY:
                first, second = (_set_apart(text, _ATOM) for text in texts)
            else:
                first, second = _set_apart(texts[0], level), _set_apart(texts[1], level + 1)
            return f"{first} {operator.value} {second}", level
        case nodes.FieldValue():
            raise AssertionError(value)
        case _:
            assert_never(value)


def _set_apart(text: tuple[str, int], level: int) -> str:
    """In parentheses unless it binds at least as tightly."""
    return text[0] if text[1] >= level else f"({text[0]})"


def _hexadecimal(operator: Operator, operand: Value, text: tuple[str, int]) -> tuple[str, int]:
    """Masks are read more easily in base 16."""
    if operator in _BITWISE and isinstance(operand, nodes.Number) and operand.value > 9:
        return f"{operand.value:#x}" if text[0].isdigit() else text[0], _ATOM
    return text


# ---------------------------------------------------------------- named fields


def without_fields(node: nodes.Compare) -> Query:
    """The comparison itself, or an equal query over indexed bytes."""
    sides = (node.left, node.right)
    fields = [
        (FIELDS[read.name], read.under)
        for side in sides
        for read in reads(side)
        if isinstance(read, nodes.FieldValue)
    ]
    if not fields:
        return node
    for row, _ in fields:
        if row.protocol == "vlan":
            raise FilterError(
                f"cannot be written as pcap text: a comparison of vlan.{row.name}; "
                "vlan.id == n can be"
            )
    families = _families(sides)
    alternatives = []
    if "ip" in families:
        alternatives.append(_over(node, fields, "ip"))
    if "ip6" in families:
        alternatives.append(_over(node, fields, "ip6"))
    return build.any_of(*alternatives)


def _families(sides: tuple[Value, Value]) -> tuple[str, ...]:
    """The families over which every header that is read can stand; ("ip",) where it is one."""
    families: tuple[str, ...] = ("ip", "ip6")
    dual = False
    for side in sides:
        for read in reads(side):
            named = isinstance(read, nodes.FieldValue)
            word = (
                FIELDS[read.name].protocol if isinstance(read, nodes.FieldValue) else read.protocol
            )
            row = PROTOCOLS[word]
            if row.base == "transport":
                dual = dual or named
                layers = row.layers if named else ("ip",)
                families = tuple(family for family in families if family in layers)
    return families if dual and families else ("ip",)


def _over(node: nodes.Compare, fields: list[tuple[Field, Under]], family: str) -> Query:
    """The comparison with its transport fields read over one family."""
    checks: dict[Query, None] = {}
    if family == "ip6":
        for row, under in fields:
            if PROTOCOLS[row.protocol].base == "transport":
                header = build.index("ip6", build.number(_NEXT_HEADER), 1, under)
                number = build.number(PROTOCOLS[row.protocol].numbers[0])
                checks[build.compare("=", header, number)] = None
    bit_test = node.relation in ("=", "!=") and node.right == build.number(0)

    def change(read: nodes.Index | nodes.FieldValue) -> Value:
        if isinstance(read, nodes.Index):
            return read
        return _bytes(read, family, shifted=not (bit_test and read is node.left))

    left, right = map_reads(node.left, change), map_reads(node.right, change)
    return build.all_of(*checks, replace(node, left=left, right=right))


def _bytes(field: nodes.FieldValue, family: str, *, shifted: bool) -> Value:
    row = FIELDS[field.name]
    word, offset = row.protocol, row.offset
    if family == "ip6" and PROTOCOLS[word].base == "transport":
        word, offset = "ip6", offset + IPV6_HEADER
    value: Value = build.index(word, build.number(offset), row.size, field.under)
    if row.mask != (1 << 8 * row.size) - 1:
        value = build.arithmetic(Operator.AND, value, build.number(row.mask))
    if row.shift and shifted:
        value = build.arithmetic(Operator.RSH, value, build.number(row.shift))
    return value
