"""A query between two sets of packets, put together from literals.

    solve(least, most)    least <= query <= most; at first both are what the program accepts

    one literal is enough         p
    literals that hold of least   p and q and solve(least, most or not (p and q))
    literals that imply most      p or q or solve(least and not (p or q), most)
    otherwise                     (p and q and r) or ..., or not (p and q and r) and ...: a product
                                  of literals that holds of one packet and implies most

What is left to choose after a literal was taken is wider than before, so a later literal need not
repeat what an earlier one says: ``port 80`` is enough behind ``tcp``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from bpfq.analysis.decompile.literals import (
    Expression,
    Hole,
    Join,
    Literal,
    cost,
    join,
    opposite,
)
from bpfq.analysis.decompile.space import Samples, Space
from bpfq.record import field, record
from bpfq.symbolic.diagram import Diagram

_BRANCHING = 2  # levels at which both ways to go on are tried


_Way: TypeAlias = tuple[Join, Diagram, Diagram]  # what is taken, and between what the rest lies


class Stuck(Exception):
    """The literals do not say it all."""


@record(frozen=False)
class Search:
    """literals: with their opposites.  may_leave: holes, else they are Stuck."""

    space: Space
    literals: tuple[Literal, ...]
    samples: Samples
    may_leave: bool = True
    _known: dict[tuple[Diagram, Diagram], Expression] = field(default_factory=dict)

    def solve(self, least: Diagram, most: Diagram, depth: int = 0) -> Expression:
        """Raises Stuck, Exhausted or TooLarge."""
        key = (least, most)
        if key not in self._known:
            self._known[key] = self._solve(least, most, depth)
        return self._known[key]

    def _solve(self, least: Diagram, most: Diagram, depth: int) -> Expression:
        if most is self.space.all:
            return Join(True, ())
        if least is self.space.none:
            return Join(False, ())
        implied, implying = self._implied(least, most), self._implying(least, most)
        single = set(implied) & set(implying)
        if single:
            return min(single, key=lambda p: (p.cost, p.place))
        positive = self._ways(implied, implying, least, most, positive=True)
        literal = self._ways(implied, implying, least, most, positive=False)
        whole = [found for found, low, high in (*positive, *literal)
                 if low is self.space.none or high is self.space.all]  # fmt: skip
        if whole:
            return min(whole, key=cost)
        if positive:
            return self._best(positive, depth)
        ways = [*literal, *self._products(least, most)]
        if not ways and not self.may_leave:
            raise Stuck
        return self._best(ways, depth) if ways else Hole(least, most)

    def _best(self, ways: list[_Way], depth: int) -> Expression:
        """The cheapest of the ways to go on; deep down the one that looks the best."""
        if depth >= _BRANCHING:
            ways = [min(ways, key=lambda way: _looks(way[0]))]
        return min((self._rest(*way, depth) for way in ways), key=cost)

    def _rest(self, found: Join, least: Diagram, most: Diagram, depth: int) -> Expression:
        rest = self.solve(least, most, depth + 1)
        return join(found.conjunction, (*found.parts, rest))

    # ------------------------------------------------------------ literals that always hold

    def _implied(self, least: Diagram, most: Diagram) -> list[Literal]:
        """What holds of all of least and leaves out something that is not in most."""
        inside = self.samples.members(least)
        return [
            p
            for p in self.literals
            if not inside & ~self.samples.members(p.diagram)
            and self._implies(least, p.diagram)
            and self.space.either(p.diagram, most) is not self.space.all
        ]

    def _implying(self, least: Diagram, most: Diagram) -> list[Literal]:
        outside = ~self.samples.members(most)
        return [
            p
            for p in self.literals
            if not self.samples.members(p.diagram) & outside
            and self._implies(p.diagram, most)
            and self.space.both(p.diagram, least) is not self.space.none
        ]

    def _implies(self, left: Diagram, right: Diagram) -> bool:
        """A packet that is in the one and not in the other will answer other questions, too."""
        only = self.space.without(left, right)
        if only is self.space.none:
            return True
        self.samples.add(only)
        return False

    def _ways(
        self,
        implied: list[Literal],
        implying: list[Literal],
        least: Diagram,
        most: Diagram,
        positive: bool,
    ) -> list[_Way]:
        """Joins to begin with, and what is left between which sets."""
        space = self.space
        ways: list[_Way] = []
        chosen = [p for p in implied if not (positive and p.negative)]
        if chosen:
            kept, product = self._shortest(chosen, space.opposite(most), natural=False)
            ways.append((Join(True, kept), least, space.either(most, space.opposite(product))))
        turned = [self._turned(p) for p in implying if not (positive and p.negative)]
        if turned:
            kept, product = self._shortest(turned, least, natural=True)
            sum_ = tuple(self._turned(p) for p in kept)
            ways.append((Join(False, sum_), space.both(least, product), most))
        return ways

    def _turned(self, p: Literal) -> Literal:
        turned = opposite(p, self.space)
        assert isinstance(turned, Literal)
        return turned

    def _shortest(
        self, chosen: list[Literal], refuse: Diagram, *, natural: bool, wide: bool = False
    ) -> tuple[tuple[Literal, ...], Diagram]:
        """Few short literals that together keep out of ``refuse`` as much as all do.

        Also what they have in common.  natural: whether negative ones are the better ones.  wide:
        those that hold of more packets are the better ones.
        """
        space, sign = self.space, 1 if wide else -1
        ordered = sorted(
            chosen,
            key=lambda p: (
                p.plain, p.negative is natural, sign * space.density(p.diagram), -p.cost,
            ),
        )  # fmt: skip
        kept = self._needed(ordered, refuse)
        kept = self._cheaper(kept, ordered, refuse)
        kept.sort(key=lambda p: p.place)
        product = space.all
        for p in kept:
            product = space.both(product, p.diagram)
        return tuple(kept), product

    def _needed(self, ordered: Sequence[Literal], refuse: Diagram) -> list[Literal]:
        """Without those, from the first on, that the others make superfluous."""
        space = self.space
        behind = [space.all]
        for p in reversed(ordered):
            behind.append(space.both(p.diagram, behind[-1]))
        behind.reverse()
        target = space.both(behind[0], refuse)
        before, kept = refuse, []
        for p, others in zip(ordered, behind[1:], strict=True):
            if space.both(before, others) is not target:
                kept.append(p)
                before = space.both(before, p.diagram)
        return kept

    def _cheaper(
        self, kept: list[Literal], others: Sequence[Literal], refuse: Diagram
    ) -> list[Literal]:
        """Each literal replaced by the cheapest one that does in its place."""
        space = self.space
        target = refuse
        for p in kept:
            target = space.both(target, p.diagram)
        by_cost = sorted(others, key=lambda p: (p.cost, p.place))
        for n, p in enumerate(kept):
            rest = refuse
            for other in (*kept[:n], *kept[n + 1 :]):
                rest = space.both(rest, other.diagram)
            for q in by_cost:
                if q.cost >= p.cost:
                    break
                if space.both(rest, q.diagram) is target:
                    kept[n] = q
                    break
        return kept

    # ------------------------------------------------------------ products

    def _products(self, least: Diagram, most: Diagram) -> list[_Way]:
        """``(p and q) or`` the rest, and ``not (p and q) and`` the rest."""
        space = self.space
        ways: list[_Way] = []
        product = self._product(least, most)
        if product is not None:
            kept, packets = product
            alternatives = Join(False, (join(True, kept),))
            ways.append((alternatives, space.without(least, packets), most))
        product = self._product(space.opposite(most), space.opposite(least))
        if product is not None:
            kept, packets = product
            refused = opposite(join(True, kept), space)
            ways.append((Join(True, (refused,)), least, space.either(most, packets)))
        return ways

    def _product(self, least: Diagram, most: Diagram) -> tuple[tuple[Literal, ...], Diagram] | None:
        """Literals that hold of a packet in least and together imply most."""
        space = self.space
        packet = space.member(least)
        holding = [p for p in self.literals if space.contains(p.diagram, packet)]
        for chosen in ([p for p in holding if not p.negative], holding):
            packets = space.all
            for p in chosen:
                packets = space.both(packets, p.diagram)
            if space.implies(packets, most):
                return self._shortest(chosen, space.opposite(most), natural=False, wide=True)
        return None


def _looks(found: Join) -> tuple[float, float]:
    """How often a reader has to turn a test round, and how much there is to read, for each test.

    ``not (a and b)`` has nothing to turn round inside.
    """
    product = found.parts[0]
    parts = product.parts if isinstance(product, Join) else found.parts
    refused = found.conjunction and isinstance(product, Join)
    turned = sum(isinstance(part, Literal) and part.negative is not refused for part in parts)
    return turned / len(parts), cost(found) / len(parts)
