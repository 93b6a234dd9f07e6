"""Readings of counters -> reports: totals, rates, and the rates of a while ago.

meter.report(1.0, {"dns": Counts(10, 900)})     dns: 10 packets, 10 a second
meter.report(2.0, {"dns": Counts(40, 3600)})    dns: 40 packets, 30 a second
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from bpfq.record import record

if TYPE_CHECKING:
    from bpfq.ebpf.counts import Counts

HISTORY: Final = 30  # intervals that are remembered
_BITS: Final = 8  # of a byte
_BARS: Final = "▁▂▃▄▅▆▇█"
_PLAIN_BARS: Final = "_.-=+*#@"


@record
class Row:
    """One filter: totals, and rates a second; None where there is no time to go by."""

    name: str
    packets: int
    bytes: int
    packet_rate: float | None
    bit_rate: float | None


@record
class Report:
    """What was counted.  elapsed: seconds since the start.  seconds: that the rates are of."""

    rows: tuple[Row, ...]
    elapsed: float | None = None
    seconds: float | None = None

    def fields(self, kind: str, source: str) -> dict[str, Any]:
        """As ``--json`` prints it; keys are only ever added."""
        return {
            "type": kind,
            "source": source,
            "elapsed": None if self.elapsed is None else round(self.elapsed, 3),
            "seconds": None if self.seconds is None else round(self.seconds, 3),
            "filters": {
                row.name: {
                    "packets": row.packets,
                    "bytes": row.bytes,
                    "packets_per_second": _rounded(row.packet_rate),
                    "bits_per_second": _rounded(row.bit_rate),
                }
                for row in self.rows
            },
        }


class Meter:
    """Takes readings in the order of time."""

    def __init__(self, names: Sequence[str]) -> None:
        self.rates: dict[str, deque[float]] = {name: deque(maxlen=HISTORY) for name in names}
        self._last = {name: (0, 0) for name in names}
        self._at = 0.0

    def report(self, elapsed: float, counts: Mapping[str, Counts]) -> Report:
        """What has come since the last report.  elapsed: seconds since the counters were zero."""
        made = _report(elapsed, elapsed - self._at, counts, self._last)
        self._at = elapsed
        self._last = {row.name: (row.packets, row.bytes) for row in made.rows}
        for row in made.rows:
            self.rates[row.name].append(row.packet_rate or 0.0)
        return made

    def total(self, elapsed: float, counts: Mapping[str, Counts]) -> Report:
        """Everything, with rates over the whole time."""
        return _report(elapsed, elapsed, counts, dict.fromkeys(counts, (0, 0)))


def _report(
    elapsed: float,
    seconds: float,
    counts: Mapping[str, Counts],
    last: Mapping[str, tuple[int, int]],
) -> Report:
    rows = []
    for name, found in counts.items():
        packets, size = found.packets, found.bytes or 0
        more, more_bytes = packets - last[name][0], size - last[name][1]
        rates = (more / seconds, _BITS * more_bytes / seconds) if seconds > 0 else (None, None)
        rows.append(Row(name, packets, size, *rates))
    return Report(tuple(rows), elapsed, seconds)


def _rounded(rate: float | None) -> float | None:
    return None if rate is None else round(rate, 1)


def sparkline(rates: Sequence[float], encoding: str | None) -> str:
    """Bars of the rates, the highest as high as there is."""
    try:
        _BARS.encode(encoding or "ascii")
        bars = _BARS
    except (UnicodeEncodeError, LookupError):
        bars = _PLAIN_BARS
    highest = max(rates, default=0.0)
    if highest <= 0:
        return bars[0] * len(rates)
    return "".join(bars[round(rate / highest * (len(bars) - 1))] for rate in rates)
