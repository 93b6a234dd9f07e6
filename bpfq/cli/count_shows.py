"""How ``bpfq count`` shows what it counts: JSON lines, or lines of a table.

{"type": "interval", "source": "eth0", "elapsed": 1.0, "seconds": 1.0, "filters": {"dns": {...}}}

elapsed    dns packets/s   bits/s
      1s           1 204   1.27 M
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final, Protocol

from bpfq.cli.figures import grouped, short
from bpfq.cli.meter import Meter, Report

INTERVAL, TOTAL = "interval", "total"
_RATES: Final = ("packets/s", "bits/s")
_NARROWEST: Final = 8  # columns of a rate
_AGAIN: Final = 20  # lines until the head is printed again
_MINUTE: Final = 60  # seconds


class Show(Protocol):
    """Where reports go."""

    def interval(self, report: Report) -> None: ...

    def total(self, report: Report) -> None: ...

    def close(self) -> None: ...


class JsonLines:
    """An object a line."""

    def __init__(self, source: str) -> None:
        self._source = source

    def interval(self, report: Report) -> None:
        print(json.dumps(report.fields(INTERVAL, self._source)), flush=True)

    def total(self, report: Report) -> None:
        print(json.dumps(report.fields(TOTAL, self._source)), flush=True)

    def close(self) -> None:
        pass


class Lines:
    """A line of rates an interval, and a table of totals."""

    def __init__(self, meter: Meter) -> None:
        self._widths = [max(_NARROWEST, len(name)) for name in meter.rates]
        self._names = tuple(meter.rates)
        self._shown = 0

    def interval(self, report: Report) -> None:
        if self._shown % _AGAIN == 0:
            self._head()
        self._shown += 1
        cells = [clock(report.elapsed or 0.0)]
        for row, width in zip(report.rows, self._widths, strict=True):
            cells += [f"{rate(row.packet_rate):>{width + 1}}", f"{rate(row.bit_rate):>{width + 1}}"]
        print("".join(cells), flush=True)

    def _head(self) -> None:
        blank = " " * len(clock(0))
        names = zip(self._names, self._widths, strict=True)
        print(blank + "".join(f" {name:>{2 * width + 1}}" for name, width in names))
        print(blank + "".join(f" {each:>{w}}" for w in self._widths for each in ("pkt/s", "bit/s")))

    def total(self, report: Report) -> None:
        print("\n".join(totals(report)), flush=True)

    def close(self) -> None:
        pass


def totals(report: Report) -> list[str]:
    """A line a filter, below a head; rates where there was time."""
    timed = report.elapsed is not None
    rows = [["", "packets", "bytes", *(_RATES if timed else ())]]
    for row in report.rows:
        rates = [rate(row.packet_rate), rate(row.bit_rate)] if timed else []
        rows.append([row.name, grouped(row.packets), grouped(row.bytes), *rates])
    return _aligned(rows)


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """The first column begins at the left, all others end at the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    found = []
    for first, *others in rows:
        cells = [f"{cell:>{width}}" for cell, width in zip(others, widths[1:], strict=True)]
        found.append("  ".join([f"{first:{widths[0]}}", *cells]))
    return found


def rate(value: float | None) -> str:
    return "" if value is None else short(value)


def clock(seconds: float) -> str:
    """Hours, minutes and seconds."""
    minutes, rest = divmod(int(seconds), _MINUTE)
    return f"{minutes // _MINUTE:02}:{minutes % _MINUTE:02}:{rest:02}"
