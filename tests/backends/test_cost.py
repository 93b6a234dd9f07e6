"""The worst case of programs, and of those that are chosen for lists."""

from __future__ import annotations

import bpfq
from bpfq.backends.cbpf.cost import longest_path
from bpfq.isa.cbpf.instructions import SockFilter

ACCEPT, REJECT = SockFilter(6, 0, 0, 1), SockFilter(6, 0, 0, 0)


def chain(tests: int) -> tuple[SockFilter, ...]:
    equal = (SockFilter(0x15, tests - n, 0, n) for n in range(tests))
    return (SockFilter(0x30, 0, 0, 0), *equal, REJECT, ACCEPT)


def test_the_longest_path_counts_what_one_packet_executes() -> None:
    assert longest_path((ACCEPT,)) == 1
    assert longest_path(chain(10)) == 12
    assert longest_path((SockFilter(5, 0, 0, 1), REJECT, ACCEPT)) == 2
    assert longest_path(bpfq.compile("ip").words) == 3


def test_a_long_list_is_searched_and_a_short_one_is_not_made_longer() -> None:
    hosts = [f"ip src host {n * 7 % 251}.{n * 91 % 253}.{n % 256}.1" for n in range(1000)]
    program = bpfq.compile(" or ".join(hosts))
    assert len(program) <= 1300
    assert longest_path(program.words) <= 20
    few = " or ".join(hosts[:10])
    assert len(bpfq.compile(few)) <= len(bpfq.compile(few, level=1))
