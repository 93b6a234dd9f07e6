"""Closed pipes, full disks and closed streams end quietly or with one line."""

from __future__ import annotations

import subprocess

import pytest

from .running import BPFQ, environment


def shell(command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ("bash", "-o", "pipefail", "-c", command.replace("bpfq", " ".join(BPFQ))),
        capture_output=True,
        text=True,
        env=environment(),
        check=False,
    )


def test_reader_that_goes_away_is_no_error() -> None:
    ran = shell("bpfq -L | true; echo ${PIPESTATUS[0]}")
    assert ran.stderr == ""
    assert ran.stdout in ("141\n", "0\n")  # 0 when the listing was written before


@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        ("bpfq -d ip >/dev/full", 4, "bpfq: cannot write: No space left on device\n"),
        ("bpfq ip >/dev/full", 4, "bpfq: cannot write: No space left on device\n"),
        ("bpfq -d ip >&-", 0, ""),
        ("bpfq -d tcp prot 80 2>&-", 2, ""),
        ("bpfq -d ip >&- 2>&-", 0, ""),
        ("bpfq -F - -d <&-", 4, "bpfq: standard input is closed\n"),
        ("bpfq -r - ip <&-", 4, "bpfq: standard input is closed\n"),
        ("bpfq disasm <&-", 4, "bpfq: standard input is closed\n"),
        ("bpfq -r - ip </dev/null", 2, "bpfq: the file is empty\n"),
        ("bpfq -r / ip", 2, "bpfq: cannot open /: is a directory\n"),
    ],
)
def test_broken_streams_are_one_line(command: str, code: int, message: str) -> None:
    ran = shell(command)
    assert (ran.returncode, ran.stdout, ran.stderr) == (code, "", message)


def test_output_that_cannot_hold_a_dot_gets_a_question_mark() -> None:
    ran = shell("PYTHONIOENCODING=ascii bpfq -q port 53")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "802.1Q tag ? MPLS" in ran.stdout
