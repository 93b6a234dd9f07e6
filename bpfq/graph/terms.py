"""Terms: pure 32-bit expressions over one packet, shared by identity.

A term has no side effect but one: a load past the captured bytes, or a division by zero, rejects
the packet.  Terms are made by ``graph.nodes.Builder`` only, which interns them, so that equal
terms of one compile are the same object.

``divides`` says that a term can divide by a zero of the packet.  That rejects whatever else is
known, so such a term must be computed even where its value does not matter.
"""

from __future__ import annotations

from typing import TypeAlias

from bpfq.named_set import NamedSet
from bpfq.operators import Operator, Relation
from bpfq.record import record


@record(eq=False)
class Constant:
    value: int


@record(eq=False)
class Members:
    """The operand of a test whether a term is in a large set; the test's relation is EQ.

    bounds: (first, end, first, end, ...), ascending, ends not included.  most: the term's largest
    value.
    """

    bounds: tuple[int, ...]
    most: int


@record(eq=False)
class WireLength:
    """The packet's length on the wire in bytes."""


@record(eq=False)
class Metadata:
    """A word the kernel supplies beside the bytes, by its name in ``isa.cbpf`` ANCILLARY."""

    name: str


@record(eq=False)
class Draw:
    """A random word; ``identity`` tells one draw of a filter from another."""

    identity: int


@record(eq=False)
class Load:
    """``size`` bytes, big-endian, at ``index + offset``; no index is 0."""

    index: Term | None
    offset: int
    size: int
    divides: bool = False


@record(eq=False)
class Lookup:
    """1 where the ``size`` bytes at ``index + offset`` are in a set that may change, else 0.

    No index is 0.  size: 4 or 16 for addresses, 2 for ports, 6 for MAC addresses.
    """

    members: NamedSet
    index: Term | None
    offset: int
    size: int
    divides: bool = False


@record(eq=False)
class Binary:
    operator: Operator
    left: Term
    right: Term
    divides: bool = False


@record(eq=False)
class Choose:
    """``then`` where ``left relation right`` holds, else ``otherwise``; the other is not read."""

    relation: Relation
    left: Term
    right: Term
    then: Term
    otherwise: Term
    divides: bool = False


Term: TypeAlias = (
    Constant | Members | WireLength | Metadata | Draw | Load | Lookup | Binary | Choose
)  # fmt: skip

IMMEDIATE = (Constant, Members)  # operands that are part of the test, not of the packet


def can_divide_by_zero(term: Term | None) -> bool:
    """Computing the term can reject a packet that is not cut short."""
    return isinstance(term, Load | Lookup | Binary | Choose) and term.divides


def operands(term: Term) -> tuple[Term, ...]:
    """The terms that a term is made of, in order of evaluation."""
    match term:
        case Load(index=Constant() | None) | Lookup(index=Constant() | None):
            return ()
        case Load(index=index) | Lookup(index=index) if index is not None:
            return (index,)
        case Binary(left=left, right=right):
            return (left, right)
        case Choose(left=left, right=right, then=then, otherwise=otherwise):
            return (left, right, then, otherwise)
        case _:
            return ()
