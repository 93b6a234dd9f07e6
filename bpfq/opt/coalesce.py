"""Test neighbouring bytes with one load where they lead to the same place when they differ.

    0: b[23] = 6 ? 2 : 1                     0: (w[20] & 0x1fff00ff) = 6 ? a : 1
    1: b[23] = 0x11 ? 2 : reject       =>    1: (w[20] & 0x1fff00ff) = 0x11 ? a : reject
    2: h[20] & 0x1fff ? reject : a

    0: b[27] & 4 ? a : 1
    1: b[27] & 1 ? a : b               =>    0: b[27] & 5 ? a : b

The common load ends where the farther one ended, so that it cannot fail on more packets; where the
first test alone decided, a packet must be known to be long enough anyway (``ends``).  A strict
program keeps its loads.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from bpfq.graph.nodes import REJECT, Builder, Node, Test
from bpfq.graph.terms import Binary, Constant, Load, Term
from bpfq.graph.walk import topological
from bpfq.operators import Operator, Relation
from bpfq.opt.chains import Chain, Link, load_of, readings
from bpfq.opt.ends import Ends, ends

_ROUNDS_AT_MOST = 4  # each at least halves a row of neighbours


def merge_loads(root: Node, builder: Builder) -> Node:
    """The same decisions with fewer loads."""
    if builder.keep_loads:
        return root
    for _ in range(_ROUNDS_AT_MOST):
        before = root
        root = _once(root, builder)
        if root is before:
            break
    return root


class _Window(NamedTuple):
    """Bytes of the packet from start up to end."""

    base: Term | None
    start: int
    end: int


class _Merged(NamedTuple):
    """What stands for a chain and those behind it.

    taken: the links that lead to one, which are merged; left: the others, tested first.
    """

    first: Chain
    taken: tuple[tuple[Link, Chain], ...]
    left: tuple[Link, ...]
    window: _Window
    mask: int
    links: tuple[Link, ...]

    @property
    def tests_bits(self) -> bool:
        """One test whether some bit is set."""
        return len(self.links) == 1 and self.links[0].value == 0

    @property
    def is_plain(self) -> bool:
        """No masking is needed."""
        _, start, end = self.window
        return self.tests_bits or self.mask == (1 << 8 * (end - start)) - 1


def _once(root: Node, builder: Builder) -> Node:
    order = topological(root)
    plans = dict(_plans(order))
    if not plans:
        return root
    new: dict[Node, Node] = {}
    for test in reversed(order):
        if test in plans:
            new[test] = _written(plans[test], new, builder)
        else:
            yes, no = new.get(test.yes, test.yes), new.get(test.no, test.no)
            new[test] = builder.test(test.term, test.relation, test.operand, yes, no)
    return new.get(root, root)


def _written(merged: _Merged, new: dict[Node, Node], builder: Builder) -> Node:
    (index, start, end), mask = merged.window, merged.mask
    load = builder.load(index, start, end - start)
    node = new.get(merged.first.default, merged.first.default)
    if merged.tests_bits:
        exit = merged.links[0].exit
        none = new.get(exit, exit)
        node = builder.test(load, Relation.SET, builder.constant(mask), node, none)
    else:
        masked = builder.binary(Operator.AND, load, builder.constant(mask))
        term = load if merged.is_plain else masked
        node = _row(term, merged.links, node, new, builder)
    return _row(merged.first.tests[0].term, merged.left, node, new, builder)


def _row(
    term: Term, links: tuple[Link, ...], node: Node, new: dict[Node, Node], builder: Builder
) -> Node:
    """Equalities one after the other."""
    for value, exit in reversed(links):
        yes = new.get(exit, exit)
        node = builder.test(term, Relation.EQ, builder.constant(value), yes, node)
    return node


# ---------------------------------------------------------------- what to merge


def _plans(order: list[Test]) -> Iterator[tuple[Node, _Merged]]:
    surroundings = _Surroundings(order)
    inside: set[Node] = set()
    for test in order:
        if test in inside:
            continue
        choices = [
            choice
            for chain in readings(test, surroundings.entries)
            for choice in surroundings.choices(chain)
        ]
        best = max(choices, key=surroundings.saved, default=None)
        if best is not None and surroundings.saved(best) > 0:
            inside.update(best.first.tests[1:])
            yield test, best


class _Surroundings:
    """What stands around each test of a graph."""

    def __init__(self, order: list[Test]) -> None:
        self.order = order
        self._ends: Ends | None = None  # worked out when first asked for
        self.entries: Counter[Node] = Counter()
        self.loads_before: dict[Node, list[Load]] = {}
        for test in order:
            for exit in (test.yes, test.no):
                self.entries[exit] += 1
                held = load_of(test)
                if held is not None:
                    self.loads_before.setdefault(exit, []).append(held)

    def choices(self, first: Chain) -> Iterator[_Merged]:
        """The chain with those behind it that test one load under one mask, for each of these."""
        groups: dict[tuple[Load, int], list[tuple[Link, Chain]]] = {}
        for link in first.links:
            if isinstance(link.exit, Test) and link.exit is not first.default:
                for second in readings(link.exit, self.entries):
                    if second.default is first.default and second.load.index is first.load.index:
                        groups.setdefault((second.load, second.mask), []).append((link, second))
        for group in groups.values():
            merged = self._merged(first, group)
            if merged is not None:
                yield merged

    def _merged(self, first: Chain, group: list[tuple[Link, Chain]]) -> _Merged | None:
        second = group[0][1]
        window = _window(first, second)
        if window is None:
            return None
        index, _, end = window
        if end > first.end and not self._covered(first, index, end):
            return None
        mask, other = first.placed(first.mask, end), second.placed(second.mask, end)
        links = tuple(
            Link(one | two, behind.exit)
            for link, chain in group
            for behind in chain.links
            for one, two in [(first.placed(link.value, end), chain.placed(behind.value, end))]
            if one & other == two & mask  # else they contradict each other
        )
        values = {link.value for link, _ in group}
        left = tuple(link for link in first.links if link.value not in values)
        return _Merged(first, tuple(group), left, window, mask | other, links) if links else None

    def _covered(self, first: Chain, index: Term | None, end: int) -> bool:
        """Where no link of the chain is taken, the packet is long enough anyway, or rejected."""
        if first.default is REJECT:
            return True
        if self._ends is None:
            self._ends = ends(self.order)
        return self._ends.covered(first.tests[0], first.default, index, end)

    # ------------------------------------------------------------ what it saves

    def saved(self, merged: _Merged) -> int:
        """Instructions."""
        return self._before(merged) - self._after(merged)

    def _before(self, merged: _Merged) -> int:
        """The first chain, and each chain behind it that nothing else leads to."""
        count = self._loading(merged.first) + len(merged.first.links)
        heads = Counter(chain.tests[0] for _, chain in merged.taken)
        behind = {chain.tests[0]: chain for _, chain in merged.taken}
        for head, chain in behind.items():
            if self.entries[head] == heads[head]:
                count += (1 if chain.keeps_load else 2) + len(chain.links)
        return count

    def _after(self, merged: _Merged) -> int:
        first, second = merged.first, merged.taken[0][1]
        index, start, end = merged.window
        count = len(merged.links)
        if not merged.is_plain:
            count += 1
        if (index, start, end) != (first.load.index, first.load.offset, first.end) or not (
            self._is_held(first)
        ):
            count += 1
        if merged.left:
            count += self._loading(first) + len(merged.left)
        if first.keeps_load and _reads(merged.first.default, first.load):
            count += 1
        exits = dict.fromkeys(link.exit for link in merged.links)
        again = second.keeps_load and any(_reads(exit, second.load) for exit in exits)
        return count + again

    def _loading(self, first: Chain) -> int:
        """Instructions before the first comparison."""
        return (not self._is_held(first)) + (not first.keeps_load)

    def _is_held(self, first: Chain) -> bool:
        """Some test before has the load in the accumulator."""
        return first.load in self.loads_before.get(first.tests[0], ())


def _reads(node: Node, load: Load) -> bool:
    match node:
        case Test(Binary(Operator.AND, term, Constant())) | Test(term):
            return term is load
        case _:
            return False


def _window(first: Chain, second: Chain) -> _Window | None:
    """The smallest load of the bytes that both chains test; it ends no later than their loads."""
    start = min(first.first_byte, second.first_byte)
    end = max(first.last_byte, second.last_byte)
    for size in (1, 2, 4):
        if size < end - start:
            continue
        if end >= size:
            return _Window(first.load.index, end - size, end)
        if start + size <= max(first.end, second.end):
            return _Window(first.load.index, start, start + size)
    return None
