"""Every filter of the corpus: libpcap, the kernel, the meaning and both levels, packet by packet.

Packets are found by patching until the programs take every branch; some are cut at every byte.
The environment variable BPFQ_FULL_SWEEP=1 asks for more packets of each program, every packet in
every machine, and each primitive on each link type.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from oracles import libpcap
from oracles.corpus import filters
from oracles.directed import Sample
from oracles.kernel import Refused as KernelRefused
from oracles.libpcap import Interpreter, Refused
from oracles.sweep import FULL

from bpfq.errors import BpfqError
from bpfq.isa.cbpf.instructions import SockFilter
from bpfq.program.classic import Program

from .known import KNOWN, Known, known
from .verdicts import (
    NETMASK,
    Case,
    Samples,
    contract_broken,
    kernel_broken,
    machines_broken,
    meaning_of,
    program_of,
    readings_broken,
    samples_for,
    sequential,
)

REFERENCE_VERSION = "1.10.3"  # whose differences known.py lists


def _corpus() -> list[Case]:
    cases = [Case(line.text, line.link, line.savefile) for line in filters()]
    return list(dict.fromkeys(cases + _matrix())) if FULL else cases


def _matrix() -> list[Case]:
    """Each primitive on each link type that has it."""
    path = Path(__file__).parents[1] / "corpus" / "acceptance.json"
    matrix = json.loads(path.read_text())
    primitives = matrix["primitives"]
    return [
        Case(primitives[at], row["name"] or str(row["dlt"]))
        for row in matrix["rows"]
        for at in row["accepts"]
    ]


CASES = _corpus()


class Prepared(NamedTuple):
    """A filter's programs and packets; libpcap: None where it refuses; programs: likewise."""

    case: Case
    libpcap: tuple[SockFilter, ...] | None
    programs: dict[str, Program] | None
    samples: Samples


def _libpcap_program(case: Case) -> tuple[SockFilter, ...] | None:
    try:
        return libpcap.compiled(
            case.text, case.number, optimise=False, netmask=NETMASK, savefile=case.savefile
        )
    except Refused:
        return None


def _programs(case: Case) -> dict[str, Program] | None:
    try:
        return {
            f"level {level}{' strict' * strict}": program_of(case, level, strict)
            for level in (0, 1, 2)
            for strict in (False, True)
        }
    except BpfqError:
        return None


@pytest.fixture(scope="module", params=CASES, ids=lambda case: case.label)
def prepared(request: pytest.FixtureRequest) -> Iterator[Prepared]:
    case: Case = request.param
    try:
        theirs = _libpcap_program(case)
    except OSError:
        pytest.skip("needs libpcap: install libpcap0.8")
    ours = _programs(case)
    searched = [] if theirs is None else [theirs]
    searched += [] if ours is None else [ours["level 1"].words, ours["level 0"].words]
    samples, _ = samples_for(searched, CASES.index(case))
    yield Prepared(case, theirs, ours, samples)


def test_the_corpus_is_large() -> None:
    texts = {case.text for case in CASES}
    links = {case.link for case in CASES}
    assert len(texts) >= 300 and len(links) >= 25


@pytest.mark.parametrize("row", KNOWN, ids=lambda row: f"{row.links}-{row.filters}-{row.what}")
def test_every_known_difference_is_of_some_filter_in_the_corpus(row: Known) -> None:
    cases = CASES if FULL else CASES + _matrix()
    assert any(known(case.link, case.text, row.what) is row for case in cases)


@pytest.mark.oracle
def test_both_refuse_or_both_compile(prepared: Prepared) -> None:
    case = prepared.case
    if prepared.libpcap is None and prepared.programs is not None:
        assert known(case.link, case.text, "refused")
    if prepared.programs is None and prepared.libpcap is not None:
        assert known(case.link, case.text, "accepted")


@pytest.mark.oracle
def test_programs_stay_between_the_readings_and_strict_ones_equal_the_first(
    prepared: Prepared,
) -> None:
    if prepared.programs is not None:
        assert contract_broken(prepared.case, prepared.programs, prepared.samples) == []


@pytest.mark.oracle
def test_what_the_sequential_reading_accepts_the_total_one_does(prepared: Prepared) -> None:
    if prepared.programs is not None:
        assert readings_broken(prepared.case, prepared.samples) == []


@pytest.mark.oracle
def test_interpreter_and_generated_function_agree_with_libpcaps_interpreter(
    prepared: Prepared,
) -> None:
    for program in (prepared.programs or {}).values():
        assert machines_broken(program, prepared.samples) == []


@pytest.mark.oracle
def test_the_kernel_agrees_with_the_interpreter_of_its_dialect(prepared: Prepared) -> None:
    for name in ("level 0", "level 1", "level 2"):
        if prepared.programs is not None:
            try:
                assert kernel_broken(prepared.programs[name].words, prepared.samples) == []
            except KernelRefused as refused:
                pytest.fail(f"the kernel refuses {name}: {refused}")


@pytest.mark.oracle
def test_whole_packets_get_libpcaps_verdict_unless_known_otherwise(prepared: Prepared) -> None:
    if prepared.libpcap is None or prepared.programs is None:
        return
    row = known(prepared.case.link, prepared.case.text, "verdict")
    differing = _differing(prepared, list(prepared.samples.whole))
    assert (differing != []) == (row is not None), (row, differing)


@pytest.mark.oracle
def test_packets_cut_short_get_libpcaps_verdict_unless_known_otherwise(
    prepared: Prepared,
) -> None:
    if known(prepared.case.link, prepared.case.text, "verdict"):
        return
    row = known(prepared.case.link, prepared.case.text, "short")
    differing = _differing(prepared, [cut for cut, _ in prepared.samples.short])
    assert (differing != []) == (row is not None), (row, differing)


def _differing(prepared: Prepared, samples: list[Sample]) -> list[str]:
    """Packets to which libpcap's unoptimised program gives another verdict than the meaning."""
    if prepared.libpcap is None or prepared.programs is None:
        return []
    if libpcap.version() != REFERENCE_VERSION:
        pytest.skip(f"the known differences are those of libpcap {REFERENCE_VERSION}")
    machine, filter_meaning = Interpreter(prepared.libpcap), meaning_of(prepared.case)
    return [
        f"{sample.packet.hex()} of {sample.length}"
        for sample in samples
        if (machine.verdict(sample.packet, sample.length) > 0)
        != sequential(filter_meaning, sample)
    ]
