"""Listings, and how the words of an expression are found among the options."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from .running import Run, process

IP_AND_UDP = """\
(000) ldh      [12]
(001) jeq      #0x800           jt 2\tjf 5
(002) ldb      [23]
(003) jeq      #0x11            jt 4\tjf 5
(004) ret      #262144
(005) ret      #0
"""
DECIMAL = "6\n40 0 0 12\n21 0 3 2048\n48 0 0 23\n21 0 1 17\n6 0 0 262144\n6 0 0 0\n"

needs_tcpdump = pytest.mark.skipif(
    shutil.which("tcpdump") is None, reason="needs tcpdump: install tcpdump"
)


@pytest.mark.parametrize(
    "words",
    [
        ("ip and udp", "--dump"),
        ("-d", "ip and udp"),
        ("ip", "and", "udp", "-d"),
        ("ip", "-d", "and", "-n", "udp"),
        ("dump", "ip", "and", "udp"),
        ("-nd", "--", "ip", "and", "udp"),
    ],
)
def test_words_of_the_expression_stand_anywhere(bpfq: Run, words: tuple[str, ...]) -> None:
    assert bpfq(*words) == (0, IP_AND_UDP, "")


@pytest.mark.parametrize(
    "words", [("len", "-", "5", ">", "0"), ("len", "-5", ">", "0"), ("len - 5 > 0",)]
)
def test_minus_belongs_to_the_expression(bpfq: Run, words: tuple[str, ...]) -> None:
    ran = bpfq("-d", *words)
    assert ran.code == 0
    assert ran.out.splitlines()[1] == "(001) sub      #5"


def test_expression_may_begin_with_minus(bpfq: Run) -> None:
    assert bpfq("-d", "-4 + len > 0").out == bpfq("-d", "--", "-4 + len > 0").out
    assert bpfq("-d", "-4 + len > 0").code == 0


@pytest.mark.parametrize(
    ("words", "out"),
    [
        (("-ddd", "ip and udp"), DECIMAL),
        (("-d", "-d", "-d", "ip and udp"), DECIMAL),
        (("--raw", "ip and udp"), DECIMAL.strip().replace("\n", ",") + "\n"),
        (("-dd", ""), "{ 0x6, 0, 0, 0x00040000 },\n"),
        (("-d",), "(000) ret      #262144\n"),
        (("-d", "-s", "96"), "(000) ret      #96\n"),
        (("-d", "-s", "0"), "(000) ret      #262144\n"),
        (("-d", "-y", "raw", "ip6"), None),
        (("-d", "-O", "ip"), None),
        (("-d", "--opt", "0", "ip"), None),
        (("-d", "--through", "vlan,mpls", "ip"), None),
        (("-d", "--tcp6", "tcp[0] = 1"), None),
        (("-d", "-4", "--target", "xt_bpf", "udp"), None),
        (("-d", "--netmask", "255.255.255.0", "ip broadcast"), None),
        (("-d", "--protochain", "2", "ip6 protochain 6"), None),
        (("-d", "-q", "--allow-empty", "ip and ip6"), "(000) ret      #0\n"),
        (("-d", "-q", "--opt", "2", "ip or not ip"), "(000) ret      #262144\n"),
        (("-d", "--strict", "ip"), None),
        (("-d", "--resolve", "host localhost"), None),
    ],
)
def test_options_reach_the_compiler(
    bpfq: Run, words: tuple[str, ...], out: str | None
) -> None:
    ran = bpfq(*words)
    assert (ran.code, ran.err) == (0, "")
    assert out is None or ran.out == out


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("ip or not ip", "it accepts every packet"),
        ("len > 100 or len < 200", "it accepts every packet"),
        ("ip and ip6", "it accepts no packet"),
    ],
)
def test_a_program_that_decides_without_looking_is_noted_on_standard_error(
    bpfq: Run, text: str, note: str
) -> None:
    ran = bpfq("-d", "--allow-empty", text)
    assert (ran.code, ran.err) == (0, f"bpfq: {note}\n")


def test_json_describes_the_program(bpfq: Run) -> None:
    assert json.loads(bpfq("-d", "--json", "-i", "lo", "-s", "64", "arp").out) == {
        "bpfq": "0.1.0",
        "filter": "arp",
        "target": "packet",
        "link": "EN10MB",
        "snaplen": 64,
        "instructions": 4,
        "option_memory": 304,
        "program": [[40, 0, 0, 12], [21, 0, 1, 0x806], [6, 0, 0, 64], [6, 0, 0, 0]],
    }


def test_file_of_an_expression_keeps_its_columns(bpfq: Run, tmp_path: Path) -> None:
    file = tmp_path / "filter.bpf"
    file.write_text("# web only\ntcp  # no quic (yet\n  prot 80\n")
    assert bpfq("-F", str(file), "-d").err == (
        "bpfq: unknown word 'prot'; did you mean 'port'?\n"
        "    prot 80\n"
        "    ^^^^\n"
        "  try:  tcp port 80\n"
    )


def test_file_of_an_expression_from_standard_input() -> None:
    ran = process("-d", "-F", "-", stdin=b"\xef\xbb\xbfip and # both\nudp\n")
    assert (ran.returncode, ran.stdout.decode()) == (0, IP_AND_UDP)


def test_link_types_are_listed(bpfq: Run) -> None:
    assert bpfq("-L", "-i", "any").out.splitlines()[1:] == ["  LINUX_SLL2 (Linux cooked v2)"]
    lines = bpfq("-L").out.splitlines()
    assert lines[:3] == [
        "Data link types (use option -y to set):",
        "  NULL (BSD loopback)",
        "  EN10MB (Ethernet)",
    ]
    assert "  LINUX_SLL2 (Linux cooked v2)" in lines


@pytest.mark.oracle
@needs_tcpdump
@pytest.mark.parametrize("option", ["-d", "-dd", "-ddd"])
@pytest.mark.parametrize(
    "expression",
    ["ip and udp", "", "tcp port 80", "vlan 100", "net 10.0.0.0/8", "len > 100", "not ip", "icmp6"],
)
def test_listing_equals_that_of_tcpdump(bpfq: Run, option: str, expression: str) -> None:
    theirs = subprocess.run(
        ("tcpdump", option, expression), capture_output=True, text=True, check=True
    ).stdout
    # libpcap before 1.11 leaves blanks behind bare mnemonics
    stripped = "".join(f"{line.rstrip()}\n" for line in theirs.splitlines())
    assert bpfq(option, "--opt", "1", expression).out == stripped


@pytest.mark.oracle
@needs_tcpdump
def test_link_type_of_an_interface_is_listed_as_by_tcpdump(bpfq: Run) -> None:
    theirs = subprocess.run(
        ("tcpdump", "-L", "-i", "lo"), capture_output=True, text=True, check=False
    )
    if theirs.returncode != 0:
        pytest.skip("needs the right to capture on lo")
    assert bpfq("-L", "-i", "lo").out == theirs.stdout + theirs.stderr  # 4.99 uses stderr


def test_a_program_is_optimised_for_what_the_option_says(bpfq: Run) -> None:
    words = ("-d", "udp portrange 16384-32767 or tcp port 80")
    longest = bpfq(*words, "--optimise-for", "speed").out.count("\n")
    assert bpfq(*words, "--optimise-for", "size").out.count("\n") <= longest
    assert bpfq(*words, "--optimise-for", "smallest") == (
        2,
        "",
        "bpfq: cannot optimise for 'smallest'; the objectives are balanced, size, speed, "
        "kernel-size\n",
    )


def test_a_profile_of_another_link_type_names_its_own(bpfq: Run, tmp_path: Path) -> None:
    raw = tmp_path / "raw.pcap"
    header = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 101)
    raw.write_bytes(header + struct.pack("<IIII", 0, 0, 20, 20) + b"\x45" + bytes(19))
    assert bpfq("-d", "ip", "--profile", str(raw)) == (
        2,
        "",
        f"bpfq: profile {raw} has packets of link type RAW, the filter is for EN10MB\n"
        "  try:  -y RAW\n",
    )
    assert bpfq("-d", "-y", "RAW", "ip", "--profile", str(raw)).code == 0
