"""What does counting with many filters cost? One merged program beside a program for each filter.

Nanoseconds a packet above an empty program on tc, for the frames of the traffic of which most
filters are about; what it takes the kernel to go from one program to the next is not in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from statistics import mean
from time import perf_counter

import hook_time
from report import Missed, heading
from traffic import traffic

import bpfq
from bpfq.ebpf.install import install
from bpfq.isa.ebpf.program import Module
from bpfq.kernel.testrun import LONGEST, shortest

FILTERS = {
    "dns": "udp port 53",
    "syn": "tcp[tcpflags] & tcp-syn != 0",
    "web": "tcp port 80 or tcp port 443",
    "v6": "ip6",
    "arp": "arp",
    "bad": "net 203.0.113.0/24",
    "icmp": "icmp",
    "all": "",
    "ntp": "udp port 123",
    "fragments": "ip[6:2] & 0x3fff != 0",
    "ssh": "tcp port 22",
    "quic": "udp port 443",
    "sip": "udp portrange 5060-5061",
    "large": "len > 1000",
    "broadcast": "ether broadcast",
    "hosts": " or ".join(f"host 10.{n}.0.1" for n in range(40)),
}
COUNTS = (1, 2, 4, 8, 16)  # filters
FRAMES = 24
LIMIT = 1.5  # of a program for each; short runs on a busy machine differ by a fifth


def frames() -> list[bytes]:
    """Those of the traffic that a test run takes."""
    usable = (each for each in traffic().test if shortest("tc", each) <= len(each) <= LONGEST)
    return [frame for frame, _ in zip(usable, range(FRAMES))]


def nanoseconds(module: Module, over: list[bytes], copies: int) -> float:
    """copies: in a row, fewer of a long program, so that they do not displace each other."""
    with install(hook_time.repeated(module, copies)) as installed:
        return mean(hook_time.above_nothing(installed.program, each, copies) for each in over)


def measured(filters: Mapping[str, str], over: list[bytes]) -> tuple[int, float, float]:
    """Slots of the merged program, its nanoseconds, and those of a program for each filter."""
    merged = bpfq.count_program(filters)
    alone = [bpfq.count_program({name: text}) for name, text in filters.items()]
    copies = hook_time.COPIES
    together = nanoseconds(merged.module, over, max(copies // len(filters), 1))
    return len(merged), together, sum(nanoseconds(each.module, over, copies) for each in alone)


def main() -> None:
    heading(__doc__.splitlines()[0])
    missed, over = Missed(), frames()
    for count in COUNTS:
        filters = dict(list(FILTERS.items())[:count])
        start = perf_counter()
        bpfq.count_program(filters)
        took = perf_counter() - start
        slots, together, apart = measured(filters, over)
        limit = missed.check(f"{count} filters", together / apart, LIMIT)
        print(f"  {count:2} filters, {slots:4} slots, compiled in {took:.2f} s: {together:6.1f} ns, "
              f"apart {apart:6.1f} ns: {together / apart:.2f}{limit}")  # fmt: skip
    missed.report()


if __name__ == "__main__":
    main()
