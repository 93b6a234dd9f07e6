"""Every filter of the bench keeps its exact size: a change that makes one longer has to say why.

    pytest tests/test_size_budget.py --update-golden

writes size_budget.txt anew; the difference belongs into the commit that makes it.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from oracles.corpus import FILES, Line, lines

import bpfq

GOLDEN = Path(__file__).with_name("size_budget.txt")
BEST = FILES[1].with_name("best.txt")
HEAD = """\
# Instructions at the default level of every filter in bench/filters.txt and bench/best.txt.
# Written by: pytest tests/test_size_budget.py --update-golden
"""
NETMASK = 0xFFFF_FF00
COUNTED = re.compile(r"(\d+) +(.+)")


def best() -> dict[str, int]:
    """The filters of bench/best.txt with the best count known."""
    found = map(COUNTED.fullmatch, BEST.read_text().splitlines())
    return {match[2]: int(match[1]) for match in found if match}


def name(line: Line) -> str:
    return line.text if line.link == "EN10MB" else f"{line.link}: {line.text}"


@pytest.fixture(scope="module")
def counts() -> dict[str, int]:
    """The filters of both files with what they compile to, in the files' order."""
    every = [*lines(FILES[1]), *(Line("EN10MB", text, None) for text in best())]
    return {
        name(line): len(bpfq.compile(line.text, link=line.link, netmask=NETMASK, allow_empty=True))
        for line in every
    }


def golden() -> dict[str, int]:
    found = map(COUNTED.fullmatch, GOLDEN.read_text().splitlines())
    return {match[2]: int(match[1]) for match in found if match}


def changes(old: dict[str, int], new: dict[str, int]) -> list[str]:
    """Filter, old and new count of all that differ; "none" where one file lacks the filter."""
    return [
        f"{filter_text}: {old.get(filter_text, 'none')} -> {new.get(filter_text, 'none')}"
        for filter_text in dict.fromkeys([*old, *new])
        if old.get(filter_text) != new.get(filter_text)
    ]


def test_every_filter_has_the_size_that_is_written_down(
    counts: dict[str, int], request: pytest.FixtureRequest
) -> None:
    if request.config.getoption("update_golden"):
        rows = (f"{count:<3} {filter_text}\n" for filter_text, count in counts.items())
        GOLDEN.write_text(HEAD + "".join(rows))
    found = changes(golden(), counts)
    assert not found, "\n".join(["", *found])


def test_a_change_is_told_with_filter_old_and_new_count() -> None:
    assert changes({"ip": 4, "arp": 4}, {"ip": 5, "udp": 9}) == [
        "ip: 4 -> 5",
        "arp: 4 -> none",
        "udp: none -> 9",
    ]
