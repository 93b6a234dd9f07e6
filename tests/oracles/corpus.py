"""The filters of tests/corpus/filters.txt and of bench/filters.txt."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import bpfq
from bpfq.errors import BpfqError

TESTS = Path(__file__).parents[1]
NETMASK = 0xFFFF_FF00
FILES = (TESTS / "corpus" / "filters.txt", TESTS.parent / "bench" / "filters.txt")

_LINE = re.compile(r"(?:(?:savefile=(\w+) )?([A-Z0-9_,]+): )?(.+)")


class Line(NamedTuple):
    """A filter on one link type; savefile: the byte order of the file it reads, or None."""

    link: str
    text: str
    savefile: str | None

    @property
    def options(self) -> dict[str, Any]:
        """Of ``bpfq.compile``, with a netmask."""
        return {"link": self.link, "savefile": self.savefile, "netmask": NETMASK}


@cache
def filters() -> tuple[Line, ...]:
    """Every filter on every link type named for it, in the files' order, without duplicates."""
    return tuple(dict.fromkeys(line for path in FILES for line in lines(path)))


@cache
def visible() -> tuple[Line, ...]:
    """Those of the filters whose words their link types know."""
    return tuple(line for line in filters() if _compiles(line))


def _compiles(line: Line) -> bool:
    try:
        bpfq.compile(line.text, level=0, allow_empty=True, **line.options)
    except BpfqError:
        return False
    return True


def lines(path: Path) -> Iterator[Line]:
    for line in path.read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        assert match, line
        for link in (match[2] or "EN10MB").split(","):
            yield Line(link, match[3], match[1])
