"""Packets that diagrams lead to: the interpreter says what they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import bpfq
from bpfq.analysis.decide import Questions
from bpfq.analysis.subject import program_of
from bpfq.isa.cbpf.vm import run
from bpfq.program.classic import Program
from bpfq.superopt.cases import Case
from bpfq.superopt.example import examples
from bpfq.superopt.flow import flow_of
from bpfq.superopt.judge import Judge
from bpfq.symbolic.propositions import Accepts, Opposite, Packet, Proposition

FILTERS = (
    ("tcp port 80", {}),
    ("ip[0] & 0xf != 5 and ip[ip[8]:2] > 0x100", {}),
    ("ether[12:2] > ether[14:2]", {}),
    ("greater 100 and less 101", {}),
    ("ip and tcp port 22", {"link": "PFLOG"}),
    ("type mgt and not subtype beacon", {"link": "IEEE802_11_RADIO"}),
    ("vlan 7 and geneve 0xb", {"target": "packet"}),
    ("port 53", {"target": "udp", "family": 4}),
)


def _questions(program: Program) -> tuple[Questions, Proposition]:
    questions = Questions(Packet(), wire_is_captured=program.settings.target.metadata)
    says = program_of(program.words, program.settings, questions.packet)
    return questions, Accepts(says)


def _cases(program: Program, questions: Questions, wanted: Proposition) -> Iterator[Case]:
    leading = questions.leading(wanted)
    flow = flow_of(program.words)
    assert leading is not None and flow is not None
    judge = Judge(program.query, program.settings, flow)
    for example in examples(*leading, questions.wire_is_captured):
        yield judge.case_of(example)


def _accepts(program: Program, case: Case) -> bool:
    returned = run(
        program.words,
        case.octets,
        wire_length=case.wire_length,
        metadata=case.metadata,
        machine=case.machine,
        network_offset=case.network_offset,
        network_header=case.network_header,
    )
    return returned > 0


@pytest.mark.parametrize(("text", "options"), FILTERS)
def test_packets_do_what_the_diagram_says(text: str, options: dict[str, Any]) -> None:
    program = bpfq.compile(text, **options)
    questions, accepts = _questions(program)
    assert _accepts(program, next(_cases(program, questions, accepts)))
    assert not _accepts(program, next(_cases(program, questions, Opposite(accepts))))


def test_what_holds_of_no_packet_has_no_example() -> None:
    program = bpfq.compile("ether[0] = 1 and ether[0] = 2", allow_empty=True, level=0)
    questions, accepts = _questions(program)
    leading = questions.leading(accepts)
    assert leading is not None and list(examples(*leading, False)) == []


@pytest.mark.parametrize("wrong", ["tcp port 81", "tcp port 80 or udp port 7", "tcp src port 80"])
def test_a_wrong_program_is_refuted_by_a_packet(wrong: str) -> None:
    right, other = bpfq.compile("tcp port 80", level=0), bpfq.compile(wrong)
    plain, flow = flow_of(right.words), flow_of(other.words)
    assert plain is not None and flow is not None
    ruling = Judge(right.query, right.settings, plain).rule(flow, other.words)
    assert ruling.verdict == "refuted" and ruling.wrong is not None
    assert _accepts(right, ruling.wrong) == ruling.wrong.wanted != _accepts(other, ruling.wrong)
