"""The filters that the figures are measured on.

filters.txt    everyday filters in groups: "# -- name" begins a group, "LINKTYPE: " a filter
               that is not for Ethernet
best.txt       filters with the smallest program known: the count, blanks, the filter
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import bpfq

NETMASK = 0xFFFF_FF00

_GROUP = re.compile(r"# -- (.+)")
_FILTER = re.compile(r"(?:([A-Z0-9_]+): )?([^#].*)")
_BEST = re.compile(r"(\d+) +(.+)")


class Filter(NamedTuple):
    link: str
    text: str


Compile: TypeAlias = Callable[[Filter], bpfq.Program]


class Best(NamedTuple):
    text: str
    instructions: int


def groups() -> dict[str, list[Filter]]:
    """The filters of each group, in the file's order."""
    found: dict[str, list[Filter]] = {}
    for line in _lines("filters.txt"):
        if title := _GROUP.fullmatch(line):
            found[title[1]] = group = []
        elif match := _FILTER.fullmatch(line):
            group.append(Filter(match[1] or "EN10MB", match[2]))
    return found


def filters() -> list[Filter]:
    """Every filter with its link type, in the file's order."""
    return [one for group in groups().values() for one in group]


def best() -> list[Best]:
    """Ethernet filters with the count of their smallest known program, in the file's order."""
    found = map(_BEST.fullmatch, _lines("best.txt"))
    return [Best(match[2], int(match[1])) for match in found if match]


def compiler(**options: Any) -> Compile:
    """bpfq.compile with these options."""
    return lambda one: bpfq.compile(
        one.text, link=one.link, netmask=NETMASK, allow_empty=True, **options
    )


def _lines(name: str) -> list[str]:
    return Path(__file__).with_name(name).read_text().splitlines()
