"""``bpfq graph``: the decisions of a filter, drawn."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest
from capture.octets import enhanced, interface, pcap_header, record, section
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import ARP, Ether

from .running import BPFQ, Run, environment

DRAWN = """\
 0  [12:2] = 0x86dd       ip6             ✓ ↓       ✗ 4 ───────╮
 1  [20] = 6              tcp             ✓ ↓       ✗ reject   │
 2  [54:2] = 0x50         src port 80     ✓ accept  ✗ ↓        │
 3  [56:2] = 0x50         dst port 80     ✓ accept  ✗ reject   │
 4  [12:2] = 0x800        ip              ✓ ↓       ✗ reject ◂─╯
 5  [23] = 6              tcp             ✓ ↓       ✗ reject
 6  [20:2] & 0x1fff != 0  later fragment  ✓ reject  ✗ ↓
 7  [x+14:2] = 0x50       src port 80     ✓ accept  ✗ ↓
 8  [x+16:2] = 0x50       dst port 80     ✓ accept  ✗ reject
    x is 4*([14]&0xf)
"""
ETHERNET = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
WEB = bytes(ETHERNET / IP() / TCP(dport=80))
DNS = bytes(ETHERNET / IP() / UDP(dport=53))
PACKETS = [WEB, WEB, DNS, DNS[:20], bytes(ETHERNET / ARP())]
RAW = 101  # LINKTYPE_RAW


@pytest.fixture
def mix(tmp_path: Path) -> str:
    path = tmp_path / "mix.pcap"
    path.write_bytes(pcap_header() + b"".join(map(record, PACKETS)))
    return str(path)


def test_a_graph_is_drawn(bpfq: Run) -> None:
    assert bpfq("graph", "--opt", "1", "tcp", "port", "80") == (0, DRAWN, "")


@pytest.mark.parametrize(
    ("words", "out"),
    [
        ((), "accept, whatever the packet holds\n"),
        (("--allow-empty", "tcp and udp"), "reject, whatever the packet holds\n"),
        (("-y", "NULL", "ip"), " 0  [0:4] = 0x2000000  ip  ✓ accept  ✗ reject\n"),
        (("--target", "packet", "inbound"), " 0  type = 4    ✓ reject  ✗ accept\n"),
        (("-4", "--target", "xt_bpf", "udp"), " 0  [9] = 0x11  udp  ✓ accept  ✗ reject\n"),
    ],
)
def test_constants_and_other_places(bpfq: Run, words: tuple[str, ...], out: str) -> None:
    assert bpfq("graph", *words) == (0, out, "")


def test_a_filter_that_matches_nothing_is_a_mistake(bpfq: Run) -> None:
    ran = bpfq("graph", "tcp and udp")
    assert (ran.code, ran.out) == (2, "") and ran.err.startswith("bpfq: matches no packet")


def test_long_filters_are_cut_with_a_note(bpfq: Run) -> None:
    hosts = " or ".join(f"host 10.{n // 250}.{n % 250}.1" for n in range(300))
    lines = bpfq("graph", "--opt", "1", hosts).out.split("\n")
    assert len(lines) < 125
    assert any(line.endswith("more: --json or -o FILE for all") for line in lines)


# ---------------------------------------------------------------- files


@pytest.mark.parametrize("name", ["a.svg", "a.dot", "a.mmd", "A.SVG", ".svg"])
def test_the_suffix_says_how_to_draw(bpfq: Run, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    assert bpfq("graph", "-o", str(path), "tcp port 80") == (0, "", "")
    starts = {"svg": "<?xml", "dot": "digraph filter {", "mmd": '---\ntitle: "tcp port 80"'}
    assert path.read_text().startswith(starts[name[-3:].lower()])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a.png", "nothing can be drawn as '.png'"),
        ("a.svg.gz", "nothing can be drawn as '.gz'"),
        ("svg", "'svg' has no suffix"),
        ("-", "'-' has no suffix"),
    ],
)
def test_another_suffix_is_an_error(bpfq: Run, name: str, message: str) -> None:
    ran = bpfq("graph", "-o", name, "ip")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"bpfq: {message}: the suffix says how to draw, .svg, .dot, .mmd\n")


def test_a_file_that_cannot_be_written_is_an_error(bpfq: Run) -> None:
    ran = bpfq("graph", "-o", "/nowhere/a.svg", "ip")
    assert (ran.code, ran.err) == (
        2,
        "bpfq: cannot open /nowhere/a.svg: no such file or directory\n",
    )


def test_nothing_is_written_for_a_wrong_filter(bpfq: Run, tmp_path: Path) -> None:
    path = tmp_path / "a.svg"
    assert bpfq("graph", "-o", str(path), "tcp prot 80").code == 2
    assert not path.exists()


def test_a_picture_of_all_stages(bpfq: Run, tmp_path: Path) -> None:
    path = tmp_path / "a.svg"
    assert bpfq("graph", "--stages", "-o", str(path), "tcp port 80 or tcp port 443").code == 0
    texts = [x.text or "" for x in ElementTree.parse(path).iter("{http://www.w3.org/2000/svg}text")]
    assert any(text.startswith("graph, lists as sets: ") for text in texts)
    assert any(text.startswith("thread jumps: ") for text in texts)


def test_stages_are_drawn_with_marks(bpfq: Run) -> None:
    out = bpfq("graph", "--stages", "--opt", "1", "ip and udp and ip[6] & 0x40 = 0").out
    assert [line[:1] for line in out.split("\n") if "ip.flags.df" in line] == [" ", "+", "-", " "]


# ---------------------------------------------------------------- packets


def test_exits_carry_packet_counts(bpfq: Run, mix: str) -> None:
    assert bpfq("graph", "-r", mix, "ip and udp") == (
        0,
        " 0  [12:2] = 0x800  ip   ✓ ↓      4  ✗ reject 1\n"
        " 1  [23] = 0x11     udp  ✓ accept 1  ✗ reject 2  ! 1\n"
        "5 packets: 1 accepted, 4 rejected, 1 of them cut short\n",
        "",
    )


def test_counts_are_those_of_filtering(bpfq: Run, mix: str) -> None:
    shown = json.loads(bpfq("graph", "--json", "-r", mix, "tcp port 80 or arp").out)
    assert str(shown["accepted"]) == bpfq("-r", mix, "--count", "tcp port 80 or arp").out.strip()
    first = shown["tests"][0]["packets"]
    assert first["yes"] + first["no"] + first["short"] == shown["packets"] == len(PACKETS)


def test_packets_of_other_link_types_are_told(bpfq: Run, tmp_path: Path) -> None:
    path = tmp_path / "mixed.pcapng"
    path.write_bytes(
        section() + interface() + interface(linktype=RAW)
        + enhanced(WEB) + enhanced(WEB[14:], number=1)
    )  # fmt: skip
    ran = bpfq("graph", "-r", str(path), "ip")
    assert ran == (
        0,
        " 0  [12:2] = 0x800  ip  ✓ accept 1  ✗ reject 0\n1 packet: 1 accepted, 0 rejected\n",
        "bpfq: note: 1 packets of another link type or byte order are not counted\n",
    )


def test_the_link_type_is_that_of_the_file(bpfq: Run, tmp_path: Path) -> None:
    path = tmp_path / "raw.pcap"
    path.write_bytes(pcap_header(network=RAW) + record(WEB[14:]))
    assert bpfq("graph", "-r", str(path), "ip").out.startswith(" 0  [0] & 0xf0 = 0x40  ip")


def test_a_file_without_packets_counts_none(bpfq: Run, tmp_path: Path) -> None:
    path = tmp_path / "empty.pcap"
    path.write_bytes(pcap_header())
    assert bpfq("graph", "-r", str(path), "").out.endswith("0 packets: 0 accepted, 0 rejected\n")


def test_a_file_that_is_cut_off_counts_what_came_before(bpfq: Run, mix: str) -> None:
    octets = Path(mix).read_bytes()
    Path(mix).write_bytes(octets[:-5])
    ran = bpfq("graph", "-r", mix, "")
    assert ran.out.endswith("4 packets: 4 accepted, 0 rejected\n")
    assert ran.code != 0 and ran.err.startswith("bpfq: ")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("-r", "/nowhere.pcap", "ip"), "cannot open /nowhere.pcap: no such file or directory"),
        (("-r", "x", "-i", "lo", "ip"), "-r reads a file, which is a target of its own"),
    ],
)
def test_a_file_that_cannot_be_read_is_an_error(
    bpfq: Run, words: tuple[str, ...], message: str
) -> None:
    ran = bpfq("graph", *words)
    assert (ran.code, ran.out) == (2, "") and ran.err.startswith(f"bpfq: {message}")


# ---------------------------------------------------------------- manners


def test_json_has_every_test(bpfq: Run) -> None:
    shown = json.loads(bpfq("graph", "--json", "ip and udp").out)
    assert (shown["filter"], shown["start"], shown["letters"]) == ("ip and udp", 0, {})
    assert shown["tests"][1] == {
        "number": 1, "test": "[23] = 0x11", "meaning": "udp", "yes": "accept", "no": "reject",
    }  # fmt: skip


def test_a_reader_that_goes_away_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    ran = subprocess.run(
        (*BPFQ, "graph", "tcp port 80"), stdout=writing, stderr=subprocess.PIPE,
        env=environment(), check=False,
    )  # fmt: skip
    os.close(writing)
    assert (ran.returncode, ran.stderr) == (141, b"")


def test_no_colour_is_asked_for_and_given(monkeypatch: pytest.MonkeyPatch, bpfq: Run) -> None:
    monkeypatch.setenv("CLICOLOR_FORCE", "1")
    assert "\x1b[" in bpfq("graph", "ip").out
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in bpfq("graph", "ip").out


def test_colours_change_nothing_else(bpfq: Run) -> None:
    plain = bpfq("graph", "--stages", "tcp port 80 or tcp port 443").out
    coloured = bpfq("graph", "--color=always", "--stages", "tcp port 80 or tcp port 443").out
    assert coloured != plain and re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain
