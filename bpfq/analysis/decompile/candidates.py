"""Which primitives and comparisons may have made a program, judged by what it compares.

numbers of the program     word by word, with masks and ranges     (``Tests``)
templates                  filled with those numbers               (``templates``)
comparisons of bytes       what is always expressible              (``values``)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

from bpfq.analysis.decompile import templates
from bpfq.analysis.decompile.space import Space, conditions
from bpfq.analysis.decompile.templates import Template
from bpfq.analysis.decompile.values import (
    Header,
    Headers,
    comparisons,
    is_short,
    masked,
    outside,
    starts_of,
)
from bpfq.errors import BpfqError
from bpfq.intervals import Bounds
from bpfq.operators import Operator
from bpfq.query import build
from bpfq.query.checks import INDEXED_PROTOCOLS
from bpfq.query.nodes import Query, Under
from bpfq.record import field, record
from bpfq.symbolic.diagram import Diagram
from bpfq.symbolic.propositions import Condition, Member, Proposition
from bpfq.symbolic.words import Number, Operation, Word
from bpfq.walk import bottom_up

_MOST_PAIRS = 64  # of the two halves of MAC addresses
_MOST_SINGLE = 40  # numbers of one word that are tried one by one
_FEWEST_GROUPED = 5  # numbers that are tried as a list
_MOST_RUN = 1024  # neighbouring values of a list
_MOST_LISTED = 17  # neighbours that were compared one by one
_DEEPEST = 3  # encapsulations inside each other
_ODD = 0x5A5A5A5A  # bits of markers that no protocol uses as a number

Piece: TypeAlias = tuple[Word, Bounds]


@record(frozen=False)
class Tests:
    """What a program compares words with: its own tests, and the pieces its diagram is cut into.

    groups: values of a word that lead to one place.  templated: words that primitives compare.
    """

    own: tuple[Condition, ...]
    pieces: dict[Piece, None] = field(default_factory=dict)
    by_word: dict[Word, list[Bounds]] = field(default_factory=dict)
    groups: dict[Word, dict[Bounds, None]] = field(default_factory=dict)
    templated: set[Word] = field(default_factory=set)

    def is_crowded(self, word: Word | None) -> bool:
        """The word is compared with so many numbers that they are taken as lists only."""
        if word is None or word not in self.templated:
            return False
        return len(self.by_word.get(word, ())) > _MOST_SINGLE

    def add(self, word: Word, bounds: Bounds) -> None:
        """A set of values, and the rest, whichever is the smaller."""
        if isinstance(word, Operation) and word.operator is Operator.AND:
            self._add(word, bounds)
        other = outside(bounds, word.most)
        if not bounds or not other:
            return
        self._add(word, bounds if _size(bounds) <= _size(other) else other)

    def _add(self, word: Word, bounds: Bounds) -> None:
        if (word, bounds) not in self.pieces:
            self.pieces[word, bounds] = None
            self.by_word.setdefault(word, []).append(bounds)

    def has(self, condition: Condition) -> bool:
        if not isinstance(condition, Member):
            return condition in self.own
        word, bounds = condition.word, condition.bounds
        return (word, bounds) in self.pieces or (word, outside(bounds, word.most)) in self.pieces


def _size(bounds: Bounds) -> int:
    return sum(bounds[1::2]) - sum(bounds[::2])


def tests_of(program: Proposition, diagram: Diagram, space: Space) -> Tests:
    found = Tests(conditions(program))
    for condition in found.own:
        if isinstance(condition, Member):
            found.add(condition.word, condition.bounds)
    named = set(found.pieces)
    for node in bottom_up((diagram,), lambda node: node.children):
        for word, group in _groups(node, space):
            found.groups.setdefault(word, {})[group] = None
        for word, bounds in _special(node, space):
            first, end = bounds
            values = range(first, min(end, first + _MOST_LISTED))
            if not all((word, (value, value + 1)) in named for value in values):
                found.add(word, bounds)
    return found


def _special(node: Diagram, space: Space) -> Iterator[tuple[Word, tuple[int, int]]]:
    """The intervals that do not lead where most values do."""
    for word, group in _groups(node, space):
        for first, end in zip(group[::2], group[1::2], strict=True):
            yield word, (first, end)


def _groups(node: Diagram, space: Space) -> Iterator[tuple[Word, Bounds]]:
    """The sets of values that lead to one place, without the place that most lead to."""
    if not node.children:
        return
    variable = space.diagrams.variables[node.level]
    if isinstance(variable, tuple):
        return
    edges = (0, *node.cuts, variable.most + 1)
    sets: dict[Diagram, list[int]] = {}
    for first, end, child in zip(edges, edges[1:], node.children, strict=False):
        sets.setdefault(child, []).extend((first, end))
    usual = max(node.children, key=lambda child: _size(tuple(sets[child])))
    for child, bounds in sets.items():
        if child is not usual:
            yield variable, tuple(bounds)


def positions(space: Space, tests: Tests) -> list[Under]:
    """Where the program may look: outside, and behind the encapsulations that it tests."""
    found: list[Under] = [()]
    for under in found:
        if len(under) >= _DEEPEST:
            continue
        for kind, query in templates.shims(under):
            if _share_known(space, tests, query) == 1:
                found.append((*under, kind))
    return found


def _share_known(space: Space, tests: Tests, query: Query) -> float:
    """The share of the primitive's tests that the program makes as well."""
    proposition = space.proposition(query)
    if proposition is None:
        return 0
    every = conditions(proposition)
    return sum(map(tests.has, every)) / len(every) if every else 0


def primitives(space: Space, tests: Tests, under: Under) -> Iterator[Query]:
    """Everything at one position that shares tests with the program."""
    for query in templates.fixed(under):
        if _share_known(space, tests, query) >= 0.5:
            yield query
    for _, query in templates.shims(under):
        if _share_known(space, tests, query) >= 0.5:
            yield query
    for template in templates.numbered(under):
        yield from _filled(template, space, tests)


# ---------------------------------------------------------------- templates


def _filled(template: Template, space: Space, tests: Tests) -> Iterator[Query]:
    """The template with the program's numbers in place of its markers."""
    markers = [_marker(bits, n) for n, bits in enumerate(template.widths)]
    probe = _made(template, [(marker, marker) for marker in markers], markers)
    proposition = None if probe is None else space.proposition(probe)
    if proposition is None:
        return
    places: list[list[tuple[Word, int]]] = [[] for _ in markers]  # word and mask, by marker
    for condition in conditions(proposition):
        found = isinstance(condition, Member) and masked(condition.bounds, condition.word.most)
        if not found:
            continue
        assert isinstance(condition, Member)
        mask, value = found
        for n, marker in enumerate(markers):
            if value >> _shift(mask) == marker:
                places[n].append((condition.word, mask))
    tests.templated.update(word for here in places for word, _ in here)
    if len(markers) == 1:
        yield from _lists(template, places[0], tests)
        if any(tests.is_crowded(word) for word, _ in places[0]):
            return
    sets = [_sets(template, here, tests) for here in places]
    for chosen in _chains(template, places, tests) if len(markers) == 4 else _products(sets):
        query = _made(template, chosen, [])
        if query is not None:
            yield query


def _marker(bits: int, n: int) -> int:
    return (_ODD >> n) & ((1 << bits) - 1)


def _shift(mask: int) -> int:
    return (mask & -mask).bit_length() - 1


def _made(template: Template, chosen: list[tuple[int, int]], markers: list[int]) -> Query | None:
    """The primitive; chosen: (number, number), (low, high) or (value, mask) by the kind."""
    try:
        match template.kind:
            case "range":
                return template.make(*chosen[0])
            case "network":
                full = 0xFFFFFFFF
                pairs = [(marker, full) for marker in markers] or chosen
                address = mask = 0
                for value, bits in pairs:
                    address, mask = address << 32 | value, mask << 32 | bits
                return template.make(address, mask)
            case "address":
                return template.make(chosen[0][0] << 32 | chosen[1][0])
            case _:
                return template.make(chosen[0][0])
    except BpfqError:
        return None


def _sets(
    template: Template, places: list[tuple[Word, int]], tests: Tests
) -> list[tuple[int, int]]:
    """What the program compares a number of the template with."""
    found: dict[tuple[int, int], None] = {}
    for word, mask in places:
        for bounds in tests.by_word.get(word, ()):
            one = _number(template, word, mask, bounds)
            if one is not None:
                found[one] = None
        if template.kind == "network":
            found.update(dict.fromkeys(_odd_masks(word, tests)))
    return list(found)


def _lists(template: Template, places: list[tuple[Word, int]], tests: Tests) -> Iterator[Query]:
    """The template with each value of a group, where half of its words have that group."""
    ranks = {piece: rank for rank, piece in enumerate(tests.pieces)}
    counts: dict[Bounds, list[tuple[Word, int]]] = {}
    for word, mask in places:
        for group in tests.groups.get(word, ()):
            counts.setdefault(group, []).append((word, mask))
    for group, having in counts.items():
        if 2 * len(having) < len(places) or len(group) < 2:
            continue
        word, mask = having[0]
        parts = sorted(_split(template, word, group, ranks), key=lambda b: ranks.get((word, b), 0))
        numbers = [_number(template, word, mask, part) for part in parts]
        kept = [one for one in numbers if one is not None]
        whole = all((word, part) in ranks for part in parts)  # each is tried alone as well
        if len(kept) < (_FEWEST_GROUPED if whole else 2) or len(kept) < len(numbers):
            continue
        queries = [_made(template, [one], []) for one in kept]
        yield build.any_of(*(query for query in queries if query is not None))


def _split(
    template: Template, word: Word, group: Bounds, named: Mapping[Piece, int]
) -> Iterator[Bounds]:
    """Numbers that the program names one by one, else ranges or networks."""
    for first, end in zip(group[::2], group[1::2], strict=True):
        points = [(value, value + 1) for value in range(first, min(end, first + _MOST_RUN))]
        if len(points) == end - first and all((word, point) in named for point in points):
            yield from points
        elif template.kind == "network":
            yield from _networks(first, end)
        else:
            yield first, end


def _networks(first: int, end: int) -> Iterator[Bounds]:
    """The interval as the fewest prefixes."""
    while first < end:
        size = first & -first or 1 << 32
        while first + size > end:
            size >>= 1
        yield first, first + size
        first += size


def _number(template: Template, word: Word, mask: int, bounds: Bounds) -> tuple[int, int] | None:
    if template.kind == "range":
        return (bounds[0], bounds[1] - 1) if len(bounds) == 2 else None
    found = masked(bounds, word.most)
    if found is None:
        return None
    if template.kind == "network":
        return found[1], found[0]
    value = found[1] >> _shift(mask)
    return (value, value) if found[0] == mask else None


def _odd_masks(word: Word, tests: Tests) -> Iterator[tuple[int, int]]:
    """Comparisons under a mask that is no prefix."""
    for other, sets in tests.by_word.items():
        if isinstance(other, Operation) and other.left is word and isinstance(other.right, Number):
            for bounds in sets:
                if len(bounds) == 2 and bounds[1] == bounds[0] + 1:
                    yield bounds[0], other.right.value


def _products(sets: list[list[tuple[int, int]]]) -> Iterator[list[tuple[int, int]]]:
    if len(sets) == 1:
        yield from ([one] for one in sets[0])
    elif len(sets[0]) * len(sets[1]) <= _MOST_PAIRS:
        yield from ([first, second] for first in sets[0] for second in sets[1])


def _chains(
    template: Template, places: list[list[tuple[Word, int]]], tests: Tests
) -> Iterator[list[tuple[int, int]]]:
    """IPv6 addresses: four words, compared one after the other."""
    position = {word: n for n, here in enumerate(places) for word, _ in here}
    chain: list[tuple[int, int]] = []
    for word, bounds in tests.pieces:
        found = masked(bounds, word.most) if word in position else None
        if found is None or position[word] > len(chain):
            continue
        chain = [*chain[: position[word]], (found[1], found[0])]
        yield chain + [(0, 0)] * (4 - len(chain))


# ---------------------------------------------------------------- bytes


def header(space: Space, name: str, under: Under, tests: Tests | None = None) -> Header | None:
    """Where ``name[0]`` is; None where it is not seen, or the program tests for it otherwise."""
    marker = _marker(8, 0)
    zero = build.index(name, build.number(0), 1, under)
    proposition = space.proposition(build.compare("=", zero, build.number(marker)))
    found = None
    for condition in () if proposition is None else conditions(proposition):
        start = starts_of(condition)
        if start and isinstance(condition, Member) and condition.bounds[0] == marker:
            found = Header(name, *start, under)
        elif tests is not None and not tests.has(condition):
            return None
    return found


def headers(space: Space, tests: Tests, under: Under) -> list[Headers]:
    """Ways to name the bytes that a program reads: each is a header and what it stands in."""
    made = ((name, header(space, name, under, tests)) for name in INDEXED_PROTOCOLS)
    found = {name: one for name, one in made if one is not None}
    link = [found[name] for name in ("link", "radio") if name in found]
    ways: list[Headers] = [tuple(link)]
    for name, one in found.items():
        base = INDEXED_PROTOCOLS[name].base
        if base == "network":
            ways.append((one, *link))
        elif base in ("transport", "icmp6"):
            inner = found.get("ip6" if base == "icmp6" else "ip")
            ways.append((one, *((inner,) if inner else ()), *link))
    return ways


def compared(tests: Tests, ways: Iterable[Headers], *, every_byte: bool) -> Iterator[Query]:
    """The program's own tests as comparisons, each also the other way round.

    every_byte: those of words that primitives compare as well.
    """
    seen: dict[Query, None] = {}
    for condition in tests.own:
        if not is_short(condition):
            continue
        word = condition.word if isinstance(condition, Member) else None
        if word in tests.templated and (not every_byte or tests.is_crowded(word)):
            continue
        for way in ways:
            made = comparisons(condition, way)
            for query in made or ():
                if query not in seen:
                    seen[query] = None
                    yield query
