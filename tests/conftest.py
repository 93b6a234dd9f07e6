"""What holds for every test: oracles that are absent, and the same examples in every run.

An oracle that is absent skips with the reason; BPFQ_REQUIRE_ORACLES=1 makes the skip a failure.
hypothesis draws the same examples in every run; BPFQ_FULL_SWEEP=1 draws new ones and lets sweeps
look at everything instead of a fixed sample:

    BPFQ_FULL_SWEEP=1 python -m pytest -n auto --dist worksteal -o faulthandler_timeout=0
"""

from __future__ import annotations

import os
from collections.abc import Generator

import hypothesis
import pytest
from oracles.sweep import FULL

REQUIRED = os.environ.get("BPFQ_REQUIRE_ORACLES") == "1"
ORACLES = ("oracle", "root")

hypothesis.settings.register_profile("fixed", derandomize=True, database=None, deadline=None)
hypothesis.settings.register_profile("new examples", deadline=None)
hypothesis.settings.load_profile("new examples" if FULL else "fixed")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="write what is computed to golden files"
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if REQUIRED and report.skipped and any(item.get_closest_marker(name) for name in ORACLES):
        report.outcome = "failed"
        report.longrepr = f"an oracle test was skipped: {report.longrepr}"
    return report
