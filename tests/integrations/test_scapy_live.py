"""scapy's sockets at both ends of a veth pair, in a process without libpcap and tcpdump.

What a filter is meant to receive is what live.filters says, by scapy alone.
"""

from __future__ import annotations

from typing import Any

import pytest
from kernel.namespaces import in_namespace, ip, needs_ip, needs_root
from live.filters import FILTERS
from live.frames import FRAMES
from live.network import quiet_pair
from live.seen import received, sent
from live.test_races import FLOOD, UDP_OF_FLOOD, flooded

import bpfq
import bpfq.scapy

from .filters import KINDS
from .without_libpcap import found

pytestmark = [pytest.mark.root, pytest.mark.oracle, needs_root, needs_ip]

ENDS = {"far": received, "near": sent}
CASES = [(kind, text, end) for kind, texts in KINDS.items() for text in texts for end in ENDS]


def on_a_pair(scenario: str) -> Any:
    def run() -> Any:
        quiet_pair()
        return found(scenario)

    return in_namespace(run)


def expected(text: str, end: str) -> list[str]:
    return sorted(name for name, frame in FRAMES.items() if FILTERS[text](ENDS[end](frame)))


@pytest.fixture(scope="module")
def heard() -> dict[tuple[str, str, str], list[str]]:
    return {(kind, text, end): names for kind, text, end, names in on_a_pair("received")}


@pytest.mark.parametrize("kind, text, end", CASES, ids=["-".join(case) for case in CASES])
def test_sniff_receives_the_expected_set(
    heard: dict[tuple[str, str, str], list[str]], kind: str, text: str, end: str
) -> None:
    assert heard[kind, text, end] == expected(text, end)


def test_tagged_frames_are_seen_where_they_are_sent_and_where_they_are_received() -> None:
    """A check of the expectation itself."""
    for end in ENDS:
        tagged = expected("vlan 100 and udp", end)
        assert "vlan 100 udp" in tagged and "udp dns" not in tagged


def test_every_other_way_receives_the_same() -> None:
    everything = expected("vlan 100 and udp", "far")
    short = {name for name, frame in FRAMES.items() if len(received(frame).data) < 100}
    assert 0 < len(short.intersection(everything)) < len(everything)
    assert on_a_pair("other_ways") == {
        "L2socket=, bpfq": everything,
        "L2socket=, scapy": everything,
        "L2socket= without use()": everything,
        "several interfaces": everything,
        "opened": everything,
        "lfilter": everything,
        "lfilter without use()": everything,
        "program as lfilter": everything,
        "except_filter": sorted(short.intersection(everything)),
        "except_filter, node": sorted(short.intersection(everything)),
        "except_filter alone": sorted(short),
    }


REPLY = "IP / ICMP 10.9.0.2 > 10.9.0.1 echo-reply 0"


def test_answers_pass_the_filter() -> None:
    def run() -> Any:
        quiet_pair()
        ip("address", "add", "10.9.0.1/24", "dev", "near")
        return found("answers")

    answers = in_namespace(run)
    error = answers.pop("sr1, no filter")
    assert error.startswith("IP / ICMP 10.9.0.2 > 10.9.0.1 dest-unreach port-unreachable")
    assert answers == {
        "sr1": REPLY,
        "sr1, node": REPLY,
        "sr1, other": "nothing",
        "srp1": f"Ether / {REPLY}",
        "srp1, other": "nothing",
        "srp": f"Ether / {REPLY}",
    }


def test_raw_sockets_filter_on_the_loopback_interface() -> None:
    def run() -> Any:
        ip("link", "set", "lo", "up")
        return found("loopback")

    everything = [9, 10, 11, 4242]
    assert in_namespace(run) == {
        "stock": everything,
        "bpfq": [4242],
        "everywhere": [4242],
        "nofilter": everything,
        "sr1": "IP / ICMP 127.0.0.1 > 127.0.0.1 echo-reply 0",
        "sr1, other": None,
        "sr1, IPv6": True,
        "sr1, IPv6, other": None,
        "patched": [4242],
        "undone": everything,
    }


def test_packets_that_leave_by_another_interface_are_filtered_there() -> None:
    def run() -> Any:
        quiet_pair()
        ip("address", "add", "10.9.0.1/24", "dev", "near")
        ip("link", "set", "lo", "up")
        return found("routed_elsewhere")

    program = [list(word) for word in bpfq.compile("udp port 53", target="packet")]
    assert in_namespace(run) == {"text": program, "node": program, "nofilter": []}


@pytest.mark.parametrize("kind", ["L2ListenSocket", "L2Socket", "L3RawSocket"])
def test_a_socket_opened_in_a_flood_never_hears_anything_else(kind: str) -> None:
    def run() -> set[bytes]:
        from scapy.all import conf

        conf.ifaces.reload()
        heard = set()
        for _ in range(10):
            with getattr(bpfq.scapy, kind)(iface="far", filter="udp", type=3) as sock:
                sock.ins.settimeout(10)
                heard |= {sock.ins.recv(2048) for _ in range(25)}
        return heard

    assert set(FLOOD) != UDP_OF_FLOOD
    assert in_namespace(flooded(run)) == UDP_OF_FLOOD
