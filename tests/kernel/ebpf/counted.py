"""Packets, and what the counters of a program say when they have passed."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import bpfq
from bpfq.backends.ebpf.counter_map import MATCHES
from bpfq.ebpf.install import Installed
from bpfq.isa.ebpf.program import Hook
from bpfq.kernel.testrun import run
from bpfq.program.classic import Program

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
    program = bpfq.compile(text, target=f"ebpf:{hook}", allow_empty=True)
    sizes = [len(each) for each in packets if Program.matches(program, each)]
    return len(sizes), sum(sizes)
