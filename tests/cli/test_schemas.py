"""``bpfq schema``: what every command prints with --json is what its schema says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from capture.octets import pcap_header, record
from jsonschema import Draft202012Validator
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import Dot1Q, Ether

from bpfq.cli.arguments import parsers
from bpfq.cli.schemas.table import SCHEMAS, all_schemas, schema_of

from .documented import faults, ways, wrong
from .running import Run, process

WITHOUT = {"", "diff", "completion", "man", "schema"}  # no data, or another name
ETHERNET = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
DNS = ETHERNET / IP(src="10.1.0.9", dst="8.8.8.8") / UDP(sport=40112, dport=53)
WEB = ETHERNET / IP(src="10.1.0.9", dst="8.8.8.8") / TCP(sport=1024, dport=443)
TAGGED = ETHERNET / Dot1Q(vlan=100) / IP(src="10.1.0.9", dst="8.8.8.8") / UDP(dport=53)
ARP_PROGRAM = "4\n40 0 0 12\n21 0 1 2054\n6 0 0 1\n6 0 0 0\n"
MARKED = "4,32 0 0 4294963220,21 0 1 2054,6 0 0 262144,6 0 0 0\n"  # no word says what it reads
SAMPLES = {  # command -> command lines; -r trunk.pcap and the other files are made by a fixture
    "explain": (
        ("port 53 and not host 10.0.0.1",),
        ("explain", "--target", "packet", "vlan 5 and tcp[13] = 2"),
        ("--target", "ebpf:xdp", "--action", "drop", "udp"),
        ("--program", "arp.ddd"),
        ("--program", "marked", "--target", "packet"),
    ),
    "dump": (
        ("-d", "tcp port 80"),
        ("dump", "--target", "ebpf:tc", "--action", "drop", "udp port 53"),
        ("dump", "--stages", "tcp port 80 and tcp"),
        ("dump", "--stages", "--opt", "1", "ip src net 10.0.0.0/8 and ip src host 10.1.2.3"),
        ("dump", "--stats", "ip"),
        ("dump", "--program", "arp.ddd"),
    ),
    "graph": (
        ("graph", "tcp port 80"),
        ("graph", "-r", "trunk.pcap", "udp port 53 or ip[0] & 0xf = 6"),
        ("graph", "-o", "drawn.svg", "tcp"),
    ),
    "match": (
        ("-r", "trunk.pcap", "udp"),
        ("-r", "trunk.pcap", "--count", "udp"),
        ("match", "-r", "trunk.pcap", "-w", "out.pcap", "udp"),
    ),
    "why": (
        ("why", "-r", "trunk.pcap", "-n", "3", "ip and udp port 53"),
        ("why", "-r", "trunk.pcap", "ip[100] = 3 or (ip and not tcp[2:2] * 2 = 7) or vlan 3"),
    ),
    "lint": (
        ("lint", "host 10.0.0.1 and tcp port 80 or 443"),
        ("lint", "--fix", "port http"),
        ("lint", "--files", "a.bpf", "b.bpf"),
        ("lint", "arp"),
    ),
    "fmt": (
        ("fmt", "port 80 or port 443 and ip"),
        ("fmt", "--files", "a.bpf", "b.bpf", "missing.bpf"),
        ("fmt", "--check", "--files", "a.bpf"),
        ("fmt", "--write", "-F", "a.bpf"),
    ),
    "witness": (
        ("witness", "-n", "3", "tcp port 80"),
        ("witness", "--not", "ip and udp port 53"),
        ("witness", "--branches", "ip and len > 100"),
        ("witness", "--target", "packet", "vlan 7"),
        ("witness", "--target", "udp", "udp port 53"),
    ),
    "equiv": (
        ("equiv", "port 80", "tcp port 80"),
        ("diff", "ip", "ether proto 0x800"),
        ("equiv", "--allow-empty", "ip", "ip6"),
    ),
    "prove": (
        ("prove", "udp port 53"),
        ("prove", "rarp", "--program", "arp.ddd"),
        ("prove", "--target", "ebpf:xdp", "--action", "drop", "arp"),
    ),
    "disasm": (
        ("disasm", "arp.ddd"),
        ("disasm", "--decompile", "arp.ddd"),
        ("disasm", "--decompile", "marked", "--target", "packet"),
        ("disasm", "web.o"),
    ),
    "export": (
        ("export", "elf", "--target", "ebpf:tc", "--action", "drop", "udp", "-o", "x.o"),
        ("export", "go", "udp"),
        ("export", "iptables", "-4", "tcp"),
        ("export", "svg", "-o", "x.svg", "udp"),
        ("export", "c", "--program", "arp.ddd"),
    ),
    "count": (("count", "-r", "trunk.pcap", "dns=udp port 53", "all=*"),),
    "doctor": (("doctor",), ("doctor", "classic")),
    "links": (("-L",), ("-L", "-i", "lo")),
}  # fmt: skip
ERRORS = (
    ("tcp prot 80",),
    ("ip6 and tcp[tcpflags] & tcp-syn != 0",),
    ("-F", "missing.bpf"),
    ("--targte", "x"),
    ("-d", "--target", "xt_bpf", "ether host 1:2:3:4:5:6"),
    ("why", "-r", "trunk.pcap", "-n", "99", "ip"),
    ("--target", "ebpf:xdp", "inbound"),
)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bpfq: Run) -> Path:
    """A directory with the files of the samples."""
    monkeypatch.chdir(tmp_path)
    packets = b"".join(record(bytes(packet)) for packet in (DNS, WEB, TAGGED))
    Path("trunk.pcap").write_bytes(pcap_header() + packets)
    Path("arp.ddd").write_text(ARP_PROGRAM)
    Path("marked").write_text(MARKED)
    Path("a.bpf").write_text("net 10.0.0.0/8 or\nhost 10.1.2.3  # twice\n")
    Path("b.bpf").write_text("tcp prot 80\n")
    bpfq("export", "elf", "--target", "ebpf:tc", "--action", "drop", "udp", "-o", "web.o")
    return tmp_path


def test_every_command_with_data_has_a_schema() -> None:
    assert set(parsers()) - WITHOUT == set(SCHEMAS) - {"error", "links"}


@pytest.mark.parametrize("name", SCHEMAS)
def test_schemas_are_schemas_and_describe_each_key(name: str) -> None:
    Draft202012Validator.check_schema(schema_of(name))
    assert [
        path for path, part in parts(schema_of(name), name) if not part.get("description")
    ] == []


def parts(schema: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every key of every object, with where it stands."""
    work = [(path, schema)]
    while work:
        where, each = work.pop()
        yield where, each
        work += [(f"{where}.{key}", value) for key, value in each.get("properties", {}).items()]
        work += [(f"{where}|", value) for value in each.get("anyOf", [])]
        items = each.get("items", {})
        work += [(f"{where}[]", items)] if "properties" in items else []


@pytest.mark.parametrize(
    ("name", "words"), [(name, words) for name, rows in SAMPLES.items() for words in rows],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)  # fmt: skip
def test_what_is_printed_is_as_documented(
    name: str, words: tuple[str, ...], bpfq: Run, here: Path
) -> None:
    ran = bpfq(*words, "--json")
    assert ran.code in (0, 1, 2, 5)
    assert wrong(name, ran.out) == []


@pytest.mark.parametrize("name", SAMPLES)
def test_each_form_of_the_output_is_printed_by_a_sample(name: str, bpfq: Run, here: Path) -> None:
    lines = [line for words in SAMPLES[name] for line in bpfq(*words, "--json").out.splitlines()]
    values = [json.loads(line) for line in lines]
    unseen = [
        way["description"]
        for way in ways(name)
        if not any(Draft202012Validator(way).is_valid(value) for value in values)
    ]
    assert unseen == []


@pytest.mark.parametrize("words", ERRORS, ids=" ".join)
def test_errors_are_as_documented(words: tuple[str, ...], bpfq: Run, here: Path) -> None:
    ran = bpfq(*words, "--json")
    assert ran.out == ""
    assert wrong("error", ran.err) == []
    assert json.loads(ran.err)["exit_code"] == ran.code


def test_a_key_that_is_not_documented_is_found() -> None:
    assert faults("detach", {"name": "x"}) != []
    good = {"name": None, "place": "tc", "link": 3, "pins": [], "packets": 1, "bytes": None}
    assert faults("detach", good) == []
    assert faults("detach", {**good, "more": 1}) == [
        "$: Additional properties are not allowed ('more' was unexpected)"
    ]


def test_a_picture_in_a_file_is_an_object_on_standard_output(bpfq: Run, here: Path) -> None:
    ran = bpfq("graph", "-o", "drawn.dot", "--json", "tcp")
    assert (ran.code, Path("drawn.dot").read_text()[:7]) == (0, "digraph")
    assert wrong("graph", ran.out) == []


def test_where_packets_are_on_standard_output_the_object_is_not(here: Path) -> None:
    ran = process("-r", "trunk.pcap", "-w", "-", "--json", "ip")
    packets = b"".join(record(bytes(packet)) for packet in (DNS, WEB))
    assert (ran.returncode, ran.stdout) == (0, pcap_header() + packets)
    assert json.loads(ran.stderr) == {"seen": 3, "matched": 2}


@pytest.mark.parametrize(("name", "words"), [("witness", ("arp",)), ("equiv", ("arp", "rarp"))])
def test_answers_are_beside_packets_on_standard_output(name: str, words: tuple[str, ...]) -> None:
    ran = process(name, "-w", "-", "--json", *words)
    assert ran.stdout[:4] == pcap_header()[:4]
    assert wrong(name, ran.stderr.decode()) == []


# ---------------------------------------------------------------- bpfq schema


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_schema_of_one_command_is_printed(name: str, bpfq: Run) -> None:
    ran = bpfq("schema", name)
    assert (ran.code, json.loads(ran.out)) == (0, schema_of(name))


def test_without_a_command_it_is_one_schema_of_all(bpfq: Run) -> None:
    ran = bpfq("schema")
    found = json.loads(ran.out)
    Draft202012Validator.check_schema(found)
    assert (ran.code, found, set(found["$defs"])) == (0, all_schemas(), set(SCHEMAS))


def test_another_name_for_a_command_has_its_schema(bpfq: Run) -> None:
    assert bpfq("schema", "diff") == bpfq("schema", "equiv")


def test_what_has_no_schema(bpfq: Run) -> None:
    ran = bpfq("schema", "witnes")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(
        "bpfq: no schema for 'witnes'; there is one for each of explain, dump,"
    )
    assert ran.err.endswith("  try:  bpfq schema witness\n")
    assert bpfq("schema", "why", "lint") == (
        2, "", "bpfq: schema takes one command, not 'lint' as well\n",
    )  # fmt: skip
