"""Files of either format: opened by their content, copied in part."""

from __future__ import annotations

import gzip
import io
import shutil
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from bpfq.capture.blocks import RECORD, Block, PacketView
from bpfq.capture.errors import CaptureError
from bpfq.capture.files import Counts, copy_matching, open_capture, read_capture

from .octets import block, enhanced, interface, obsolete, pcap_header, record, section, simple

OTHER = ">" if sys.byteorder == "little" else "<"
NATIVE = "<" if sys.byteorder == "little" else ">"

Accepts = Callable[[int, bool, bytes, int], bool]

CLASSIC = pcap_header() + record(b"Ann") + record(b"Bob") + record(b"Abe")
NEXT_GENERATION = (
    section(),
    interface(),
    enhanced(b"Ann"),
    block(0x7777, b"kept"),
    simple(b"Bob.", 4),
    obsolete(b"Abe"),
    block(5, b"12345678"),
)


def begins_with_a(link_type: int, swapped: bool, data: bytes, wire_length: int) -> bool:
    return data.startswith(b"A")


def copy(
    octets: bytes, accepts: Accepts = begins_with_a, limit: int | None = None
) -> tuple[Counts, bytes]:
    destination = io.BytesIO()
    counts = copy_matching(read_capture(io.BytesIO(octets)), destination, accepts, limit=limit)
    return counts, destination.getvalue()


def test_copy_of_classic_records() -> None:
    expected = pcap_header() + record(b"Ann") + record(b"Abe")
    assert copy(CLASSIC) == (Counts(3, 2), expected)


@pytest.mark.parametrize("order", ["<", ">"], ids=["little", "big"])
@pytest.mark.parametrize("magic", [0xA1B2C3D4, 0xA1B23C4D], ids=["micro", "nano"])
def test_copy_of_everything_is_the_same_file(order: str, magic: int) -> None:
    octets = pcap_header(order, magic, snaplen=2, network=0x2400_0001) + record(b"abc", order, 99)
    assert copy(octets, lambda *_: True) == (Counts(1, 1), octets)


def test_copy_keeps_blocks_that_are_no_packets() -> None:
    ann, bob = NEXT_GENERATION.index(enhanced(b"Ann")), NEXT_GENERATION.index(simple(b"Bob.", 4))
    kept = [b for n, b in enumerate(NEXT_GENERATION) if n != bob]
    assert ann < bob
    assert copy(b"".join(NEXT_GENERATION)) == (Counts(3, 2), b"".join(kept))


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        (CLASSIC, (Counts(1, 1), pcap_header() + record(b"Ann"))),
        (b"".join(NEXT_GENERATION), (Counts(1, 1), b"".join(NEXT_GENERATION[:3]))),
    ],
    ids=["pcap", "pcapng"],
)
def test_limit_stops_the_copy(octets: bytes, expected: tuple[Counts, bytes]) -> None:
    assert copy(octets, limit=1) == expected


def test_without_destination_it_counts() -> None:
    source = read_capture(io.BytesIO(CLASSIC))
    assert copy_matching(source, None, begins_with_a) == Counts(3, 2)


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        (
            pcap_header(OTHER, network=101) + record(b"abc", OTHER, 60),
            [(12, True, b"abc", 60)],
        ),
        (
            pcap_header(NATIVE, network=113) + record(b"abc", NATIVE, 60),
            [(113, False, b"abc", 60)],
        ),
        (
            section(OTHER)
            + interface(101, order=OTHER)
            + enhanced(b"abc", OTHER, wire_length=60)
            + section(NATIVE)
            + interface(1, order=NATIVE)
            + enhanced(b"def", NATIVE),
            [(12, True, b"abc", 60), (1, False, b"def", 3)],
        ),
    ],
    ids=["pcap-swapped", "pcap", "pcapng"],
)
def test_what_the_filter_is_told(octets: bytes, expected: list[object]) -> None:
    told: list[object] = []

    def accepts(*packet: object) -> bool:
        told.append(packet)
        return False

    copy(octets, accepts)
    assert told == expected


def test_cut_file_is_copied_up_to_the_cut() -> None:
    destination = io.BytesIO()
    source = read_capture(io.BytesIO(CLASSIC[:-1]))
    with pytest.raises(CaptureError) as caught:
        copy_matching(source, destination, begins_with_a)
    assert str(caught.value) == "the file is cut: the record at byte 62 has 18 of 19 bytes"
    assert destination.getvalue() == pcap_header() + record(b"Ann")


def test_pieces_of_a_classic_file() -> None:
    capture = read_capture(io.BytesIO(pcap_header(network=101) + record(b"abc", "<", 60)))
    assert (capture.header, capture.link_type) == (pcap_header(network=101), 12)
    view = PacketView(12, NATIVE != "<", b"abc", 60, 1_000_002_000, 0)
    assert list(capture) == [Block(RECORD, record(b"abc", "<", 60), view)]


def test_pieces_of_a_pcapng_file() -> None:
    capture = read_capture(io.BytesIO(b"".join(NEXT_GENERATION)))
    assert (capture.header, capture.link_type) == (b"", None)
    assert tuple(b.raw for b in capture) == NEXT_GENERATION


@pytest.mark.parametrize("octets", [CLASSIC, b"".join(NEXT_GENERATION)], ids=["pcap", "pcapng"])
@pytest.mark.parametrize(
    "pack",
    [
        bytes,
        gzip.compress,
        lambda o: gzip.compress(o[:5]) + gzip.compress(o[5:]),
        lambda o: gzip.compress(o) + bytes(512),
        lambda o: gzip.compress(b"") + gzip.compress(o),
    ],
    ids=["plain", "gzip", "two-members", "padded", "empty-member-first"],
)
def test_file_from_disk(tmp_path: Path, octets: bytes, pack: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "capture"
    path.write_bytes(pack(octets))
    with open_capture(str(path)) as capture:
        assert capture.header + b"".join(b.raw for b in capture) == octets


def test_large_gzip_file_is_read_in_pieces() -> None:
    octets = pcap_header() + record(bytes(1000)) * 2000  # shrinks to less than one chunk
    assert copy(gzip.compress(octets), lambda *_: True) == (Counts(2000, 2000), octets)


def test_cut_gzip_file_gives_its_whole_records_first() -> None:
    packed = zlib.compressobj(wbits=31)
    octets = packed.compress(CLASSIC) + packed.flush(zlib.Z_SYNC_FLUSH)
    capture = iter(read_capture(io.BytesIO(octets)))
    assert [next(capture).raw for _ in range(3)] == [record(d) for d in (b"Ann", b"Bob", b"Abe")]
    with pytest.raises(CaptureError) as caught:
        next(capture)
    assert str(caught.value) == "the gzip file is cut: its last member has no end"


@pytest.mark.parametrize(
    ("octets", "message"),
    [
        (b"", "the file is empty"),
        (b"GIF89a", "neither pcap nor pcapng: the file begins with 47494638"),
        (b"\xfd7zXZ\0", "the file is compressed, read it with: xz -dc FILE"),
        (b"(\xb5/\xfd", "the file is compressed, read it with: zstd -dc FILE"),
        (gzip.compress(b""), "the file is empty"),
        (gzip.compress(CLASSIC)[:-20], "the gzip file is cut: its last member has no end"),
    ],
    ids=["empty", "foreign", "xz", "zstd", "empty-gzip", "cut-gzip"],
)
def test_unreadable_file_is_named(tmp_path: Path, octets: bytes, message: str) -> None:
    path = tmp_path / "capture"
    path.write_bytes(octets)
    with pytest.raises(CaptureError) as caught, open_capture(str(path)) as capture:
        list(capture)
    assert str(caught.value).removeprefix(f"{path}: ") == message


def test_damaged_gzip_file() -> None:
    with pytest.raises(CaptureError) as caught:
        read_capture(io.BytesIO(b"\x1f\x8b\x07" + bytes(30)))
    assert str(caught.value).startswith("the gzip file is damaged: ")


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(CaptureError) as caught:
        open_capture(str(tmp_path / "none.pcap"))
    assert str(caught.value) == f"cannot open {tmp_path}/none.pcap: no such file or directory"


def test_directory_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(CaptureError) as caught:
        open_capture(str(tmp_path))
    assert str(caught.value) == f"cannot open {tmp_path}: is a directory"


COUNT = """
from bpfq.capture.files import copy_matching, open_capture
print(copy_matching(open_capture("-"), None, lambda *_: True), flush=True)
"""

FIRST = """
from bpfq.capture.files import open_capture
print(next(iter(open_capture("-"))).packet.data, flush=True)
"""


def test_standard_input() -> None:
    done = subprocess.run(
        (sys.executable, "-c", COUNT), input=CLASSIC, check=True, capture_output=True
    )
    assert done.stdout == b"Counts(seen=3, matched=3)\n"


def test_live_pipe_gives_a_packet_before_it_ends() -> None:
    with subprocess.Popen(
        (sys.executable, "-c", FIRST), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(pcap_header() + record(b"abc"))
        child.stdin.flush()
        assert child.stdout.readline() == b"b'abc'\n"


@pytest.mark.oracle
@pytest.mark.skipif(shutil.which("tcpdump") is None, reason="needs tcpdump: install tcpdump")
@pytest.mark.parametrize("order", ["<", ">"], ids=["little", "big"])
@pytest.mark.parametrize(
    ("form", "snaplen"),
    [("pcap", 0), ("pcap", 24), ("pcap", 65535), ("pcapng", 0), ("pcapng", 65535)],
)
def test_tcpdump_copies_the_same_packets(
    tmp_path: Path, order: str, form: str, snaplen: int
) -> None:
    frames = [bytes(12) + b"\x88\xb5" + bytes([n]) * 20 for n in range(5)]
    if form == "pcap":
        octets = pcap_header(order, snaplen=snaplen) + b"".join(record(f, order) for f in frames)
    else:
        octets = section(order) + interface(1, snaplen, order=order)
        octets += b"".join(enhanced(f, order) for f in frames)
    (tmp_path / "in").write_bytes(octets)
    subprocess.run(
        ("tcpdump", "-r", "in", "-w", "out", "ether[14] = 3"),
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    with open_capture(str(tmp_path / "in")) as source, (tmp_path / "ours").open("wb") as ours:
        counts = copy_matching(source, ours, lambda _l, _s, data, _w: data[14] == 3)
    views = []
    for name in ("out", "ours"):
        with open_capture(str(tmp_path / name)) as capture:
            packets = [b.packet for b in capture if b.packet is not None]
        views.append([(p.link_type, p.data, p.wire_length, p.timestamp_ns) for p in packets])
    assert counts == Counts(5, 1)
    assert views[1] == views[0]


@pytest.mark.oracle
@pytest.mark.skipif(shutil.which("tcpdump") is None, reason="needs tcpdump: install tcpdump")
def test_tcpdump_reads_the_copy(tmp_path: Path) -> None:
    frames = [bytes(12) + b"\x88\xb5" + bytes([n]) * 46 for n in range(4)]
    octets = pcap_header() + b"".join(map(record, frames))
    (tmp_path / "copy").write_bytes(copy(octets, lambda _l, _s, data, _w: data[14] >= 2)[1])
    shown = subprocess.run(
        ("tcpdump", "-n", "-t", "-xx", "-r", "copy"),
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert [shown.count(f"0x0010:  {n:02x}{n:02x}") for n in range(4)] == [0, 0, 1, 1]
