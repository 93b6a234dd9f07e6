"""Suites take every test of a filter both ways, and say what to expect."""

from __future__ import annotations

import pytest
from oracles.corpus import filters
from oracles.directed import bases, search

import bpfq
from bpfq.analysis.witness.branches import Suite
from bpfq.analysis.witness.draft import Draft
from bpfq.analysis.witness.steer import Edge, walk
from bpfq.analysis.witness.templates import templates
from bpfq.program.classic import Program

from .meanings import interpreted, means, program_of

SLICES = 6


def test_a_suite_has_a_case_for_each_outcome() -> None:
    suite = bpfq.branches(bpfq.compile("udp dst port 53", level=1))
    assert [(case.matches, case.witness.summary, case.outcomes) for case in suite.cases] == [
        (False, "TCP 192.0.2.1:1024 > 192.0.2.2:80 S",
         ("h[12] = 0x86dd: no", "h[12] = 0x800: yes", "b[23] = 0x11: no")),
        (True, "UDP 192.0.2.1:1024 > 192.0.2.2:53",
         ("b[23] = 0x11: yes", "h[20] & 0x1fff: no", "h[((b[14] & 0xf) << 2) + 16] = 0x35: yes")),
        (False, "TCP [2001:db8::1]:1024 > [2001:db8::2]:80 S",
         ("h[12] = 0x86dd: yes", "b[20] = 0x11: no")),
        (True, "UDP [2001:db8::1]:1024 > [2001:db8::2]:53",
         ("b[20] = 0x11: yes", "h[56] = 0x35: yes")),
        (False, "UDP 192.0.2.1:1024 > 192.0.2.2:52",
         ("h[((b[14] & 0xf) << 2) + 16] = 0x35: no",)),
        (False, "ARP who-has 192.0.2.2 tell 192.0.2.1", ("h[12] = 0x800: no",)),
        (False, "UDP [2001:db8::1]:1024 > [2001:db8::2]:52", ("h[56] = 0x35: no",)),
        (False, "UDP 192.0.2.1 > 192.0.2.2 fragment at 1480", ("h[20] & 0x1fff: yes",)),
    ]  # fmt: skip
    assert (suite.unreachable, suite.undecided) == ((), ())


def test_an_outcome_that_no_packet_has_is_told() -> None:
    suite = bpfq.branches(bpfq.compile("ether[0] * 2 = 5 or arp", level=0))
    assert suite.unreachable == ("(b[0] * 2) = 5: yes",)
    assert suite.undecided == ()


def test_no_test_needs_no_case() -> None:
    assert bpfq.branches("") == Suite(())


@pytest.mark.parametrize("target", ["packet", "packet-cooked", "raw4", "raw6", "udp", "tc"])
def test_a_suite_on_a_target_is_accepted_as_it_says(target: str) -> None:
    program = bpfq.compile("dst port 53 and (len > 90 or not net 10.0.0.0/8)", target=target)
    suite = bpfq.branches(program)
    assert len(suite.cases) > 3
    assert [interpreted(program, case.witness) for case in suite.cases] == [
        case.matches for case in suite.cases
    ]


def outcomes(program: Program, packets: list[tuple[bytes, int]]) -> set[Edge]:
    """The outcomes that packets have between them."""
    anything = templates(program.settings.target, program.settings.link)[0]
    return {
        edge
        for octets, length in packets
        for edge in walk(program._graph, Draft(anything, octets, length, {}, b""))[0]
    }


@pytest.mark.parametrize("part", range(SLICES))
def test_a_suite_has_every_outcome_that_another_search_finds(part: int) -> None:
    wrong: list[str] = []
    for line in filters()[part :: 16 * SLICES]:
        try:
            program = program_of(line.text, line.link, line.savefile)
        except bpfq.BpfqError:
            continue
        suite = bpfq.branches(program)
        cases = [(case.witness.octets, case.witness.wire_length) for case in suite.cases]
        found = search(program.words, bases(part), 200)
        others = [(one.packet, one.length) for one in found.samples]
        missing = outcomes(program, others) - outcomes(program, cases)
        if len(missing) > len(suite.undecided):
            wrong.append(f"{line}: {len(missing)} missing")
        for case in suite.cases:
            if interpreted(program, case.witness) is not case.matches:
                wrong.append(f"{line}: {case}")
            if case.matches < means(program.query, program, case.witness):
                wrong.append(f"{line}: the meaning accepts {case}")
    assert wrong == []
