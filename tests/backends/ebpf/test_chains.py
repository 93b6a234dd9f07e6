"""Walks over headers: a loop at XDP and tc decides what the walk written out decides."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest
from kernel.ebpf.programs import needs_bpf

import bpfq
from bpfq.ebpf.install import install
from bpfq.kernel.testrun import run, shortest

AH = 51
PASSED = (0, 60, 43, 44)
ETHERNET = bytes(12)


def extension(protocol: int, following: int, draw: Random) -> bytes:
    """A header of that protocol, with a length field of its own."""
    units = draw.choice((0, 0, 1, 2, 5, 20))
    length = (units + 2) * 4 if protocol == AH else (units + 1) * 8
    return bytes((following, units)) + bytes(length - 2)


def chain(first: list[int], last: int, draw: Random) -> bytes:
    """The headers of some protocols, the last of which is followed by another one."""
    headers = zip(first, [*first, last][1:], strict=True)
    return b"".join(extension(own, following, draw) for own, following in headers)


def packets(family: int, count: int) -> Iterator[bytes]:
    draw = Random(family)
    for _ in range(count):
        passed = (*PASSED, AH) if family == 6 else (AH,)
        protocols = draw.choices(passed, k=draw.choice((0, 1, 2, 3, 7, 8, 9)))
        last = draw.choice((6, 17, 58, 59))
        body = chain(protocols, last, draw) + bytes(20)
        first = [*protocols, last][0]
        if family == 6:
            header = b"\x60" + bytes(3) + len(body).to_bytes(2, "big") + bytes((first, 64))
            yield ETHERNET + b"\x86\xdd" + header + bytes(32) + body
        else:
            words = draw.choice((5, 6, 15))
            header = bytes((0x40 | words, 0)) + bytes(7) + bytes((first,)) + bytes(4 * words - 10)
            yield ETHERNET + b"\x08\x00" + header + body


def cut(every: Iterator[bytes]) -> Iterator[bytes]:
    draw = Random(1)
    for packet in every:
        yield packet
        yield packet[: draw.randrange(14, len(packet))]


FILTERS = [
    ("ip6 protochain 6", 6),
    ("ip6 protochain 44", 6),
    ("ip6 protochain 60", 6),
    ("protochain 58", 6),
    ("ip protochain 17", 4),
    ("protochain 51", 4),
]


@pytest.mark.parametrize(("text", "family"), FILTERS)
@pytest.mark.parametrize("target", ["ebpf:xdp", "ebpf:tc"])
def test_a_loop_walks_as_the_program_without_loops(text: str, family: int, target: str) -> None:
    program = bpfq.compile(text, target=target, action="drop")
    reference = bpfq.compile(text, strict=True)
    assert "goto pc-" in str(program)
    for packet in cut(packets(family, 60)):
        assert program.matches(packet) is reference.matches(packet), packet.hex()


@needs_bpf
@pytest.mark.parametrize(("text", "family"), FILTERS)
@pytest.mark.parametrize("target", ["ebpf:xdp", "ebpf:tc"])
def test_the_kernel_takes_the_loop_and_walks_so(text: str, family: int, target: str) -> None:
    program = bpfq.compile(text, target=target, action="drop")
    assert isinstance(program, bpfq.EbpfProgram)
    reference = bpfq.compile(text, strict=True)
    with install(program.module) as installed:
        for packet in cut(packets(family, 30)):
            if len(packet) >= shortest(program.hook, packet):
                found = run(installed.program, packet).verdict & 0xFFFF_FFFF
                assert (found == program.verdicts.accept) is reference.matches(packet)


def test_a_loop_is_as_long_for_any_bound() -> None:
    lengths = {
        len(bpfq.compile("ip6 protochain 6", target="ebpf:xdp", protochain=most))
        for most in (4, 8, 20)
    }
    assert lengths == {56}


def test_other_hooks_and_words_that_call_have_the_walk_written_out() -> None:
    for target in ("ebpf:socket", "ebpf:cgroup_skb", "ebpf:netfilter"):
        assert len(bpfq.compile("ip6 protochain 6", target=target)) > 100
    drawn = bpfq.rand(0.5) & bpfq.parse("ip6 protochain 6")
    assert len(bpfq.compile(drawn, target="ebpf:xdp")) > 100
