"""The command behind an output, quoted for the comment that stands in it.

bpfq export c 'udp dst port 68'                       as a shell takes it
bpfq export go "udp dst port 68"                      as go generate does
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from bpfq.export.job import Job, Part

_FROM_PYTHON = "made in Python, with options that the command line does not have"


def heading(job: Job, mark: str) -> str:
    """A line of a comment: where the output comes from.  mark: what begins a comment."""
    return f"{mark} {f'made by: {shell_line(job.command)}' if job.command else _FROM_PYTHON}"


def about(part: Part, mark: str) -> tuple[str, str]:
    """Two lines of a comment: the filter, and where it runs."""
    return f"{mark} {printable(part.summary)}", f"{mark} {part.place}"


def shell_line(words: Sequence[str]) -> str:
    """The words for a shell, on one line; bash, zsh and ksh read $'...', which odd words need."""
    return " ".join(
        shlex.quote(word) if word.isprintable() else f"$'{''.join(_escaped(word, chr(39)))}'"
        for word in words
    )


def go_line(words: Sequence[str]) -> str:
    """The words as go generate splits them: a Go string where there are blanks; $ is $DOLLAR."""
    return " ".join(map(_go_word, words))


def _go_word(word: str) -> str:
    plain = word and word.isprintable() and not set(word) & set(' "\\')
    quoted = word if plain else f'"{"".join(_escaped(word, chr(34)))}"'
    return quoted.replace("$", "${DOLLAR}")


def printable(text: str) -> str:
    """The text without signs that turn around, or end, what stands before or behind them."""
    return "".join(each if each.isprintable() else "?" for each in text)


def _escaped(word: str, quote: str) -> Iterator[str]:
    """The characters of a word inside quotes, in escapes that shells and Go share."""
    for each in word:
        if each in ("\\", quote):
            yield f"\\{each}"
        elif each.isprintable():
            yield each
        else:
            for octet in each.encode("utf-8", "surrogateescape"):
                yield f"\\x{octet:02x}"
