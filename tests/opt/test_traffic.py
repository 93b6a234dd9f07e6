"""The default traffic is what its filters say it is, on every link type and target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

import bpfq
from bpfq.analysis.subject import machine_of, network_offset
from bpfq.isa.cbpf.vm import run
from bpfq.opt.traffic_links import default_profile
from bpfq.settings import link_type
from bpfq.targets import TARGETS

NETWORK = ("ip and udp", "ip and tcp", "ip6", "arp")

SHARES = {
    "ip and tcp and not vlan": 454, "ip and udp and not vlan": 223,
    "ip and not tcp and not udp": 28, "ip6": 232, "arp": 24, "vlan": 29,
    "not ip and not ip6 and not arp and not vlan": 14,
    "tcp port 443": 408, "udp port 443": 155, "udp port 53": 36, "icmp": 14, "icmp6": 11,
    "ip[6:2] & 0x3fff != 0": 7, "ip[0] & 0xf > 5": 2, "tcp[13] & 2 != 0": 10, "stp": 6,
    "ip broadcast": 2, "greater 1000": 379, "less 100": 309,
}  # fmt: skip
# IPv4 with UDP, with TCP; IPv6; ARP; tagged
ON_ALL = {
    "EN10MB": (223, 454, 232, 24, 29), "NETANALYZER": (223, 454, 232, 24, 29),
    "LINUX_SLL": (223, 454, 232, 24, 0), "LINUX_SLL2": (223, 454, 232, 24, 0),
    "IEEE802_11_RADIO": (223, 454, 232, 24, 0), "FDDI": (223, 454, 232, 24, 0),
    "C_HDLC": (223, 454, 232, 24, 0), "NULL": (223, 454, 232, 0, 0),
    "LOOP": (223, 454, 232, 0, 0), "PPP": (223, 454, 232, 0, 0), "RAW": (223, 454, 232, 0, 0),
    "IPV4": (223, 454, 0, 0, 0), "PFLOG": (0, 0, 0, 0, 0),
}  # fmt: skip
LIVE: dict[str, tuple[dict[str, Any], tuple[int, ...]]] = {
    "packet": ({}, (228, 470, 238, 26, 29)),
    "packet-cooked": ({}, (228, 470, 238, 26, 29)),
    "raw4": ({}, (223, 454, 0, 0)),
    "raw6": ({}, (0, 0, 232, 0)),
    "xt_bpf": ({"family": 6}, (0, 0, 232, 0)),
    "udp": ({}, (216, 0, 78, 0)),
}


def share(text: str, savefile: str | None = None, **options: Any) -> int:
    """The weight of the default traffic that a filter accepts."""
    options |= {"savefile": savefile, "netmask": 0xFFFF_FF00, "allow_empty": True}
    program = bpfq.compile(text, level=0, **options)
    settings = program.settings
    return sum(
        sample.weight
        for sample in default_profile(settings.target, settings.link, savefile).samples
        if run(
            program.words,
            sample.octets,
            wire_length=sample.length,
            metadata=sample.metadata,
            machine=machine_of(settings.target),
            network_offset=network_offset(settings) or 0,
            network_header=sample.network,
        )
    )


@pytest.mark.parametrize("text", SHARES)
def test_so_many_of_a_thousand_packets_are(text: str) -> None:
    assert share(text) == SHARES[text]


def shares(words: Sequence[str], **options: Any) -> tuple[int, ...]:
    return tuple(share(word, **options) for word in words)


@pytest.mark.parametrize("savefile", [None, "unswapped", "swapped"])
@pytest.mark.parametrize("link", ON_ALL)
def test_link_types_carry_the_same_traffic(link: str, savefile: str | None) -> None:
    *network, tagged = ON_ALL[link]
    assert shares(NETWORK[: len(network)], link=link, savefile=savefile) == tuple(network)
    if tagged:
        assert share("vlan", link=link) == tagged


@pytest.mark.parametrize("target", LIVE)
def test_live_targets_see_what_arrives_there(target: str) -> None:
    options, expected = LIVE[target]
    words = (*NETWORK, "vlan")[: len(expected)]
    assert shares(words, target=target, **options) == expected


def test_the_default_traffic_is_made_once() -> None:
    ethernet = link_type("EN10MB")
    assert default_profile(TARGETS["file"], ethernet) is default_profile(TARGETS["file"], ethernet)
