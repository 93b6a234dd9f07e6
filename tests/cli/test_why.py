"""``bpfq why``: one packet of a file, clause by clause."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from capture.octets import enhanced, interface, pcap_header, record, section
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import Dot1Q, Ether

from .running import Run, process

ETHERNET = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
DNS = IP(src="10.1.0.9", dst="8.8.8.8") / UDP(sport=40112, dport=53)
WEB = IP(src="10.1.0.9", dst="8.8.8.8") / TCP(sport=1024, dport=443)
TAGGED = bytes(ETHERNET / Dot1Q(vlan=100) / DNS)
RAW = 101  # LINKTYPE_RAW

SESSION = """\
packet 3  46 bytes  Ether / 802.1Q vlan 100 / IPv4 10.1.0.9 -> 8.8.8.8 / UDP 40112 -> 53
✗ and
├─ ✗ ip             ether[12:2] = 0x8100, wanted 0x0800     ← decided here
└─ · udp port 53    not evaluated
The frame is VLAN-tagged; `ip` looks only at untagged frames.
  fix   vlan and ip and udp port 53    tagged only
        --through vlan                 tagged and untagged
"""
FIRST = "bpfq: note: the first packet that does not match; -n N picks one\n"


@pytest.fixture
def trunk(tmp_path: Path) -> str:
    packets = (bytes(ETHERNET / DNS), bytes(ETHERNET / WEB), TAGGED)
    path = tmp_path / "trunk.pcap"
    path.write_bytes(pcap_header() + b"".join(record(packet) for packet in packets))
    return str(path)


@pytest.fixture
def mixed(tmp_path: Path) -> str:
    """pcapng: a tagged frame of an Ethernet interface, a cut packet of a raw one."""
    path = tmp_path / "mixed.pcapng"
    path.write_bytes(
        section() + interface() + interface(linktype=RAW)
        + enhanced(TAGGED) + enhanced(bytes(WEB)[:22], number=1, wire_length=40)
    )  # fmt: skip
    return str(path)


def test_numbered_packet_is_explained(bpfq: Run, trunk: str) -> None:
    assert bpfq("why", "ip and udp port 53", "-r", trunk, "-n", "3") == (1, SESSION, "")


def test_packet_that_matches_exits_with_0(bpfq: Run, trunk: str) -> None:
    assert bpfq("why", "-n", "1", "-r", trunk, "ip", "and", "udp") == (
        0,
        "packet 1  42 bytes  Ether / IPv4 10.1.0.9 -> 8.8.8.8 / UDP 40112 -> 53\n"
        "✓ and\n"
        "├─ ✓ ip     ether[12:2] = 0x0800\n"
        "└─ ✓ udp    ip[9] = 17 (udp)\n",
        "",
    )


def test_without_a_number_the_first_that_fails_is_taken(bpfq: Run, trunk: str) -> None:
    ran = bpfq("why", "ip", "-r", trunk)
    assert (ran.code, ran.out.split("\n")[0], ran.err) == (
        1,
        "packet 3  46 bytes  Ether / 802.1Q vlan 100 / IPv4 10.1.0.9 -> 8.8.8.8 / UDP 40112 -> 53",
        FIRST,
    )
    assert bpfq("why", "-q", "ip", "-r", trunk).err == ""


def test_where_all_match_the_first_is_taken(bpfq: Run, trunk: str) -> None:
    assert bpfq("why", "len > 20", "-r", trunk) == (
        0,
        "packet 1  42 bytes  Ether / IPv4 10.1.0.9 -> 8.8.8.8 / UDP 40112 -> 53\n"
        "✓ len > 20    len = 42     ← decided here\n",
        "bpfq: note: all 3 packets match; this is the first\n",
    )


def test_options_of_the_filter_count(bpfq: Run, trunk: str) -> None:
    found = bpfq("why", "--through", "vlan", "ip and udp port 53", "-r", trunk, "-n", "3")
    assert (found.code, found.out.split("\n")[1]) == (0, "✓ and")


def test_filter_that_matches_nothing_is_explained(bpfq: Run, trunk: str) -> None:
    assert bpfq("why", "ip and vlan 100", "-r", trunk, "-n", "3").out.split("\n")[4:7] == [
        "The frame is VLAN-tagged; `ip` looks only at untagged frames.",
        "  fix   vlan 100 and ip    tagged only",
        "        --through vlan",
    ]


def test_each_interface_of_pcapng_has_its_own_link_type(bpfq: Run, mixed: str) -> None:
    assert bpfq("why", "not tcp port 80", "-r", mixed, "-n", "1").code == 0
    assert bpfq("why", "not tcp port 80", "-r", mixed) == (
        1,
        "packet 2  22 of 40 bytes  IPv4 10.1.0.9 -> 8.8.8.8 / TCP (cut off)\n"
        "✗ not\n"
        "└─ ! tcp port 80    tcp[2:2] is cut off: bytes 22 to 23, captured 22"
        "     ← decided here\n"
        "Only 22 of the packet's 40 bytes were captured; `tcp port 80` reads further, "
        "which rejects the packet, even below `not`.\n",
        FIRST,
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("-n", "4", "-r", "FILE"), "no packet 4: FILE has 3 packets"),
        (("-n", "0", "-r", "FILE"), "-n 0 is no packet: the first one is 1"),
        (("-n", "1"), "no file: give one with -r, - for standard input"),
        (
            ("-r", "FILE", "-i", "lo"),
            "-r reads a file, which is a target of its own: leave out -i and --target",
        ),
        (("-r", "FILE", "-n", "x"), "argument -n: invalid int value: 'x'"),
    ],
)
def test_wrong_command_line_is_told(
    bpfq: Run, trunk: str, words: tuple[str, ...], message: str
) -> None:
    ran = bpfq("why", "ip", *(word.replace("FILE", trunk) for word in words))
    assert (ran.code, ran.err.split("\n")[0]) == (2, f"bpfq: {message.replace('FILE', trunk)}")


def test_empty_file_is_told(bpfq: Run, tmp_path: Path) -> None:
    path = tmp_path / "empty.pcap"
    path.write_bytes(pcap_header())
    assert bpfq("why", "ip", "-r", str(path)) == (2, "", "bpfq: the file has no packets\n")
    assert bpfq("why", "ip", "-r", str(path), "-n", "1") == (
        2, "", f"bpfq: no packet 1: {path} has no packets\n"
    )  # fmt: skip


def test_link_type_that_the_filter_cannot_see_is_told(bpfq: Run, mixed: str) -> None:
    ran = bpfq("why", "vlan", "-r", mixed, "-n", "2")
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.startswith("bpfq: 'vlan' cannot be seen on DLT_RAW")


def test_json_has_the_clauses_in_order(bpfq: Run, trunk: str) -> None:
    ran = bpfq("why", "--json", "ip and udp port 53", "-r", trunk, "-n", "3")
    found = json.loads(ran.out)
    assert ran.code == 1
    assert {key: found[key] for key in ("packet", "length", "captured", "matched", "fixes")} == {
        "packet": 3,
        "length": 46,
        "captured": 46,
        "matched": False,
        "fixes": [
            {"text": "vlan and ip and udp port 53", "why": "tagged only"},
            {"text": "--through vlan", "why": "tagged and untagged"},
        ],
    }
    assert [(c["depth"], c["text"], c["outcome"], c["decided"]) for c in found["clauses"]] == [
        (0, "and", "false", False),
        (1, "ip", "false", True),
        (1, "udp port 53", "not evaluated", False),
    ]
    clause = found["clauses"][1]
    assert (
        clause["readings"]
        == clause["reads"]
        == [
            {
                "what": "ether[12:2]",
                "offset": 12,
                "size": 2,
                "value": 0x8100,
                "shown": "0x8100",
                "wanted": "0x0800",
                "holds": False,
            }
        ]
    )


def test_signs_are_coloured(bpfq: Run, trunk: str) -> None:
    lines = bpfq("why", "--color=always", "ip", "-r", trunk, "-n", "1").out.split("\n")
    assert lines[1].startswith("\x1b[32m✓\x1b[0m ip")


def test_file_on_standard_input(trunk: str) -> None:
    octets = Path(trunk).read_bytes()
    ran = process("why", "ip and udp port 53", "-r", "-", "-n", "3", stdin=octets)
    assert (ran.returncode, ran.stdout.decode(), ran.stderr) == (1, SESSION, b"")


def test_terminal_without_the_signs_gets_plain_ones(
    trunk: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    ran = process("why", "ip and udp port 53", "-r", trunk, "-n", "3")
    assert ran.stdout.decode("ascii").split("\n")[1:4] == [
        "x and",
        "|- x ip             ether[12:2] = 0x8100, wanted 0x0800     <- decided here",
        "`- - udp port 53    not evaluated",
    ]


def test_n_stays_a_flag_of_the_other_commands(bpfq: Run, trunk: str) -> None:
    assert bpfq("-r", trunk, "-n", "--count", "ip") == (0, "2\n", "")
