"""Filters for packet sockets: the tag in metadata or in the bytes, direction, interface.

The programs run in the Python interpreter with the kernel's words, the generated function with the
same, and both stay between the two readings of the meaning.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

import pytest
from oracles.directed import Sample, bases, search, truncations
from oracles.sweep import FULL

import bpfq
from bpfq.frontend.pcap.parse import parse
from bpfq.isa.cbpf.vm import run
from bpfq.meaning import Meaning, Setting, meaning
from bpfq.program.classic import Program

from .verdicts import FILLS, NETMASK

FILTERS = (
    "vlan", "vlan 5", "vlan 0", "vlan and ip", "ip or (vlan and ip)", "vlan 5 and tcp port 80",
    "not vlan", "not (vlan and ip)", "vlan or ip", "vlan 5 or vlan 6", "vlan 5 and vlan 6",
    "vlan and vlan and udp port 53", "vlan and mpls and ip", "vlan and pppoes and tcp",
    "vlan 7 and host 10.0.0.1", "vlan and arp", "vlan and ip6 and icmp6", "vlan and iso",
    "vlan and ether[14:2] = 5", "vlan and ip[9] = 17", "vlan and tcp[13] & 2 != 0",
    "vlan and geneve and ip", "vlan and vxlan and udp", "vlan and atalk", "vlan and ipx",
    "vlan and ether host 1:2:3:4:5:6", "ip and vlan", "inbound", "outbound", "inbound and ip",
    "outbound or vlan 5", "ifindex 3", "ifindex 3 and not vlan", "inbound and vlan and port 53",
    "not inbound and not outbound", "(vlan 5 and tcp) or (vlan 6 and udp)", "vlan and len > 60",
    "vlan and ip broadcast", "vlan and ip6 protochain 6", "tcp or (vlan and (tcp or udp))",
    "vlan and decnet host 1.2", "not (vlan 5 or ip)", "vlan 4095 and not ip6",
)  # fmt: skip
WORDS: tuple[dict[str, int], ...] = (
    {"vlanp": 0, "vlan_tci": 0, "type": 0, "ifidx": 3},
    {"vlanp": 0, "vlan_tci": 5, "type": 4, "ifidx": 1},
    {"vlanp": 1, "vlan_tci": 5, "type": 0, "ifidx": 3},
    {"vlanp": 1, "vlan_tci": 0xA005, "type": 4, "ifidx": 0},
    {"vlanp": 1, "vlan_tci": 6, "type": 1, "ifidx": 2},
    {"vlanp": 1, "vlan_tci": 0xFFFF, "type": 2, "ifidx": 3},
    {"vlanp": 1, "vlan_tci": 0, "type": 3, "ifidx": 3},
)
MOST = 300 if FULL else 24


def _sequential(wanted: Meaning, sample: Sample, words: Mapping[str, int]) -> bool:
    return wanted.accepts(sample.packet, wire_length=sample.length, metadata=words)


def _total(wanted: Meaning, sample: Sample, words: Mapping[str, int]) -> bool:
    return all(
        wanted.accepts(
            sample.packet, reading="total", wire_length=sample.length, metadata=words, fill=fill
        )
        for fill in FILLS.values()
    )


def _samples(program: Program, words: dict[str, int]) -> list[Sample]:
    found = search(program.words, bases(zlib.crc32(str(words).encode())), MOST, words)
    short = [cut for one in found.new[-3:] for cut in truncations(program.words, one, words)]
    return found.samples + short


def _broken(text: str, **options: Any) -> list[str]:
    setting = Setting(link="EN10MB", live=True, ancillary=True, netmask=NETMASK)
    wanted = meaning(parse(text), setting)
    program = bpfq.compile(text, target="packet", netmask=NETMASK, allow_empty=True, **options)
    lines = []
    for words in WORDS:
        for sample in _samples(program, words):
            kept = run(program.words, sample.packet, wire_length=sample.length, metadata=words)
            matched = program.matches(sample.packet, wire_length=sample.length, metadata=words)
            least = _sequential(wanted, sample, words)
            most = least if options["strict"] else least or _total(wanted, sample, words)
            if matched != (kept > 0) or not least <= matched <= most:
                lines.append(f"{sample.packet.hex()} of {sample.length} with {words}: {matched}")
    return lines


@pytest.mark.parametrize("strict", [False, True], ids=["free", "strict"])
@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize("text", FILTERS)
def test_a_packet_socket_filter_stays_between_the_readings(
    text: str, level: int, strict: bool
) -> None:
    assert _broken(text, level=level, strict=strict) == []
