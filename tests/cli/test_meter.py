"""From readings to rates, bars and words."""

from __future__ import annotations

import pytest

from bpfq.cli.durations import duration
from bpfq.cli.figures import grouped, short
from bpfq.cli.meter import HISTORY, Meter, Row, sparkline
from bpfq.ebpf.counts import Counts
from bpfq.errors import BpfqError


def test_rates_are_those_since_the_last_report() -> None:
    meter = Meter(["dns", "all"])
    meter.report(1.0, {"dns": Counts(10, 900), "all": Counts(10, 900)})
    made = meter.report(3.0, {"dns": Counts(40, 3700), "all": Counts(10, 900)})
    assert made.rows == (Row("dns", 40, 3700, 15.0, 11200.0), Row("all", 10, 900, 0.0, 0.0))
    assert (made.elapsed, made.seconds) == (3.0, 2.0)


def test_totals_have_the_rates_of_all_the_time() -> None:
    meter = Meter(["dns"])
    meter.report(1.0, {"dns": Counts(10, 900)})
    assert meter.total(4.0, {"dns": Counts(40, 4000)}).rows == (Row("dns", 40, 4000, 10.0, 8000.0),)


def test_no_time_has_no_rates() -> None:
    assert Meter(["dns"]).total(0.0, {"dns": Counts(0, 0)}).rows == (Row("dns", 0, 0, None, None),)


def test_only_the_last_rates_are_kept() -> None:
    meter = Meter(["dns"])
    for second in range(1, HISTORY + 10):
        meter.report(float(second), {"dns": Counts(second * second, 0)})
    assert len(meter.rates["dns"]) == HISTORY
    assert meter.rates["dns"][-1] == 2 * (HISTORY + 9) - 1


def test_fields_are_the_schema_of_the_help() -> None:
    report = Meter(["dns"]).report(2.0, {"dns": Counts(5, 700)})
    assert report.fields("interval", "eth0") == {
        "type": "interval",
        "source": "eth0",
        "elapsed": 2.0,
        "seconds": 2.0,
        "filters": {
            "dns": {
                "packets": 5,
                "bytes": 700,
                "packets_per_second": 2.5,
                "bits_per_second": 2800.0,
            }
        },
    }


@pytest.mark.parametrize(
    ("rates", "encoding", "bars"),
    [
        ([0.0, 50.0, 100.0], "utf-8", "▁▅█"),
        ([0.0, 50.0, 100.0], "ascii", "_+@"),
        ([0.0, 0.0], "utf-8", "▁▁"),
        ([], "utf-8", ""),
        ([7.0], None, "@"),
    ],
)
def test_bars_are_as_high_as_the_highest(
    rates: list[float], encoding: str | None, bars: str
) -> None:
    assert sparkline(rates, encoding) == bars


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1", 1.0), ("90s", 90.0), ("500ms", 0.5), ("0.25s", 0.25), ("2m", 120.0), ("1.5h", 5400.0)],
)
def test_durations(text: str, seconds: float) -> None:
    assert duration(text, "--for") == seconds


@pytest.mark.parametrize("text", ["", "0", "0.0s", "-1", "1 s", "5x", "1e3", "inf", "1_0", "٣"])
def test_what_is_no_time_is_named(text: str) -> None:
    with pytest.raises(BpfqError) as found:
        duration(text, "--for")
    shown = text or "''"
    assert found.value.message == f"--for {shown} is no time; write it as 500ms, 10s, 5m or 2h"


def test_numbers_are_grouped_and_short() -> None:
    assert [grouped(14022), grouped(7)] == ["14 022", "7"]
    assert [short(n) for n in (0, 7.25, 999.4, 999.7, 1204, 1_270_000, 5e9, 3e12)] == [
        "0", "7.25", "999", "1 k", "1.2 k", "1.27 M", "5 G", "3 T",
    ]  # fmt: skip
