"""Filtering of capture files, against tcpdump where it can."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Packet
from scapy.utils import PcapNgWriter, PcapWriter

from .running import Run, process

A, B = "02:00:00:00:00:01", "02:00:00:00:00:02"
ETHERNET = Ether(src=A, dst=B)
PACKETS = [
    ETHERNET / IP(src="10.0.0.1", dst="10.0.0.2") / TCP(sport=1024, dport=443, flags="S"),
    ETHERNET / Dot1Q(vlan=100) / IP(src="10.1.0.9", dst="8.8.8.8") / UDP(sport=40112, dport=53),
    ETHERNET / IPv6(src="2001:db8::1", dst="2001:db8::2") / TCP(sport=5, dport=80, flags="PA"),
    ETHERNET / ARP(psrc="10.0.0.2", pdst="10.0.0.1", hwsrc=A),
    ETHERNET / IP(src="10.0.0.2", dst="10.0.0.1") / UDP(sport=53, dport=2000) / b"answer",
]
LINES = """\
22:13:20.000001     54  TCP 10.0.0.1:1024 > 10.0.0.2:443 S
22:13:21.000001     46  vlan 100 UDP 10.1.0.9:40112 > 8.8.8.8:53
22:13:22.000001     74  TCP [2001:db8::1]:5 > [2001:db8::2]:80 P.
22:13:23.000001     42  ARP who-has 10.0.0.1 tell 10.0.0.2
22:13:24.000001     48  UDP 10.0.0.2:53 > 10.0.0.1:2000
""".splitlines(keepends=True)

needs_tcpdump = pytest.mark.skipif(
    shutil.which("tcpdump") is None, reason="needs tcpdump: install tcpdump"
)


def write(path: Path, packets: list[Packet], *, endianness: str = "") -> str:
    with PcapWriter(str(path), linktype=1, endianness=endianness) as writer:
        for number, packet in enumerate(packets):
            packet.time = 1700000000.000001 + number
            writer.write(packet)
    return str(path)


@pytest.fixture
def mixed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("TZ", "UTC")
    return write(tmp_path / "mixed.pcap", PACKETS)


@pytest.fixture
def trunk(tmp_path: Path) -> str:
    return write(tmp_path / "trunk.pcap", [PACKETS[1]] * 3 + [PACKETS[3]])


def test_each_match_is_a_line(mixed: str) -> None:
    ran = process("-r", mixed, "ip", "or", "arp")
    assert ran.returncode == 0
    assert ran.stdout.decode() == "".join(LINES[n] for n in (0, 3, 4))
    assert ran.stderr.startswith(b"5 packets, 3 matched (60.00 %), ")


def test_no_expression_matches_all(mixed: str) -> None:
    assert process("match", "-q", "-r", mixed).stdout.decode() == "".join(LINES)


def test_limit_stops_early(mixed: str) -> None:
    ran = process("-q", "-r", mixed, "-c", "2")
    assert (ran.returncode, ran.stdout.decode()) == (0, "".join(LINES[:2]))


def test_count_is_alone_on_standard_output(bpfq: Run, mixed: str) -> None:
    assert bpfq("-r", mixed, "--count", "tcp") == (0, "2\n", "")
    assert json.loads(bpfq("-r", mixed, "--count", "--json", "tcp").out) == {
        "seen": 5,
        "matched": 2,
    }


def test_json_is_an_object_a_line(bpfq: Run, mixed: str) -> None:
    ran = bpfq("-q", "-r", mixed, "--json", "arp")
    assert json.loads(ran.out) == {
        "timestamp_ns": 1700000003000001000,
        "length": 42,
        "captured": 42,
        "summary": "ARP who-has 10.0.0.1 tell 10.0.0.2",
    }


@pytest.mark.oracle
@needs_tcpdump
@pytest.mark.parametrize("endianness", ["<", ">"])
@pytest.mark.parametrize("expression", ["ip", "vlan and udp", "tcp port 80", "not ip", "len > 50"])
def test_copy_equals_that_of_tcpdump(tmp_path: Path, endianness: str, expression: str) -> None:
    source = write(tmp_path / "source.pcap", PACKETS, endianness=endianness)
    theirs, ours = tmp_path / "theirs.pcap", tmp_path / "ours.pcap"
    subprocess.run(
        ("tcpdump", "-r", source, "-w", str(theirs), expression), check=True, capture_output=True
    )
    ran = process("-q", "-r", source, "-w", str(ours), expression)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, b"", b"")
    assert records(ours) == records(theirs)


def records(path: Path) -> list[tuple[int, ...] | bytes]:
    """Times, lengths and bytes of the packets, whatever the byte order."""
    octets = path.read_bytes()
    order = "<" if octets[:1] == b"\xd4" else ">"
    found: list[tuple[int, ...] | bytes] = []
    at = 24
    while at < len(octets):
        header = struct.unpack_from(f"{order}IIII", octets, at)
        found += [header, octets[at + 16 : at + 16 + header[2]]]
        at += 16 + header[2]
    return found


def test_pipes_carry_captures(mixed: str) -> None:
    ran = process("-q", "-r", "-", "-w", "-", "tcp", stdin=Path(mixed).read_bytes())
    assert ran.returncode == 0
    assert len(ran.stdout) == 24 + 16 + 54 + 16 + 74


@pytest.mark.parametrize("endianness", ["<", ">"])
def test_byte_order_of_a_loopback_file_is_followed(
    bpfq: Run, tmp_path: Path, endianness: str
) -> None:
    family = struct.pack(f"{endianness}I", 2)  # AF_INET in the byte order of the file
    octets = family + bytes(IP(src="10.0.0.1", dst="10.0.0.2") / UDP(dport=53))
    header = struct.pack(f"{endianness}IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 0)
    record = struct.pack(f"{endianness}IIII", 0, 0, len(octets), len(octets))
    source = tmp_path / "null.pcap"
    source.write_bytes(header + record + octets)
    assert bpfq("-r", str(source), "--count", "udp port 53") == (0, "1\n", "")


def test_tagged_file_suggests_through_vlan(bpfq: Run, trunk: str) -> None:
    assert bpfq("-r", trunk, "--count", "ip") == (
        1,
        "0\n",
        "bpfq: note: no packet matched. 3 of 4 frames are 802.1Q-tagged; try --through vlan\n",
    )
    assert bpfq("-r", trunk, "--count", "--through", "vlan", "ip") == (0, "3\n", "")


def test_no_suggestion_that_would_not_help(bpfq: Run, trunk: str) -> None:
    assert bpfq("-r", trunk, "--count", "ip6") == (1, "0\n", "")


def test_ipv6_indexing_suggests_tcp6(bpfq: Run, mixed: str) -> None:
    assert bpfq("-r", mixed, "--count", "tcp[13] = 0x18") == (
        1,
        "0\n",
        "bpfq: note: no packet matched. tcp[...] and its kind read IPv4 only; try --tcp6\n",
    )


def test_quiet_has_no_notes(bpfq: Run, trunk: str) -> None:
    assert bpfq("-q", "-r", trunk, "--count", "ip") == (1, "0\n", "")


def test_empty_capture_says_so(bpfq: Run, tmp_path: Path) -> None:
    source = write(tmp_path / "source.pcap", PACKETS[:1])
    Path(source).write_bytes(Path(source).read_bytes()[:24])
    assert bpfq("-r", source, "--count", "ip") == (
        1, "0\n", "bpfq: note: the file has no packets\n"
    )  # fmt: skip


def test_wrong_filter_leaves_the_output_file_alone(bpfq: Run, mixed: str, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_text("kept")
    assert bpfq("-r", mixed, "-w", str(kept), "tcp prot 80").code == 2
    assert kept.read_text() == "kept"


def test_source_is_not_overwritten(bpfq: Run, mixed: str) -> None:
    ran = bpfq("-r", mixed, "-w", mixed, "ip")
    assert (ran.code, ran.err) == (2, f"bpfq: {mixed} is being read: write to another file\n")


def test_cut_file_gives_what_is_before(bpfq: Run, tmp_path: Path) -> None:
    source = write(tmp_path / "source.pcap", PACKETS)
    Path(source).write_bytes(Path(source).read_bytes()[:-3])
    ran = bpfq("-r", source, "--count", "ip")
    assert (ran.code, ran.out) == (2, "1\n")
    assert "the file is cut" in ran.err


def pcapng(path: Path, *links: int) -> str:
    """A pcapng file with an ARP request over Ethernet and IPv4 packets over the link types."""
    order = "<"
    blocks = [struct.pack(f"{order}IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)]
    blocks += [struct.pack(f"{order}IIHHII", 1, 20, link, 0, 0, 20) for link in links]
    for number, link in enumerate(links):
        data = bytes(PACKETS[0]) if link == 1 else bytes(PACKETS[0][IP])
        padded = data + bytes(-len(data) % 4)
        size = 32 + len(padded)
        head = struct.pack(f"{order}IIIIIII", 6, size, number, 0, 0, len(data), len(data))
        blocks.append(head + padded + struct.pack(f"{order}I", size))
    path.write_bytes(b"".join(blocks))
    return str(path)


def test_each_link_type_has_its_own_program(bpfq: Run, tmp_path: Path) -> None:
    source = pcapng(tmp_path / "two.pcapng", 1, 101)
    assert bpfq("-r", source, "--count", "tcp port 443") == (0, "2\n", "")


def test_link_type_that_the_filter_cannot_see_is_told(bpfq: Run, tmp_path: Path) -> None:
    source = pcapng(tmp_path / "two.pcapng", 1, 101)
    ran = bpfq("-r", source, "--count", f"ether src {A}")
    assert (ran.code, ran.out) == (0, "1\n")
    assert ran.err.startswith("bpfq: note: no packet of link type RAW matched: ")
    alone = pcapng(tmp_path / "one.pcapng", 101)
    ran = bpfq("-r", alone, "--count", f"ether src {A}")
    assert (ran.code, ran.out) == (3, "")


def test_pcapng_is_copied_untouched(bpfq: Run, tmp_path: Path) -> None:
    source, copy = tmp_path / "source.pcapng", tmp_path / "copy.pcapng"
    with PcapNgWriter(str(source)) as writer:
        for packet in PACKETS:
            packet.time = 1700000000.0
            packet.comment = b"kept"
            writer.write(packet)
    assert bpfq("-q", "-r", str(source), "-w", str(copy)).code == 0
    assert copy.read_bytes() == source.read_bytes()


def test_packets_do_not_go_to_a_terminal(
    bpfq: Run, mixed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    ran = bpfq("-r", mixed, "-w", "-", "ip")
    assert (ran.code, ran.err) == (
        2, "bpfq: packets are not for a terminal: give -w a file, or a pipe to -w -\n"
    )  # fmt: skip
