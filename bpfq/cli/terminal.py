"""Colours and messages: data goes to standard output, talk to standard error.

Colour only on a terminal; NO_COLOR and TERM=dumb forbid it, CLICOLOR_FORCE and --color=always
demand it (https://no-color.org, https://bixense.com/clicolors).
"""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper
from typing import Final, TextIO

from bpfq.errors import BpfqError
from bpfq.source import Suggestion

_RESET: Final = "\x1b[0m"
BOLD: Final = "\x1b[1m"
DIM: Final = "\x1b[2m"
RED: Final = "\x1b[1;31m"
GREEN: Final = "\x1b[32m"


_ASCII: Final = str.maketrans(
    {"✓": "+", "✗": "x", "·": "-", "│": "|", "├": "|", "└": "`", "─": "-", "←": "<-",
     "╮": ".", "╯": "'", "┤": "+", "┬": "+", "┴": "+", "┼": "+", "◂": "<", "↓": "v", "→": ">",
     "…": "~"}
)  # fmt: skip
_NARROWEST, _WIDEST = 60, 120  # columns


def coloured(choice: str, stream: TextIO | None) -> bool:
    """Whether to colour what goes to the stream; choice is auto, always or never."""
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("CLICOLOR_FORCE", "0") != "0":
        return True
    return stream is not None and stream.isatty() and os.environ.get("TERM") != "dumb"


def paint(text: str, style: str, on: bool) -> str:
    return f"{style}{text}{_RESET}" if on and text else text


def drawable(text: str, stream: TextIO | None) -> str:
    """A drawing in signs that the stream takes."""
    try:
        text.encode(getattr(stream, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return text.translate(_ASCII)
    return text


def columns(stream: TextIO | None) -> int:
    """How wide a drawing may be: as the terminal, within reason; 80 where there is none."""
    try:
        found = os.get_terminal_size(stream.fileno()).columns if stream is not None else 80
    except (OSError, ValueError):
        return 80
    return max(_NARROWEST, min(found, _WIDEST))


def say(text: str) -> None:
    """One message on standard error; nowhere when that is closed."""
    if sys.stderr is None:
        return
    try:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()
    except OSError:
        pass  # nobody listens


def note(text: str) -> None:
    say(f"bpfq: note: {text}")


def complain(error: BpfqError, words: list[str]) -> None:
    """Report an error; the words are the command line, which may not have been understood."""
    if "--json" in words:
        import json

        say(json.dumps(error_fields(error)))
        return
    pasteable(error)
    on = coloured(_colour_choice(words), sys.stderr)
    first, *rest = error.render().split("\n")
    say("\n".join([f"{paint('bpfq:', RED, on)} {first}", *(_shaded(line, on) for line in rest)]))


def pasteable(error: BpfqError) -> BpfqError:
    """The error, suggesting no line ends and blanked comments of a filter file."""
    error.suggestions = tuple(
        Suggestion(" ".join(text.split()) if "\n" in text else text, why)
        for text, why in error.suggestions
    )
    return error


def _shaded(line: str, on: bool) -> str:
    if line.strip("^ .") == "":
        return paint(line, RED, on)
    if line.startswith("  try:"):
        return f"  {paint('try:', GREEN, on)}{line.removeprefix('  try:')}"
    return line


def error_fields(error: BpfqError) -> dict[str, object]:
    """An error as ``--json`` prints it; keys are only ever added."""
    spans = () if error.span is None else (error.span, *error.other_spans)
    return {
        "message": error.message,
        "span": None if error.span is None else list(error.span),
        "spans": [list(span) for span in spans],
        "suggestions": [{"text": text, "why": why} for text, why in error.suggestions],
        "exit_code": error.exit_code,
    }


def _colour_choice(words: list[str]) -> str:
    choice = "auto"
    for number, word in enumerate(words):
        if word.startswith("--color="):
            choice = word.removeprefix("--color=")
        elif word == "--color" and number + 1 < len(words):
            choice = words[number + 1]
    return choice if choice in ("always", "never") else "auto"


def standard_output() -> TextIO | None:
    """Where data goes, or None when it is closed; what it cannot encode becomes ?."""
    stream: TextIO | None = sys.stdout  # None when the shell closed it
    if isinstance(stream, TextIOWrapper):
        stream.reconfigure(errors="replace")
    return stream
