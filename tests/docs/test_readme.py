"""README.md: what the first screen shows, and where its commands come from."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys

import pytest

from .pages import ROOT, blocks, text_of
from .sessions import steps

SCREEN = 60  # lines
COMMANDS = {
    step.command: step.shown
    for block in blocks("README.md")
    if block.steps
    for step in steps(block.text)
}


@pytest.mark.parametrize(
    "command", ['bpfq "ip and udp" --dump', "bpfq attach", "bpfq status", "bpfq why", "bpfq equiv"]
)
def test_the_first_screen_shows_what_each_prints(command: str) -> None:
    screen = "".join(text_of("README.md").splitlines(keepends=True)[:SCREEN])
    (found,) = (each for each in COMMANDS if each.startswith(command))
    assert COMMANDS[found] != ""
    assert f"$ {found}\n{COMMANDS[found]}" in screen


def test_ci_runs_the_first_two_commands() -> None:
    """.ci/run takes the first two lines of sh blocks."""
    lines = "".join(block.text for block in blocks("README.md") if block.language == "sh")
    first, second = lines.splitlines()[:2]
    assert first.endswith('.venv/bin/bpfq "ip and udp" --dump') and " -m venv " in first
    assert "'.[test]'" in second and " -m pytest " in second
    assert text_of(".ci/run").count("README.md") >= 2


def test_a_wrong_filter_is_told_on_standard_error_with_exit_code_2() -> None:
    command, expected = next(item for item in COMMANDS.items() if item[1].startswith("bpfq: "))
    run = subprocess.run(
        [sys.executable, "-m", *shlex.split(command)],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    assert (run.stdout, run.stderr, run.returncode) == ("", expected, 2)


def test_the_commands_in_its_table_are_commands() -> None:
    """The first command of each row, as the command line reads it."""
    from bpfq.cli import arguments

    rows = re.findall(r"^\| .*? \| `bpfq ([\w-]+)", text_of("README.md"), re.MULTILINE)
    assert len(rows) > 5
    assert [name for name in rows if name not in (*arguments.VERBS, "-r")] == []
