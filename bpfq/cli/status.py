"""``bpfq status``: what bpfq has attached on this machine."""

from __future__ import annotations

import json
from argparse import Namespace
from typing import Any, Final

from bpfq.cli.counted import count_fields, in_words
from bpfq.cli.terminal import BOLD, coloured, paint, say, standard_output
from bpfq.ebpf.standing import Standing, standing
from bpfq.errors import BpfqError

_HEAD: Final = ("name", "place", "link", "age", "matches", "runs", "pin")
_UNITS: Final = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))  # seconds


def run(options: Namespace) -> int:
    if options.words:
        raise BpfqError(f"status takes no words, not {options.words[0]!r}")
    rows = standing()
    if options.json:
        print(json.dumps({"attached": [_fields(row) for row in rows]}))
    elif rows:
        _print([_HEAD, *map(_cells, rows)], options.color)
    elif not options.quiet:
        say("bpfq has attached nothing here")
    return 0


def _print(table: list[tuple[str, ...]], colour: str) -> None:
    """The columns that have something in them."""
    on = coloured(colour, standard_output())
    used = [column for column in range(len(_HEAD)) if any(row[column] for row in table[1:])]
    widths = {column: max(len(row[column]) for row in table) for column in used}
    for number, row in enumerate(table):
        line = "  ".join(f"{row[column]:{widths[column]}}" for column in used).rstrip()
        print(paint(line, BOLD, on and number == 0))


def _cells(row: Standing) -> tuple[str, ...]:
    return (
        row.name or "-",
        "a socket" if row.place is None else str(row.place),
        str(row.id or "-"),
        age(row.age),
        "" if row.counts is None else in_words(row.counts),
        str(row.runs or ""),
        ", ".join(row.pins),
    )


def age(seconds: float) -> str:
    """The largest unit of it, as 3m."""
    whole = int(seconds)
    size, unit = next(((size, unit) for size, unit in _UNITS if whole >= size), (1, "s"))
    return f"{whole // size}{unit}"


def _fields(row: Standing) -> dict[str, Any]:
    """One program as ``--json`` prints it; keys are only ever added."""
    return {
        "name": row.name or None,
        "hook": row.hook,
        "place": None if row.place is None else str(row.place),
        "mode": row.place.mode if row.place is not None and row.hook == "xdp" else None,
        "link": row.id or None,
        "program": row.program_id,
        "age_seconds": round(row.age, 3),
        "pins": list(row.pins),
        "runs": row.runs,
        "run_time_ns": row.run_time_ns,
        **count_fields(row.counts),
    }
