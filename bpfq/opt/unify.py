"""One term for what several terms are, each under a condition of its own.

h[56] where h[12] = 0x86dd, else h[((b[14] & 0xf) << 2) + 16]
=>  h[(h[12] = 0x86dd ? 40 : ((b[14] & 0xf) << 2)) + 16]        by index
=>  (h[12] = 0x86dd ? h[56] : h[((b[14] & 0xf) << 2) + 16])     by choice
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from bpfq.graph.nodes import Builder
from bpfq.graph.terms import Binary, Choose, Constant, Load, Term
from bpfq.operators import Operator
from bpfq.opt.known import Condition

_FARTHEST = 1 << 31
_Wrapping: TypeAlias = tuple[tuple[Operator, Term], ...]  # operations with constants, inner first


class Joint(NamedTuple):
    """One of the terms where the condition holds as it says, else the other; by their numbers."""

    one: int
    other: int
    condition: Condition


class Arms(NamedTuple):
    """Terms, and how they become one in place of the first; each step keeps the one."""

    terms: tuple[Term, ...]
    joints: tuple[Joint, ...]


def by_choice(arms: Arms, builder: Builder) -> Term:
    """Each term as it is; equal ones are not told apart."""
    return _chosen(list(arms.terms), arms, builder)


def by_index(arms: Arms, builder: Builder) -> Term | None:
    """One load whose index depends on the conditions; None where there is none."""
    parted = [_parted(term) for term in arms.terms]
    if any(part is None for part in parted):
        return None
    whole = [part for part in parted if part is not None]
    wrapping, size = whole[0][0], whole[0][1].size
    if any(part[0] != wrapping or part[1].size != size for part in whole):
        return None
    loads = [load for _, load in whole]
    offset = _common_offset(loads)
    if offset is None:
        return None
    indices = [
        builder.constant(load.offset - offset) if load.index is None else load.index
        for load in loads
    ]
    made = builder.load(_chosen(indices, arms, builder), offset, size)
    for operator, value in wrapping:
        made = builder.binary(operator, made, value)
    return made


def index_of(term: Term) -> Term | None:
    """The index of the one load of a term."""
    parted = _parted(term)
    return parted[1].index if parted else None


def cost(term: Term) -> int:
    """Instructions that put a term into A, without its index into X."""
    count = 1
    while isinstance(term, Binary):
        count += 1 if isinstance(term.right, Constant) else 3
        term = term.left
    return count + (2 if isinstance(term, Choose) else 0)


def _chosen(terms: list[Term], arms: Arms, builder: Builder) -> Term:
    made = list(terms)
    for one, other, (test, holds) in arms.joints:
        if made[one] is not made[other]:
            then, otherwise = (one, other) if holds else (other, one)
            made[one] = builder.choose(
                test.relation, test.term, test.operand, made[then], made[otherwise]
            )
    return made[0]


def _common_offset(loads: list[Load]) -> int | None:
    """What is added to the index, the same for all."""
    absolute = [load.offset for load in loads if load.index is None]
    indexed = dict.fromkeys(load.offset for load in loads if load.index is not None)
    if max(load.offset for load in loads) >= _FARTHEST or len(indexed) > 1:
        return None
    offset = next(iter(indexed), min(absolute, default=0))
    return None if any(each < offset for each in absolute) else offset


def _parted(term: Term) -> tuple[_Wrapping, Load] | None:
    """A load and what is done with it."""
    wrapping: list[tuple[Operator, Term]] = []
    while isinstance(term, Binary) and isinstance(term.right, Constant):
        wrapping.append((term.operator, term.right))
        term = term.left
    return (tuple(reversed(wrapping)), term) if isinstance(term, Load) else None
