"""``bpfq witness``: lines, JSON and capture files."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

import bpfq as package
from bpfq.capture.files import open_capture

from .running import Run, process


def test_a_packet_is_a_line(bpfq: Run) -> None:
    assert bpfq("witness", "udp", "port", "53") == (
        0, " 1     71 B  UDP 192.0.2.1:1024 > 192.0.2.2:53\n", "",
    )  # fmt: skip


def test_several_packets_are_numbered(bpfq: Run) -> None:
    assert bpfq("witness", "-n", "3", "arp").out == (
        " 1     42 B  ARP who-has 192.0.2.2 tell 192.0.2.1\n"
        " 2     42 B  ARP 192.0.2.1 is-at 00:00:5e:00:53:01\n"
        " 3     42 B  ARP who-has 192.0.2.2 tell 192.0.2.1\n"
    )


def test_near_misses_name_the_clause(bpfq: Run) -> None:
    assert bpfq("witness", "--not", "tcp and tcp dst port 80 and less 100") == (
        0,
        " 1     54 B  TCP 192.0.2.1:1024 > 192.0.2.2:79 S  fails: tcp dst port 80\n"
        " 2    101 B  TCP 192.0.2.1:1024 > 192.0.2.2:80 S  fails: less 100\n",
        "bpfq: note: no packet fails only 'tcp': it follows from the other clauses\n",
    )


def test_branches_tell_what_matches(bpfq: Run) -> None:
    assert bpfq("witness", "--branches", "arp") == (
        0,
        " 1     54 B  TCP 192.0.2.1:1024 > 192.0.2.2:80 S\n"
        " 2     42 B  ARP who-has 192.0.2.2 tell 192.0.2.1  matches\n",
        "",
    )


def test_an_outcome_that_no_packet_has_is_noted(bpfq: Run) -> None:
    ran = bpfq("witness", "-O", "--branches", "ether[0] * 2 = 5 or arp")
    assert ran.err == "bpfq: note: no packet has: (b[0] * 2) = 5: yes\n"
    assert bpfq("witness", "-q", "-O", "--branches", "ether[0] * 2 = 5 or arp").err == ""


def test_a_checksum_that_the_filter_wants_is_noted(bpfq: Run) -> None:
    assert bpfq("witness", "ip[10:2] = 0x1234").err == (
        "bpfq: note: packet 1: IPv4 checksum 0x1234, right would be 0xb6cb, but for the filter\n"
    )


def test_checksums_refuse_it(bpfq: Run) -> None:
    assert bpfq("witness", "--checksums", "ip[10:2] = 0x1234") == (
        2,
        "",
        "bpfq: the filter wants a wrong packet: IPv4 checksum 0x1234, right would be 0xb6cb\n",
    )


def test_json_has_the_octets(bpfq: Run) -> None:
    (shown,) = json.loads(bpfq("witness", "--json", "--target", "packet", "vlan 100 and arp").out)
    assert package.compile("vlan 100 and arp", target="packet").matches(
        bytes.fromhex(shown["octets"]), metadata=shown["metadata"]
    )
    assert {key: shown[key] for key in shown if key != "octets"} == {
        "summary": "vlan 100 ARP who-has 192.0.2.2 tell 192.0.2.1",
        "matches": True,
        "length": 42,
        "metadata": {"vlanp": 1, "vlan_tci": 100},
        "network_header": None,
        "faults": [],
    }


def test_json_has_the_expected_verdicts(bpfq: Run) -> None:
    cases = json.loads(bpfq("witness", "--json", "--branches", "arp").out)
    assert [(case["matches"], case["outcomes"]) for case in cases] == [
        (False, ["h[12] = 0x806: no"]),
        (True, ["h[12] = 0x806: yes"]),
    ]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("-n", "5"), "port 53"),
        (("-n", "4", "-y", "LINUX_SLL"), "tcp port 80 or arp"),
        (("-n", "2", "-y", "RAW"), "icmp or icmp6"),
        (("--through", "vlan", "-n", "4"), "tcp dst port 443"),
    ],
)
def test_written_packets_match_when_read_back(
    bpfq: Run, tmp_path: Path, words: tuple[str, ...], text: str
) -> None:
    path = str(tmp_path / "found.pcap")
    ran = bpfq("witness", *words, "-w", path, text)
    options = words[2:] if words[0] == "-n" else words[:2]
    count = len(ran.out.splitlines())
    assert count > 1
    assert bpfq("-r", path, "--count", *options, text).out == f"{count}\n"


@pytest.mark.parametrize(
    ("target", "text", "link", "plain"),
    [
        ("packet", "vlan 100 and udp port 53", 1, "vlan 100 and udp port 53"),
        ("packet-cooked", "vlan 7 and arp", 113, "ether proto 0x8100"),
        ("packet-cooked", "udp port 53", 113, "udp port 53"),
        ("udp", "dst port 9", 12, "udp dst port 9"),
        ("raw6", "icmp6[0] = 135", 12, "icmp6[0] = 135"),
        ("xt_bpf", "ip6 and tcp", 12, "ip6 and tcp"),
    ],
)
def test_a_file_has_the_whole_frame_whatever_the_target_shows(
    bpfq: Run, tmp_path: Path, target: str, text: str, link: int, plain: str
) -> None:
    path = str(tmp_path / "found.pcap")
    assert bpfq("witness", "--target", target, "-w", path, text).code == 0
    with open_capture(path) as source:
        assert source.link_type == link
    assert bpfq("-r", path, "--count", plain).out == "1\n"


def test_packets_go_to_standard_output_alone() -> None:
    ran = process("witness", "-w", "-", "arp")
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert (ran.stdout[:4], len(ran.stdout)) == (b"\xd4\xc3\xb2\xa1", 24 + 16 + 42)


@pytest.mark.oracle
def test_tcpdump_reads_the_file_and_finds_the_checksums_right(bpfq: Run, tmp_path: Path) -> None:
    if shutil.which("tcpdump") is None:
        pytest.skip("no tcpdump")
    path = str(tmp_path / "found.pcap")
    text = "tcp dst port 443 or udp dst port 53"
    assert bpfq("witness", "-n", "6", "-w", path, text).code == 0
    ran = subprocess.run(
        ["tcpdump", "-nvr", path, text], capture_output=True, text=True, check=True
    )
    assert ran.stdout.count("192.0.2.2.443: ") + ran.stdout.count("192.0.2.2.53: ") > 2
    assert "incorrect" not in ran.stdout
    assert "bad" not in ran.stdout
    assert len([line for line in ran.stdout.splitlines() if " IP" in line]) == 6


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("ether[-1] = 0",), "bpfq: matches no packet on DLT_EN10MB\n"),
        (("--not", "--branches", "ip"), "bpfq: --not and --branches: give one of them\n"),
        (("-n", "0", "ip"), "bpfq: 0 is not a number of packets\n"),
    ],
)
def test_what_cannot_be_had_is_an_error(bpfq: Run, words: tuple[str, ...], message: str) -> None:
    assert bpfq("witness", *words) == (2, "", message)


def test_a_wrong_filter_is_underlined(bpfq: Run) -> None:
    ran = bpfq("witness", "ip and arp")
    assert (ran.code, ran.err.splitlines()[1:]) == (2, ["  ip and arp", "  ^^     ^^^"])
