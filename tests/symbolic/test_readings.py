"""Formulas and graphs as propositions against the meaning and the function made of the graph."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

import pytest
from oracles.corpus import Line, filters
from oracles.directed import bases, search, truncations

from bpfq.backends.cbpf.emit import emit
from bpfq.backends.pyfunc import matcher
from bpfq.errors import BpfqError
from bpfq.frontend.pcap.parse import parse
from bpfq.graph.nodes import Builder
from bpfq.graphs import decide, formula_of
from bpfq.isa.cbpf.vm import Machine
from bpfq.lower.context import Options
from bpfq.meaning import Meaning, Setting, meaning
from bpfq.query.nodes import Query
from bpfq.settings import Settings, link_type, target_link
from bpfq.symbolic import classic, formula, graph
from bpfq.symbolic.formula import SEQUENTIAL, TOTAL
from bpfq.symbolic.propositions import TRUE, Packet
from bpfq.targets import TARGETS

from .concrete import Concrete

NETMASK = 0xFFFF_FF00
PARTS, COMPARED_PARTS = 108, 36  # of the corpus
MOST_TRACES = 30  # packets of each
MOST_CUT = 40  # of those, cut short
FILLS: dict[str, Callable[[int], int]] = {
    "zeroes": lambda address: 0,
    "mixed": lambda address: address * 167 + 13 & 0xFF,
}
WORDS = ("vlanp", "vlan_tci", "vlan_tpid", "proto", "type", "ifidx")
UDP_OVER_IPV4 = bytes.fromhex("4500003000010000401100000a000002c0a80101")
UDP_OVER_IPV6 = bytes.fromhex("600000000010114020010db8" + "00" * 12 + "ff02" + "00" * 14)


class Compared:
    """A filter in every form, and the packets to look at."""

    def __init__(self, query: Query, settings: Settings, setting: Setting, seed: int) -> None:
        self.meaning: Meaning = meaning(query, setting)
        self.settings = settings
        packet = Packet()
        self.readings = {
            reading: formula.encode(
                formula_of(query, settings, Builder(), share=False), packet, reading
            )
            for reading in (SEQUENTIAL, TOTAL)
        }
        decided = decide(query, settings)
        self.graph = graph.encode(decided, packet)
        self.function = matcher(decided)
        words = emit(decided, settings.accept, settings.level)
        self.program = classic.encode(
            words,
            packet,
            machine=Machine.KERNEL if settings.target.metadata else Machine.LIBPCAP,
            metadata=settings.target.metadata,
        )
        found = search(words, bases(seed), MOST_TRACES, dict.fromkeys(WORDS, 0))
        cut = [short for sample in found.new[-3:] for short in truncations(words, sample)]
        step = len(cut) // MOST_CUT + 1
        self.samples = [*found.samples, *cut[::step]]

    def wrong(self, metadata: Mapping[str, int], network_header: bytes = b"") -> list[str]:
        """Which form says something else on which packet."""
        found = []
        known = metadata if self.settings.target.metadata else None
        for sample in self.samples:
            octets, length = sample.packet, sample.length
            if self.settings.target.metadata:
                length = len(octets)
            for fill_name, fill in FILLS.items():
                packet = Concrete(octets, length, metadata, network_header, fill)
                for reading, proposition in self.readings.items():
                    wanted = self.meaning.accepts(
                        octets, reading=reading, wire_length=length, metadata=known,
                        fill=lambda at: fill(at - len(network_header)),  # noqa: B023
                        network_header=network_header,
                    )  # fmt: skip
                    if (packet.outcome(proposition) is TRUE) != wanted:
                        found.append(f"{reading} {fill_name}: {wanted} on {octets.hex()}")
            if network_header:
                continue
            packet = Concrete(octets, length, metadata)
            wanted = self.function(octets, length, metadata)
            for name, proposition in (("graph", self.graph), ("program", self.program)):
                if (packet.outcome(proposition) is TRUE) != wanted:
                    found.append(f"{name}: {wanted} on {octets.hex()}")
        return found


def _of_file(line: Line, level: int) -> Compared | None:
    try:
        settings = Settings(
            TARGETS["file"], link_type(line.link), level=level, savefile=line.savefile,
            options=Options(netmask=NETMASK),
        )  # fmt: skip
        setting = Setting(link=settings.link.name, netmask=NETMASK, savefile=line.savefile)
        return Compared(parse(line.text), settings, setting, filters().index(line))
    except BpfqError:  # no such primitive on this link type
        return None


@pytest.mark.parametrize("part", range(COMPARED_PARTS))
def test_every_form_of_a_filter_of_the_corpus_says_what_it_means(part: int) -> None:
    lines = filters()[part::PARTS]
    compared = {line: _of_file(line, level=part % 2) for line in lines}
    assert sum(one is not None for one in compared.values()) >= len(lines) // 2
    wrong = {line: one.wrong({}) for line, one in compared.items() if one is not None}
    assert wrong == {line: [] for line in wrong}


LIVE = (
    "vlan 5",
    "vlan and vlan 6 and ip",
    "not vlan",
    "inbound",
    "outbound and tcp",
    "ifindex 2",
    "ip and not host 10.0.0.1",
    "tcp port 80 or vlan",
    "len > 60 and ip[2:2] > 40",
    "ether[8] / ether[9] != 1",
    "not ip[8] % ip[9] = 1",
    "ip6 protochain 58",
    "ether[12:2] & 0xff00 = 0x800",
)


@pytest.mark.parametrize("text", LIVE)
def test_every_form_of_a_filter_on_a_packet_socket_says_what_it_means(text: str) -> None:
    settings = Settings(TARGETS["packet"], link_type("EN10MB"))
    setting = Setting(live=True, ancillary=True)
    compared = Compared(parse(text), settings, setting, LIVE.index(text))
    chance = random.Random(text)
    for _ in range(4):
        present = chance.randrange(2)
        metadata = {
            "vlanp": present, "vlan_tci": present * chance.choice((5, 6, 0x2005)), "type": 4,
            "vlan_tpid": present * 0x8100, "proto": chance.choice((0x800, 0x86DD)),
            "ifidx": chance.choice((2, 3)),
        }  # fmt: skip
        assert compared.wrong(metadata) == []
        metadata["type"] = 0
        assert compared.wrong(metadata) == []


BEHIND = (
    "udp port 53",
    "src host 10.0.0.2",
    "not dst host 192.168.1.1",
    "ip[8] > 60 and udp[4:2] > 8",
    "src portrange 1-1000 or dst port 5353",
    "udp[100] = 1 or ip[2:2] = 48",
    "ip6 or ip",
)


@pytest.mark.parametrize("text", BEHIND)
@pytest.mark.parametrize("family, header", [(4, UDP_OVER_IPV4), (6, UDP_OVER_IPV6)])
def test_the_readings_of_a_filter_on_a_udp_socket_are_what_it_means(
    text: str, family: int, header: bytes
) -> None:
    target = TARGETS["udp"]
    settings = Settings(target, target_link(target, "EN10MB", family))
    setting = Setting(
        link=settings.link.name, live=True, ancillary=True, family=family, start="transport"
    )
    compared = Compared(parse(text), settings, setting, BEHIND.index(text))
    assert compared.wrong(dict.fromkeys(WORDS, 0), header) == []
