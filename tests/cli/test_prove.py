"""``bpfq prove``: verdicts, counterexamples, exit codes; ``--prove`` on what hands out programs."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

import bpfq as library
from bpfq.analysis.decide import Questions, Undecided
from bpfq.isa.cbpf.instructions import SockFilter
from bpfq.program.classic import Program

from .running import Run

# ldh [12]; jeq #0x800; ldb [23]; jeq #6; ret
TCP = "6\n40 0 0 12\n21 0 3 2048\n48 0 0 23\n21 0 1 6\n6 0 0 65535\n6 0 0 0\n"
PROVED = """\
proved
          6 instructions: accepts what the filter accepts, on every packet
"""


@pytest.fixture
def spent(monkeypatch: pytest.MonkeyPatch) -> None:
    """No question is answered."""

    def find(self: Questions, wanted: object) -> None:
        raise Undecided

    monkeypatch.setattr(Questions, "find", find)


def lines_of(tmp_path: Path, text: str) -> str:
    path = tmp_path / "program"
    path.write_text(text)
    return str(path)


def test_what_bpfq_compiles_is_proved(bpfq: Run) -> None:
    assert bpfq("prove", "ip and udp") == (0, PROVED, "")
    assert bpfq("prove", "-i", "lo", "--opt", "0", "vlan 5 and tcp").code == 0


def test_a_long_list_at_a_hook_is_proved_with_its_map(bpfq: Run) -> None:
    ports = " or ".join(f"udp dst port {port}" for port in range(2, 200, 2))
    ran = bpfq("prove", "--target", "ebpf:xdp", ports)
    assert ran.out.startswith("proved\n") and ran.code == 0
    listed = bpfq("-d", "--prove", "--target", "ebpf:xdp", "--action", "drop", ports)
    assert listed.code == 0 and "map[id:0]" in listed.out


def test_a_foreign_program_is_proved(bpfq: Run, tmp_path: Path) -> None:
    program = lines_of(tmp_path, TCP)
    assert bpfq("prove", "ip proto 6", "--program", program) == (0, PROVED, "")
    listing = lines_of(tmp_path, bpfq("-d", "ip proto 6").out)
    assert bpfq("prove", "ip", "proto", "6", "--program", listing) == (0, PROVED, "")


def test_a_wrong_program_is_refuted_by_a_packet(bpfq: Run, tmp_path: Path) -> None:
    program = lines_of(tmp_path, TCP)
    ran = bpfq("prove", "ip proto 17", "--program", program)
    lines = ran.out.splitlines()
    assert (ran.code, lines[0], lines[-2:]) == (
        1, "refuted", ["filter    accepts", "program   rejects, returns 0"],
    )  # fmt: skip
    octets = bytes.fromhex("".join(line.strip() for line in lines[2:-2]))
    assert library.compile("ip proto 17").matches(octets)
    assert lines[1].startswith("packet    ")


def test_a_program_that_guesses_what_was_cut_off_is_refuted(bpfq: Run, tmp_path: Path) -> None:
    """ldb [0]; jeq #1; ret #1 accepts before byte 40 is seen."""
    program = lines_of(tmp_path, "4\n48 0 0 0\n21 0 1 1\n6 0 0 1\n6 0 0 0\n")
    ran = bpfq("prove", "ether[0] = 1 and ether[40] != 0", "--program", program)
    lines = ran.out.splitlines()
    assert (ran.code, lines[0], lines[-1]) == (1, "refuted", "program   accepts, returns 1")
    assert lines[-3] == "filter    rejects"
    assert lines[-2].startswith("          cut off at byte ")
    assert lines[-2].endswith("completed by zeros")


def test_json_has_the_counterexample(bpfq: Run, tmp_path: Path) -> None:
    program = lines_of(tmp_path, TCP)
    found = json.loads(bpfq("prove", "--json", "ip", "--program", program).out)
    shown = found["counterexample"]
    assert (found["verdict"], found["instructions"]) == ("refuted", 6)
    assert (shown["filter_accepts"], shown["program_returns"], shown["completed"]) == (
        True, 0, None,
    )  # fmt: skip
    assert library.compile("ip").matches(bytes.fromhex(shown["octets"]))
    assert json.loads(bpfq("prove", "--json", "ip").out)["counterexample"] is None


def test_options_are_those_of_compile(bpfq: Run, tmp_path: Path) -> None:
    tcp6 = lines_of(tmp_path, bpfq("-ddd", "--tcp6", "tcp[13] = 2").out)
    assert bpfq("prove", "--tcp6", "tcp[13] = 2", "--program", tcp6).code == 0
    assert bpfq("prove", "tcp[13] = 2", "--program", tcp6).code == 1
    raw = lines_of(tmp_path, bpfq("-ddd", "-y", "RAW", "icmp").out)
    assert bpfq("prove", "-y", "RAW", "icmp", "--program", raw).code == 0
    assert bpfq("prove", "icmp", "--program", raw).code == 1


def test_undecided_is_5(bpfq: Run, spent: None) -> None:
    ran = bpfq("prove", "ip and udp")
    assert (ran.code, ran.out.splitlines()[0]) == (5, "undecided")


def test_a_loop_is_refused(bpfq: Run, tmp_path: Path) -> None:
    program = lines_of(tmp_path, "2\n5 0 0 4294967295\n6 0 0 0\n")
    assert bpfq("prove", "ip", "--program", program).code == 3


# ---------------------------------------------------------------- --prove


def test_dump_hands_out_proved_programs_only(bpfq: Run, spent: None) -> None:
    assert bpfq("-d", "--prove", "ip and udp") == (
        5, "", "bpfq: whether the program does what the filter says was not decided\n",
    )  # fmt: skip


def test_dump_prints_what_is_proved(bpfq: Run) -> None:
    assert bpfq("-d", "--prove", "ip and udp") == bpfq("-d", "ip and udp")
    assert bpfq("dump", "--prove", "--raw", "arp").code == 0


@pytest.mark.parametrize("words", [("arp",), ("-r", "x.pcap", "arp"), ("explain", "arp")])
def test_prove_is_for_programs(bpfq: Run, words: tuple[str, ...]) -> None:
    ran = bpfq(*words, "--prove")
    assert (ran.code, ran.err.splitlines()[0]) == (2, "bpfq: --prove is for a program: add -d")


def test_capture_attaches_proved_programs_only(bpfq: Run, spent: None) -> None:
    ran = bpfq("capture", "-i", "lo", "--prove", "arp")
    assert (ran.code, ran.err) == (
        5, "bpfq: whether the program does what the filter says was not decided\n",
    )  # fmt: skip


def wrong(text: str) -> Program:
    """A program that accepts everything, said to be the filter's."""
    made = library.compile(text, target="udp")
    return Program((SockFilter(6, 0, 0, 7),), made.query, made.settings, made._graph)


def test_no_socket_gets_a_refuted_program() -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock,
        pytest.raises(library.RefutedError) as caught,
    ):
        library.attach(sock, wrong("udp dst port 53"), prove=True)
    assert str(caught.value).startswith(
        "the program does not do what the filter says: it returns 7 for "
    )
    assert caught.value.exit_code == 1


def test_no_packet_socket_gets_a_refuted_program() -> None:
    with pytest.raises(library.RefutedError):
        library.open_packet_socket("lo", wrong("udp dst port 53"), prove=True)


def test_a_socket_gets_a_proved_program() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        library.attach(sock, "udp dst port 53", prove=True)
        library.detach(sock)


# ---------------------------------------------------------------- in Python


def test_python_proves_programs_in_any_form() -> None:
    program = library.compile("ip proto 6", snaplen=65535)
    for form in (program, list(program), program.format("d"), program.format("dd"), TCP):
        assert library.prove("ip proto 6", form).verdict == "proved"
    assert library.prove("ip proto 6").verdict == "proved"
    assert library.prove(program).verdict == "proved"
    assert library.prove(program, [(6, 0, 0, 1)]).verdict == "refuted"
    assert library.prove(library.ip & library.tcp, TCP).verdict == "proved"


def test_a_filter_is_no_program() -> None:
    with pytest.raises(TypeError, match="a program is a Program, .* not Ip"):
        library.prove("ip", library.ip)
