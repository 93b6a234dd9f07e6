"""Cases that are at one instruction together, and what an instruction makes of them.

    at a load    each case with what it brings: number, A, X
    ldb [23]     (0, 0x800, 0) (1, 0x800, 0)  ->  (0, 6, 0) (1, 17, 0)
    jeq #6       (0, 6, 0) | (1, 17, 0)

Equal groups of a search are the same object, and what becomes of one is worked out once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

from bpfq.record import field, record
from bpfq.superopt.alphabet import Alphabet
from bpfq.superopt.budget import Part
from bpfq.superopt.cases import Case, Scratch
from bpfq.superopt.partitions import comparisons
from bpfq.superopt.traffic import Arrival

Row: TypeAlias = tuple[int, int, int]  # the case by its number, A, X


class Slot(NamedTuple):
    """An instruction; it leads to slots by their number, and to exits as -1 - number."""

    code: int
    k: int
    yes: int
    no: int


@record(eq=False)
class Region:
    """What is to be filled.  right: whether an exit, by number, is right for an arrival."""

    cases: Sequence[Case]
    exits: int
    right: Callable[[int, Arrival], bool]
    alphabet: Alphabet


class Group:
    """The cases at one slot, in order.

    fits: by exit, bits of the rows that it is right for.  What can become of the group is found
    out when it is first asked for.
    """

    __slots__ = ("behind", "endings", "fits", "halves", "is_done", "rows", "soon")

    def __init__(self, rows: tuple[Row, ...], fits: tuple[int, ...]) -> None:
        self.rows = rows
        self.fits = fits
        self.is_done = self.every in fits
        self.behind: list[tuple[int, int, Group]] | None = None
        self.halves: list[Halves] | None = None
        self.endings: list[Slot] | None = None
        self.soon: bool | None = None

    @property
    def every(self) -> int:
        return (1 << len(self.rows)) - 1


class Halves(NamedTuple):
    """A comparison and what it splits a group into, with the exits right for either."""

    code: int
    k: int
    yes: Group
    no: Group
    yes_exits: list[int]
    no_exits: list[int]


@record(frozen=False)
class Groups:
    """The groups of one region, by their rows."""

    region: Region
    arrivals: Sequence[Arrival]
    budget: Part
    _known: dict[tuple[Row, ...], Group] = field(default_factory=dict)
    _right: dict[tuple[int, Row], bool] = field(default_factory=dict)
    _scratch: dict[int, Scratch] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._scratch = {number: scratch for number, (_, _, scratch) in self.arrivals}

    def first(self) -> Group:
        """All cases, as they come in."""
        return self.group(tuple((number, a, x) for number, (a, x, _) in self.arrivals))

    def joined(self, one: Group, other: Group) -> Group:
        return self.group(tuple(sorted(one.rows + other.rows)))

    def group(self, rows: tuple[Row, ...]) -> Group:
        """The one group with these rows."""
        found = self._known.get(rows)
        if found is None:
            fits = tuple(self._fits(exit, rows) for exit in range(self.region.exits))
            found = self._known[rows] = Group(rows, fits)
        return found

    def _fits(self, exit: int, rows: tuple[Row, ...]) -> int:
        fits, bit = 0, 1
        for row in rows:
            key = (exit, row)
            right = self._right.get(key)
            if right is None:
                number, a, x = row
                arrival = (number, (a, x, self._scratch[number]))
                right = self._right[key] = self.region.right(exit, arrival)
            if right:
                fits |= bit
            bit <<= 1
        return fits

    def behind(self, group: Group) -> list[tuple[int, int, Group]]:
        """What the operations of the alphabet make of a group."""
        if group.behind is None:
            group.behind = []
            for code, k in self.region.alphabet.operations:
                self.budget.spend()
                rows = self._after(code, k, group.rows)
                if rows and rows != group.rows:
                    group.behind.append((code, k, self.group(rows)))
        return group.behind

    def _after(self, code: int, k: int, rows: tuple[Row, ...]) -> tuple[Row, ...]:
        """The rows behind an operation; none where a packet to be accepted is lost."""
        cases = self.region.cases
        made: list[Row] = []
        for number, a, x in rows:
            after = cases[number].step(code, k, (a, x, ()))
            if after is not None:
                made.append((number, after[0], after[1]))
            elif cases[number].wanted:
                return ()
        return tuple(made)

    def halves(self, group: Group) -> list[Halves]:
        """How comparisons split a group."""
        if group.halves is None:
            group.halves = []
            for bits, (code, k) in comparisons(group.rows, group.fits, self.region.alphabet):
                self.budget.spend()
                yes, no = self._half(group, bits), self._half(group, group.every ^ bits)
                group.halves.append(Halves(code, k, yes, no, _exits(yes), _exits(no)))
        return group.halves

    def _half(self, group: Group, bits: int) -> Group:
        return self.group(tuple([row for at, row in enumerate(group.rows) if bits >> at & 1]))

    def endings(self, group: Group) -> list[Slot]:
        """The instructions behind which there are exits only."""
        if group.endings is None:
            group.endings = [
                Slot(code, k, exit, exit)
                for code, k, behind in self.behind(group)
                for exit in _exits(behind)
            ]
            for bits, (code, k) in comparisons(group.rows, group.fits, self.region.alphabet):
                self.budget.spend()
                yes, no = (_fitting(group, half) for half in (bits, group.every ^ bits))
                group.endings += [Slot(code, k, y, n) for y in yes for n in no if y != n]
        return group.endings

    def can_end(self, group: Group, slots: int) -> bool:
        """The group comes to right exits by one instruction, or by two."""
        if self.endings(group):
            return True
        if slots == 1:
            return False
        if group.soon is None:
            group.soon = any(
                each.yes_exits and self.endings(each.no) or each.no_exits and self.endings(each.yes)
                for each in self.halves(group)
            ) or any(self.endings(behind) for _, _, behind in self.behind(group))
        return group.soon


def _exits(group: Group) -> list[int]:
    """The exits that are right for the whole group."""
    return _fitting(group, group.every)


def _fitting(group: Group, bits: int) -> list[int]:
    """The exits that are right for some rows of a group."""
    return [-1 - exit for exit, fits in enumerate(group.fits) if not bits & ~fits]
