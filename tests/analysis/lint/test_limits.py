"""L: programs that are larger or slower than the place where they run takes."""

from __future__ import annotations

import pytest

import bpfq
from bpfq.analysis.lint.limits import longest_path
from bpfq.isa.cbpf.instructions import SockFilter
from bpfq.isa.cbpf.size import optmem_charge

from .linting import at, codes, only, tries


def hosts(count: int) -> str:
    return " or ".join(f"host 10.{n // 250}.{n % 250}.1" for n in range(count))


def test_more_instructions_than_a_classic_program_may_have() -> None:
    text = f"len > 5 and ({hosts(250)})"
    finding = only("L01", text, "packet", optmem=10**6, level=0)
    size, part = (len(bpfq.compile(each, level=0)) for each in (text, hosts(250)))
    assert (finding.severity, at(text, finding)) == ("error", [hosts(250)])
    assert finding.message == (
        f"{size} instructions, {size - 4096} more than the 4096 of 'packet'; the largest part is "
        f"'{hosts(250)[:60]}...' with {part}"
    )


def test_a_capture_file_takes_programs_of_any_size() -> None:
    found = codes(hosts(250), level=0)
    assert [code for code in found if code in ("L01", "L02", "L03")] == []


def bytes_of_both(count: int) -> str:
    """A test of bytes in IPv4 packets and one in IPv6 packets, ``count`` times."""
    tests = (f"ip[{20 + n}] = {n} or ip6[{40 + n}] = {n}" for n in range(count))
    return f"len > 5 and ({' or '.join(tests)})"


@pytest.mark.parametrize(
    ("text", "families"),
    [
        (bytes_of_both(8), ["-4", "-6"]),
        (bytes_of_both(40), []),
        (hosts(10), ["-4"]),  # the list matches nothing over IPv6
        (f"ip6 host ::1 or {hosts(20)}", ["-6"]),
    ],
)
def test_more_instructions_than_iptables_takes(text: str, families: list[str]) -> None:
    finding = only("L02", text, "xt_bpf", level=0)
    size = len(bpfq.compile(text, target="tc", link="RAW", level=0))
    limit = f"{size - 64} more than the 64 of 'xt_bpf'"
    assert finding.message.startswith(f"{size} instructions, {limit}; ")
    assert tries(finding) == families


def test_a_list_that_fits_where_room_is_little_is_no_finding() -> None:
    text = " or ".join(f"host 10.{n * 7 % 50}.{n % 9}.{n * 3}" for n in range(25))
    assert len(bpfq.compile(text, target="tc", link="RAW")) > 64
    assert len(bpfq.compile(text, target="xt_bpf")) <= 64
    assert codes(text, "xt_bpf", level=2) == []


def test_the_largest_part_is_pointed_at() -> None:
    text = f"tcp and ({hosts(10)})"
    assert at(text, only("L02", text, "xt_bpf", level=0)) == [hosts(10)]


def test_a_program_that_iptables_takes() -> None:
    assert codes("tcp port 80", "xt_bpf") == []


def test_more_option_memory_than_a_socket_has() -> None:
    charge = optmem_charge(bpfq.compile("tcp port 80", target="packet", level=1).words)
    finding = only("L03", "tcp port 80", "packet", optmem=charge)
    assert finding.message == (
        f"the program needs {charge} bytes of socket option memory, net.core.optmem_max is "
        f"{charge}: attaching it will fail with ENOMEM"
    )
    assert codes("tcp port 80", "packet", optmem=charge + 1) == []
    assert codes("tcp port 80", "tc", optmem=charge) == []
    assert codes("tcp port 80", "packet") == []


def test_a_path_that_takes_long() -> None:
    finding = only("L04", hosts(150), level=0)
    depth = longest_path(bpfq.compile(hosts(150), level=0).words)
    assert finding.message == (
        f"a packet may run through {depth} instructions; more than 1000 are slow"
    )
    assert codes(hosts(50), level=0) == []


def test_the_longest_path_takes_the_longer_side_of_every_jump() -> None:
    words = [
        SockFilter(0x28, 0, 0, 12),
        SockFilter(0x15, 1, 0, 0x800),  # equal: over the jump
        SockFilter(0x05, 0, 0, 2),
        SockFilter(0x30, 0, 0, 23),
        SockFilter(0x15, 0, 1, 6),
        SockFilter(0x06, 0, 0, 1),
        SockFilter(0x06, 0, 0, 0),
    ]
    assert longest_path(words) == 5
