"""Tests read as chains: one load, one mask, some values of it and where each leads.

0: b[23] = 6 ? a : 1          b[23] under 0xff:  6 -> a, 0x11 -> b, else reject
1: b[23] = 0x11 ? b : reject

0: h[20] & 0x1fff ? a : b     h[20] under 0x1fff:  0 -> b, else a
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from bpfq.graph.nodes import Node, Test
from bpfq.graph.terms import Binary, Constant, Draw, Load
from bpfq.operators import Operator, Relation

_FARTHEST = 1 << 31  # offsets from here on count from the kernel's headers


class Link(NamedTuple):
    value: int
    exit: Node


class Chain(NamedTuple):
    """tests: those that it consists of.  keeps_load: the accumulator keeps the load unmasked."""

    tests: tuple[Test, ...]
    load: Load
    mask: int
    links: tuple[Link, ...]
    default: Node
    keeps_load: bool

    @property
    def end(self) -> int:
        """Where the load ends."""
        return self.load.offset + self.load.size

    @property
    def first_byte(self) -> int:
        """The first byte under the mask."""
        return self.end - (self.mask.bit_length() + 7) // 8

    @property
    def last_byte(self) -> int:
        """The byte behind the last one under the mask."""
        return self.end - ((self.mask & -self.mask).bit_length() - 1) // 8

    def placed(self, value: int, end: int) -> int:
        """A value of the load where it stands in a word of the packet that ends elsewhere."""
        return value << 8 * (end - self.end) if end >= self.end else value >> 8 * (self.end - end)


def is_equality(node: Node) -> bool:
    """The node compares with a constant for equality."""
    match node:
        case Test(Draw()):
            return False
        case Test(_, Relation.EQ, Constant()):
            return True
        case _:
            return False


def equalities(first: Test, entries: Counter[Node]) -> tuple[Test, ...]:
    """Equalities of one term with different values, each entered only where the one before fails.

    entries: how many edges lead to each node.  Empty where the first is no such test.
    """
    found: list[Test] = []
    values: set[object] = set()
    following: Node = first
    while (
        isinstance(following, Test)
        and following.term is first.term
        and is_equality(following)
        and following.operand not in values
        and (following is first or entries[following] == 1)
    ):
        found.append(following)
        values.add(following.operand)
        following = following.no
    return tuple(found)


def load_of(test: Test) -> Load | None:
    """The load that the accumulator holds unmasked behind the test."""
    return test.term if isinstance(test.term, Load) else None


def readings(test: Test, entries: Counter[Node]) -> Iterator[Chain]:
    """The chains that begin with the test: one, none, or two for a test of one bit."""
    match test:
        case Test(Load(offset=offset), Relation.EQ) if offset < _FARTHEST:
            assert isinstance(test.term, Load)
            yield from _of_equalities(test, test.term, _full(test.term), entries)
        case Test(Binary(Operator.AND, Load(offset=offset) as load, Constant(mask)), Relation.EQ):
            if offset < _FARTHEST:
                yield from _of_equalities(test, load, mask & _full(load), entries)
        case Test(Load(offset=offset) as load, Relation.SET, Constant(bits)):
            mask = bits & _full(load)
            if mask and offset < _FARTHEST:
                yield Chain((test,), load, mask, (Link(0, test.no),), test.yes, True)
                if mask & (mask - 1) == 0:
                    yield Chain((test,), load, mask, (Link(mask, test.yes),), test.no, True)
        case _:
            return


def _full(load: Load) -> int:
    return (1 << 8 * load.size) - 1


def _of_equalities(test: Test, load: Load, mask: int, entries: Counter[Node]) -> Iterator[Chain]:
    tests = equalities(test, entries)
    links = tuple(
        Link(each.operand.value, each.yes) for each in tests if isinstance(each.operand, Constant)
    )
    if mask and links and not any(link.value & ~mask for link in links):
        yield Chain(tests, load, mask, links, tests[-1].no, test.term is load)
