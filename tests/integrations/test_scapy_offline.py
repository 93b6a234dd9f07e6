"""Capture files that scapy filters, without libpcap and tcpdump, and beside stock scapy.

What a filter is meant to keep is what live.filters says of the frames, by scapy alone.
"""

from __future__ import annotations

import gzip
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from capture.octets import enhanced, interface, pcap_header, record, section
from kernel.namespaces import needs_root
from live.filters import FILTERS
from live.frames import FRAMES
from live.seen import sent
from scapy.all import Ether, PcapReader, rdpcap, sniff
from scapy.layers.inet import IP

import bpfq
import bpfq.scapy

from .filters import TEXTS
from .without_libpcap import found

NAMES = {frame: name for name, frame in FRAMES.items()}
LIVE = ("inbound", "outbound")  # what a file does not record


def expected(text: str) -> list[str]:
    return [name for name, frame in FRAMES.items() if FILTERS[text](sent(frame))]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    classic = pcap_header() + b"".join(map(record, FRAMES.values()))
    (tmp_path / "one.pcap").write_bytes(classic)
    (tmp_path / "one.pcap.gz").write_bytes(gzip.compress(classic))
    blocks = section() + interface() + b"".join(map(enhanced, FRAMES.values()))
    (tmp_path / "other.pcapng").write_bytes(blocks)
    return tmp_path


def test_every_way_to_name_a_file(files: Path) -> None:
    wanted = expected("vlan 100 and udp")
    twice = [name for name in wanted for _ in range(2)]  # two files, read in turn
    ways = {
        "text", "node", "program", "pcapng", "gzip", "dictionary", "packets", "asynchronous",
        "file", "opened",
    }  # fmt: skip
    assert len(wanted) > 3
    assert found("offline", str(files)) == {
        **dict.fromkeys(ways, wanted),
        "list": twice,
        "count": wanted[:1],
    }


@pytest.mark.root
@needs_root
def test_scapy_alone_can_do_nothing_of_it(files: Path) -> None:
    assert found("refusals", str(files / "one.pcap")) == [
        "Cannot set filter: libpcap is not available. Cannot compile filter !",
        "libpcap is not available. Cannot compile filter !",
    ]


@pytest.mark.parametrize("text", [t for t in TEXTS if not any(word in t for word in LIVE)])
def test_a_file_keeps_the_expected_set(files: Path, text: str) -> None:
    with bpfq.scapy.use(patch=True):
        kept = sniff(offline=str(files / "one.pcap"), filter=text)
    assert [NAMES[packet.original] for packet in kept] == expected(text)


@pytest.mark.oracle
@pytest.mark.skipif(shutil.which("tcpdump") is None, reason="needs tcpdump: install tcpdump")
@pytest.mark.parametrize("source", ["one.pcap", "other.pcapng", "packets"])
def test_stock_scapy_keeps_the_same_packets_with_the_same_times(files: Path, source: str) -> None:
    name = str(files / source)

    def kept() -> list[tuple[Any, ...]]:
        offline = rdpcap(str(files / "one.pcap")) if source == "packets" else name
        packets = sniff(offline=offline, filter="vlan 100 and udp", quiet=True)
        return [(type(p), p.original, p.time, p.wirelen) for p in packets]

    stock = kept()
    with bpfq.scapy.use(patch=True):
        assert kept() == stock
    assert len(stock) > 3


def test_without_a_filter_nothing_changes(files: Path) -> None:
    with bpfq.scapy.use(patch=True):
        assert len(sniff(offline=str(files / "one.pcap"))) == len(FRAMES)
        assert len(sniff(offline=[Ether() / IP()])) == 1


def test_only_what_matches_is_dissected(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dissected = []
    read_packet = PcapReader.read_packet

    def counted(self: Any, *arguments: Any, **options: Any) -> Any:
        packet = read_packet(self, *arguments, **options)
        dissected.append(packet)
        return packet

    monkeypatch.setattr(PcapReader, "read_packet", counted)
    with bpfq.scapy.use(patch=True):
        kept = sniff(offline=str(files / "one.pcap"), filter="vlan 100 and udp")
    assert len(dissected) == len(kept) == len(expected("vlan 100 and udp"))


def test_a_file_that_is_no_capture_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"nothing")
    with bpfq.scapy.use(patch=True), pytest.raises(bpfq.BpfqError, match="neither pcap nor pcapng"):
        sniff(offline=str(path), filter="udp")


def test_a_file_is_closed_at_its_end(files: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    with bpfq.scapy.use(patch=True):
        for name in ("one.pcap", "one.pcap.gz", "other.pcapng"):
            assert len(sniff(offline=str(files / name), filter="greater 1000")) > 0
    assert len(os.listdir("/proc/self/fd")) == before
