"""Decision graph -> Python function, the engine behind ``Program.matches``.

The text that is executed is made here from integers and the names of ancillary words alone.  A
node that several edges reach becomes a function of its own unless it is small; inside a function
the larger branch of every test continues at the same indentation, so that nesting grows with the
logarithm of the size.  A load past the end raises, and raising rejects.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from random import getrandbits
from typing import Any, TypeAlias, assert_never

from bpfq.graph.membership import weight
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
    operands,
)
from bpfq.graph.walk import topological
from bpfq.operators import Operator, Relation
from bpfq.record import field, record

# packet, length on the wire, ancillary words by name
Matcher: TypeAlias = Callable[[bytes, int, Mapping[str, int]], bool]

# packet, length on the wire, ancillary words by name and draws by number; raises one of SHORT
Outcome: TypeAlias = Callable[[bytes, int, Mapping[object, int]], object]
SHORT = (IndexError, struct.error, ZeroDivisionError)  # a load past the end, a division by zero

_SMALL = 2  # tests; a shared node up to this size is written out where it is reached
_CALLS_AT_MOST = 100  # nested function calls; Python's own limit is about 1000
_RELATIONS = {Relation.EQ: "==", Relation.GT: ">", Relation.GE: ">=", Relation.SET: "&"}
_WRAPPING = (Operator.ADD, Operator.SUB, Operator.MUL)


def matcher(root: Node) -> Matcher:
    """The function that decides as the graph does."""
    namespace: dict[str, object] = {
        "u4": struct.Struct(">I").unpack_from,
        "draw": getrandbits,
        "place": bisect_right,
        "Short": SHORT,
    }
    exec(source(root), namespace)  # noqa: S102  # text made from integers only, see above
    match: Matcher = namespace["match"]  # type: ignore[assignment]  # defined by the text
    return match


def outcomes(tests: Sequence[Test], draws: Sequence[Draw]) -> list[Outcome]:
    """A function for each test alone: true where it holds.  draws: the random words they use."""
    names: dict[Term, str] = {draw: f"m[{draw.identity}]" for draw in draws}
    lines: list[str] = []
    for number, test in enumerate(tests):
        scope, body = _Scope(dict(names), [0]), list[str]()
        condition = _comparison(test, scope, "  ", body)
        lines += [f"def t{number}(b, w, m):", *body, f"  return {condition}"]
    namespace: dict[str, Any] = {"u4": struct.Struct(">I").unpack_from, "place": bisect_right}
    exec("\n".join(lines), namespace)  # noqa: S102  # text made from integers only, see above
    return [namespace[f"t{number}"] for number in range(len(tests))]


def source(root: Node) -> str:
    """The Python text of ``match(b, w, m)`` and its helpers."""
    order = topological(root)
    plan = _Plan(order, root)
    lines: list[str] = []
    for node in reversed(order):
        if node in plan.names and node is not root:
            lines += [f"def {plan.names[node]}(b, w, m):", *_body(node, plan, 1)]
    if plan.direct:
        lines += ["def match(b, w, m):", "  try:", *_body(root, plan, 2)]
    else:
        lines += ["def first(b, w, m):", *_body(root, plan, 1)]
        lines += ["def match(b, w, m):", "  try:", "    step = first"]
        lines += ["    while step is not True and step is not False:"]
        lines += ["      step = step(b, w, m)", "    return step"]
    lines += ["  except Short:", "    return False", ""]
    return "\n".join(lines)


@record(frozen=False)
class _Plan:
    """Which nodes get a function, and how many tests a node writes in line."""

    order: list[Test]
    root: Node
    names: dict[Node, str] = field(default_factory=dict)
    sizes: dict[Node, int] = field(default_factory=dict)
    direct: bool = True  # functions call one another; else each returns the one that follows

    def __post_init__(self) -> None:
        edges: dict[Node, int] = {}
        for test in self.order:
            for successor in (test.yes, test.no):
                edges[successor] = edges.get(successor, 0) + 1
        for test in reversed(self.order):
            size = 1 + self.size(test.yes) + self.size(test.no)
            if edges.get(test, 0) > 1 and size > _SMALL:
                self.names[test] = f"n{len(self.names)}"
                size = 0
            self.sizes[test] = size
        self.direct = self._longest_chain() <= _CALLS_AT_MOST

    def _longest_chain(self) -> int:
        """Functions on the longest path from the root."""
        calls: dict[Node, int] = {}
        for test in reversed(self.order):
            below = max(calls.get(test.yes, 0), calls.get(test.no, 0))
            calls[test] = below + (test in self.names)
        return calls.get(self.root, 0)

    def size(self, node: Node) -> int:
        return self.sizes.get(node, 0)


@record(frozen=False)
class _Scope:
    """The locals that hold terms at a point of a function; inner blocks inherit a copy."""

    held: dict[Term, str]
    counter: list[int]  # of locals in the whole function

    def inner(self) -> _Scope:
        return _Scope(dict(self.held), self.counter)


def _body(node: Node, plan: _Plan, depth: int) -> list[str]:
    lines: list[str] = []
    _write(node, plan, depth, _Scope({}, [0]), lines, first=True)
    return lines


def _write(
    node: Node, plan: _Plan, depth: int, scope: _Scope, lines: list[str], first: bool = False
) -> None:
    """Statements that end in a return; recursion only into the smaller branch."""
    indent = "  " * depth
    while isinstance(node, Test) and (first or node not in plan.names):
        first = False
        yes, no, condition = _condition(node, plan, scope, indent, lines)
        if plan.size(yes) > plan.size(no):
            yes, no, condition = no, yes, f"not ({condition})"
        lines.append(f"{indent}if {condition}:")
        _write(yes, plan, depth + 1, scope.inner(), lines)
        node = no
    if isinstance(node, Verdict):
        lines.append(f"{indent}return {node is ACCEPT}")
    else:
        call = "(b, w, m)" if plan.direct else ""
        lines.append(f"{indent}return {plan.names[node]}{call}")


def _condition(
    test: Test, plan: _Plan, scope: _Scope, indent: str, lines: list[str]
) -> tuple[Node, Node, str]:
    """The exits of a test and its condition; a run of equalities becomes one membership test."""
    values, last = _run_of_equalities(test, plan)
    if len(values) > 1:
        members = ", ".join(map(str, sorted(values)))
        left = _local(test.term, scope, indent, lines)
        return test.yes, last.no, f"{left} in {{{members}}}"
    return test.yes, test.no, _comparison(test, scope, indent, lines)


def _comparison(test: Test, scope: _Scope, indent: str, lines: list[str]) -> str:
    """The condition of one test."""
    left = _local(test.term, scope, indent, lines)
    if isinstance(test.operand, Members):
        return _membership(left, test.operand)
    right = _local(test.operand, scope, indent, lines)
    return f"{left} {_RELATIONS[test.relation]} {right}"


def _membership(value: str, members: Members) -> str:
    """Of single values in a set; of intervals by the place among their bounds."""
    if weight(members) == len(members.bounds) // 2:
        return f"{value} in {{{', '.join(map(str, members.bounds[::2]))}}}"
    return f"place(({', '.join(map(str, members.bounds))}), {value}) & 1"


def _run_of_equalities(test: Test, plan: _Plan) -> tuple[list[int], Test]:
    values: list[int] = []
    last = test
    node: Node = test
    while (
        isinstance(node, Test)
        and node.term is test.term
        and node.relation is Relation.EQ
        and node.yes is test.yes
        and isinstance(node.operand, Constant)
        and (node is test or node not in plan.names)
    ):
        values.append(node.operand.value)
        last, node = node, node.no
    return values, last


def _local(term: Term, scope: _Scope, indent: str, lines: list[str]) -> str:
    """The text of a term, held in a local when it is more than a constant."""
    if isinstance(term, Constant | WireLength):
        return _text(term, scope)
    name = scope.held.get(term)
    if name is None:
        _hold_operands(term, scope, indent, lines)
        value = _text(term, scope)
        name = f"t{scope.counter[0]}"
        scope.counter[0] += 1
        lines.append(f"{indent}{name} = {value}")
        scope.held[term] = name
    return name


def _hold_operands(term: Term, scope: _Scope, indent: str, lines: list[str]) -> None:
    """Hold what the term certainly reads, so that a later test finds it."""
    certain = operands(term)[:2] if isinstance(term, Choose) else operands(term)
    for child in certain:
        _local(child, scope, indent, lines)


def _text(term: Term, scope: _Scope) -> str:
    name = scope.held.get(term)
    if name is not None:
        return name
    match term:
        case Constant(value):
            return str(value)
        case Members():
            raise AssertionError("a set is compared with, and never computed")
        case Lookup():
            raise AssertionError("what is looked up may change")
        case WireLength():
            return "w"
        case Metadata(name):
            return f"m.get({name!r}, 0)"
        case Draw():
            return "(m['random'] if 'random' in m else draw(32))"
        case Load(index, offset, size):
            return _load(None if index is None else _text(index, scope), offset, size)
        case Binary(operator, left, right):
            return _arithmetic(operator, _text(left, scope), _text(right, scope))
        case Choose(relation, left, right, then, otherwise):
            condition = f"{_text(left, scope)} {_RELATIONS[relation]} {_text(right, scope)}"
            return f"({_text(then, scope)} if {condition} else {_text(otherwise, scope)})"
        case _:
            assert_never(term)


def _load(index: str | None, offset: int, size: int) -> str:
    def at(k: int) -> str:
        if index is None:
            return str(offset + k)
        return index if offset + k == 0 else f"{index} + {offset + k}"

    match size:
        case 1:
            return f"b[{at(0)}]"
        case 2:
            return f"(b[{at(0)}] << 8 | b[{at(1)}])"
        case _:
            return f"u4(b, {at(0)})[0]"


def _arithmetic(operator: Operator, left: str, right: str) -> str:
    match operator:
        case Operator.DIV:
            return f"({left} // {right})"
        case Operator.LSH:
            return f"(({left} << {right}) & 4294967295)"
        case _ if operator in _WRAPPING:
            return f"(({left} {operator.value} {right}) & 4294967295)"
        case _:
            return f"({left} {operator.value} {right})"
