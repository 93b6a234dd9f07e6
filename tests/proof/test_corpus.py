"""Every program of the corpora is proved to say what its filter means."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from typing import Any

import pytest
from oracles.corpus import FILES, TESTS, Line, filters

import bpfq
from bpfq.errors import BpfqError
from bpfq.settings import DEFAULT_LEVEL, LEVELS

FULL = os.environ.get("BPFQ_FULL_SWEEP") == "1"
NETMASK = 0xFFFF_FF00
REFUSED = 16  # words that some link types of the corpus do not know
OPTIONS: dict[str, dict[str, Any]] = {
    "strict": {"strict": True},
    "strict as written": {"strict": True, "level": 0},
    "tcp6": {"tcp6": True},
    "below tags and tunnels": {"through": ("vlan", "qinq", "mpls", "pppoe")},
    "below vxlan and gre": {"through": ("vxlan", "gre")},
    "short chains": {"protochain": 2},
    "swapped file": {"savefile": "swapped"},
    "packet": {"target": "packet"},
    "strict packet": {"target": "packet", "strict": True},
    "packet-cooked": {"target": "packet-cooked"},
    "tc": {"target": "tc"},
    "xt_bpf 4": {"target": "xt_bpf", "family": 4},
    "xt_bpf 6": {"target": "xt_bpf", "family": 6},
    "raw4": {"target": "raw4"},
    "raw6": {"target": "raw6"},
    "udp 4": {"target": "udp", "family": 4},
    "udp": {"target": "udp"},
}


def unproved(text: str, **options: Any) -> Iterator[str]:
    """The program where its proof does not succeed; raises what compiling raises."""
    program = bpfq.compile(text, allow_empty=True, **options)
    verdict = program.prove().verdict
    if verdict != "proved":
        yield f"{verdict}: {' '.join(text.split())} {options}"


def _of_corpus(lines: tuple[Line, ...], level: int) -> tuple[list[str], int]:
    """What is not proved, and how many filters the link type refuses."""
    found: list[str] = []
    refused = 0
    for line in lines:
        options = {"link": line.link, "savefile": line.savefile, "netmask": NETMASK}
        try:
            found += unproved(line.text, level=level, **options)
        except BpfqError:
            refused += 1
    return found, refused


@pytest.mark.parametrize("level", LEVELS)
def test_every_filter_of_the_corpus_is_proved(level: int) -> None:
    lines = filters() if FULL or level <= DEFAULT_LEVEL else filters()[::5]
    found, refused = _of_corpus(lines, level)
    assert found == []
    assert refused <= REFUSED


def _reference() -> list[dict[str, Any]]:
    lines = (TESTS / "corpus" / "reference.jsonl").read_text().splitlines()
    return [case for case in map(json.loads, lines) if case["kind"] == "accept"]


@pytest.mark.parametrize("level", LEVELS)
def test_every_filter_of_the_reference_s_tests_is_proved(level: int) -> None:
    found: list[str] = []
    refused: list[str] = []
    for case in _reference():
        options = {
            "link": case["dlt"], "savefile": case.get("offline"), "netmask": case.get("netmask"),
            "target": "packet" if case.get("linux_ext") else "file", "level": level,
        }  # fmt: skip
        try:
            found += unproved(case["expr"], **options)
        except BpfqError as error:
            refused.append(f"{case['dlt']}: {case['expr']}: {error}")
    assert found == []
    assert refused == []


def _in_daily_use() -> list[str]:
    lines = FILES[1].read_text().splitlines()
    return [
        line for line in lines if line and "#" not in line and not re.match("[A-Z0-9_]+: ", line)
    ]


def _daily(name: str) -> list[str]:
    """The Ethernet filters in daily use; those below tunnels make large programs, so some only."""
    lines = _in_daily_use()
    return lines[:: 1 if FULL or "through" not in OPTIONS[name] else 12]


@pytest.mark.parametrize("name", OPTIONS)
def test_the_filters_in_daily_use_are_proved_with_every_option(name: str) -> None:
    found: list[str] = []
    proved = 0
    for text in _daily(name):
        try:
            found += unproved(text, netmask=NETMASK, **OPTIONS[name])
            proved += 1
        except BpfqError:  # what the target cannot see, or does not fit it
            continue
    assert found == []
    assert proved > 12
