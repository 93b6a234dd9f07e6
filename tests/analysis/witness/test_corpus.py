"""Every filter of the corpus: a witness that every implementation accepts, or none exists."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from oracles.corpus import Line, visible

import bpfq
from bpfq.analysis.decide import Questions
from bpfq.analysis.subject import meaning_of as proposition_of
from bpfq.program.classic import Program
from bpfq.symbolic.formula import SEQUENTIAL
from bpfq.symbolic.propositions import Packet

from .meanings import interpreted, means, program_of

SLICES = 16


def compiled(part: int) -> Iterator[tuple[Line, Program]]:
    """A slice of the corpus."""
    for line in visible()[part::SLICES]:
        yield line, program_of(line.text, line.link, line.savefile)


def has_a_packet(program: Program) -> bool:
    packet = Packet()
    wanted = proposition_of(program.query, program.settings, packet, SEQUENTIAL)
    return Questions(packet).find(wanted) is not None


@pytest.mark.parametrize("part", range(SLICES))
def test_a_filter_has_a_witness_or_matches_nothing(part: int) -> None:
    wrong: list[str] = []
    for line, program in compiled(part):
        try:
            (found,) = bpfq.witness(program)
        except bpfq.FilterError:
            if has_a_packet(program):
                wrong.append(f"{line}: no witness, and there is a packet")
            continue
        verdicts = {
            "matches": program.matches(found.octets, wire_length=found.wire_length),
            "interpreter": interpreted(program, found),
            "meaning": means(program.query, program, found),
        }
        wrong += [f"{line}: {who} rejects {found}" for who, said in verdicts.items() if not said]
    assert wrong == []


def test_the_corpus_has_filters_with_and_without_a_packet() -> None:
    assert len(visible()) > 990
    assert not has_a_packet(program_of("len != len"))
    assert has_a_packet(program_of("ip"))


@pytest.mark.parametrize("part", range(0, SLICES, 4))
def test_several_witnesses_are_accepted_and_differ(part: int) -> None:
    wrong: list[str] = []
    for line, program in list(compiled(part))[::4]:
        try:
            found = bpfq.witness(program, 4)
        except bpfq.FilterError:
            continue
        if len({(one.octets, one.wire_length) for one in found}) < len(found):
            wrong.append(f"{line}: two are the same")
        for one in found:
            if not (interpreted(program, one) and means(program.query, program, one)):
                wrong.append(f"{line}: {one} is rejected")
    assert wrong == []
