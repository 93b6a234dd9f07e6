"""Classic pcap files."""

from __future__ import annotations

import io
import struct
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpfq.capture.errors import CaptureError
from bpfq.capture.pcap import Header, Reader, Record, Writer, read_header

from .octets import pcap_header, record

OTHER = ">" if sys.byteorder == "little" else "<"


class Dribble:
    """A stream that cannot seek and gives at most three bytes at a time."""

    def __init__(self, octets: bytes) -> None:
        self._stream = io.BytesIO(octets)

    def read(self, size: int, /) -> bytes:
        return self._stream.read(min(size, 3))


def records(octets: bytes) -> list[Record]:
    return list(Reader(io.BytesIO(octets)))


def trouble(octets: bytes) -> tuple[str, int | None]:
    """The message and offset of the error that reading the file ends with."""
    with pytest.raises(CaptureError) as caught:
        records(octets)
    return str(caught.value), caught.value.offset


@pytest.mark.parametrize("order", ["<", ">"], ids=["little", "big"])
@pytest.mark.parametrize(
    ("magic", "nanosecond"), [(0xA1B2C3D4, False), (0xA1B23C4D, True)], ids=["micro", "nano"]
)
def test_header_in_each_kind(order: str, magic: int, nanosecond: bool) -> None:
    octets = pcap_header(order, magic, snaplen=96, network=113)
    reader = Reader(io.BytesIO(octets))
    assert reader.header == Header(octets, order, nanosecond, (2, 4), 96, 113)
    assert (reader.link_type, reader.swapped, reader.snaplen) == (113, order == OTHER, 96)


@pytest.mark.parametrize("order", ["<", ">"], ids=["little", "big"])
def test_records_keep_their_bytes(order: str) -> None:
    first, second = record(b"abc", order, wire_length=99), record(b"", order)
    assert records(pcap_header(order) + first + second) == [
        Record(1, 2, 99, b"abc", first),
        Record(1, 2, 0, b"", second),
    ]


def test_file_without_packets() -> None:
    assert records(pcap_header()) == []


def test_stream_that_dribbles() -> None:
    octets = pcap_header() + record(b"abcdefghij") * 3
    assert list(Reader(Dribble(octets))) == records(octets)


def test_records_across_chunks() -> None:
    octets = [record(bytes([n % 251]) * (n * 37 % 1500)) for n in range(500)]
    assert [r.raw for r in records(pcap_header() + b"".join(octets))] == octets


def test_record_longer_than_a_chunk() -> None:
    octets = record(b"x" * 200_000)
    assert [r.raw for r in records(pcap_header(snaplen=262144) + octets)] == [octets]


@pytest.mark.parametrize(
    ("magic", "expected"),
    [(0xA1B2C3D4, 1_000_002_000), (0xA1B23C4D, 1_000_000_002)],
    ids=["micro", "nano"],
)
def test_time_stamp(magic: int, expected: int) -> None:
    reader = Reader(io.BytesIO(pcap_header(magic=magic) + record(b"a")))
    assert [reader.timestamp_ns(r) for r in reader] == [expected]


def test_link_type_is_the_dlt_number() -> None:
    assert Reader(io.BytesIO(pcap_header(network=101))).link_type == 12


def test_frame_check_sequence_bits_are_no_link_type() -> None:
    reader = Reader(io.BytesIO(pcap_header(network=0x2400_0001)))
    assert (reader.link_type, reader.header.network) == (1, 0x2400_0001)


def test_data_beyond_the_snapshot_length_is_not_shown() -> None:
    octets = record(b"abcdef", wire_length=60)
    assert records(pcap_header(snaplen=4) + octets) == [Record(1, 2, 60, b"abcd", octets)]


@pytest.mark.parametrize("snaplen", [0, 0xFFFF_FFFF], ids=["zero", "beyond-31-bits"])
def test_snapshot_length_that_is_no_limit(snaplen: int) -> None:
    reader = Reader(io.BytesIO(pcap_header(snaplen=snaplen) + record(b"abc")))
    assert (reader.snaplen, [r.data for r in reader]) == (262144, [b"abc"])


@pytest.mark.parametrize(
    ("version", "lengths", "data"),
    [
        ((2, 4), (3, 60), b"abc"),
        ((2, 3), (3, 60), b"abc"),
        ((2, 3), (60, 3), b"abc"),
        ((2, 2), (60, 3), b"abc"),
        ((543, 0), (60, 3), b"abc"),
    ],
    ids=["2.4", "2.3", "2.3-old-order", "2.2", "dg-ux"],
)
def test_order_of_the_lengths(
    version: tuple[int, int], lengths: tuple[int, int], data: bytes
) -> None:
    octets = struct.pack("<IIII", 1, 2, *lengths) + data
    expected = [Record(1, 2, 60, b"abc", octets)]
    assert records(pcap_header(version=version) + octets) == expected


@pytest.mark.parametrize(
    ("octets", "message", "offset"),
    [
        (b"", "not a pcap file: it begins with nothing", 0),
        (b"GIF89a", "not a pcap file: it begins with 47494638", 0),
        (
            pcap_header()[:10],
            "the file is cut: the file header at byte 0 has 10 of 24 bytes",
            0,
        ),
        (
            pcap_header(magic=0xA1B2CD34),
            (
                "modified pcap (magic a1b2cd34) is not supported, "
                "convert it with: tcpdump -r OLD -w NEW"
            ),
            0,
        ),
        (pcap_header(version=(2, 5)), "pcap version 2.5 is not supported, 2.4 is", 4),
        (pcap_header(version=(1, 2)), "pcap version 1.2 is not supported, 2.4 is", 4),
        (
            pcap_header() + record(b"abc") + record(b"abc")[:15],
            "the file is cut: the record header at byte 43 has 15 of 16 bytes",
            43,
        ),
        (
            pcap_header() + record(b"abc") + record(b"abc")[:18],
            "the file is cut: the record at byte 43 has 18 of 19 bytes",
            43,
        ),
        (
            pcap_header() + struct.pack("<IIII", 1, 2, 0xFFFF_FFFF, 60),
            (
                "the file is damaged: the record at byte 24 claims 4294967295 bytes, "
                "a packet has at most 262144"
            ),
            24,
        ),
    ],
    ids=[
        "empty",
        "foreign",
        "cut-header",
        "modified",
        "newer",
        "archaic",
        "cut-record-header",
        "cut-record",
        "damaged",
    ],
)
def test_unreadable_file(octets: bytes, message: str, offset: int) -> None:
    assert trouble(octets) == (message, offset)


def test_cut_file_gives_its_whole_records_first() -> None:
    whole = record(b"abc")
    reader = iter(Reader(io.BytesIO(pcap_header() + whole * 2 + whole[:-1])))
    assert [next(reader).raw, next(reader).raw] == [whole, whole]
    with pytest.raises(CaptureError):
        next(reader)


@given(st.lists(st.binary(max_size=200)), st.sampled_from("<>"), st.integers(0, 230))
def test_any_cut_keeps_whole_records(packets: list[bytes], order: str, cut: int) -> None:
    pieces = [record(p, order) for p in packets]
    octets = pcap_header(order) + b"".join(pieces)
    kept = octets[: max(24, len(octets) - cut)]
    found = []
    try:
        for r in Reader(Dribble(kept)):
            found.append(r.raw)
    except CaptureError:
        pass
    assert kept[24:].startswith(b"".join(found))
    assert found == pieces[: len(found)]
    assert len(kept) - 24 - sum(map(len, found)) < 16 + 200


def test_writer_gives_back_what_it_was_given() -> None:
    stream = io.BytesIO()
    writer = Writer(stream, 12, snaplen=4, nanosecond=True, order=OTHER)
    writer.write(b"abcdef", timestamp_ns=5_000_000_007)
    writer.write(b"ab", timestamp_ns=6_000_000_000, wire_length=1500)
    octets = stream.getvalue()
    assert read_header(octets[:24]) == Header(
        octets[:24], OTHER, nanosecond=True, version=(2, 4), snaplen=4, network=101
    )
    assert [r[:4] for r in records(octets)] == [(5, 7, 6, b"abcd"), (6, 0, 1500, b"ab")]


@pytest.mark.parametrize("nanosecond", [False, True], ids=["micro", "nano"])
def test_scapy_reads_what_is_written(tmp_path: Path, nanosecond: bool) -> None:
    from scapy.utils import RawPcapReader

    path = tmp_path / "ours.pcap"
    with path.open("wb") as file:
        writer = Writer(file, 1, nanosecond=nanosecond)
        writer.write(b"\1" * 60, timestamp_ns=7_000_003_000)
        writer.write(b"\2" * 20, timestamp_ns=8_000_000_000, wire_length=90)
    with RawPcapReader(str(path)) as theirs:
        assert (theirs.linktype, theirs.nano) == (1, nanosecond)
        found = [(data, m.sec, m.usec, m.wirelen, m.caplen) for data, m in theirs]
    fraction = 3000 if nanosecond else 3
    assert found == [(b"\1" * 60, 7, fraction, 60, 60), (b"\2" * 20, 8, 0, 90, 20)]


@pytest.mark.parametrize("order", ["<", ">"], ids=["little", "big"])
@pytest.mark.parametrize("nanosecond", [False, True], ids=["micro", "nano"])
def test_what_scapy_writes_is_read(tmp_path: Path, order: str, nanosecond: bool) -> None:
    from scapy.utils import RawPcapWriter

    path = tmp_path / "theirs.pcap"
    with RawPcapWriter(str(path), linktype=101, endianness=order, nano=nanosecond) as theirs:
        theirs.write_header(b"")
        theirs.write_packet(b"E" * 40, sec=9, usec=4, wirelen=1400)
    with path.open("rb") as file:
        reader = Reader(file)
        assert (reader.link_type, reader.header.order) == (12, order)
        assert reader.header.nanosecond == nanosecond
        assert [r[:4] for r in reader] == [(9, 4, 1400, b"E" * 40)]
