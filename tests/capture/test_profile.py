"""Profiles from capture files and from packets, as the target of a filter sees them."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest

import bpfq
from bpfq.capture.errors import CaptureError
from bpfq.capture.profile import profile_of
from bpfq.errors import BpfqError, FilterError
from bpfq.opt.profile import Profile
from bpfq.settings import link_type
from bpfq.targets import TARGETS

MACS = bytes.fromhex("020000000001020000000002")
UDP4 = bytes.fromhex("4500001c00010000401100000a0000010a00000204d200350008") + bytes(2)
TCP6 = bytes.fromhex("600000000014064020010db8") + bytes(12) + bytes(16) + bytes(20)
ARP = bytes.fromhex("0001080006040001") + bytes(20)
FRAMES = (MACS + b"\x08\x00" + UDP4, MACS + b"\x86\xdd" + TCP6, MACS + b"\x08\x06" + ARP)
TAGGED = MACS + b"\x81\x00\x00\x2a\x08\x00" + UDP4
FRAGMENT = UDP4[:6] + b"\x20\x00" + UDP4[8:]


def capture(path: Path, packets: list[bytes], link: int = 1) -> str:
    records = (struct.pack("<IIII", 0, 0, len(p), len(p) + 9) + p for p in packets)
    header = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, link)
    path.write_bytes(header + b"".join(records))
    return str(path)


def seen(source: Any, target: str = "file", link: str = "EN10MB") -> Profile:
    return profile_of(source, TARGETS[target], link_type(link))


def test_a_capture_file_gives_its_packets_with_their_lengths(tmp_path: Path) -> None:
    samples = seen(capture(tmp_path / "a.pcap", list(FRAMES))).samples
    assert [sample.octets for sample in samples] == list(FRAMES)
    assert [sample.length for sample in samples] == [len(frame) + 9 for frame in FRAMES]


def test_packets_in_memory_are_bytes_or_have_a_length() -> None:
    samples = seen([FRAMES[0], (FRAMES[1], 1500), (FRAMES[2], 3)]).samples
    assert [sample.length for sample in samples] == [len(FRAMES[0]), 1500, len(FRAMES[2])]


def test_of_many_packets_an_even_sample_is_taken() -> None:
    many = [FRAMES[0] + number.to_bytes(4, "big") for number in range(3000)]
    numbers = [int.from_bytes(sample.octets[-4:], "big") for sample in seen(iter(many)).samples]
    assert numbers == list(range(0, 3000, 8))


def test_a_live_target_finds_the_tag_in_metadata() -> None:
    (sample,) = seen([TAGGED], "packet").samples
    assert sample.octets == FRAMES[0]
    assert sample.metadata is not None
    assert [sample.metadata[name] for name in ("vlanp", "vlan_tci", "proto")] == [1, 42, 0x0800]


@pytest.mark.parametrize(
    ("target", "link", "network", "octets"),
    [
        ("raw4", "IPV4", [b"", b""], [UDP4, UDP4]),
        ("xt_bpf", "IPV6", [b""], [TCP6]),
        ("packet-cooked", "COOKED", [b""] * 4, [UDP4, TCP6, ARP, UDP4]),
        ("raw6", "IPV6", [TCP6[:40]], [TCP6[40:]]),
        ("udp", "RAW", [UDP4[:20]] * 2, [UDP4[20:]] * 2),
    ],
)
def test_targets_without_link_header_see_what_arrives_there(
    tmp_path: Path, target: str, link: str, network: list[bytes], octets: list[bytes]
) -> None:
    packets = [*FRAMES, TAGGED, FRAMES[0][:14] + FRAGMENT]
    if target != "udp":
        packets = packets[:-1]
    row = TARGETS[target]
    kind = bpfq.settings.target_link(row, link, 6 if link == "IPV6" else None)
    samples = profile_of(capture(tmp_path / "a.pcap", packets), row, kind).samples
    assert [sample.octets for sample in samples] == octets
    assert [sample.network for sample in samples] == network


def test_a_cut_file_gives_what_stands_before_the_cut(tmp_path: Path) -> None:
    path = Path(capture(tmp_path / "a.pcap", list(FRAMES)))
    path.write_bytes(path.read_bytes()[:-5])
    assert [sample.octets for sample in seen(str(path)).samples] == list(FRAMES[:2])


def test_a_profile_without_use_is_refused(tmp_path: Path) -> None:
    empty = capture(tmp_path / "empty.pcap", [])
    arps = capture(tmp_path / "arps.pcap", [FRAMES[2]])
    null = capture(tmp_path / "null.pcap", [b"\x02\0\0\0" + UDP4], link=0)
    for source, target, message in (
        (empty, "file", f"profile {empty} has no packets"),
        ([], "file", "the profile has no packets"),
        (arps, "raw4", f"profile {arps} has no packet that arrives at target 'raw4': EN10MB"),
        (null, "file", f"profile {null} has packets of link type NULL, the filter is for EN10MB"),
        (7, "file", "profile is a capture file or packets, not int"),
        (b"\x00" * 60, "file", "profile is a capture file or packets, not bytes"),
        ([("", 3)], "file", "a packet of a profile is bytes or (bytes, length), not ('', 3)"),
    ):
        link = "IPV4" if target == "raw4" else "EN10MB"
        with pytest.raises(FilterError) as caught:
            seen(source, target, link)
        assert str(caught.value) == message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot open {path}: no such file or directory"),
        (b"GIF89a", "{path}: neither pcap nor pcapng: the file begins with 47494638"),
    ],
)
def test_a_file_that_is_no_capture_is_refused(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    path = tmp_path / "b.pcap"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CaptureError) as caught:
        bpfq.compile("ip", profile=path)
    assert str(caught.value) == message.format(path=path)


def test_the_same_packets_give_the_same_program() -> None:
    program = bpfq.compile("udp or arp", profile=[FRAMES[2]] * 10, optimise_for="speed")
    again = bpfq.compile("udp or arp", profile=iter([FRAMES[2]] * 10), optimise_for="speed")
    assert program == again
    with pytest.raises(BpfqError):
        bpfq.compile("udp", profile=[])
