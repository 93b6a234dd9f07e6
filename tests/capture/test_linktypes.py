"""LINKTYPE_* and DLT_* numbers, and what libpcap thinks of them."""

from __future__ import annotations

import ctypes
import ctypes.util
import struct
from pathlib import Path

import pytest

from bpfq.capture.linktypes import dlt_of_linktype, linktype_of_dlt
from bpfq.errors import UnsupportedError

from .octets import pcap_header

LIBPCAP = ctypes.util.find_library("pcap")
needs_libpcap = pytest.mark.skipif(LIBPCAP is None, reason="needs libpcap: install libpcap0.8")


@pytest.mark.parametrize(
    ("linktype", "dlt"),
    [(0, 0), (1, 1), (50, 50), (100, 11), (101, 12), (106, 19), (108, 108), (113, 113), (276, 276)],
)
def test_numbers_translate_both_ways(linktype: int, dlt: int) -> None:
    assert (dlt_of_linktype(linktype), linktype_of_dlt(dlt)) == (dlt, linktype)


@pytest.mark.parametrize("dlt", [12, 101])
def test_raw_ip_keeps_its_meaning(dlt: int) -> None:
    assert dlt_of_linktype(dlt) == 12


def test_number_of_one_system_only_is_refused() -> None:
    with pytest.raises(UnsupportedError) as caught:
        linktype_of_dlt(32)
    assert str(caught.value) == "link type DLT 32 has no number for capture files"


@pytest.mark.oracle
@needs_libpcap
def test_libpcap_reads_the_same_dlt(tmp_path: Path) -> None:
    pcap = ctypes.CDLL(LIBPCAP)
    pcap.pcap_open_offline.restype = ctypes.c_void_p
    path = tmp_path / "empty.pcap"
    found = {}
    for linktype in range(300):
        path.write_bytes(pcap_header(network=linktype))
        handle = ctypes.c_void_p(
            pcap.pcap_open_offline(str(path).encode(), ctypes.create_string_buffer(256))
        )
        found[linktype] = pcap.pcap_datalink(handle)
        pcap.pcap_close(handle)
    assert {n: dlt_of_linktype(n) for n in range(300)} == found


@pytest.mark.oracle
@needs_libpcap
def test_libpcap_writes_the_same_linktype(tmp_path: Path) -> None:
    pcap = ctypes.CDLL(LIBPCAP)
    pcap.pcap_open_dead.restype = pcap.pcap_dump_open.restype = ctypes.c_void_p
    path = tmp_path / "empty.pcap"

    def theirs(dlt: int) -> int | None:
        handle = ctypes.c_void_p(pcap.pcap_open_dead(dlt, 65535))
        dump = ctypes.c_void_p(pcap.pcap_dump_open(handle, str(path).encode()))
        if dump.value is not None:
            pcap.pcap_dump_close(dump)
        pcap.pcap_close(handle)
        if dump.value is None:
            return None
        return int(struct.unpack_from("I", path.read_bytes(), 20)[0])

    def ours(dlt: int) -> int | None:
        try:
            return linktype_of_dlt(dlt)
        except UnsupportedError:
            return None

    numbers = range(285)  # known to every libpcap since 1.10
    assert {n: ours(n) for n in numbers} == {n: theirs(n) for n in numbers}
