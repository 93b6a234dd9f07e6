"""Sockets read by the legacy loads, or by a copy where a copy serves enough of them."""

from __future__ import annotations

import bpfq
from bpfq.backends.cbpf.emit import selections
from bpfq.backends.ebpf.flow import flow
from bpfq.backends.ebpf.price import visits
from bpfq.api import query_of
from bpfq.graphs import ways
from bpfq.opt.profile import Profile, Sample
from bpfq.settings import settings_of

UDP = bytes.fromhex(
    "ffffffffffff001122334455080045000028000100004011"
    "00000a0000010a00000212340035001400000000000000000000"
)
MANY = "ip[1] = 0 and ip[4:2] = 1 and ip[6:2] = 0 and ip[8] = 64 and ip[12:4] = 0x0a000001"


def is_copied(text: str, packet: bytes, **options: str) -> bool:
    program = bpfq.compile(text, target="ebpf:socket", profile=[packet], **options)
    return "bpf_skb_load_bytes" in str(program)


def test_many_loads_are_served_by_a_copy() -> None:
    assert is_copied(MANY, UDP)


def test_one_load_that_most_packets_leave_by_is_a_legacy_load() -> None:
    assert not is_copied(MANY, UDP.replace(b"\x08\x00\x45", b"\x08\x06\x45"))


def test_the_smallest_program_has_legacy_loads() -> None:
    assert not is_copied(MANY, UDP, optimise_for="size")


def test_every_operation_counts_the_packets_that_come_by() -> None:
    query, settings = query_of("ip and udp", None), settings_of("ebpf:socket", "EN10MB")
    (selection, *_) = selections(ways(query, settings)[0].graph, 2)
    traffic = Profile((Sample(UDP, len(UDP), 3), Sample(bytes(60), 60, 5), Sample(UDP[:20], 20, 7)))
    assert visits(flow(selection), traffic) == [15, 15, 10, 3]
