"""The decision graph: two kinds of node, shared by identity, and the builder that interns them."""

from __future__ import annotations

from typing import TypeAlias

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
    can_divide_by_zero,
)
from bpfq.named_set import NamedSet
from bpfq.operators import Operator, Relation, calculate, wrap
from bpfq.record import field, record


@record(eq=False)
class Verdict:
    """Accept or reject; there is one of each, copied and unpickled as itself."""

    accept: bool

    def __reduce__(self) -> str:
        return "ACCEPT" if self.accept else "REJECT"


@record(eq=False)
class Test:
    """Go to ``yes`` where ``term relation operand`` holds, else to ``no``.

    A failing load in the term or the operand rejects the packet.
    """

    term: Term
    relation: Relation
    operand: Term
    yes: Node
    no: Node


Node: TypeAlias = Test | Verdict

ACCEPT = Verdict(True)
REJECT = Verdict(False)

NEAR_THE_END = 0xFFE0_0000  # SKF_LL_OFF, <linux/filter.h>
_COMMUTING = {Operator.ADD, Operator.MUL, Operator.AND, Operator.OR, Operator.XOR}
_RIGHT_IDENTITY = {
    Operator.ADD: 0, Operator.SUB: 0, Operator.OR: 0, Operator.XOR: 0, Operator.LSH: 0,
    Operator.RSH: 0, Operator.MUL: 1, Operator.DIV: 1, Operator.AND: 0xFFFF_FFFF,
}  # fmt: skip


@record(frozen=False)
class Builder:
    """Makes terms and nodes; equal ones of one builder are the same object.

    ``keep_loads`` keeps a test whose two exits are equal, so that its loads still reject a packet
    that is cut short (what ``strict=True`` promises); otherwise such a test is left out, unless it
    can divide by zero, which rejects every packet.
    """

    keep_loads: bool = False
    _terms: dict[tuple[object, ...], Term] = field(default_factory=dict)
    _tests: dict[tuple[object, ...], Test] = field(default_factory=dict)

    def constant(self, value: int) -> Term:
        key = ("constant", value)
        return self._terms.get(key) or self._terms.setdefault(key, Constant(wrap(value)))

    def members(self, bounds: tuple[int, ...], most: int) -> Term:
        key = ("members", bounds, most)
        return self._terms.get(key) or self._terms.setdefault(key, Members(bounds, most))

    def wire_length(self) -> Term:
        key = ("length",)
        return self._terms.get(key) or self._terms.setdefault(key, WireLength())

    def metadata(self, name: str) -> Term:
        key = ("metadata", name)
        return self._terms.get(key) or self._terms.setdefault(key, Metadata(name))

    def draw(self, identity: int) -> Term:
        key = ("draw", identity)
        return self._terms.get(key) or self._terms.setdefault(key, Draw(identity))

    def load(self, index: Term | None, offset: int, size: int) -> Term:
        """size bytes at index + offset; a constant index is folded into the offset.

        Not where it is near 2**32: as an absolute offset it would mean something else to a kernel.
        """
        if isinstance(index, Constant) and index.value < NEAR_THE_END:
            total = index.value + offset
            if total == wrap(total):
                index, offset = None, total
        key = ("load", index, offset, size)
        divides = can_divide_by_zero(index)
        return self._terms.get(key) or self._terms.setdefault(
            key, Load(index, offset, size, divides)
        )

    def lookup(self, members: NamedSet, load: Load) -> Term:
        """1 where what is loaded is in the set; of more bytes than a word there is only this."""
        key = ("lookup", members, load.index, load.offset, load.size)
        return self._terms.get(key) or self._terms.setdefault(
            key, Lookup(members, load.index, load.offset, load.size, load.divides)
        )

    def binary(self, operator: Operator, left: Term, right: Term) -> Term:
        """left operator right, with constants folded where no load is lost."""
        if isinstance(left, Constant):
            if isinstance(right, Constant) and not _divides_by_zero(operator, right):
                return self.constant(calculate(operator, left.value, right.value))
            if operator in _COMMUTING:
                left, right = right, left
        if isinstance(right, Constant) and _RIGHT_IDENTITY.get(operator) == right.value:
            return left
        key = ("binary", operator, left, right)
        divides = (
            (operator in (Operator.DIV, Operator.MOD) and not isinstance(right, Constant))
            or can_divide_by_zero(left)
            or can_divide_by_zero(right)
        )
        return self._terms.get(key) or self._terms.setdefault(
            key, Binary(operator, left, right, divides)
        )

    def choose(
        self, relation: Relation, left: Term, right: Term, then: Term, otherwise: Term
    ) -> Term:
        if isinstance(left, Constant) and isinstance(right, Constant):
            return then if relation.holds(left.value, right.value) else otherwise
        key = ("choose", relation, left, right, then, otherwise)
        divides = any(map(can_divide_by_zero, (left, right, then, otherwise)))
        return self._terms.get(key) or self._terms.setdefault(
            key, Choose(relation, left, right, then, otherwise, divides)
        )

    def test(self, term: Term, relation: Relation, operand: Term, yes: Node, no: Node) -> Node:
        """The interned test, or its exit where the outcome does not matter or is known."""
        if yes is no and not self.keep_loads and not _must_compute(term, operand):
            return yes
        if isinstance(term, Constant) and isinstance(operand, Constant):
            return yes if relation.holds(term.value, operand.value) else no
        key = (term, relation, operand, yes, no)
        found = self._tests.get(key)
        if found is None:
            found = self._tests[key] = Test(term, relation, operand, yes, no)
        return found


def _must_compute(term: Term, operand: Term) -> bool:
    return can_divide_by_zero(term) or can_divide_by_zero(operand)


def _divides_by_zero(operator: Operator, right: Constant) -> bool:
    return operator in (Operator.DIV, Operator.MOD) and right.value == 0
