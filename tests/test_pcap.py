"""Capture files with only the packets that match, read as files."""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from capture.octets import ETHERNET, enhanced, interface, pcap_header, record, section

import bpfq
from bpfq.capture.errors import CaptureError
from bpfq.capture.files import read_capture

RAW = 101  # LINKTYPE_RAW
ARP = bytes(12) + b"\x08\x06" + bytes(28)
IP = bytes(12) + b"\x08\x00" + b"\x45" + bytes(27)
TAGGED = bytes(12) + b"\x81\x00\x01\x27" + b"\x08\x06" + bytes(28)
PACKETS = (ARP, IP, TAGGED, ARP, IP)
CLASSIC = pcap_header() + b"".join(map(record, PACKETS))
ONLY_ARP = pcap_header() + record(ARP) * 2


def read(octets: bytes, filter: Any) -> bytes:
    with bpfq.pcap.open(io.BytesIO(octets), filter) as file:
        return file.read()


FILTERS = {
    "text": "arp",
    "expression": bpfq.arp,
    "program": bpfq.compile("arp"),
    "program for a socket": bpfq.compile("arp", target="packet"),
}


@pytest.mark.parametrize("filter", FILTERS.values(), ids=FILTERS)
def test_a_classic_file_has_only_what_matches(filter: Any) -> None:
    assert read(CLASSIC, filter) == ONLY_ARP
    assert read(CLASSIC, "arp or ip or vlan") == CLASSIC


def test_the_tag_is_inline() -> None:
    assert read(CLASSIC, bpfq.compile("vlan 295", target="packet")) == pcap_header() + record(
        TAGGED
    )


def test_the_byte_order_stays() -> None:
    swapped = pcap_header(">") + record(IP, ">") + record(ARP, ">")
    assert read(swapped, "arp") == pcap_header(">") + record(ARP, ">")


@pytest.mark.parametrize("order, family", [("<", b"\x02\0\0\0"), (">", b"\0\0\0\x02")])
@pytest.mark.parametrize("filter", ["ip", bpfq.compile("ip", link="NULL")], ids=["text", "program"])
def test_the_byte_order_decides_what_the_loopback_header_says(
    order: str, family: bytes, filter: Any
) -> None:
    header, packet = pcap_header(order, network=0), family + IP[14:]
    other = family[::-1] + IP[14:]
    octets = header + record(packet, order) + record(other, order)
    assert read(octets, filter) == header + record(packet, order)


@pytest.mark.parametrize("size", [1, 7, 24, 1000])
def test_it_is_read_in_pieces_of_any_size(size: int) -> None:
    with bpfq.pcap.open(io.BytesIO(CLASSIC), "arp") as file:
        pieces = []
        while piece := file.read(size):
            pieces.append(piece)
        assert b"".join(pieces) == ONLY_ARP
        assert {len(piece) for piece in pieces[:-1]} <= {size}
        assert file.read(size) == file.read() == b""


def test_pcapng_keeps_what_is_no_packet() -> None:
    start = section() + interface(ETHERNET)
    octets = start + b"".join(map(enhanced, PACKETS))
    assert read(octets, "arp") == start + enhanced(ARP) * 2


def test_packets_on_which_the_filter_cannot_be_decided_do_not_match() -> None:
    start = section() + interface(RAW) + interface(ETHERNET)
    octets = start + enhanced(IP[14:], number=0) + enhanced(TAGGED, number=1)
    assert read(octets, "vlan") == start + enhanced(TAGGED, number=1)
    assert read(octets, "not vlan") == start


def test_a_path_and_gzip(tmp_path: Path) -> None:
    plain, packed = tmp_path / "x.pcap", tmp_path / "x.pcap.gz"
    plain.write_bytes(CLASSIC)
    packed.write_bytes(gzip.compress(CLASSIC))
    for path in (plain, packed, str(plain)):
        with bpfq.pcap.open(path, "arp") as file:
            assert file.read() == ONLY_ARP and file.name == str(path)


def test_a_file_that_was_opened_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "x.pcap"
    path.write_bytes(CLASSIC)
    before = len(os.listdir("/proc/self/fd"))
    with bpfq.pcap.open(path, "arp"), pytest.raises(bpfq.FilterError):
        assert len(os.listdir("/proc/self/fd")) == before + 1
        bpfq.pcap.open(path, "tcp prot 80")
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_pipe_gives_a_packet_before_it_ends() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as pipe, os.fdopen(writing, "wb", buffering=0) as out:
        out.write(CLASSIC)
        file = bpfq.pcap.open(pipe, "arp")
        assert file.read(len(ONLY_ARP)) == ONLY_ARP


def test_a_cut_file_gives_what_came_before_the_cut() -> None:
    with bpfq.pcap.open(io.BytesIO(CLASSIC[:-3]), "arp") as file:
        assert file.read(len(ONLY_ARP)) == ONLY_ARP
        with pytest.raises(CaptureError, match="the file is cut: the record at byte"):
            file.read(1)


@pytest.mark.parametrize(
    "octets, filter, error, message",
    [
        (b"nothing", "arp", CaptureError, "neither pcap nor pcapng"),
        (CLASSIC, "arp and ip", bpfq.FilterError, "matches no packet"),
        (CLASSIC, "inbound", bpfq.UnsupportedError, "'inbound' .* cannot be seen"),
        (section(), "tcp prot 80", bpfq.FilterError, "unknown word 'prot'"),
    ],
    ids=["no capture", "empty", "unseen", "wrong, in pcapng"],
)
def test_what_is_wrong_is_said_before_anything_is_read(
    octets: bytes, filter: str, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        bpfq.pcap.open(io.BytesIO(octets), filter)


def test_the_copy_is_a_capture_file() -> None:
    file = bpfq.pcap.open(io.BytesIO(CLASSIC), "arp")
    packets = [block.packet for block in read_capture(file)]
    assert [None if packet is None else packet.data for packet in packets] == [ARP, ARP]


def test_importing_bpfq_does_not_import_it() -> None:
    code = (
        "import sys, bpfq; before = 'bpfq.pcap' in sys.modules; bpfq.pcap.open; "
        "print(before, 'bpfq.pcap' in sys.modules)"
    )
    assert subprocess.check_output([sys.executable, "-c", code]) == b"False True\n"
