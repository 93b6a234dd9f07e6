"""What programs cost, as plain data and as a table."""

from __future__ import annotations

from typing import Any

import pytest

import bpfq
from bpfq.analysis.stats import figures
from bpfq.isa.cbpf.instructions import SockFilter
from bpfq.isa.cbpf.size import converted_size, optmem_charge
from bpfq.kernel import libpcap
from bpfq.opt.profile import Profile, Sample

needs_libpcap = pytest.mark.skipif(
    libpcap.version() is None, reason="needs libpcap: install libpcap0.8"
)
ARP = bytes(12) + b"\x08\x06" + bytes(28)
IP_AND_UDP = tuple(
    SockFilter(*row)
    for row in ((40, 0, 0, 12), (21, 0, 3, 2048), (48, 0, 0, 23), (21, 0, 1, 17),
                (6, 0, 0, 9), (6, 0, 0, 0))
)  # fmt: skip


def test_means_are_weighted_by_the_packets_of_the_profile() -> None:
    tcp = bytes(12) + b"\x08\x00" + bytes(9) + b"\x06" + bytes(20)
    profile = Profile((Sample(ARP, 42, weight=3), Sample(tcp, 44, weight=1)))
    made = figures(IP_AND_UDP, profile)
    assert (made.instructions, made.worst) == (6, 5)
    assert made.executed == (3 * 3 + 5) / 4
    assert made.loads == (3 * 1 + 2) / 4
    assert made.nanoseconds == pytest.approx((3 * 1.6 + 2.9) / 4)
    assert made.converted == converted_size(IP_AND_UDP)
    assert made.option_memory == optmem_charge(IP_AND_UDP)


def test_without_packets_there_are_no_means() -> None:
    made = figures(IP_AND_UDP, Profile(()))
    assert (made.executed, made.loads, made.nanoseconds, made.worst) == (None, None, None, 5)


def test_each_objective_is_the_best_by_its_own_figure() -> None:
    made = bpfq.stats("host 10.0.0.1 or net 10.1.0.0/16 and port 80")
    models = made.models.values()
    assert made.models["size"].instructions == min(one.instructions for one in models)
    assert made.models["speed"].nanoseconds == min(one.nanoseconds or 0 for one in models)
    assert made.models["kernel-size"].converted == min(one.converted for one in models)
    assert (made.objective, made.result) == ("balanced", made.models["balanced"])


@pytest.mark.parametrize("objective", ["size", "speed", "kernel-size"])
def test_the_result_is_the_program_itself(objective: Any) -> None:
    program = bpfq.compile("net 10.0.0.0/8 or port 53", optimise_for=objective)
    made = bpfq.stats(program)
    assert made.objective == objective
    assert made.result == made.models[objective] == figures(program.words, program.settings.traffic)


def test_below_level_2_there_is_no_choice() -> None:
    made = bpfq.stats("ip", level=1)
    assert made.models == {} and "this program" in str(made)


def test_the_program_without_the_optimiser_may_be_longer_than_the_target_takes() -> None:
    hosts = " or ".join(f"host 10.{number}.0.1" for number in range(0, 250, 2))
    made = bpfq.stats(f"ip and ({hosts})", target="packet")
    assert made.written.instructions == len(bpfq.compile(f"ip and ({hosts})", level=0))


def test_packets_of_a_capture_are_the_profile() -> None:
    program = bpfq.compile("arp", profile=[ARP, ARP])
    made = bpfq.stats(program)
    assert made.own_profile and made.result.executed == 3


@pytest.mark.parametrize(
    ("text", "options", "why"),
    [
        ("udp", {"through": ("vlan",)}, "it has no --through and no --tcp6"),
        ("udp", {"target": "packet"}, "it compiles for files, not for target 'packet'"),
        ("udp", {"savefile": "swapped"}, "its program for the byte order of a file"),
        (" or ".join(f"port {n}" for n in range(1, 999, 3)), {}, "its optimiser may take minutes"),
    ],
    ids=["through", "target", "savefile", "long"],
)
def test_where_libpcap_does_something_else_it_is_not_compared(
    text: str, options: dict[str, Any], why: str
) -> None:
    made = bpfq.stats(text, **options)
    assert made.libpcap is None and made.libpcap_says.startswith(why)


@pytest.mark.oracle
@needs_libpcap
def test_libpcap_stands_beside() -> None:
    made = bpfq.stats("tcp port 80")
    assert made.libpcap_says == libpcap.version()
    assert made.libpcap is not None and made.libpcap.instructions == 20
    assert f"libpcap {libpcap.version()} " in str(made)


@pytest.mark.oracle
@needs_libpcap
@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("ip and ip6", "refuses: expression rejects all packets"),
        ("ip6 protochain 6", "no kernel loads the program of version"),
    ],
)
def test_what_libpcap_cannot_is_told(text: str, why: str) -> None:
    made = bpfq.stats(text)
    assert made.libpcap is None and why in made.libpcap_says


def test_an_expression_of_python_has_stats() -> None:
    assert bpfq.stats(bpfq.tcp & bpfq.ip).result.instructions > 2


@pytest.mark.parametrize("text", ["", "tcp port 80", "ip6 protochain 6", "udp or len > 5"])
def test_the_table_fits_a_terminal(text: str) -> None:
    lines = str(bpfq.stats(text)).split("\n")
    assert max(map(len, lines)) <= 80
    assert lines[0].split() == "instructions executed worst loads ns eBPF bytes".split()
