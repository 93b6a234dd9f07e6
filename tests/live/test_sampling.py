"""rand(p): the kernel draws, so shares are compared within eight standard deviations."""

from __future__ import annotations

import math
import socket

import pytest

import bpfq
from bpfq.frontend.dsl import arp, ip, rand, tcp, udp, when
from kernel.namespaces import in_namespace, needs_ip, needs_root
from kernel.namespaces import ip as ip_command

from .frames import FRAMES
from .network import heard, opened, queued, quiet_pair, roomy

pytestmark = [pytest.mark.root, pytest.mark.oracle, needs_root, needs_ip]

SENT_EACH = 4000
DEVIATIONS = 8  # by chance alone in one of 10**15 runs
KINDS = {"udp": FRAMES["udp dns"], "tcp": FRAMES["tcp syn"], "arp": FRAMES["arp request"]}

# expression -> the share of UDP, of TCP and of ARP that it keeps
SAMPLES = {
    "half": (ip & rand(0.5), (0.5, 0.5, 0)),
    "tenth first": (rand(0.1) & ip, (0.1, 0.1, 0)),
    "between": (ip & rand(0.25) & udp, (0.25, 0, 0)),
    "nine tenths": (~rand(0.1), (0.9, 0.9, 0.9)),
    "two draws": (rand(0.5) & rand(0.5), (0.25, 0.25, 0.25)),
    "one or the other draw": (udp & (rand(0.5) | rand(0.5)), (0.75, 0, 0)),
    "a draw and the opposite of another": (ip & rand(0.5) & ~rand(0.5), (0.25, 0.25, 0)),
    "each kind its own": ((udp & rand(0.2)) | (tcp & rand(0.8)), (0.2, 0.8, 0)),
    "chosen by a draw": (when(rand(0.3), udp, tcp), (0.3, 0.7, 0)),
    "all of one": (arp | (udp & rand(0.5)), (0.5, 0, 1)),
    "never": (udp & rand(0.0) | arp, (0, 0, 1)),
    "always": (udp & rand(1.0), (1, 0, 0)),
    "one in a thousand": (rand(0.001), (0.001, 0.001, 0.001)),
}

Counts = tuple[int, ...]


def within(count: int, share: float, sent: int = SENT_EACH) -> bool:
    """The count is as near to its mean as chance leaves it."""
    room = DEVIATIONS * math.sqrt(sent * share * (1 - share))
    return abs(count - sent * share) <= room and count <= sent


def sample() -> dict[str, Counts]:
    quiet_pair()
    sockets, _ = opened(SAMPLES, lambda name: bpfq.open_packet_socket("far", SAMPLES[name][0]))
    found = heard(sockets, list(KINDS.values()) * SENT_EACH)
    return {
        name: (len(packets), *(packets.count(frame) for frame in KINDS.values()))
        for name, packets in found.items()
    }


@pytest.fixture(scope="module")
def counts() -> dict[str, Counts]:
    return in_namespace(sample)


@pytest.mark.parametrize("name", SAMPLES)
def test_share_on_a_packet_socket(counts: dict[str, Counts], name: str) -> None:
    total, *each = counts[name]
    assert total == sum(each)
    assert [within(count, share) for count, share in zip(each, SAMPLES[name][1], strict=True)] == [
        True
    ] * 3, each


def test_share_on_a_udp_socket() -> None:
    def scenario() -> int:
        ip_command("link", "set", "lo", "up")
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out,
        ):
            bpfq.attach(roomy(sock), udp & rand(0.25))
            sock.bind(("127.0.0.1", 0))
            for _ in range(SENT_EACH):  # over loopback, each has arrived when sendto returns
                out.sendto(b"x", sock.getsockname())
            return len(queued(sock))

    assert within(in_namespace(scenario), 0.25)


def test_files_have_nobody_who_draws() -> None:
    with pytest.raises(bpfq.UnsupportedError) as caught:
        bpfq.compile(ip & rand(0.5))
    assert "'rand' (the kernel draws the number, on live targets only)" in str(caught.value)
