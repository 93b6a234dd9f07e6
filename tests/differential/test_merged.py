"""Many filters in one program: each counts what it accepts alone, whatever stands before it.

Groups of random queries and of hard filters, merged at each hook that counts; in the kernel, on
packets directed at every branch of every one of them.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from random import Random

import pytest
from isa.ebpf import bpf
from oracles.sweep import FULL, sampled

import bpfq
from bpfq.backends.ebpf.counter_map import MATCHES
from bpfq.ebpf.counts import each_in
from bpfq.ebpf.install import Installed, install
from bpfq.errors import BpfqError
from bpfq.kernel.testrun import run

from .hook_sweep import SEED, text_of
from .hooks import PLACES, UNTAGGED, Made, Place, compiled, framed, metadata_in_kernel, runs
from .room import Packet, Room, directed
from .test_hooks import TRICKY
from .verdicts import NETMASK

REASON = bpf.why_not()
needs_kernel = pytest.mark.skipif(REASON is not None, reason=str(REASON))
pytestmark = [pytest.mark.oracle, needs_kernel]

HOOKS = ("xdp", "tc", "cgroup_skb", "netfilter")
TOGETHER = 7  # filters in one program
GROUPS = range(60 if FULL else 3)
MOST, MOST_CUT = 20, 30  # packets of each program of a filter


def wrong_together(texts: Sequence[str], place: Place) -> list[str]:
    """What is wrong with the counts of filters in one program; those refused at the hook are out."""
    rooms = {text: room for text in texts if (room := room_of(text, place)) is not None}
    program = bpfq.count_program(
        {text: text for text in rooms}, target=place.target, link=place.link, netmask=NETMASK,
        allow_empty=True,
    )  # fmt: skip
    packets = [packet for text in rooms for packet in packets_for(text, place)]
    with install(program.module) as installed:
        counted = {each.captured: added(installed, each.captured, place) for each in packets}
    found: list[str] = []
    for number, (text, room) in enumerate(rooms.items()):
        one = Made(f"{text} (number {number})", program.module, strict=False)
        found += room.wrong(
            one, reading(counted, number), packets,
            lambda packet: metadata_in_kernel(packet, place) or UNTAGGED,
        )  # fmt: skip
    return found


def room_of(text: str, place: Place) -> Room | None:
    try:
        compiled(text, place)
        return Room(text, place)
    except BpfqError:
        return None


def packets_for(text: str, place: Place) -> list[Packet]:
    classic = [compiled(text, place).words]
    return directed(classic, zlib.crc32(text.encode()), MOST, MOST_CUT, UNTAGGED)


def added(installed: Installed, packet: bytes, place: Place) -> tuple[int, ...] | None:
    """What one packet adds to each counter; None where the kernel cannot run it."""
    if not runs(packet, place):
        return None
    matches = installed.maps[MATCHES]
    before = each_in(matches)
    run(installed.program, framed(packet, place))
    pairs = list(zip(each_in(matches), before, strict=True))
    for after, old in pairs:
        assert ((after.bytes or 0) - (old.bytes or 0)) == (after.packets - old.packets) * len(
            packet
        )
    return tuple(after.packets - old.packets for after, old in pairs)


def reading(
    counted: dict[bytes, tuple[int, ...] | None], number: int
) -> Callable[[bytes], bool | None]:
    """Whether a filter of the program accepts a packet, which counts once then."""

    def accepts(packet: bytes) -> bool | None:
        rows = counted[packet]
        if rows is None:
            return None
        assert rows[number] in (0, 1)
        return rows[number] == 1

    return accepts


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("group", GROUPS)
def test_random_queries_count_alone_and_together(hook: str, group: int) -> None:
    first = 10_000 + group * TOGETHER
    texts = ["", *(text_of(SEED, first + number) for number in range(TOGETHER))]
    Random(group).shuffle(texts)
    assert wrong_together(list(dict.fromkeys(texts)), PLACES[hook]) == []


@pytest.mark.parametrize("hook", HOOKS)
def test_hard_filters_count_alone_and_together(hook: str) -> None:
    texts = sampled(TRICKY, 5, HOOKS.index(hook))
    assert wrong_together(texts, PLACES[hook]) == []
