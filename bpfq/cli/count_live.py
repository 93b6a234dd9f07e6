"""The live table of ``bpfq count``, drawn by rich.

tc ingress on eth0: 2 filters, 155 instructions  00:00:12  q or Ctrl-C ends
     packets/s             bits/s    packets      bytes
dns      1.2 k  ▂▃▃▅▂▁▂▃▃   1.27 M    14 022  1 900 123
"""

from __future__ import annotations

import sys
from typing import Final

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from bpfq.cli.count_shows import clock, rate, totals
from bpfq.cli.figures import grouped
from bpfq.cli.meter import HISTORY, Meter, Report, Row, sparkline

_BESIDE: Final = 70  # columns that names and numbers take
_FEWEST: Final = 5  # bars


class LiveTable:
    """A table that is drawn again each interval, and totals where it was."""

    def __init__(self, meter: Meter, title: str, *, coloured: bool, help: str) -> None:
        console = Console(
            file=sys.stdout, no_color=not coloured, highlight=False, markup=False, emoji=False
        )
        self._meter = meter
        self._title = title
        self._help = help
        self._encoding = console.encoding
        self._live = Live(
            console=console, auto_refresh=False, transient=True, redirect_stdout=False,
            redirect_stderr=False,
        )  # fmt: skip
        self._live.start()
        self.interval(Report(tuple(Row(name, 0, 0, None, None) for name in meter.rates)))

    def interval(self, report: Report) -> None:
        head = Text(f"{self._title}  {clock(report.elapsed or 0.0)}", style="bold")
        head.append(f"  {self._help}", style="dim not bold")
        self._live.update(Group(head, self._table(report)), refresh=True)

    def _table(self, report: Report) -> Table:
        room = max(_FEWEST, min(HISTORY, self._live.console.width - _BESIDE))
        table = Table(box=None, pad_edge=False)
        table.add_column("", no_wrap=True, overflow="ellipsis", style="bold")
        table.add_column("packets/s", justify="right", no_wrap=True)
        table.add_column("", justify="right", no_wrap=True, style="green")
        for name in ("bits/s", "packets", "bytes"):
            table.add_column(name, justify="right", no_wrap=True)
        for row in report.rows:
            bars = sparkline([*self._meter.rates[row.name]][-room:], self._encoding)
            cells = (row.name, rate(row.packet_rate), bars, rate(row.bit_rate))
            table.add_row(*map(Text, (*cells, grouped(row.packets), grouped(row.bytes))))
        return table

    def total(self, report: Report) -> None:
        self.close()
        print("\n".join(totals(report)), flush=True)

    def close(self) -> None:
        """Take the table from the screen; doing so twice does nothing."""
        self._live.stop()
