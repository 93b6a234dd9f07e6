"""Where in the filter text: spans, carets below them, and did-you-mean."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

_WINDOW = 100  # characters of one line shown around a caret


class Span(NamedTuple):
    """Characters start up to, not including, end of the filter text."""

    start: int
    end: int


class Suggestion(NamedTuple):
    """A text that can be pasted, and why it would be right (may be empty)."""

    text: str
    why: str = ""


def join(first: Span | None, last: Span | None) -> Span | None:
    """The smallest span that covers both."""
    if first is None or last is None:
        return first or last
    return Span(min(first.start, last.start), max(first.end, last.end))


def balanced(text: str, span: Span) -> Span:
    """The span with the parentheses around its first and last operand, which queries leave out."""
    start, end = span
    depth = lowest = 0
    for character in text[start:end]:
        depth += (character == "(") - (character == ")")
        lowest = min(lowest, depth)
    for _ in range(-lowest):
        start = len(text[:start].rstrip()) - 1
    for _ in range(depth - lowest):
        end += len(text[end:]) - len(text[end:].lstrip()) + 1
    whole = Span(max(start, 0), min(end, len(text)))
    added = text[whole.start : span.start] + text[span.end : whole.end]
    return whole if set(added) <= set("() \t\r\n") else span


def blank_comments(text: str) -> str:
    """Spaces for everything from # to the end of its line, so that spans stay right."""
    lines = []
    for line in text.split("\n"):
        kept = line.partition("#")[0]
        lines.append(kept.ljust(len(line)))
    return "\n".join(lines)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that a typing error most likely meant, or None."""
    from difflib import get_close_matches

    close = get_close_matches(word, sorted(known), n=1, cutoff=0.7)
    return close[0] if close else None


def render(
    message: str,
    text: str | None,
    spans: tuple[Span, ...],
    suggestions: tuple[Suggestion, ...] = (),
) -> str:
    """Message, source lines with carets, and one ``try:`` line a suggestion."""
    lines = [message]
    if text is not None and text.strip() and spans:
        lines += _carets(text, spans)
    for number, (replacement, why) in enumerate(suggestions):
        label = "try:" if number == 0 else "    "
        lines.append(f"  {label}  {replacement}" + (f"    {why}" if why else ""))
    return "\n".join(lines)


def _carets(text: str, spans: tuple[Span, ...]) -> list[str]:
    out: list[str] = []
    start = 0
    for line in text.split("\n"):
        end = start + len(line)
        here = [s for s in spans if s.start <= end and s.end >= start and s.start >= start]
        if here:
            out += _caret_line(
                line, [(s.start - start, min(s.end - start, len(line))) for s in here]
            )
        start = end + 1
    return out


def _caret_line(line: str, ranges: list[tuple[int, int]]) -> list[str]:
    left = max(0, min(a for a, _ in ranges) - _WINDOW // 2) if len(line) > _WINDOW else 0
    width = len(line) if len(line) <= _WINDOW else _WINDOW
    shown = "".join(c if c.isprintable() else " " for c in line[left : left + width])
    marks = [" "] * (len(shown) + 1)
    for begin, end in ranges:
        for column in range(max(begin - left, 0), max(end - left, begin - left + 1)):
            if column < len(marks):
                marks[column] = "^"
    more = ("..." if left else "", "..." if left + width < len(line) else "")
    pad = " " * len(more[0])
    return [f"  {more[0]}{shown}{more[1]}".rstrip(), f"  {pad}{''.join(marks).rstrip()}"]
