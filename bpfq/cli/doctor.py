"""``bpfq doctor [NAME ...]``: what works on this machine, and what would help where it does not."""

from __future__ import annotations

from argparse import Namespace
from typing import Final

from bpfq.cli.terminal import DIM, GREEN, RED, coloured, drawable, paint, standard_output
from bpfq.errors import BpfqError
from bpfq.kernel.features import Feature, features
from bpfq.source import Suggestion, nearest

_ALWAYS: Final = "classic"  # what every use of bpfq on live packets needs
_REFUSED: Final = 4  # exit code when something asked for does not work
_SIGNS: Final = {True: ("✓", GREEN), False: ("✗", RED), None: ("·", DIM)}


def run(options: Namespace) -> int:
    found = features()
    asked = _known(options.words, found) or [_ALWAYS]
    shown = tuple(row for row in found if not options.words or row.name in asked)
    if options.json:
        import json

        print(json.dumps({"features": [row._asdict() for row in shown]}))
    else:
        _print(shown, options.color)
    return _REFUSED if any(row.ok is False and row.name in asked for row in shown) else 0


def _known(words: list[str], found: tuple[Feature, ...]) -> list[str]:
    """The names asked for; raises BpfqError for one that there is not."""
    names = [row.name for row in found]
    for word in words:
        if word not in names:
            close = nearest(word, names)
            raise BpfqError(
                f"nothing to check is called {word!r}; there are {', '.join(names)}",
                suggestions=(Suggestion(f"bpfq doctor {close}"),) if close else (),
            )
    return words


def _print(rows: tuple[Feature, ...], colour: str) -> None:
    stream = standard_output()
    on = coloured(colour, stream)
    width = max(len(row.name) for row in rows)
    for row in rows:
        sign, style = _SIGNS[row.ok]
        print(f"{paint(drawable(sign, stream), style, on)} {row.name:{width}}  {row.value}")
        indent = " " * (width + 4)
        if row.reason:
            print(f"{indent}{paint(row.reason, DIM, on)}")
        if row.help:
            print(f"{indent}{paint('try:', GREEN, on)} {row.help}")
