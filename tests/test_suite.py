"""The suite itself: required oracles fail when they are absent, and a test that hangs is named."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
CASES = """
import time
import pytest

@pytest.mark.oracle
@pytest.mark.skipif(True, reason="needs tcpdump")
def test_oracle():
    pass

@pytest.mark.skipif(True, reason="not here")
def test_other():
    pass

def test_hanging():
    time.sleep(60)
"""
needs_xdist = pytest.mark.skipif(find_spec("xdist") is None, reason="needs pytest-xdist")
in_every_way = pytest.mark.parametrize(
    "how",
    [
        pytest.param(("-p", "no:xdist"), id="one process"),
        pytest.param(("-n", "1", "--dist", "worksteal"), id="workers", marks=needs_xdist),
    ],
)


def outcome(
    folder: Path, names: tuple[str, ...], *options: str, required: bool = False
) -> tuple[int, str]:
    """Exit code and output of a run of CASES with this suite's conftest and settings."""
    (folder / "test_cases.py").write_text(CASES)
    (folder / "conftest.py").write_text((TESTS / "conftest.py").read_text())
    changes = {"BPFQ_REQUIRE_ORACLES": str(int(required)), "PYTHONPATH": str(TESTS)}
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-c", TESTS.parent / "setup.cfg",
         "--rootdir", folder, "-p", "no:cacheprovider", *options,
         *(f"{folder}/test_cases.py::{name}" for name in names)],
        capture_output=True, text=True, check=False, env={**os.environ, **changes},
    )  # fmt: skip
    return run.returncode, run.stdout + run.stderr


@in_every_way
@pytest.mark.parametrize("required", [False, True], ids=["", "required"])
def test_an_absent_oracle_fails_where_it_is_required(
    tmp_path: Path, how: tuple[str, ...], required: bool
) -> None:
    code, said = outcome(tmp_path, ("test_oracle", "test_other"), *how, required=required)
    assert code == int(required), said
    assert ("1 skipped, 1 error" if required else "2 skipped") in said
    assert "needs tcpdump" in said


@in_every_way
def test_a_test_that_hangs_is_named_and_ends(tmp_path: Path, how: tuple[str, ...]) -> None:
    code, said = outcome(tmp_path, ("test_hanging",), *how, "-o", "faulthandler_timeout=1")
    assert code != 0
    assert re.search(r'test_cases\.py", line \d+ in test_hanging', said)


def test_the_settings_bound_every_test(pytestconfig: pytest.Config) -> None:
    assert float(pytestconfig.getini("faulthandler_timeout")) > 0
    assert pytestconfig.getini("faulthandler_exit_on_timeout") is True
