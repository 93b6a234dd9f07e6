"""Many filters with names in one program, a counter each."""

from __future__ import annotations

import pytest
from kernel.ebpf.counted import PACKETS, PASSES, counted, expected
from kernel.ebpf.programs import needs_bpf

import bpfq
from bpfq.ebpf.install import install
from bpfq.isa.ebpf.program import Hook

FILTERS = {
    "dns": "udp port 53",
    "syn": "tcp[tcpflags] & tcp-syn != 0",
    "hosts": " or ".join(f"host 10.{n}.0.{n + 1}" for n in range(99)),
    "ports": " or ".join(f"port {20 + 3 * n}" for n in range(200)),
    "more ports": " or ".join(f"port {21 + 3 * n}" for n in range(200)),
    "long": "len > 60",
    "chain": "ip6 protochain 6",
    "rest": "",
}


def seen(hook: Hook) -> list[bytes]:
    return [each[14:] if hook == "netfilter" else each for each in PACKETS]


@pytest.mark.root
@needs_bpf
@pytest.mark.parametrize("hook", PASSES)
def test_each_filter_counts_what_it_matches_alone(hook: Hook) -> None:
    program = bpfq.count_program(FILTERS, target=f"ebpf:{hook}")
    with install(program.module) as installed:
        found = counted(hook, installed, seen(hook))
    alone = [expected(text, hook, seen(hook)) for text in FILTERS.values()]
    assert dict(zip(program.names, found, strict=True)) == dict(zip(FILTERS, alone, strict=True))


@pytest.mark.root
@needs_bpf
def test_fifty_filters_fit() -> None:
    ports = {f"port{n}": f"tcp dst port {n} or udp port {n + 1}" for n in range(40, 90)}
    program = bpfq.count_program(ports, target="ebpf:xdp")
    with install(program.module) as installed:
        found = counted("xdp", installed, PACKETS)
    assert [number for number, row in enumerate(found) if row[0]] == [12, 13, 40]


def test_lines_are_the_filters_own_text_with_their_names() -> None:
    program = bpfq.count_program({"dns": "ip and udp", "arps": bpfq.arp, "rest": ""})
    assert sorted({(line.line, line.text) for line in program.module.function.lines}) == [
        (1, "dns -> ip -> [12:2] = 0x800"),
        (2, "dns -> udp -> [23] = 0x11"),
        (3, "dns -> count"),
        (4, "arps -> arp -> [12:2] = 0x806"),
        (5, "arps -> count"),
        (6, "rest -> count"),
    ]


def test_the_program_is_slots_and_text() -> None:
    program = bpfq.count_program({"all": ""}, target="ebpf:xdp")
    assert len(program) == len(list(program)) > 0
    assert str(program) == program.format("bpftool")
    assert "; all -> count\n" in str(program)
    assert (program.hook, program.target, program.link) == ("xdp", "ebpf:xdp", "EN10MB")


def test_the_same_filters_give_the_same_program() -> None:
    few = {name: FILTERS[name] for name in ("dns", "syn", "rest")}
    assert bpfq.count_program(few) == bpfq.count_program(few)


def test_an_error_names_the_filter() -> None:
    with pytest.raises(bpfq.FilterError) as found:
        bpfq.count_program({"web": "tcp port 80", "dns": "udp prot 53"})
    assert found.value.render() == (
        "filter 'dns': unknown word 'prot'; did you mean 'port'?\n"
        "  udp prot 53\n"
        "      ^^^^\n"
        "  try:  udp port 53"
    )


def test_a_filter_that_matches_nothing_is_named() -> None:
    with pytest.raises(bpfq.FilterError, match="^filter 'both': .*matches no packet"):
        bpfq.count_program({"web": "tcp port 80", "both": "tcp and udp"})


def test_a_filter_whose_name_is_its_text_is_not_named_twice() -> None:
    with pytest.raises(bpfq.FilterError) as found:
        bpfq.count_program({"udp prot 53": "udp prot 53"})
    assert found.value.message == "unknown word 'prot'; did you mean 'port'?"


@pytest.mark.parametrize(
    ("target", "error", "message"),
    [
        ("file", bpfq.UnsupportedError, "'file' takes classic programs, which have no counters"),
        ("ebpf:socket", bpfq.FilterError, "'count' is no action of 'ebpf:socket'"),
    ],
)
def test_only_hooks_that_let_packets_pass_count(
    target: str, error: type[bpfq.BpfqError], message: str
) -> None:
    with pytest.raises(error, match=message):
        bpfq.count_program({"all": ""}, target=target)


def test_no_filter_is_an_error() -> None:
    with pytest.raises(bpfq.FilterError, match="^no filter to count with$"):
        bpfq.count_program({})
