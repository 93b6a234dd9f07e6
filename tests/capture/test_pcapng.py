"""Pcapng files, block by block."""

from __future__ import annotations

import io
import struct
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpfq.capture import blocks
from bpfq.capture.blocks import Block, PacketView
from bpfq.capture.errors import CaptureError
from bpfq.capture.pcapng import Reader

from .octets import block, enhanced, interface, obsolete, option, section, simple

OTHER = ">" if sys.byteorder == "little" else "<"


def read(*octets: bytes) -> list[Block]:
    return list(Reader(io.BytesIO(b"".join(octets))))


def packets(*octets: bytes) -> list[PacketView | None]:
    return [b.packet for b in read(*octets)]


def trouble(*octets: bytes) -> tuple[str, int | None]:
    with pytest.raises(CaptureError) as caught:
        read(*octets)
    return str(caught.value), caught.value.offset


@pytest.mark.parametrize("order", ["<", ">"], ids=["little", "big"])
def test_every_block_keeps_its_bytes(order: str) -> None:
    octets = [
        section(order),
        interface(order=order),
        enhanced(b"abcde", order, options=option(1, b"comment", order)),
        block(blocks.NAME_RESOLUTION, b"names", order),
        block(blocks.INTERFACE_STATISTICS, b"12345678", order),
        block(blocks.DECRYPTION_SECRETS, b"secret", order),
        block(blocks.CUSTOM, b"1234own", order),
        block(0x4000_0BAD, b"1234own", order),
        block(0x7777, b"", order),
        simple(b"fghi", 4, order),
        obsolete(b"jk", order, drops=3),
    ]
    found = read(*octets)
    assert [b.raw for b in found] == octets
    kinds = [0x0A0D0D0A, 1, 6, 4, 5, 10, 0xBAD, 0x4000_0BAD, 0x7777, 3, 2]
    assert [b.kind for b in found] == kinds
    assert [None if b.packet is None else b.packet.data for b in found] == [
        *(None, None, b"abcde"),
        *(None, None, None, None, None, None),
        *(b"fghi", b"jk"),
    ]


@pytest.mark.parametrize("order", ["<", ">"], ids=["little", "big"])
def test_enhanced_packet(order: str) -> None:
    octets = (section(order), interface(101, order=order), enhanced(b"abc", order, 0, 7, 60))
    assert packets(*octets) == [
        None,
        None,
        PacketView(
            link_type=12,
            swapped=order == OTHER,
            data=b"abc",
            wire_length=60,
            timestamp_ns=7000,
            interface=0,
        ),
    ]


@pytest.mark.parametrize(
    ("snaplen", "wire_length", "length"),
    [(0, 6, 6), (4, 6, 4), (65535, 6, 6)],
    ids=["no-limit", "cut", "within"],
)
def test_simple_packet_is_as_long_as_the_snapshot_length_allows(
    snaplen: int, wire_length: int, length: int
) -> None:
    data = b"abcdef"[:length]
    found = packets(section(), interface(snaplen=snaplen), simple(data, wire_length))
    assert found[2:] == [PacketView(1, False, data, wire_length, None, 0)]


def test_obsolete_packet() -> None:
    octets = (section(), interface(1), interface(113), obsolete(b"abc", number=1, drops=9))
    assert packets(*octets)[3:] == [PacketView(113, False, b"abc", 3, 0, 1)]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (b"", 5_000_000),
        (option(9, b"\x09"), 5_000),
        (option(9, b"\x03"), 5_000_000_000),
        (option(9, b"\x8a"), 4_882_812_500),
        (option(14, struct.pack("<q", -2)), 5_000_000 - 2_000_000_000),
        (option(2, b"eth0") + option(9, b"\x09") + option(0, b""), 5_000),
        (option(0, b"") + option(9, b"\x09"), 5_000_000),
    ],
    ids=["micro", "nano", "milli", "1/1024", "offset", "after-a-name", "behind-the-end"],
)
def test_time_stamp_in_the_unit_of_its_interface(options: bytes, expected: int) -> None:
    found = packets(section(), interface(options=options), enhanced(b"a", ticks=5000))[2]
    assert found is not None
    assert found.timestamp_ns == expected


def test_time_stamp_uses_both_words() -> None:
    found = packets(section(), interface(), enhanced(b"a", ticks=0x5_0000_0001))[2]
    assert found is not None
    assert found.timestamp_ns == 0x5_0000_0001 * 1000


def test_each_section_has_its_byte_order_and_interfaces() -> None:
    found = packets(
        *(section("<"), interface(1), interface(101), enhanced(b"a", number=1)),
        *(section(">"), interface(113, order=">"), enhanced(b"b", ">")),
    )
    assert [(p.link_type, p.swapped, p.data) for p in found if p is not None] == [
        (12, OTHER == "<", b"a"),
        (113, OTHER == ">", b"b"),
    ]


def test_packet_longer_than_the_snapshot_length_is_shown_whole() -> None:
    found = packets(section(), interface(snaplen=2), enhanced(b"abcd"))[2]
    assert found is not None
    assert found.data == b"abcd"


def test_block_longer_than_a_chunk() -> None:
    octets = (section(), interface(), block(0x7777, b"x" * 300_000), enhanced(b"abc"))
    assert [b.raw for b in read(*octets)] == list(octets)


def test_blocks_across_chunks() -> None:
    octets = [enhanced(bytes([n % 251]) * (n * 37 % 1500)) for n in range(500)]
    assert [b.raw for b in read(section(), interface(), *octets)][2:] == octets


@given(st.data())
def test_damage_anywhere_is_a_capture_error(data: st.DataObject) -> None:
    order = data.draw(st.sampled_from("<>"))
    octets = bytearray(
        section(order)
        + interface(1, 0, option(9, b"\x09", order), order)
        + enhanced(b"abc", order)
        + simple(b"abcd", 4, order)
        + obsolete(b"abc", order)
    )
    for _ in range(data.draw(st.integers(1, 4))):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    found = []
    with suppress(CaptureError):
        for b in Reader(io.BytesIO(octets)):
            found.append(b.raw)
    assert octets.startswith(b"".join(found))


def test_blocks_cut_anywhere() -> None:
    pieces = [section(), interface(), enhanced(b"abc"), enhanced(b"defgh")]
    octets = b"".join(pieces)
    ends = [len(b"".join(pieces[: n + 1])) for n in range(len(pieces))]
    for length in range(12, len(octets)):
        reader = iter(Reader(io.BytesIO(octets[:length])))
        whole = sum(end <= length for end in ends)
        assert [next(reader).raw for _ in range(whole)] == pieces[:whole]
        if length in ends:
            assert list(reader) == []
        else:
            with pytest.raises(CaptureError):
                next(reader)


@pytest.mark.parametrize(
    ("octets", "message", "offset"),
    [
        ([b""], "not a pcapng file: it begins with nothing", 0),
        ([interface()], "not a pcapng file: it begins with 01000000", 0),
        (
            [b"\n\r\r\n\x1c\0\0\0\x01\x02\x03\x04"],
            "the file is damaged: the block at byte 0 has the byte order mark 01020304",
            0,
        ),
        ([section(version=2)], "pcapng version 2 is not supported, 1 is", 0),
        (
            [section(), struct.pack("<III", 6, 8, 8)],
            "the file is damaged: the block at byte 28 claims 8 bytes",
            28,
        ),
        (
            [section(), struct.pack("<III", 6, 13, 13)],
            "the file is damaged: the block at byte 28 claims 13 bytes",
            28,
        ),
        (
            [section(), struct.pack("<III", 6, 0x7FFF_FFFC, 13)],
            "the file is damaged: the block at byte 28 claims 2147483644 bytes",
            28,
        ),
        (
            [section(), struct.pack("<IIII", 0x7777, 16, 0, 20)],
            (
                "the file is damaged: the block at byte 28 "
                "ends with another length than it begins with"
            ),
            28,
        ),
        (
            [section(), interface()[:15]],
            "the file is cut: the block at byte 28 has 15 of 20 bytes",
            28,
        ),
        ([section(), b"\1\0"], "the file is cut: the block at byte 28 has 2 of 12 bytes", 28),
        (
            [section(), interface(), enhanced(b"a", number=1)],
            "the file is damaged: the block at byte 48 names interface 1, the section has 1",
            48,
        ),
        (
            [section(), simple(b"abcd", 4)],
            "the file is damaged: the block at byte 28 names interface 0, the section has 0",
            28,
        ),
        (
            [section(), interface(), block(6, struct.pack("<IIIII", 0, 0, 0, 5, 5) + b"abcd")],
            "the file is damaged: the block at byte 48 of 36 bytes claims a packet of 5",
            48,
        ),
        (
            [section(), interface(), simple(b"abcd", 5)],
            "the file is damaged: the block at byte 48 of 20 bytes claims a packet of 5",
            48,
        ),
        (
            [section(), interface(), block(6, bytes(16))],
            "the file is damaged: the block at byte 48 is too short for its type 6",
            48,
        ),
        (
            [section(), block(1, b"")],
            "the file is damaged: the block at byte 28 is too short for its type 1",
            28,
        ),
        (
            [section(), interface(options=struct.pack("<HH", 2, 9))],
            "the file is damaged: the block at byte 28 claims 9 bytes for option 2",
            28,
        ),
    ],
    ids=[
        "empty",
        "no-section",
        "byte-order",
        "version",
        "too-small",
        "unaligned",
        "too-large",
        "lengths-differ",
        "cut-block",
        "cut-frame",
        "interface",
        "no-interface",
        "packet-too-long",
        "simple-packet-too-long",
        "short-packet-block",
        "short-interface",
        "option",
    ],
)
def test_unreadable_file(octets: list[bytes], message: str, offset: int) -> None:
    assert trouble(*octets) == (message, offset)


def test_what_scapy_writes_is_read(tmp_path: Path) -> None:
    from scapy.layers.l2 import Ether
    from scapy.utils import PcapNgWriter

    path = tmp_path / "theirs.pcapng"
    with PcapNgWriter(str(path)) as theirs:
        for payload in (b"one", b"second"):
            frame = Ether(type=0x88B5) / payload
            frame.time = 1_700_000_000.25
            theirs.write(frame)
    with path.open("rb") as file:
        found = [b.packet for b in Reader(file) if b.packet is not None]
    assert [(p.link_type, p.data[14:], p.timestamp_ns) for p in found] == [
        (1, b"one", 1_700_000_000_250_000_000),
        (1, b"second", 1_700_000_000_250_000_000),
    ]


@pytest.mark.parametrize("order", ["<", ">"], ids=["little", "big"])
def test_scapy_reads_the_same_packets(tmp_path: Path, order: str) -> None:
    from scapy.utils import RawPcapNgReader

    path = tmp_path / "both.pcapng"
    octets = [
        section(order),
        interface(1, 65535, option(9, b"\x09", order), order),
        interface(101, 96, b"", order),
        enhanced(b"abc", order, 0, 123456789, 60),
        simple(b"defg", 4, order),
        enhanced(b"hij", order, 1, 5, 3),
    ]
    path.write_bytes(b"".join(octets))
    with RawPcapNgReader(str(path)) as theirs:
        metadata: Iterable[tuple[bytes, Any]] = theirs  # scapy's hint is the classic reader's
        expected = [(data, m.linktype, m.wirelen) for data, m in metadata]
    ours = [b.packet for b in read(*octets) if b.packet is not None]
    linktype = {1: 1, 12: 101}
    assert [(p.data, linktype[p.link_type], p.wire_length) for p in ours] == expected
