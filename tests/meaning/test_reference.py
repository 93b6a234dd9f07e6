"""The sequential reading against the programs that libpcap at commit f26ae497 makes.

Each case of corpus/reference.jsonl holds an expression and libpcap's unoptimised program for it.
Both run on packets that take every branch of the program, and on every truncation of some.
"""

from __future__ import annotations

import ipaddress
import json
import random
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from bpfq.frontend.pcap.parse import parse
from bpfq.meaning import Meaning, Setting, meaning
from bpfq.query import build

from .directed import Found, Sample, executed, search, truncations

CORPUS = Path(__file__).parents[1] / "corpus" / "reference.jsonl"
CASES = [json.loads(line) for line in CORPUS.read_text().splitlines()]
SAMPLES_TRUNCATED = 8

# Documented deviations: libpcap's program for them reads registers that nothing has set.
DEVIATIONS = {("IEEE802_11_RADIO", "vxlan and tcp[0xab] == 0xcd")}

# libpcap computes where 802.11 headers stand before anything else: these first instructions, with
# and without the length of the 802.11 header itself.  A packet cut off there is rejected, though
# the filter may not need to know; bpfq looks only when it needs to.
PREAMBLES = {
    ("IEEE802_11", True): range(0, 11),
    ("IEEE802_11_RADIO_AVS", False): range(0, 3),
    ("IEEE802_11_RADIO_AVS", True): range(0, 13),
    ("PRISM_HEADER", False): range(0, 8),
    ("PRISM_HEADER", True): range(0, 18),
    ("IEEE802_11_RADIO", True): range(0, 29),
    ("PPI", False): range(2, 9),
    ("PPI", True): range(2, 19),
}
ADD_CONSTANT, SHORTEST_80211_HEADER = 0x04, 24

FILLS: dict[str, Callable[[int], int]] = {
    "zeroes": lambda address: 0,
    "ones": lambda address: 0xFF,
    "mixed": lambda address: address * 167 + 13 & 0xFF,
}


def label(case: dict[str, Any]) -> str:
    return f"{case['dlt']}-{' '.join(case['expr'].split())[:60]}"


def meaning_of(case: dict[str, Any], *, negated: bool = False) -> Meaning:
    netmask = case.get("netmask")
    live = case.get("linux_ext", False)
    setting = Setting(
        link=case["dlt"],
        live=live,
        ancillary=live,
        netmask=None if netmask is None else int(ipaddress.IPv4Address(netmask)),
        savefile=case.get("offline"),
    )
    query = parse(case["expr"])
    return meaning(build.negate(query) if negated else query, setting)


@lru_cache(maxsize=None)
def found_for(program: str, live: bool) -> Found:
    return search(json.loads(program), len(program), live)


def samples_of(case: dict[str, Any]) -> tuple[list[Sample], list[Sample]]:
    """Untruncated and truncated samples."""
    program = case["unoptimised"]
    found = found_for(json.dumps(program), case.get("linux_ext", False))
    chance = random.Random(len(program))
    some = found.new[-2:] + chance.sample(found.new, min(len(found.new), SAMPLES_TRUNCATED - 2))
    cut = [short for sample in some for short in truncations(program, sample)]
    return found.samples, cut


def cut_in_preamble(case: dict[str, Any], failed_at: int | None) -> bool:
    header = any(
        code == ADD_CONSTANT and k == SHORTEST_80211_HEADER for code, _, _, k in case["unoptimised"]
    )
    return failed_at in PREAMBLES.get((case["dlt"], header), ())


def untaken(case: dict[str, Any]) -> set[tuple[int, bool]]:
    """Branches of the program that no sample takes, though its jump looks at the packet."""
    program = case["unoptimised"]
    found = found_for(json.dumps(program), case.get("linux_ext", False))
    jumps = {pc for pc, (code, *_) in enumerate(program) if code & 7 == 5 and code & 0xF0}
    both = {(pc, taken) for pc in jumps - found.settled for taken in (False, True)}
    return both - found.branches


COMPARED = [case for case in CASES if (case["dlt"], case["expr"]) not in DEVIATIONS]


# A control frame has not the bit that the first jump asks for; the registers are never set.
UNREACHABLE = {("IEEE802_11", "wlan ta 12:34:56:78:9a:bc"), *DEVIATIONS}


@pytest.mark.parametrize(
    "case", [c for c in CASES if (c["dlt"], c["expr"]) not in UNREACHABLE], ids=label
)
def test_the_samples_take_every_branch_of_the_program(case: dict[str, Any]) -> None:
    assert untaken(case) == set()


@pytest.mark.parametrize("case", COMPARED, ids=label)
def test_untruncated_packets_get_the_reference_verdict(case: dict[str, Any]) -> None:
    filter_meaning = meaning_of(case)
    whole, _ = samples_of(case)
    ours = [accepts(filter_meaning, sample) for sample in whole]
    assert ours == [executed(case["unoptimised"], sample).verdict > 0 for sample in whole]


@pytest.mark.parametrize("case", COMPARED, ids=label)
def test_truncated_packets_get_the_reference_verdict(case: dict[str, Any]) -> None:
    filter_meaning = meaning_of(case)
    _, cut = samples_of(case)
    runs = [(sample, executed(case["unoptimised"], sample)) for sample in cut]
    compared = [(s, run) for s, run in runs if not cut_in_preamble(case, run.failed_at)]
    ours = [accepts(filter_meaning, sample) for sample, _ in compared]
    assert ours == [run.verdict > 0 for _, run in compared]


@pytest.mark.parametrize("case", [c for c in COMPARED if c["dlt"] != "PPI"], ids=label)
def test_negation_rejects_only_matches_and_packets_cut_where_the_reference_reads(
    case: dict[str, Any],
) -> None:
    """Below ``not`` the order of the tests shows: it decides which load fails first.

    PPI is left out: the test for its header stands outside of the negation.
    """
    negated = meaning_of(case, negated=True)
    whole, cut = samples_of(case)
    runs = [(sample, executed(case["unoptimised"], sample)) for sample in whole + cut]
    compared = [(s, run) for s, run in runs if not cut_in_preamble(case, run.failed_at)]
    ours = [accepts(negated, sample) for sample, _ in compared]
    assert ours == [run.failed_at is None and run.verdict == 0 for _, run in compared]


@pytest.mark.parametrize("case", CASES, ids=label)
def test_what_is_accepted_is_accepted_whatever_was_cut_off(case: dict[str, Any]) -> None:
    filter_meaning = meaning_of(case)
    whole, cut = samples_of(case)
    accepted = [sample for sample in whole + cut if accepts(filter_meaning, sample)]
    for fill in FILLS.values():
        assert all(accepts(filter_meaning, sample, fill) for sample in accepted)


@pytest.mark.parametrize("case", COMPARED, ids=label)
def test_both_readings_agree_where_nothing_is_cut_off(case: dict[str, Any]) -> None:
    filter_meaning = meaning_of(case)
    whole, _ = samples_of(case)
    complete = [s for s in whole if executed(case["unoptimised"], s).failed_at is None]
    ours = [accepts(filter_meaning, sample) for sample in complete]
    for fill in FILLS.values():
        assert [accepts(filter_meaning, sample, fill) for sample in complete] == ours


def accepts(
    filter_meaning: Meaning, sample: Sample, fill: Callable[[int], int] | None = None
) -> bool:
    return filter_meaning.accepts(
        sample.packet,
        reading="sequential" if fill is None else "total",
        wire_length=sample.length,
        metadata=sample.metadata,
        fill=fill or (lambda address: 0),
    )

