"""Blocks of docs/exports.md that a test runs elsewhere: with privileges, in a namespace."""

from __future__ import annotations

import subprocess
from pathlib import Path

from docs.pages import blocks
from docs.sessions import environment, programs

PAGE = "docs/exports.md"


def block(test: str) -> str:
    """The one block of the page that the test says it runs."""
    (found,) = [each for each in blocks(PAGE) if each.run_by == f"tests/export/{test}"]
    return found.text


def run_block(test: str, directory: Path) -> None:
    """Run its commands as a shell does; raises CalledProcessError."""
    subprocess.run(
        ("bash", "-euc", block(test)), env=environment(programs(directory)), cwd=directory,
        check=True, capture_output=True,
    )  # fmt: skip
