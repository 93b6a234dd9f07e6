"""The exceptions that bpfq raises for a user's mistake or a refused request.

Every message is one line, lower case, without a full stop: what is wrong, where, and what would
be right.  ``exit_code`` is what the command line returns for the class.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

from bpfq.source import Span, Suggestion, render


class BpfqError(Exception):
    """A filter, a target or the system refused.

    ``span`` is the offending part of the filter text as (start, end) character offsets, or None;
    ``other_spans`` are further parts that share the blame; ``text`` is the filter text the spans
    refer to; ``suggestions`` are texts that can be pasted instead.
    """

    exit_code: ClassVar[int] = 2

    def __init__(
        self,
        message: str,
        *,
        span: Span | None = None,
        text: str | None = None,
        other_spans: tuple[Span, ...] = (),
        suggestions: tuple[Suggestion, ...] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.span = span
        self.text = text
        self.other_spans = other_spans
        self.suggestions = suggestions

    def render(self) -> str:
        """The message, the filter text with carets below the spans, and the suggestions."""
        spans = () if self.span is None else (self.span, *self.other_spans)
        return render(self.message, self.text, spans, self.suggestions)

    def __str__(self) -> str:
        return self.message


class FilterError(BpfqError):
    """The filter is wrong: syntax, values, or it can match nothing."""

    exit_code = 2


class UnsupportedError(BpfqError):
    """The filter is right but this target or link type cannot see what it asks for."""

    exit_code = 3


class LimitError(BpfqError):
    """The filter is right but larger than a limit of the target or of the compiler."""

    exit_code = 3


class LoadError(BpfqError):
    """The system refused: ``errno`` is its error number, or None where there is none."""

    exit_code = 4

    def __init__(
        self, message: str, *, errno: int | None = None, suggestions: tuple[Suggestion, ...] = ()
    ) -> None:
        super().__init__(message, suggestions=suggestions)
        self.errno = errno


class ObjectError(BpfqError):
    """An object file or its types cannot be read, or cannot hold what they are asked to."""

    exit_code = 2


class UndecidedError(BpfqError):
    """The proof engine's budget was spent before there was an answer."""

    exit_code = 5


class RefutedError(BpfqError):
    """A program does not do what its filter says; the message has a packet that shows it."""

    exit_code = 1


@contextmanager
def quoting(filter: object) -> Iterator[None]:
    """Errors raised inside quote the filter, where it is a text and they have no other one."""
    try:
        yield
    except BpfqError as error:
        if error.text is None and isinstance(filter, str):
            error.text = filter
        raise


@contextmanager
def naming(name: str, filter: object) -> Iterator[None]:
    """Errors raised inside say which of several filters is wrong, unless its name is its text."""
    try:
        yield
    except BpfqError as error:
        if name != filter:
            error.message = f"filter {name!r}: {error.message}"
        raise


class EncodingError(ValueError):
    """A number does not fit the instruction field it was meant for; a fault in the caller."""
