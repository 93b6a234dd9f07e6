"""Random queries: every level, every machine and the meaning agree on directed packets; and
2000 queries, the first of those that ``python -m differential.sweep`` goes through in a night,
each proved in one of the ways that it can be compiled.
"""

from __future__ import annotations

import zlib
from random import Random

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from oracles.sweep import FULL

from bpfq.errors import BpfqError

from .queries import LINKS, query
from .sweep import SEED, checked, wrong
from .verdicts import (
    Case,
    contract_broken,
    kernel_broken,
    machines_broken,
    program_of,
    readings_broken,
    samples_for,
)

PROFILE = settings(
    max_examples=3000 if FULL else 120,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
COUNT, PARTS = 2000, 8
MOST_UNDECIDED = 1  # of a part: chains of IPv6 headers behind tunnels


@pytest.mark.oracle
@PROFILE
@given(st.randoms(use_true_random=False))
def test_random_queries_mean_the_same_everywhere(draw: Random) -> None:
    case = Case(query(draw), draw.choice(LINKS))
    note(case.label)
    try:
        program_of(case, 0)
    except BpfqError:
        return
    programs = {
        f"level {level}{' strict' * strict}": program_of(case, level, strict)
        for level in (0, 1, 2)
        for strict in (False, True)
    }
    searched = [programs["level 0"].words, programs["level 1"].words, programs["level 2"].words]
    samples, _ = samples_for(searched, zlib.crc32(case.label.encode()))
    assert contract_broken(case, programs, samples) == []
    assert readings_broken(case, samples) == []
    for program in programs.values():
        assert machines_broken(program, samples) == []
        assert kernel_broken(program.words, samples) == []


@pytest.mark.oracle
@pytest.mark.parametrize("part", range(PARTS))
def test_a_night_s_first_queries_are_proved(part: int) -> None:
    results = [checked(SEED, number, all_ways=False) for number in range(part, COUNT, PARTS)]
    assert [line for result in results for line in wrong(result)] == []
    assert sum(result.proofs for result in results) > COUNT // PARTS * 2 // 3
    assert sum(len(result.undecided) for result in results) <= MOST_UNDECIDED
