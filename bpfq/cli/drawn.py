"""Lines of drawings on standard output, with colours."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from bpfq.cli.terminal import (
    BOLD,
    DIM,
    GREEN,
    RED,
    coloured,
    drawable,
    paint,
    standard_output,
)

_SIGNED: Final = re.compile(r"[✓✗+x!] \S+(?: \d[\d ]*)?|[─◂╮╯┤┬┴┼│]+")
_CHANGES: Final = {"+": GREEN, "-": RED, "~": BOLD}
_HEADING: Final = re.compile(r"[a-z][a-z ]+(, [a-z ]+)?: \d|query$|simplified$")


def print_drawn(lines: Iterable[str], choice: str) -> None:
    """choice: of colour, auto, always or never."""
    stream = standard_output()
    on = coloured(choice, stream)
    for line in lines:
        print(drawable(_painted(line) if on else line, stream))


def _painted(line: str) -> str:
    if _HEADING.match(line):
        return paint(line, BOLD, True)
    style = _CHANGES.get(line[:1])
    if style is not None and line[1:2] == " ":
        return paint(line, style, True)
    return _SIGNED.sub(_sign, line) if "✓" in line else line


def _sign(found: re.Match[str]) -> str:
    text = found[0]
    style = {"✓": GREEN, "✗": RED, "!": RED}.get(text[0], DIM)
    return paint(text, style, True)
