"""What programs cost, and which is chosen."""

from __future__ import annotations

import bpfq
from bpfq.backends.cbpf.cost import best, longest_path
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


def test_the_smallest_is_chosen_unless_its_worst_case_is_much_longer() -> None:
    short, long = chain(10), chain(300)
    assert best([long, short]) == 1
    quick = (*short, *(ACCEPT for _ in range(400)))
    assert best([long, quick]) == 1
    assert best([chain(40), quick]) == 0


def test_a_long_list_is_searched_and_a_short_one_is_not_made_longer() -> None:
    hosts = [f"ip src host {n * 7 % 251}.{n * 91 % 253}.{n % 256}.1" for n in range(1000)]
    program = bpfq.compile(" or ".join(hosts))
    assert len(program) <= 1300
    assert longest_path(program.words) <= 20
    few = " or ".join(hosts[:10])
    assert len(bpfq.compile(few)) <= len(bpfq.compile(few, level=1))
