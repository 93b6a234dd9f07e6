"""``--program``: bytecode in place of a filter, with every command that takes one."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest
from docs.pages import blocks
from docs.sessions import steps
from kernel.holding import holding
from kernel.namespaces import needs_root
from kernel.test_borrowed import bare_socket, packet_socket, udp_socket

import bpfq as library
from bpfq.capture.pcap import Writer

from .running import Run, process

TEXT = "tcp dst port 443"
NOTE = f"bpfq: note: the program is proved to be: {TEXT}\n"
MARK = "4,32 0 0 4294963220,21 0 1 2054,6 0 0 262144,6 0 0 0\n"
KNOWN_IN_PART = "the program is not known to be a filter: instructions 0-1: "


@pytest.fixture
def program(tmp_path: Path) -> str:
    """The file of a program."""
    path = tmp_path / "program.ddd"
    path.write_text(library.compile(TEXT).format("ddd"))
    return str(path)


@pytest.fixture
def mark(tmp_path: Path) -> str:
    """The file of a program that no filter text says."""
    path = tmp_path / "mark"
    path.write_text(MARK)
    return str(path)


@pytest.fixture
def packets(tmp_path: Path) -> str:
    """The file of a packet that matches and one that does not."""
    path = tmp_path / "two.pcap"
    with open(path, "wb") as file:
        writer = Writer(file, 1, snaplen=65535)
        for number, text in enumerate((TEXT, "udp dst port 53")):
            octets = library.witness(text)[0].octets
            writer.write(octets, timestamp_ns=number, wire_length=len(octets))
    return str(path)


# ---------------------------------------------------------------- as it is


@pytest.mark.parametrize("form", ("-d", "-dd", "-ddd", "--raw"))
def test_every_form_is_read_and_printed_as_it_is(bpfq: Run, tmp_path: Path, form: str) -> None:
    listing = bpfq(form, TEXT).out
    file = tmp_path / "program"
    file.write_text(listing)
    assert bpfq(form, "--program", str(file)) == (0, listing, "")


def test_a_program_from_memory_is_read(bpfq: Run, tmp_path: Path) -> None:
    file = tmp_path / "program"
    file.write_bytes(bytes.fromhex("0600000001000000"))
    assert bpfq("--raw", "--program", str(file)) == (0, "1,6 0 0 1\n", "")
    assert bpfq("disasm", str(file)) == (0, "(000) ret      #1\n", "")


def test_a_program_from_standard_input() -> None:
    ran = process("--raw", "--program", "-", stdin=b"1,6 0 0 7")
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, b"1,6 0 0 7\n", b"")


def test_json_has_no_filter_that_nobody_gave(bpfq: Run, program: str) -> None:
    found = json.loads(bpfq("dump", "--json", "--program", program).out)
    assert (found["filter"], found["program"]) == (
        None,
        [list(row) for row in library.compile(TEXT)],
    )


def test_match_counts_and_writes_what_it_accepts(
    bpfq: Run, program: str, packets: str, tmp_path: Path
) -> None:
    assert bpfq("-r", packets, "--count", "--program", program) == (0, "1\n", "")
    written = str(tmp_path / "out.pcap")
    assert bpfq("-q", "-r", packets, "-w", written, "--program", program).code == 0
    assert bpfq("-r", written, "--count", TEXT).out == "1\n"


def test_match_says_what_a_file_does_not_have(bpfq: Run, mark: str, packets: str) -> None:
    assert bpfq("-r", packets, "--count", "--program", mark) == (
        1,
        "0\n",
        "bpfq: note: it asks the kernel for mark, which target 'file' does not have: "
        "it rejects there\n",
    )


def test_count_of_a_file(bpfq: Run, program: str, packets: str) -> None:
    found = json.loads(bpfq("count", "--json", "-r", packets, "--program", program).out)
    assert found["filters"]["program"]["packets"] == 1


# ---------------------------------------------------------------- as the filter that it is


def test_explain_says_which_filter_it_is(bpfq: Run, program: str) -> None:
    ran = bpfq("explain", "--program", program)
    lines = ran.out.splitlines()
    assert (ran.code, lines[0], ran.err) == (0, f"Filter    {TEXT}  (proved)", "")
    assert "instructions as given for target 'file', DLT_EN10MB" in ran.out
    assert json.loads(bpfq("--json", "--program", program).out)["filter"] == TEXT


def test_explain_says_what_is_known(bpfq: Run, mark: str) -> None:
    ran = bpfq("--target", "packet", "--program", mark)
    assert ran == (
        1,
        "Filter    <0>\n"
        "          (not proved equal to the program, which was recovered in part)\n"
        "          <0>: instructions 0-1: filter text has no word for the kernel's mark\n"
        "Program   4 instructions as given for target 'packet', DLT_EN10MB\n"
        "          168 bytes of a socket's option memory\n",
        "",
    )
    found = json.loads(bpfq("--target", "packet", "--json", "--program", mark).out)
    assert (found["filter"], found["verdict"], found["instructions"]) == ("<0>", "partial", 4)


def test_why_explains_by_the_filter_that_it_is(bpfq: Run, program: str, packets: str) -> None:
    wanted = bpfq("why", "-r", packets, "-n", "2", TEXT)
    assert bpfq("why", "-r", packets, "-n", "2", "--program", program) == (1, wanted.out, NOTE)


def test_graph_draws_the_filter_that_it_is(bpfq: Run, program: str, packets: str) -> None:
    for words in ((), ("-r", packets)):
        wanted = bpfq("graph", *words, TEXT)
        assert bpfq("graph", *words, "--program", program) == (0, wanted.out, NOTE)


def test_a_program_is_drawn_for_the_link_type_of_the_file(bpfq: Run, tmp_path: Path) -> None:
    raw, program = tmp_path / "raw.pcap", tmp_path / "program"
    with open(raw, "wb") as file:
        octets = library.witness("udp", link="RAW")[0].octets
        Writer(file, 12, snaplen=99).write(octets, timestamp_ns=0, wire_length=len(octets))
    program.write_text(library.compile("udp port 9", link="RAW").format("d"))
    for command in ("graph", "why"):
        err = bpfq(command, "-r", str(raw), "--program", str(program)).err
        assert err.startswith("bpfq: note: the program is proved to be: udp port 9\n")


def test_lint_looks_at_the_filter_that_it_is(bpfq: Run, tmp_path: Path) -> None:
    file = tmp_path / "program"
    file.write_text(bpfq("-ddd", "ip6 and port 53").out)
    wanted = bpfq("lint", "ip6 and port 53")
    ran = bpfq("lint", "-q", "--program", str(file))
    assert (ran.code, ran.out) == (1, wanted.out)


def test_witness_finds_packets(bpfq: Run, program: str) -> None:
    for words in (("-n", "2"), ("--not",), ("--branches",)):
        wanted = bpfq("witness", *words, TEXT)
        assert bpfq("witness", *words, "--program", program).out == wanted.out


def test_witness_of_what_is_no_filter(bpfq: Run, mark: str) -> None:
    ran = bpfq("witness", "--json", "--target", "packet", "--program", mark)
    (found,) = json.loads(ran.out)
    assert (ran.code, found["metadata"], found["matches"]) == (0, {"mark": 2054}, True)


def test_stats_has_the_program_beside_those_that_bpfq_makes(bpfq: Run, tmp_path: Path) -> None:
    file = tmp_path / "program"
    file.write_text(bpfq("-O", "-ddd", "port 53").out)
    found = json.loads(bpfq("dump", "--stats", "--json", "--program", str(file)).out)
    ours = json.loads(bpfq("dump", "--stats", "--json", "port 53").out)
    assert found["models"] == ours["models"]
    assert found["result"]["instructions"] == found["instructions"] > ours["instructions"]
    table = bpfq("dump", "--stats", "--program", str(file)).out.splitlines()
    assert table[1].startswith("as given ")


def test_equiv_compares_it_with_a_filter(bpfq: Run, program: str, mark: str) -> None:
    assert bpfq("equiv", TEXT, "--program", program).out.startswith("equal: ")
    ran = bpfq("equiv", "udp", "--target", "packet", "--program", mark)
    assert (ran.code, ran.out.splitlines()[0]) == (1, "different")


def test_it_is_compiled_for_a_hook(bpfq: Run, program: str, tmp_path: Path) -> None:
    place = ("--target", "ebpf:xdp", "--action", "drop")
    wanted = bpfq("-d", *place, TEXT).out
    assert bpfq("-d", *place, "--program", program) == (0, wanted, NOTE)
    objects = [str(tmp_path / name) for name in ("one.o", "other.o")]
    for words, path in zip(((TEXT,), ("--program", program)), objects, strict=True):
        assert bpfq("export", "elf", *place, "-o", path, *words).code == 0
    assert Path(objects[0]).read_bytes() == Path(objects[1]).read_bytes()


@pytest.mark.root
@needs_root
def test_it_is_tested_at_a_hook(bpfq: Run, program: str, packets: str) -> None:
    ran = bpfq("test", "-r", packets, "--target", "ebpf:tc", "--program", program)
    assert ran == (0, "2 packets compared, 1 matched: the same verdict for all\n", NOTE)


@pytest.mark.root
@needs_root
def test_it_is_attached_to_a_hook(bpfq: Run, program: str) -> None:
    place = ("attach", "--xdp", "lo", "--action", "count", "--dry-run", "--program")
    ran = bpfq(*place, program)
    assert (ran.code, ran.out.splitlines()[-1][:27]) == (0, "XDP on lo: the verifier acc")


def test_what_is_no_filter_does_not_come_to_a_hook(bpfq: Run, mark: str) -> None:
    ran = bpfq("-d", "--target", "ebpf:tc", "--action", "drop", "--program", mark)
    assert (ran.code, ran.out, ran.err.splitlines()) == (
        3,
        "",
        [
            f"bpfq: {KNOWN_IN_PART}filter text has no word for the kernel's mark",
            "  try:  bpfq disasm --decompile    shows what is known",
        ],
    )


# ---------------------------------------------------------------- of a live socket


def test_a_live_socket_is_read(bpfq: Run) -> None:
    with holding(udp_socket) as held:
        assert bpfq("--raw", "--program", str(held)) == (0, "1,6 0 0 3\n", "")
        assert bpfq("disasm", str(held)) == (0, "(000) ret      #3\n", "")
        found = json.loads(bpfq("--json", "--program", str(held)).out)
    assert (found["target"], found["link"]) == ("udp", "IPV4")


@pytest.mark.root
@needs_root
def test_the_filter_of_a_live_socket_is_that_of_its_target(bpfq: Run) -> None:
    with holding(packet_socket) as held:
        assert bpfq("disasm", "--decompile", str(held)).out == "ether[0] = 7\n"
        place = ("--target", "ebpf:xdp", "--action", "drop")
        assert (
            bpfq("-d", *place, "--program", str(held)).out == bpfq("-d", *place, "ether[0] = 7").out
        )
        assert bpfq("prove", "ether[0] = 7", "--program", str(held)).code == 0
        assert bpfq("equiv", "ether[0] = 7", "--program", str(held)).code == 0


def test_a_socket_that_does_not_say_what_its_byte_0_is(bpfq: Run) -> None:
    """Its instructions are listed all the same."""
    with holding(unix_socket) as held:
        assert bpfq("--raw", "--program", str(held)) == (0, "1,6 0 0 7\n", "")
        said = bpfq("explain", "--program", str(held))
        assert (said.code, said.err) == (
            3,
            "bpfq: cannot tell what a filter sees on a socket of AF_UNIX, SOCK_DGRAM, protocol 0; "
            "name the target\n",
        )
        assert bpfq("explain", "--target", "udp", "--program", str(held)).code == 0


def unix_socket() -> int:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    library.attach(sock, library.Program.of("1,6 0 0 7"))
    return sock.detach()


def test_a_live_socket_without_a_filter(bpfq: Run) -> None:
    with holding(bare_socket) as held:
        assert bpfq("-d", "--program", str(held)) == (
            4,
            "",
            f"bpfq: descriptor {held.descriptor} of process {held.pid}: no filter is attached to "
            "this socket\n",
        )


def test_a_file_may_have_the_name_of_a_live_socket(
    bpfq: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("1:2").write_text("1,6 0 0 9")
    assert bpfq("--raw", "--program", "1:2").out == "1,6 0 0 9\n"
    os.unlink("1:2")
    assert bpfq("--raw", "--program", "./1:2").err == (
        "bpfq: cannot open ./1:2: no such file or directory\n"
    )


# ---------------------------------------------------------------- refused


@pytest.mark.parametrize(
    "words, message",
    [
        (("-d", "tcp"), "an expression and --program: give one of them"),
        (("count", "-r", "x", "a=tcp"), "an expression and --program: give one of them"),
        (("-d", "--through", "vlan"), "--through is about a filter, --program gives a program as it is"),
        (("-d", "-O"), "--opt is about a filter, --program gives a program as it is"),
        (("-d", "--prove"), "--prove is about a filter, --program gives a program as it is"),
        (("-d", "--stages"), "--stages are those from a filter to its program, which is given"),
        (("equiv", "tcp", "udp"), "equiv takes one filter beside --program, in quotes, not 2 words"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)  # fmt: skip
def test_what_goes_with_filters_only(
    bpfq: Run, program: str, words: tuple[str, ...], message: str
) -> None:
    ran = bpfq(*words, "--program", program)
    assert (ran.code, ran.out, ran.err.splitlines()[0]) == (2, "", f"bpfq: {message}")


def test_an_object_file_is_no_program(bpfq: Run, tmp_path: Path) -> None:
    file = tmp_path / "xdp.o"
    file.write_bytes(b"\x7fELF\x02\x01\x01")
    assert bpfq("-d", "--program", str(file)) == (
        2, "", "bpfq: an object file holds eBPF programs, where a classic program is wanted\n"
    )  # fmt: skip


# ---------------------------------------------------------------- exported


def test_it_is_exported_as_it_is(bpfq: Run, tmp_path: Path) -> None:
    """With the command that makes it again where there is one."""
    file = tmp_path / "program"
    file.write_text(bpfq("-O", "-ddd", "port 53").out)  # bpfq would make another one
    ran = bpfq("export", "c", "--program", str(file))
    assert f"// made by: bpfq export c --program {file}\n" in ran.out
    assert "// port 53\n" in ran.out
    assert ran.out.count("    { 0x") == len(library.compile("port 53", level=0))
    with holding(udp_socket) as held:
        of_socket = bpfq("export", "c", "--program", str(held)).out
    assert ("made by" in of_socket, "{ 0x6, 0, 0, 0x00000003 }" in of_socket) == (False, True)


def test_what_is_no_filter_is_exported_with_a_note(bpfq: Run, mark: str) -> None:
    ran = bpfq("export", "json", "--target", "packet", "--program", mark)
    (program,) = json.loads(ran.out)["programs"]
    assert program["instructions"] == [
        [32, 0, 0, 4294963220],
        [21, 0, 1, 2054],
        [6, 0, 0, 262144],
        [6, 0, 0, 0],
    ]
    assert ran.err == (
        "bpfq: note: exported as it is, which is not known to be a filter for target 'packet', "
        "DLT_EN10MB\n"
    )


def test_tc_wants_other_values(bpfq: Run, program: str) -> None:
    wanted = bpfq("export", "tc", TEXT).out
    ran = bpfq("export", "tc", "--program", program)
    assert (ran.code, ran.out, ran.err.splitlines(keepends=True)[0]) == (0, wanted, NOTE)


def test_what_is_too_long_for_iptables_is_refused(bpfq: Run, tmp_path: Path) -> None:
    file = tmp_path / "program"
    file.write_text("\n".join(["65", *["0 0 0 0"] * 64, "6 0 0 1"]))
    assert bpfq("export", "iptables", "--program", str(file)) == (
        3, "", "bpfq: 65 instructions, 1 more than the 64 of 'xt_bpf'\n"
    )  # fmt: skip


def test_it_is_formatted(bpfq: Run, program: str) -> None:
    assert bpfq("fmt", "--program", program) == (0, f"{TEXT}\n", NOTE)


# ---------------------------------------------------------------- docs/bytecode.md


def dns_socket() -> int:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    library.attach(sock, "udp src port 53")
    return sock.detach()


def test_the_session_with_a_live_socket_is_true(bpfq: Run) -> None:
    (block,) = (block for block in blocks("docs/bytecode.md") if block.run_by)
    with holding(dns_socket) as held:
        for step in steps(block.text):
            words = step.command.replace("1234:5", str(held)).split()
            assert bpfq(*words[1:]) == (0, step.shown, "")


# ---------------------------------------------------------------- of another program


@pytest.mark.oracle
@pytest.mark.root
@needs_root
@pytest.mark.skipif(shutil.which("tcpdump") is None, reason="needs tcpdump: install tcpdump")
@pytest.mark.parametrize(
    "text",
    ("udp port 53 and host 127.0.0.1", "vlan 100 and udp", "arp or tcp[13] & 2 != 0", "len > 90"),
)
def test_what_a_running_tcpdump_filters_by(bpfq: Run, text: str) -> None:
    """libpcap's program for a live socket, with the kernel's words for the VLAN tag."""
    tcpdump = subprocess.Popen(
        ("tcpdump", "-n", "-i", "lo", "-w", os.devnull, text), stderr=subprocess.PIPE
    )
    try:
        assert tcpdump.stderr is not None
        assert any(b"listening on" in line for line in tcpdump.stderr)
        folder = Path(f"/proc/{tcpdump.pid}/fd")
        (found,) = (it.name for it in folder.iterdir() if os.readlink(it).startswith("socket:"))
        ran = bpfq("prove", text, "--program", f"{tcpdump.pid}:{found}")
        assert (ran.code, ran.out.splitlines()[0]) == (0, "proved")
        filter_of_it = bpfq("disasm", "--decompile", f"{tcpdump.pid}:{found}")
        assert (
            filter_of_it.code,
            bpfq("equiv", "--target", "packet", text, filter_of_it.out).code,
        ) == (0, 0)
    finally:
        tcpdump.kill()
        tcpdump.communicate()
