"""Run the command line, in process or as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from bpfq.__main__ import main

ROOT = Path(__file__).parent.parent.parent
BPFQ = (sys.executable, "-m", "bpfq")


class Ran(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture
def bpfq(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """``bpfq("-d", "ip")`` in this process, without colours."""
    for name in ("NO_COLOR", "CLICOLOR_FORCE"):
        monkeypatch.delenv(name, raising=False)

    def run(*words: str) -> Ran:
        code = main(words)
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return run


def environment(**changes: str) -> dict[str, str]:
    """For a child process that finds this checkout."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "TZ": "UTC", **changes}


def process(
    *words: str, stdin: bytes = b"", **variables: str
) -> subprocess.CompletedProcess[bytes]:
    """The command line as a process of its own; variables: of its environment."""
    return subprocess.run(
        (*BPFQ, *words), input=stdin, capture_output=True, env=environment(**variables),
        check=False,
    )  # fmt: skip
