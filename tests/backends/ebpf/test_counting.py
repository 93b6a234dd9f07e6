"""Programs that count what matches, one filter or many."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import pytest
from kernel.ebpf.programs import needs_bpf

import bpfq
from bpfq.api import query_of
from bpfq.backends.cbpf.emit import selections
from bpfq.backends.ebpf.counting import MATCHES
from bpfq.backends.ebpf.emit import counting
from bpfq.ebpf.install import Installed, install
from bpfq.graphs import ways
from bpfq.isa.ebpf.program import Hook, Module
from bpfq.kernel.testrun import run
from bpfq.program import Program
from bpfq.program_ebpf import compile_ebpf, function
from bpfq.settings import settings_of

FILTERS = ("udp port 53", "tcp", "net 10.0.0.0/8", "len > 60", "", "not ip", "ip6")
PASSES = {"xdp": 2, "tc": 0xFFFF_FFFF, "netfilter": 1}
UDP4 = bytes.fromhex(
    "ffffffffffff00112233445508004500002a0001000040110000"
    "0a0000010a00000212340035001600000000000000000000"
)
TCP6 = bytes.fromhex(
    "ffffffffffff00112233445586dd60000000001406ff"
    "20010db8000000000000000000000001" "20010db8000000000000000000000002"
    "1234005000000000000000005002ffff00000000"
)  # fmt: skip
PACKETS = (UDP4, UDP4.replace(b"\x11\x00\x00\x0a", b"\x06\x00\x00\x0b"), TCP6 + bytes(20), UDP4)


def counted(hook: Hook, installed: Installed, packets: Sequence[bytes]) -> list[tuple[int, int]]:
    """Packets and bytes of each counter, of all CPUs, when every packet has passed."""
    verdicts = {run(installed.program, each).verdict & 0xFFFF_FFFF for each in packets}
    assert verdicts == {PASSES[hook]}
    found = installed.maps[MATCHES]
    totals: list[tuple[int, int]] = []
    for key in sorted(found.keys()):
        several = [struct.unpack("=QQ", each) for each in found.each_cpu(key)]
        totals.append((sum(n for n, _ in several), sum(size for _, size in several)))
    return totals


def expected(text: str, hook: Hook, packets: Sequence[bytes]) -> tuple[int, int]:
    program = bpfq.compile(text, target=f"ebpf:{hook}")
    sizes = [len(each) for each in packets if Program.matches(program, each)]
    return len(sizes), sum(sizes)


@needs_bpf
@pytest.mark.parametrize("hook", PASSES)
def test_one_program_counts_many_filters(hook: Hook) -> None:
    packets = [each[14:] if hook == "netfilter" else each for each in PACKETS]
    settings = settings_of(f"ebpf:{hook}", "EN10MB")
    graphs = [ways(query_of(text, None), settings)[0].graph for text in FILTERS]
    laid = counting([selections(each, 2)[0] for each in graphs], hook, PASSES[hook])
    with install(Module(hook, function(laid), laid.maps)) as installed:
        found = counted(hook, installed, packets)
    assert found == [expected(text, hook, packets) for text in FILTERS]


@needs_bpf
@pytest.mark.parametrize("hook", PASSES)
def test_the_action_count_counts_and_lets_pass(hook: Hook) -> None:
    packets = [each[14:] if hook == "netfilter" else each for each in PACKETS]
    program = bpfq.compile("udp port 53", target=f"ebpf:{hook}", action="count")
    assert isinstance(program, bpfq.EbpfProgram)
    with install(program.module) as installed:
        assert counted(hook, installed, packets) == [expected("udp port 53", hook, packets)]


@needs_bpf
def test_drops_are_counted_when_asked() -> None:
    settings = settings_of("ebpf:xdp", "EN10MB")
    program = compile_ebpf(query_of("udp", None), settings, "drop", counted=True)
    with install(program.module) as installed:
        assert [run(installed.program, each).verdict for each in PACKETS] == [1, 2, 2, 1]
        several = installed.maps[MATCHES].each_cpu(bytes(4))
    assert sum(struct.unpack("=QQ", each)[0] for each in several) == 2
