"""Tests as rows of text in columns, and what the letters in them stand for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from bpfq.analysis.decisions.picture import Decision
from bpfq.record import record

YES: Final = "✓"
NO: Final = "✗"
_GAP: Final = "  "
_TEST: Final = 34  # columns at most
_NARROWEST: Final = 20  # columns that a test or a meaning is cut to
_MOST_DEFINITIONS: Final = 20
_LONGEST: Final = 70  # columns of a set; --json has all of it
_LETTER: Final = re.compile(r"\b[stwvxyz]\d*\b")


@record
class Row:
    """One test.  sign: before its number.  yes, no: its exits as they are shown."""

    sign: str
    number: str
    test: str
    meaning: str
    yes: str
    no: str


def aligned(rows: Sequence[Row], width: int) -> list[str]:
    """The rows in columns, all of one width; tests and meanings are cut to fit, if need be."""
    sign, number, yes, no = (
        max(len(getattr(row, name)) for row in rows) for name in ("sign", "number", "yes", "no")
    )
    test, meaning = _widths(rows, width - sign - 1 - number - yes - no - 4 * len(_GAP))
    return [
        _GAP.join(
            (
                f"{row.sign:<{sign}} {row.number:>{number}}",
                f"{_cut(row.test, test):<{test}}",
                f"{_cut(row.meaning, meaning):<{meaning}}",
                f"{row.yes:<{yes}}",
                f"{row.no:<{no}}",
            )
        )  # fmt: skip
        for row in rows
    ]


def _widths(rows: Sequence[Row], room: int) -> tuple[int, int]:
    """Columns of the tests and of their meanings."""
    test = min(max(len(row.test) for row in rows), _TEST)
    meaning = max(len(row.meaning) for row in rows)
    if test + meaning > room:
        test = min(test, max(room - meaning, _NARROWEST))
        meaning = min(meaning, max(room - test, _NARROWEST))
    return test, meaning


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"


def tests(count: int) -> str:
    return f"{count} test{'s' if count != 1 else ''}"


def defined(decisions: Sequence[Decision], definitions: Sequence[tuple[str, str]]) -> Iterator[str]:
    """What the letters stand for that these tests use."""
    meant = dict(definitions)
    used: dict[str, None] = {}
    work = [letter for one in decisions for letter in _LETTER.findall(one.test)]
    while work:
        letter = work.pop()
        if letter in meant and letter not in used:
            used[letter] = None
            work += _LETTER.findall(meant[letter])
    shown = [letter for letter in meant if letter in used]
    for letter in shown[:_MOST_DEFINITIONS]:
        text = f"{letter} is {meant[letter]}"
        yield _cut(text, _LONGEST) if letter.startswith("s") else text
    if len(shown) > _MOST_DEFINITIONS:
        yield f"... and {len(shown) - _MOST_DEFINITIONS} more letters"
