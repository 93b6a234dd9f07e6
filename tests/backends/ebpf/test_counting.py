"""Programs that count what matches, one filter or many."""

from __future__ import annotations

import struct

import pytest
from kernel.ebpf.counted import PACKETS, PASSES, counted, expected
from kernel.ebpf.programs import needs_bpf

import bpfq
from bpfq.api import query_of
from bpfq.backends.cbpf.emit import selections
from bpfq.backends.ebpf.counter_map import MATCHES
from bpfq.backends.ebpf.emit import Written, counting
from bpfq.ebpf.install import install
from bpfq.graphs import ways
from bpfq.isa.ebpf.program import Hook, Module
from bpfq.kernel.testrun import run
from bpfq.program.ebpf import compile_ebpf, function
from bpfq.settings import settings_of


FILTERS = ("tcp", "net 10.0.0.0/8", "len > 60", "", "not ip", "ip6")


@needs_bpf
@pytest.mark.parametrize("hook", PASSES)
@pytest.mark.parametrize("first", ["udp port 53", "", "len < 0"])
def test_one_program_counts_many_filters(first: str, hook: Hook) -> None:
    packets = [each[14:] if hook == "netfilter" else each for each in PACKETS]
    settings = settings_of(f"ebpf:{hook}", "EN10MB")
    texts = (first, *FILTERS)
    graphs = [ways(query_of(text, None), settings)[0].graph for text in texts]
    laid = counting([Written(selections(each, 2)[0]) for each in graphs], hook, PASSES[hook])
    with install(Module(hook, function(laid), laid.maps)) as installed:
        found = counted(hook, installed, packets)
    assert found == [expected(text, hook, packets) for text in texts]


@needs_bpf
@pytest.mark.parametrize("text", ["udp port 53", ""])
@pytest.mark.parametrize("hook", PASSES)
def test_the_action_count_counts_and_lets_pass(hook: Hook, text: str) -> None:
    packets = [each[14:] if hook == "netfilter" else each for each in PACKETS]
    program = bpfq.compile(text, target=f"ebpf:{hook}", action="count")
    assert isinstance(program, bpfq.EbpfProgram)
    with install(program.module) as installed:
        assert counted(hook, installed, packets) == [expected(text, hook, packets)]


@needs_bpf
def test_drops_are_counted_when_asked() -> None:
    settings = settings_of("ebpf:xdp", "EN10MB")
    program = compile_ebpf(query_of("udp", None), settings, "drop", counted=True)
    with install(program.module) as installed:
        assert [run(installed.program, each).verdict for each in PACKETS] == [1, 2, 2, 1]
        several = installed.maps[MATCHES].each_cpu(bytes(4))
    assert sum(struct.unpack("=QQ", each)[0] for each in several) == 2
