"""Entries of lists that other entries contain, by prefixes and intervals: no question to anyone.

host 10.1.2.3 or net 10.0.0.0/8    the first entry is covered by the second
tcp port 80 or port 80             covered, too: any protocol, the same port
port 80 or port 80                 the later one is covered
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from bpfq.query import nodes as q
from bpfq.query.nodes import Network, Query, Under
from bpfq.record import field, record

_DIRECTIONS = ("src", "dst", "src or dst", "src and dst")
_WIDER = {  # direction -> those that match whatever it matches
    "src": ("src", "src or dst"),
    "dst": ("dst", "src or dst"),
    "src or dst": ("src or dst",),
    "src and dst": _DIRECTIONS,
}

_Class: TypeAlias = tuple[str, str | None, str, Under]  # kind, protocol, direction, position


def covered(entries: Sequence[Query]) -> dict[int, int]:
    """Entry -> another entry that matches all it matches, both by number.

    Of equal entries the first covers the others; what covers is never covered by what it covers.
    """
    index = _Index()
    for number, entry in enumerate(entries):
        index.add(number, entry)
    index.freeze()
    found: dict[int, int] = {}
    for number, entry in enumerate(entries):
        cover = index.cover(number, entry)
        if cover is not None:
            found[number] = cover
    return found


@record(frozen=False)
class _Index:
    first: dict[Query, int] = field(default_factory=dict)  # equal entries
    networks: dict[_Class, dict[int, dict[int, int]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(dict))
    )  # class -> mask -> address -> entry
    ports: dict[_Class, list[tuple[int, int, int]]] = field(
        default_factory=lambda: defaultdict(list)
    )  # class -> low, high, entry
    reach: dict[_Class, list[int]] = field(default_factory=dict)
    # beside each interval: the number in the list of the one that reaches highest up to there

    def add(self, number: int, entry: Query) -> None:
        self.first.setdefault(entry, number)
        match entry:
            case q.Port(_, _, low, high):
                self.ports[_class(entry)].append((low, high, number))
            case q.Address4() | q.Address6():
                for address, mask in entry.networks:
                    self.networks[_class(entry)][mask].setdefault(address, number)
            case _:
                return

    def freeze(self) -> None:
        for key, intervals in self.ports.items():
            intervals.sort(key=lambda item: (item[0], -item[1], item[2]))
            best, beside = 0, []
            for at, (_, high, _) in enumerate(intervals):
                if high > intervals[best][1]:
                    best = at
                beside.append(best)
            self.reach[key] = beside

    def cover(self, number: int, entry: Query) -> int | None:
        earlier = self.first[entry]
        if earlier != number:
            return earlier
        match entry:
            case q.Port():
                found = self._interval(number, entry)
            case q.Address4() | q.Address6():
                found = self._network(number, entry)
            case _:
                found = None
        return found

    def _interval(self, number: int, entry: q.Port) -> int | None:
        for key in _wider(_class(entry)):
            intervals = self.ports.get(key, [])
            at = bisect_right(intervals, entry.low, key=lambda item: item[0]) - 1
            if at < 0:
                continue
            _, high, other = intervals[self.reach[key][at]]
            if high >= entry.high and other != number:
                return other
        return None

    def _network(self, number: int, entry: q.Address4 | q.Address6) -> int | None:
        if len(entry.networks) != 1:
            return None
        return min(
            (
                other
                for other in self._containing(_class(entry), entry.networks[0])
                if other != number
            ),
            default=None,
        )

    def _containing(self, of: _Class, network: Network) -> Iterable[int]:
        address, mask = network
        for key in _wider(of):
            for wider, entries in self.networks.get(key, {}).items():
                if wider & mask == wider and address & wider in entries:
                    yield entries[address & wider]


def _class(entry: q.Port | q.Address4 | q.Address6) -> _Class:
    protocol = None if isinstance(entry, q.Address6) else entry.protocol
    return type(entry).__name__, protocol, entry.direction, entry.under


def _wider(key: _Class) -> Iterable[_Class]:
    """The classes whose entries may cover one of this class, itself included."""
    kind, protocol, direction, under = key
    for wider in _WIDER.get(direction, (direction,)):
        for other in (protocol,) if protocol is None else (protocol, None):
            yield kind, other, wider, under
