"""Run a session: commands with what they print, as a terminal shows it.

    $ bpfq equiv 'port 80' 'tcp port 80' | head -n 1
    different

A file that a session shows by ``cat`` before anything has made it is made.  A line that is only
``…`` or ``...`` stands for many lines, at least ``LONG``.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from bpfq.record import record

from .pages import ROOT

LONG = 6  # fewer lines are shown
_RATE = re.compile(r"\d+\.\d s, [\d.]+ ?[\dkM]* pkt/s")
_ELLIPSES = ("…", "...")


@record
class Step:
    """One command, and what the page says that it prints."""

    command: str
    shown: str


def steps(text: str) -> Iterator[Step]:
    """The commands of a session; a backslash at the end of a line continues it."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        found = re.match(r"((?:.*\\\n)*.*)\n?", part)
        assert found is not None
        yield Step(found[1], part[found.end() :])


def programs(directory: Path) -> Path:
    """A directory for PATH in which ``bpfq`` and ``python`` are this checkout's."""
    found = directory / "bin"
    found.mkdir()
    for name, words in (("bpfq", "-m bpfq "), ("python", ""), ("python3", "")):
        path = found / name
        path.write_text(f'#!/bin/sh\nexec {sys.executable} {words}"$@"\n')
        path.chmod(0o755)
    return found


def environment(found: Path) -> dict[str, str]:
    """For a shell that finds those programs, and prints as every other machine does."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("NO_COLOR", "CLICOLOR_FORCE", "COLUMNS")
    }
    path = f"{found}{os.pathsep}{kept.get('PATH', '')}"
    return {
        **kept, "PATH": path, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", "TZ": "UTC",
        "PYTHONIOENCODING": "utf-8",
    }  # fmt: skip


class Shell:
    """Runs commands one after the other in a directory, and remembers the exit code."""

    def __init__(self, directory: Path, found: Path) -> None:
        self._directory = directory
        self._environment = environment(found)
        self.code = 0

    def run(self, step: Step) -> str:
        """What the command prints, standard error included."""
        self._write_what_is_shown(step)
        done = subprocess.run(
            ("bash", "-c", f"(exit {self.code})\n{step.command}"), cwd=self._directory,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env=self._environment, encoding="utf-8", check=False,
        )  # fmt: skip
        self.code = done.returncode
        return done.stdout

    def _write_what_is_shown(self, step: Step) -> None:
        found = re.fullmatch(r"cat ([\w.-]+)", step.command)
        if found and not (self._directory / found[1]).exists():
            (self._directory / found[1]).write_text(step.shown, encoding="utf-8")


def same(shown: str, printed: str) -> bool:
    """Whether the page shows what is printed, but for rates and lines left out by an ellipsis."""
    shown, printed = _RATE.sub("rate", shown), _RATE.sub("rate", printed)
    if not any(line in _ELLIPSES for line in shown.splitlines()):
        return shown == printed
    parts: list[list[str]] = [[]]
    for line in shown.splitlines():
        if line in _ELLIPSES:
            parts.append([])
        else:
            parts[-1].append(line)
    return _in_order(parts, printed.splitlines())


def _in_order(parts: list[list[str]], lines: list[str]) -> bool:
    """Each part stands behind the former, with many lines between; the ends are the ends."""
    first, *middle, last = parts
    if lines[: len(first)] != first:
        return False
    at = len(first)
    for part in middle:
        at = next(
            (n for n in range(at + LONG, len(lines)) if lines[n : n + len(part)] == part),
            len(lines),
        ) + len(part)
    end = len(lines) - len(last)
    return end - at >= LONG and lines[end:] == last
