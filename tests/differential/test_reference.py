"""The reference's own programs (libpcap at commit f26ae497) against bpfq's, packet by packet.

corpus/reference.jsonl holds accepted expressions with the reference's unoptimised program,
corpus/rejected.jsonl refused ones with the reference's reason.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from oracles.directed import Sample, bases, search, truncations

import bpfq
from bpfq.errors import BpfqError
from bpfq.isa.cbpf.instructions import SockFilter
from bpfq.isa.cbpf.vm import run
from bpfq.program.classic import Program

from .verdicts import MOST_TRACES, MOST_TRUNCATIONS, SAMPLES_TRUNCATED

CORPUS = Path(__file__).parents[1] / "corpus"
JUMP_X = {0x1D, 0x2D, 0x3D, 0x4D}  # jumps that compare two registers
LIVE_METADATA = (
    {"vlanp": 0, "vlan_tci": 0},
    {"vlanp": 1, "vlan_tci": 10},
    {"vlanp": 1, "vlan_tci": 0xA000},
)
REJECTS_ALL = "expression rejects all packets"


def _read(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (CORPUS / name).read_text().splitlines()]


ACCEPTED, REJECTED = _read("reference.jsonl"), _read("rejected.jsonl")

# The reference's program for it reads registers that nothing has set.
MISCOMPILED = {("IEEE802_11_RADIO", "vxlan and tcp[0xab] == 0xcd")}

# Without arithmetic, level 0 is the reference's program to the letter, but for:
RESHAPED = {
    # what the link type decides is decided without a program
    *[
        ("IPV4", text)
        for text in (
            r"link proto \ip", "not ip6 and not ip6", "ip and not ip6", "not ip6 or ip6",
            "not ip6 or not ip", "ip6 or not ip6", "not ip or not ip6", "not ip6 or ip",
            "not ip6 or not ip6", "not ip6 or igmp", "igmp or not ip6", "not ip and ip6",
            "not ip and not ip", "not ip and ip", "not ip and not ip6", "ip and not ip",
            "not ip6 and not ip", "not ip and igmp", "igmp and not ip", "not ip or not ip",
            "ip6 or not ip",
        )
    ],
    ("LTALK", r"link proto \ip"),
    ("FRELAY", r"link proto \stp"),
    ("RAW", "rarp host 1.2.3.4"),
    ("ATM_RFC1483", "llc"),
    # the place of the 802.11 header is computed where it is needed
    *[
        (link, text)
        for link in ("IEEE802_11_RADIO_AVS", "PRISM_HEADER", "PPI")
        for text in ("llc", "wlan type data")
    ],
    # so is the place of the header behind a tag or a tunnel
    ("EN10MB", "vlan"),
    ("EN10MB", "vlan 10"),
    ("EN10MB", "vxlan 12345"),
}  # fmt: skip


def label(case: dict[str, Any]) -> str:
    return f"{case['dlt']}-{' '.join(case['expr'].split())[:60]}"


def options(case: dict[str, Any]) -> dict[str, Any]:
    return {
        "link": case["dlt"],
        "target": "packet" if case.get("linux_ext") else "file",
        "snaplen": case.get("snaplen", 262144),
        "netmask": case.get("netmask"),
        "savefile": case.get("offline"),
    }


class Prepared(NamedTuple):
    case: dict[str, Any]
    reference: tuple[SockFilter, ...]
    programs: dict[str, Program]
    whole: list[tuple[Sample, dict[str, int] | None]]
    short: list[tuple[Sample, dict[str, int] | None]]


@pytest.fixture(scope="module", params=ACCEPTED, ids=label)
def prepared(request: pytest.FixtureRequest) -> Iterator[Prepared]:
    case: dict[str, Any] = request.param
    reference = tuple(SockFilter(*row) for row in case["unoptimised"])
    programs = {
        f"level {level}{' strict' * strict}": bpfq.compile(
            case["expr"], level=level, strict=strict, allow_empty=True, **options(case)
        )
        for level in (0, 1, 2)
        for strict in (False, True)
    }
    whole, short = _samples(case, [reference, programs["level 1"].words])
    yield Prepared(case, reference, programs, whole, short)


def _samples(case: dict[str, Any], searched: list[tuple[SockFilter, ...]]) -> Any:
    whole, short = [], []
    start = bases(ACCEPTED.index(case))
    for metadata in LIVE_METADATA if case.get("linux_ext") else (None,):
        for words in searched:
            found = search(words, start, MOST_TRACES, metadata)
            whole += [(sample, metadata) for sample in found.samples]
            step = max(len(found.new) // SAMPLES_TRUNCATED, 1)
            for sample in found.new[::-step][:SAMPLES_TRUNCATED]:
                short += [(cut, metadata) for cut in truncations(words, sample, metadata)]
    step = max(len(short) // MOST_TRUNCATIONS, 1)
    return whole, short[::step]


def _accepts(
    words: tuple[SockFilter, ...], sample: Sample, metadata: dict[str, int] | None
) -> bool:
    return run(words, sample.packet, wire_length=sample.length, metadata=metadata) > 0


def _differing(prepared: Prepared, name: str, samples: Any, least: bool) -> list[str]:
    """Where a program's verdict is another; least: where it rejects what the reference accepts."""
    words = prepared.programs[name].words
    lines = []
    for sample, metadata in samples:
        theirs = _accepts(prepared.reference, sample, metadata)
        if least and not theirs:
            continue
        if _accepts(words, sample, metadata) != theirs:
            lines.append(f"{sample.packet.hex()} of {sample.length} {metadata}: {theirs}")
    return lines


def miscompiled(case: dict[str, Any]) -> bool:
    return (case["dlt"], case["expr"]) in MISCOMPILED


@pytest.mark.parametrize("name", ["level 0", "level 1", "level 2"])
def test_whole_packets_get_the_reference_verdict(prepared: Prepared, name: str) -> None:
    if not miscompiled(prepared.case):
        assert _differing(prepared, name, prepared.whole, least=False) == []


@pytest.mark.parametrize("name", ["level 0", "level 1", "level 2"])
def test_cut_packets_that_the_reference_accepts_are_accepted(
    prepared: Prepared, name: str
) -> None:
    if not miscompiled(prepared.case):
        assert _differing(prepared, name, prepared.short, least=True) == []


@pytest.mark.parametrize("name", ["level 0 strict", "level 1 strict", "level 2 strict"])
def test_strict_programs_give_cut_packets_the_reference_verdict(
    prepared: Prepared, name: str
) -> None:
    case = prepared.case
    if "802_11" in case["dlt"] or case["dlt"] in ("PRISM_HEADER", "PPI"):
        return  # libpcap computes where the 802.11 header is before it knows whether to look
    assert _differing(prepared, name, prepared.short, least=False) == []


@pytest.mark.parametrize("name", ["level 0 strict", "level 1 strict", "level 2 strict"])
def test_strict_programs_give_whole_packets_the_reference_verdict(
    prepared: Prepared, name: str
) -> None:
    if not miscompiled(prepared.case):
        assert _differing(prepared, name, prepared.whole, least=False) == []


def test_the_generated_function_gives_the_reference_verdict(prepared: Prepared) -> None:
    if miscompiled(prepared.case):
        return
    program = prepared.programs["level 1"]
    for sample, metadata in prepared.whole:
        matched = program.matches(sample.packet, wire_length=sample.length, metadata=metadata)
        assert matched == _accepts(prepared.reference, sample, metadata), sample.packet.hex()


def has_arithmetic(case: dict[str, Any]) -> bool:
    return any(code in JUMP_X for code, *_ in case["unoptimised"])


def test_level_0_without_arithmetic_is_the_reference_program(prepared: Prepared) -> None:
    case = prepared.case
    same = prepared.programs["level 0"].words == prepared.reference
    reshaped = (case["dlt"], case["expr"]) in RESHAPED
    assert same == (not has_arithmetic(case) and not reshaped)


def test_level_1_is_no_longer_than_the_reference_optimised(prepared: Prepared) -> None:
    limit = prepared.case["optimised_length"]
    assert limit is None or len(prepared.programs["level 1"]) <= limit


@pytest.mark.parametrize("case", REJECTED, ids=label)
def test_what_the_reference_refuses_is_refused(case: dict[str, Any]) -> None:
    empty = case["reason"] != REJECTS_ALL  # that one only compiles where it is asked for
    with pytest.raises(BpfqError) as refused:
        bpfq.compile(case["expr"], allow_empty=empty, **options(case))
    assert str(refused.value)
