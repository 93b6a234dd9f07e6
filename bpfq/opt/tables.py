"""Lists of conjunctions as decision trees: one field after the other, each searched once.

    src = a and port = 1 or src = b and port = 2 or ...     src a: port = 1, src b: port = 2

    (host a and port 1) or (host b and port 2) or ...       sport: 1: src = a or dst = a, 2: ...
                                                            dport: 1: src = a or dst = a, 2: ...

A tree says what the list says.  It must not read more of a packet than the list in order does, or
a packet cut short would be lost.  Let k be the first row that is true of a packet: the list reads
k's fields.  The tree reads a field where all rows that are left have it, so k has it; before the
rows of one group are given up for those of the next, only what each row of the next has as well,
or what was read before any list of two rows can fail (``known``).  Where a packet may be accepted
because the list fails, the fields are tested in the order of the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple, TypeAlias

from bpfq.graph.formula import FALSE, TRUE, Formula, Switch, both, either
from bpfq.graph.terms import Choose, Load, Lookup, Term, operands
from bpfq.intervals import Bounds, united
from bpfq.opt.ends import Reads, certain
from bpfq.opt.rows import Key, Row, test
from bpfq.record import field, record

_MOST_SHAPES = 12  # of rows that are parted
_MOST_COVERS = 400  # ways to part them that are looked at
_FEW_LINES = 8  # whose groups are as many as there can be, whatever they cost
_FEW = 3  # cases that are written as alternatives
_ROOM = 8  # for each line, the pieces of a field that allow it; beyond, lines overlap too much
_FARTHEST = 1 << 31

Path: TypeAlias = tuple[tuple[Key, Bounds], ...]
_Shape: TypeAlias = tuple[Key, ...]


class Asked(NamedTuple):
    """Whether a packet may be accepted where the list holds, and where it fails."""

    holds: bool
    fails: bool


@record(eq=False)
class Line:
    """A row; left: the fields not tested yet.  in_order: where its list fails, the fields up to
    the first that does not hold were read.
    """

    left: Row
    fields: tuple[Key, ...]
    in_order: bool


@record(frozen=False)
class Tables:
    """known: what was read in any case where the fields on a path have these values."""

    asked: Asked
    known: Callable[[Path], Reads]
    _reads: dict[tuple[Key, ...], Reads] = field(default_factory=dict)
    _parted: dict[tuple[_Shape, ...], list[list[list[_Shape]]]] = field(default_factory=dict)

    def tree(self, lines: Sequence[Line], path: Path = ()) -> Formula | None:
        """Some line is true of the packet; None where no legal order is found.

        Recursion is as deep as lines have fields.
        """
        if not all(line.left for line in lines):
            return TRUE
        if not lines:
            return FALSE  # every alternative contradicts itself
        guards = self._guards(lines, path)
        if guards:
            path = (*path, *guards.items())
            inner = self.tree([_without(line, guards) for line in lines], path)
            return None if inner is None else both(*(test(*each) for each in guards.items()), inner)
        first, *others = lines
        shared = [key for key in first.left if all(key in line.left for line in others)]
        for key in sorted(shared, key=lambda key: _estimate(key, lines)):
            if self._may_read(key, lines, path):
                made = self._switch(key, lines, path)
                if made is not None:
                    return made
        return self._groups(lines, path) if not shared else None

    def _guards(self, lines: Sequence[Line], path: Path) -> Row:
        """What all lines ask alike of a field."""
        found: Row = {}
        first, *others = lines
        for key, bounds in first.left.items():
            if all(line.left.get(key) == bounds for line in others):
                if self._may_read(key, lines, (*path, *found.items())):
                    found[key] = bounds
        return found

    # ------------------------------------------------------------ one field

    def _switch(self, key: Key, lines: Sequence[Line], path: Path) -> Formula | None:
        """Every value of the field with the lines that allow it."""
        pieces = _pieces(key, lines)
        if pieces is None:
            return None
        alike: dict[object, tuple[list[Line], list[int]]] = {}
        for first, end, numbers in pieces:
            left = [_without(lines[number], (key,)) for number in numbers]
            name = frozenset(frozenset(line.left.items()) for line in left)
            alike.setdefault(name, (left, []))[1].extend((first, end))
        cases: list[tuple[Bounds, Formula]] = []
        for left, edges in alike.values():
            bounds = united(zip(edges[::2], edges[1::2], strict=True))
            made = self.tree(left, (*path, (key, bounds)))
            if made is None:
                return None
            cases.append((bounds, made))
        if len(cases) <= _FEW or isinstance(key, tuple):
            return either(*(both(test(key, bounds), made) for bounds, made in cases))
        return Switch(key, tuple(cases))

    # ------------------------------------------------------------ one group of lines after another

    def _groups(self, lines: Sequence[Line], path: Path) -> Formula | None:
        """Lines that share a field together, in an order in which none is read too early."""
        shapes: dict[_Shape, list[Line]] = {}
        for line in lines:
            shapes.setdefault(tuple(line.left), []).append(line)
        if len(shapes) > _MOST_SHAPES:
            return None
        covers = self._parted.get(tuple(shapes))
        if covers is None:
            covers = list(islice(_covers(tuple(shapes)), _MOST_COVERS))
            covers.sort(key=len)
            self._parted[tuple(shapes)] = covers
        if len(lines) > _FEW_LINES:
            covers = _cheapest_first(covers, shapes)
        for cover in covers:
            groups = [_lines_of(group, shapes) for group in cover]
            if self._is_in_order(groups, path):
                made = [self.tree(group, path) for group in groups]
                whole = [one for one in made if one is not None]
                if len(whole) == len(made):
                    return either(*whole)
        return None

    def _is_in_order(self, groups: list[list[Line]], path: Path) -> bool:
        """What a group reads, every line of the later ones reads."""
        if not self.asked.holds:
            return True
        kinds = [dict.fromkeys(line.fields for line in group) for group in groups]
        missing = [
            key
            for at, group in enumerate(kinds)
            for key in dict.fromkeys(key for fields in group for key in fields)
            for later in kinds[at + 1 :]
            for fields in later
            if key not in fields and not _covers_read(self._certain(fields), key)
        ]
        known = self.known(path) if missing else {}
        return all(_covers_read(known, key) for key in missing)

    # ------------------------------------------------------------ what was read

    def _may_read(self, key: Key, lines: Sequence[Line], path: Path) -> bool:
        """Where the list fails, it read the field; where it holds, all lines have it."""
        if not self.asked.fails:
            return True
        tested = {each for each, _ in path}
        for line in lines:
            before = line.fields[: line.fields.index(key)]
            if line.in_order and tested.issuperset(before):
                return True
        return _covers_read(self._certain(tuple(tested)), key) or _covers_read(
            self.known(path), key
        )

    def _certain(self, fields: tuple[Key, ...]) -> Reads:
        found = self._reads.get(fields)
        if found is None:
            found = self._reads[fields] = certain(*(t for key in fields for t in _terms(key)))
        return found


def _covers_read(reads: Reads, key: Key) -> bool:
    """A packet that was read so far has the bytes of the field."""
    terms = _terms(key)
    wanted = certain(*terms)
    return all(map(_is_plain, terms)) and all(
        reads.get(index, 0) >= end for index, end in wanted.items()
    )


def _is_plain(term: Term) -> bool:
    """``certain`` tells all that it reads."""
    work = [term]
    while work:
        part = work.pop()
        if isinstance(part, Choose) or (
            isinstance(part, Load | Lookup) and part.offset >= _FARTHEST
        ):
            return False
        work += operands(part)
    return True


def _terms(key: Key) -> tuple[Term, ...]:
    return (key[0], key[2]) if isinstance(key, tuple) else (key,)


# ---------------------------------------------------------------- parting lines


def _covers(shapes: tuple[_Shape, ...]) -> Iterator[list[list[_Shape]]]:
    """The ways to part shapes into groups with a field in common, in every order."""
    if not shapes:
        yield []
    for key in dict.fromkeys(key for shape in shapes for key in shape):
        group = [shape for shape in shapes if key in shape]
        for others in _covers(tuple(shape for shape in shapes if key not in shape)):
            yield [group, *others]


def _cheapest_first(
    covers: list[list[list[_Shape]]], shapes: dict[_Shape, list[Line]]
) -> list[list[list[_Shape]]]:
    costs: dict[tuple[_Shape, ...], int] = {}
    for group in (tuple(group) for cover in covers for group in cover):
        if group not in costs:
            costs[group] = _least(_lines_of(group, shapes))
    return sorted(covers, key=lambda cover: sum(costs[tuple(group)] for group in cover))


def _lines_of(group: Iterable[_Shape], shapes: dict[_Shape, list[Line]]) -> list[Line]:
    return [line for shape in group for line in shapes[shape]]


def _least(lines: list[Line]) -> int:
    """What the lines of a group cost by the best of their fields."""
    first, *others = lines
    shared = [key for key in first.left if all(key in line.left for line in others)]
    return min(_estimate(key, lines) for key in shared)


def _estimate(key: Key, lines: Sequence[Line]) -> int:
    """Tests of a search for one field, and of all others behind it, in quarters."""
    values = {line.left[key] for line in lines}
    behind = {
        (line.left[key], other, bounds)
        for line in lines
        for other, bounds in line.left.items()
        if other is not key
    }
    return 5 * len(values) + 8 * len(behind)


def _pieces(key: Key, lines: Sequence[Line]) -> list[tuple[int, int, tuple[int, ...]]] | None:
    """Intervals of the field's values, and the numbers of the lines that allow them."""
    changes: dict[int, list[int]] = {}
    for number, line in enumerate(lines):
        for edge in line.left[key]:
            changes.setdefault(edge, []).append(number)
    active: set[int] = set()
    found: list[tuple[int, int, tuple[int, ...]]] = []
    room = _ROOM * len(lines) + _ROOM
    edges = sorted(changes)
    for edge, following in zip(edges, edges[1:], strict=False):
        active.symmetric_difference_update(changes[edge])
        room -= len(active)
        if room < 0:
            return None
        if active:
            found.append((edge, following, tuple(sorted(active))))
    return found


def _without(line: Line, keys: Iterable[Key]) -> Line:
    gone = set(keys)
    left = {key: bounds for key, bounds in line.left.items() if key not in gone}
    return Line(left, line.fields, line.in_order)
