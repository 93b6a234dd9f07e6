"""The clauses of a filter as a tree of lines.

✗ and
├─ ✗ ip                ether[12:2] = 0x8100, wanted 0x0800     ← decided here
└─ · udp port 53       not evaluated
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from bpfq.analysis.why.clauses import Clause, Outcome
from bpfq.analysis.why.readings import Reading
from bpfq.record import record

DECIDED: Final = "← decided here"
SIGNS: Final = {
    Outcome.TRUE: "✓", Outcome.FALSE: "✗", Outcome.SKIPPED: "·", Outcome.ENDED: "!",
}  # fmt: skip
_WIDEST: Final = 50  # columns of the clauses; longer ones move what stands behind them
_READINGS: Final = 3  # shown of one clause
_DEEPEST: Final = 90  # columns of a rail
_RUN: Final = 6  # operands alike that are all shown


@record
class _Line:
    left: str
    right: str
    decided: bool


def draw_tree(tree: Clause) -> list[str]:
    """One line a clause; what they read and where the verdict fell stand in columns."""
    lines = list(_lines(tree))
    width = _column(len(line.left) for line in lines if line.right)
    reach = _column(len(line.right) for line in lines if line.decided)
    return [_drawn(line, width, reach) for line in lines]


def _column(lengths: Iterator[int]) -> int:
    return max((length for length in lengths if length <= _WIDEST), default=0)


def _drawn(line: _Line, width: int, reach: int) -> str:
    drawn = line.left
    if line.right:
        drawn = f"{drawn:<{width}}    {line.right}"
    if line.decided:
        pad = " " * max(reach - len(line.right), 0)
        drawn = f"{drawn}{pad}     {DECIDED}"
    return drawn.rstrip()


def _lines(tree: Clause) -> Iterator[_Line]:
    """Clauses from top to bottom; a work item is a clause, its own rail and that of its operands.

    skipped: columns of the rail of a clause that was not evaluated, which says so for all below.
    """
    work: list[tuple[Clause | str, str, str]] = [(tree, "", "")]
    skipped = 0
    while work:
        item, rail, below = work.pop()
        if isinstance(item, str):
            yield _Line(f"{rail}{item}", "", False)
            continue
        inside = bool(skipped) and len(rail) > skipped
        yield _line(item, rail, said=inside)
        if not inside:
            skipped = len(rail) if item.outcome is Outcome.SKIPPED and item.operands else 0
        parts = list(_shortened(item.operands))
        if parts and len(rail) >= _DEEPEST:
            parts = ["... deeper clauses"]
        for number, part in reversed(list(enumerate(parts))):
            last = number == len(parts) - 1
            work.append((part, f"{below}{'└─ ' if last else '├─ '}",
                         f"{below}{'   ' if last else '│  '}"))  # fmt: skip


def _line(clause: Clause, rail: str, *, said: bool) -> _Line:
    """said: a clause above was not evaluated, and with it this one."""
    role = f"{clause.role} " if clause.role else ""
    right = readings_text(clause.readings) or ("" if said else clause.note)
    return _Line(f"{rail}{SIGNS[clause.outcome]} {role}{clause.text}", right, clause.decided)


def _shortened(clauses: tuple[Clause, ...]) -> Iterator[Clause | str]:
    """Of many operands alike, the first few and how many more."""
    at = 0
    while at < len(clauses):
        end = at
        while end < len(clauses) and _alike(clauses[at], clauses[end]):
            end += 1
        if end - at > _RUN + 1:
            yield from clauses[at : at + _RUN]
            outcome = clauses[at].outcome
            yield f"{SIGNS[outcome]} ... {end - at - _RUN} more, {outcome.value}"
            at = end
        else:
            end = max(end, at + 1)
            yield from clauses[at:end]
            at = end


def _alike(first: Clause, other: Clause) -> bool:
    """Primitives of one outcome, none of which decided."""
    plain = not (first.operands or other.operands or first.decided or other.decided)
    return plain and first.outcome is other.outcome


def readings_text(readings: tuple[Reading, ...]) -> str:
    """Each value and what was wanted, said once where all wanted the same."""
    shown = readings[:_READINGS]
    more = f"; {len(readings) - len(shown)} more" if len(readings) > len(shown) else ""
    wanted = {reading.wanted for reading in shown}
    unmet = all(not reading.holds and reading.value is not None for reading in shown)
    if len(shown) > 1 and len(wanted) == 1 and unmet:
        values = ", ".join(f"{reading.what} = {reading.shown}" for reading in shown)
        return f"{values}, wanted {shown[0].wanted}{more}"
    return "; ".join(map(str, shown)) + more
