"""Packets that go through a program side by side execute what each executes alone."""

from __future__ import annotations

from typing import Any

import pytest
from oracles.passes import BENCH, filter_name

import bpfq
from bpfq.analysis.subject import machine_of, network_offset
from bpfq.backends.cbpf.cost import cost
from bpfq.backends.cbpf.visits import visits
from bpfq.errors import BpfqError
from bpfq.isa.cbpf.instructions import SockFilter
from bpfq.isa.cbpf.vm import Machine, run_counted
from bpfq.opt.profile import Profile, Sample
from bpfq.opt.traffic_links import default_profile
from bpfq.settings import Settings, link_type
from bpfq.targets import TARGETS

TARGET_OPTIONS: tuple[dict[str, Any], ...] = (
    {"target": "packet"},
    {"target": "packet-cooked"},
    {"target": "raw4"},
    {"target": "raw6"},
    {"target": "udp"},
    {"target": "xt_bpf", "family": 6},
)
ETHERNET = Settings(TARGETS["file"], link_type("EN10MB"))


def executed_alone(words: tuple[SockFilter, ...], settings: Settings, profile: Profile) -> int:
    """Instructions that the interpreter executes, packet by packet."""
    return sum(
        sample.weight
        * run_counted(
            words,
            sample.octets,
            wire_length=sample.length,
            metadata=sample.metadata,
            machine=machine_of(settings.target),
            network_offset=network_offset(settings) or 0,
            network_header=sample.network,
        )[1]
        for sample in profile.samples
    )


@pytest.mark.parametrize("line", BENCH[::2], ids=filter_name)
def test_every_packet_executes_what_the_interpreter_executes(line: tuple[str, str]) -> None:
    text, link = line
    settings = Settings(TARGETS["file"], link_type(link))
    profile = default_profile(settings.target, settings.link)
    for level in (0, 2):
        words = bpfq.compile(text, link=link, level=level, allow_empty=True).words
        assert sum(visits(words, profile)) == executed_alone(words, settings, profile)


@pytest.mark.parametrize("options", TARGET_OPTIONS, ids=str)
def test_live_targets_execute_what_the_interpreter_executes(options: dict[str, Any]) -> None:
    compared = 0
    for text, link in BENCH[::3]:
        try:
            program = bpfq.compile(text, link=link, allow_empty=True, **options)
        except BpfqError:  # what the target cannot see
            continue
        profile = default_profile(program.settings.target, program.settings.link)
        expected = executed_alone(program.words, program.settings, profile)
        assert sum(visits(program.words, profile)) == expected
        compared += len(profile.samples)
    assert compared > 100


def test_every_kind_of_instruction_is_executed() -> None:
    operators = (0x04, 0x14, 0x24, 0x34, 0x44, 0x54, 0x64, 0x74, 0x94, 0xA4)
    by_constant = [SockFilter(code, 0, 0, 3) for code in operators]
    by_x = [SockFilter(code | 8, 0, 0, 0) for code in operators]
    words = (
        SockFilter(0x30, 0, 0, 3), SockFilter(0x07, 0, 0, 0), SockFilter(0x30, 0, 0, 2),
        *by_constant, SockFilter(0x84, 0, 0, 0), SockFilter(0x02, 0, 0, 5),
        SockFilter(0x03, 0, 0, 6), SockFilter(0x01, 0, 0, 7), SockFilter(0x60, 0, 0, 6),
        *by_x, SockFilter(0x61, 0, 0, 6), SockFilter(0x80, 0, 0, 0), SockFilter(0x9C, 0, 0, 0),
        SockFilter(0x87, 0, 0, 0), SockFilter(0x81, 0, 0, 0), SockFilter(0x3D, 1, 0, 0),
        SockFilter(0x05, 0, 0, 1), SockFilter(0x16, 0, 0, 0), SockFilter(0x00, 0, 0, 9),
        SockFilter(0x45, 0, 1, 1), SockFilter(0xB1, 0, 0, 3), SockFilter(0x50, 0, 0, 1),
        SockFilter(0x25, 0, 1, 200), SockFilter(0x06, 0, 0, 1), SockFilter(0x06, 0, 0, 0),
    )  # fmt: skip
    packets = [bytes((n * 37 & 0xFF, n * 11 & 0xFF, n * 89 & 0xFF, n % 7)) for n in range(80)]
    profile = Profile(
        tuple(Sample(packet[: 1 + n % 5], n, 1 + n) for n, packet in enumerate(packets))
    )
    alone = sum(
        s.weight * run_counted(words, s.octets, wire_length=s.length, machine=Machine.KERNEL)[1]
        for s in profile.samples
    )
    assert sum(visits(words, profile)) == alone


def test_weights_are_summed_where_packets_go() -> None:
    profile = Profile((Sample(b"\x01", 1, 5), Sample(b"\x02", 1, 7), Sample(b"", 9, 2)))
    words = (
        SockFilter(0x30, 0, 0, 0), SockFilter(0x15, 0, 1, 1), SockFilter(0x06, 0, 0, 1),
        SockFilter(0x06, 0, 0, 0),
    )  # fmt: skip
    assert visits(words, profile) == (14, 12, 5, 7)


def test_a_load_behind_x_costs_ten_inline_ones() -> None:
    profile = Profile((Sample(bytes(40), 40, 3),))
    load, call, accept = (
        SockFilter(0x28, 0, 0, 12),
        SockFilter(0x48, 0, 0, 14),
        SockFilter(6, 0, 0, 1),
    )
    one, ten = (cost((word, accept), profile) for word in (load, call))
    assert (one.executed, one.loads, one.packets) == (6, 3, 3)
    assert ten.price - one.price == 3 * 90
    assert (one.instructions, one.worst, one.converted) == (2, 2, 23)
