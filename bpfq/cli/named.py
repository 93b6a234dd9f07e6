"""Filters with names: ``dns='udp port 53' ntp='udp port 123'``.

A word is a filter with its name when it begins with a name and an equals sign; ``len=60`` is an
expression all the same.
"""

from __future__ import annotations

import re
from argparse import Namespace
from typing import Final

from bpfq.cli.request import filter_text
from bpfq.errors import BpfqError

_NAMED: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(?!=)(.*)", re.DOTALL)
_LENGTH: Final = "len"  # the only word of the language that a comparison may begin with


def is_named(word: str) -> bool:
    """Whether the word is a filter with its name."""
    found = _NAMED.fullmatch(word)
    return found is not None and found[1] != _LENGTH


def named_filters(options: Namespace, default: str) -> tuple[tuple[str, str], ...]:
    """Names with their filter texts; one expression without a name is given the default.

    The filters come as words NAME=EXPRESSION, or with -e.  Raises BpfqError for a mixture and for
    a name that comes twice.
    """
    if options.program is not None:
        return ((default, filter_text(options)),)
    found = [_NAMED.fullmatch(word) for word in options.words]
    pairs = [(each[1], each[2]) for each in found if each is not None and each[1] != _LENGTH]
    if pairs and len(pairs) == len(options.words) and not options.file:
        rows = [*map(_pair, options.expressions), *pairs]
    elif options.expressions:
        if options.words or options.file:
            raise BpfqError("an expression and -e: give the others a name, too, as in NAME=EXPR")
        rows = [*map(_pair, options.expressions)]
    else:
        rows = [(default, filter_text(options))]
    names = [name for name, _ in rows]
    for name in names:
        if names.count(name) > 1:
            raise BpfqError(f"two filters are called {name!r}")
    return tuple(rows)


def _pair(word: str) -> tuple[str, str]:
    found = _NAMED.fullmatch(word)
    if found is None:
        raise BpfqError(f"-e takes NAME=EXPRESSION, not {word!r}")
    return found[1], found[2]
