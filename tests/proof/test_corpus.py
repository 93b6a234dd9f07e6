"""Every program of the corpora is proved to say what its filter means.

At levels and for objectives that are not the default a fixed sample; all of them by

    BPFQ_FULL_SWEEP=1 pytest tests/proof/test_corpus.py
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from oracles.corpus import FILES, NETMASK, TESTS, Line, filters, visible
from oracles.sweep import sampled

import bpfq
from bpfq.errors import BpfqError
from bpfq.settings import DEFAULT_LEVEL, LEVELS, OBJECTIVES, SEARCHING

REFUSED = 16  # words that some link types of the corpus do not know
PARTS = 8  # of the corpus, one test each
SEARCHED = 1000  # candidates that level 3 tries
SAMPLED = {0: 4, 1: 4, SEARCHING: 60}  # of how many filters one is proved at other levels
EVERY = {0: 24, 1: 24, 2: 8}  # filters for each objective, by level; where they differ, more
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
    program = bpfq.compile(text, allow_empty=True, search_budget=SEARCHED, **options)
    verdict = program.prove().verdict
    if verdict != "proved":
        yield f"{verdict}: {' '.join(text.split())} {options}"


def test_few_filters_of_the_corpus_are_refused() -> None:
    assert len(filters()) - len(visible()) <= REFUSED


def _unproved_of(lines: Sequence[Line], **options: Any) -> list[str]:
    return [said for line in lines for said in unproved(line.text, **options, **line.options)]


@pytest.mark.parametrize("part", range(PARTS))
def test_every_filter_of_the_corpus_is_proved(part: int) -> None:
    assert _unproved_of(visible()[part::PARTS]) == []


@pytest.mark.parametrize("level", SAMPLED)
def test_filters_of_the_corpus_are_proved_at_other_levels(level: int) -> None:
    assert _unproved_of(sampled(visible(), every=SAMPLED[level], first=level), level=level) == []


@pytest.mark.parametrize("objective", OBJECTIVES[1:])
@pytest.mark.parametrize("level", EVERY)
def test_filters_of_the_corpus_are_proved_for_other_objectives(level: int, objective: str) -> None:
    first = OBJECTIVES.index(objective)
    lines = sampled(visible(), every=EVERY[level], first=first)
    assert _unproved_of(lines, level=level, optimise_for=objective) == []


def _reference() -> list[dict[str, Any]]:
    lines = (TESTS / "corpus" / "reference.jsonl").read_text().splitlines()
    return [case for case in map(json.loads, lines) if case["kind"] == "accept"]


@pytest.mark.parametrize("level", LEVELS[:SEARCHING])
def test_filters_of_the_reference_s_tests_are_proved(level: int) -> None:
    found: list[str] = []
    refused: list[str] = []
    cases = _reference()
    for case in cases if level == DEFAULT_LEVEL else sampled(cases, every=4, first=level):
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


ASKED_OF_Z3 = [  # the sum of two fields stands for one of them
    "tcp port 80 and (((ip[2:2] - ((ip[0]&0xf)<<2)) - ((tcp[12]&0xf0)>>2)) != 0)",
]


def test_filters_in_daily_use_are_proved_without_z3() -> None:
    proofs = {
        text: bpfq.compile(text, netmask=NETMASK, allow_empty=True).prove()
        for text in _in_daily_use()
    }
    assert [text for text, proof in proofs.items() if proof.solved] == ASKED_OF_Z3


def _daily(name: str) -> Sequence[str]:
    """The Ethernet filters in daily use; those below tunnels make large programs, so some only."""
    lines = _in_daily_use()
    return sampled(lines, every=12) if "through" in OPTIONS[name] else lines


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
