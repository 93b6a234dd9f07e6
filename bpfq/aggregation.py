"""IPv4 networks in fewer, larger ones that hold them all.

    10.0.0.1  10.0.0.2  10.9.0.0/16, at most two networks
    =>  10.0.0.0/30  10.9.0.0/16, with two more addresses

Two networks become the smallest one that holds both, those first where that adds the fewest
addresses; neighbours in order of their numbers are all that has to be looked at.
"""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heapify, heappop, heappush
from typing import TypeAlias

from bpfq.record import field, record

Prefix: TypeAlias = tuple[int, int]  # first address, and how many bits are fixed

_BITS = 32


def aggregated(networks: Iterable[Prefix], most: int) -> list[Prefix]:
    """At most so many disjoint networks, in order; fewer where that adds no address."""
    return _Merging([*_disjoint(networks)]).down_to(most)


def extra(networks: Iterable[Prefix], wider: Iterable[Prefix]) -> int:
    """How many more addresses are in the wider networks, which are disjoint and hold the others."""
    return _count(wider) - _count(_disjoint(networks))


def _count(disjoint: Iterable[Prefix]) -> int:
    return sum(1 << _BITS - bits for _, bits in disjoint)


def _disjoint(networks: Iterable[Prefix]) -> list[Prefix]:
    """Without those that are part of others."""
    found: list[Prefix] = []
    for first, bits in sorted(set(networks)):
        if not found or first > _last(found[-1]):
            found.append((first, bits))
    return found


def _last(network: Prefix) -> int:
    first, bits = network
    return first + (1 << _BITS - bits) - 1


def _both(one: Prefix, other: Prefix) -> Prefix:
    """The smallest network that holds two."""
    bits = min(one[1], other[1], _BITS - (one[0] ^ other[0]).bit_length())
    return one[0] >> _BITS - bits << _BITS - bits, bits


@record(frozen=False)
class _Merging:
    """networks: by number, None where another holds them.  before, after: of neighbours."""

    networks: list[Prefix | None]
    before: list[int] = field(default_factory=list)
    after: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        count = len(self.networks)
        self.before, self.after = list(range(-1, count - 1)), list(range(1, count + 1))

    def down_to(self, most: int) -> list[Prefix]:
        left = len(self.networks)
        pairs = [pair for at in range(left - 1) for pair in self._pair(at)]
        heapify(pairs)
        while pairs and (left > most or pairs[0][0] == 0):
            added, at, one, other = heappop(pairs)
            after = self.after[at]
            if self.networks[at] != one or after == len(self.networks):
                continue
            if self.networks[after] != other:
                continue
            left -= self._merge(at, _both(one, other))
            for begin in (self.before[at], at):
                for pair in self._pair(begin):
                    heappush(pairs, pair)
        return [network for network in self.networks if network is not None]

    def _pair(self, at: int) -> list[tuple[int, int, Prefix, Prefix]]:
        """What merging a network with the next one adds, if there is a next one."""
        if at < 0 or self.after[at] == len(self.networks):
            return []
        one, other = self.networks[at], self.networks[self.after[at]]
        assert one is not None and other is not None
        return [(_count((_both(one, other),)) - _count((one, other)), at, one, other)]

    def _merge(self, at: int, whole: Prefix) -> int:
        """Put a network in the place of those that it holds; how many fewer there are."""
        gone = 0
        while self.before[at] >= 0 and self._last_of(self.before[at]) >= whole[0]:
            gone += 1
            self._drop(self.before[at])
        while self.after[at] < len(self.networks) and self._first_of(self.after[at]) <= _last(
            whole
        ):
            gone += 1
            self._drop(self.after[at])
        self.networks[at] = whole
        return gone

    def _first_of(self, at: int) -> int:
        network = self.networks[at]
        assert network is not None
        return network[0]

    def _last_of(self, at: int) -> int:
        network = self.networks[at]
        assert network is not None
        return _last(network)

    def _drop(self, at: int) -> None:
        self.networks[at] = None
        before, after = self.before[at], self.after[at]
        if before >= 0:
            self.after[before] = after
        if after < len(self.networks):
            self.before[after] = before
