"""Oracles that are absent skip with the reason; where they are required, a skip is a failure."""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest

REQUIRED = os.environ.get("BPFQ_REQUIRE_ORACLES") == "1"
ORACLES = ("oracle", "root")


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
