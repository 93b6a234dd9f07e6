"""Blocks of docs/exports.md that a test runs elsewhere: with privileges, in a namespace."""

from __future__ import annotations

import subprocess
from pathlib import Path

from docs.pages import blocks
from docs.sessions import environment, programs

PAGE = "docs/exports.md"


def block(test: str, number: int = 0) -> str:
    """One of the blocks of the page that the test says it runs."""
    return [each.text for each in blocks(PAGE) if each.run_by == f"tests/export/{test}"][number]


def run_block(test: str, directory: Path, number: int = 0) -> None:
    """Run its commands as a shell does, where /sys/fs/bpf is its own; raises CalledProcessError."""
    commands = f"mount -t bpf bpf /sys/fs/bpf\n{block(test, number)}"
    subprocess.run(
        ("unshare", "-m", "bash", "-euc", commands), env=environment(programs(directory)),
        cwd=directory, check=True, capture_output=True,
    )  # fmt: skip
