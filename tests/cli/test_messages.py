"""What goes to standard error, and the exit code."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from bpfq.cli.terminal import coloured
from bpfq.targets import TARGETS

from .running import Ran, Run, process

MISTAKES = {
    "tcp prot 80": """\
bpfq: unknown word 'prot'; did you mean 'port'?
  tcp prot 80
      ^^^^
  try:  tcp port 80
""",
    "tcp.port == 80 && ip.addr == 10.0.0.1": """\
bpfq: this looks like a Wireshark display filter, bpfq reads capture filters (pcap-filter)
  tcp.port == 80 && ip.addr == 10.0.0.1
  ^^^^^^^^
  try:  tcp port 80 and host 10.0.0.1
""",
    "icmp type 8": """\
bpfq: 'type' is an 802.11 keyword here; for ICMP write icmp[icmptype] == icmp-echo
  icmp type 8
       ^^^^
  try:  icmp[icmptype] == icmp-echo
""",
    "tcp and (port 80 or port 443": """\
bpfq: '(' is never closed
  tcp and (port 80 or port 443
          ^
""",
}


@pytest.mark.parametrize("text", MISTAKES)
def test_wrong_filter_gets_fact_place_and_remedy(bpfq: Run, text: str) -> None:
    assert bpfq("-d", text) == (2, "", MISTAKES[text])


def test_contradiction_underlines_both_clauses(bpfq: Run) -> None:
    ran = bpfq("-d", "ip6 and tcp[tcpflags] & tcp-syn != 0")
    assert ran.code == 2
    assert ran.err.splitlines()[0] == (
        "bpfq: matches no packet: tcp[...] reads IPv4 only, but ip6 excludes IPv4"
    )
    assert ran.err.splitlines()[2].split() == ["^^^", "^" * 13]
    assert "try:  --tcp6 " in ran.err


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ((), 2, "no expression: give a filter, '' for all packets"),
        (("--thruogh", "vlan", "ip"), 2, "unknown option '--thruogh'"),
        (("-s", "x", "ip"), 2, "argument -s/--snapshot-length: invalid int value: 'x'"),
        (("--target", "pcket", "ip"), 2,
         "unknown target 'pcket'; the targets are " + ", ".join(TARGETS)),
        (("-y", "FOO", "ip"), 2, "unknown link type 'FOO'; bpfq -L lists them"),
        (("--opt", "9", "ip"), 2, "level 9 is not one of 0, 1, 2, 3"),
        (("-F", "x", "ip"), 2, "an expression and -F: give one of them"),
        (("-F", "/nonexistent"), 2, "cannot open /nonexistent: no such file or directory"),
        (("-F", "/"), 2, "cannot open /: is a directory"),
        (("-w", "x", "ip"), 2, "-w, -c and --count need packets: name a file with -r"),
        (("match", "ip"), 2, "no file: give one with -r, - for standard input"),
        (("capture", "ip"), 2, "no interface: give one with -i, or -i any"),
        (("-r", "/nonexistent", "ip"), 2, "cannot open /nonexistent: no such file or directory"),
        (("disasm", "a", "b"), 2, "one file at a time, not 2"),
        (("-r", "x", "-i", "lo"), 2,
         "-r reads a file, which is a target of its own: leave out -i and --target"),
        (("inbound",), 3,
         "'inbound' (a file does not record it) cannot be seen on DLT_EN10MB (Ethernet)"),
        (("--target", "xt_bpf", "-6", *"host ::1 or host 1::2 or host 3::4 or host 5::6".split(),
          *"or host 7::8 or host 9::10 or host 11::12 or host 13::14".split()), 3,
         "more than the 64 of 'xt_bpf'; what would fit: 2 filters of 4 entries of the list each; "
         "an eBPF map"),
    ],
)  # fmt: skip
def test_wrong_command_line_says_what_is_wrong(
    bpfq: Run, words: tuple[str, ...], code: int, message: str
) -> None:
    ran = bpfq(*words)
    assert (ran.code, ran.out) == (code, "")
    assert ran.err.startswith("bpfq: ")
    assert ran.err.splitlines()[0].endswith(message)


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (("satus",), "bpfq status"),
        (("explian", "udp port 53"), "bpfq explain 'udp port 53'"),
        (("atach", "--xdp", "lo", "udp"), "bpfq attach --xdp lo udp"),
        (("help",), "bpfq --help"),
        (("help", "attach"), "bpfq --help"),
        (("version",), "bpfq --version"),
    ],
)
def test_a_mistyped_command_is_suggested(bpfq: Run, words: tuple[str, ...], meant: str) -> None:
    ran = bpfq(*words)
    assert (ran.code, ran.err.splitlines()[-1]) == (2, f"  try:  {meant}")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("udp", "satus"), "      ^^^^^"),  # not where commands stand
        (("zzyzx",), "  ^^^^^"),
        (("portt", "80"), "  try:  port 80"),
        (("lint", "--fxi", "udp"), "  try:  --fix"),
        (("--dmup", "udp"), "  try:  --dump"),
    ],
)
def test_no_command_is_suggested_where_none_was_meant(
    bpfq: Run, words: tuple[str, ...], said: str
) -> None:
    ran = bpfq(*words)
    assert (ran.code, ran.err.splitlines()[-1]) == (2, said)


def test_a_byte_that_is_not_utf_8_is_named(bpfq: Run) -> None:
    ran = bpfq("udp\udcff")
    assert (ran.code, ran.err.splitlines()[0]) == (2, "bpfq: byte 0xff is not UTF-8")
    assert "try:" not in ran.err


def test_an_empty_program_has_no_place_to_point_at(bpfq: Run) -> None:
    ran = bpfq("disasm", "/dev/null")
    assert (ran.code, ran.err) == (
        2, "bpfq: empty program: give the output of tcpdump -d, -dd or -ddd\n"
    )  # fmt: skip


def test_unknown_interface_is_the_systems_refusal(bpfq: Run) -> None:
    ran = bpfq("-i", "nonexistent0", "ip")
    assert (ran.code, ran.out) == (4, "")
    assert ran.err.startswith("bpfq: no interface 'nonexistent0'; there are lo")


def test_json_error_has_message_span_and_suggestions(bpfq: Run) -> None:
    ran = bpfq("--json", "tcp prot 80")
    assert (ran.code, ran.out) == (2, "")
    assert json.loads(ran.err) == {
        "message": "unknown word 'prot'; did you mean 'port'?",
        "span": [4, 8],
        "spans": [[4, 8]],
        "suggestions": [{"text": "tcp port 80", "why": ""}],
        "exit_code": 2,
    }


def test_colour_marks_the_caret(bpfq: Run) -> None:
    lines = bpfq("--color=always", "-d", "tcp prot 80").err.splitlines()
    assert lines[0].startswith("\x1b[1;31mbpfq:\x1b[0m unknown word")
    assert lines[2] == "\x1b[1;31m      ^^^^\x1b[0m"


@pytest.mark.parametrize(
    ("choice", "variables", "expected"),
    [
        ("auto", {}, True),
        ("auto", {"NO_COLOR": "1"}, False),
        ("auto", {"NO_COLOR": "", "TERM": "xterm"}, True),
        ("auto", {"TERM": "dumb"}, False),
        ("auto", {"TERM": "dumb", "CLICOLOR_FORCE": "1"}, True),
        ("auto", {"NO_COLOR": "1", "CLICOLOR_FORCE": "1"}, False),
        ("always", {"NO_COLOR": "1"}, True),
        ("never", {"CLICOLOR_FORCE": "1"}, False),
    ],
)
def test_colour_follows_the_conventions(
    monkeypatch: pytest.MonkeyPatch, choice: str, variables: dict[str, str], expected: bool
) -> None:
    for name in ("NO_COLOR", "CLICOLOR_FORCE", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    controller, terminal = os.openpty()
    with os.fdopen(controller, "rb"), os.fdopen(terminal, "w") as stream:
        assert coloured(choice, stream) is expected


def test_no_colour_without_a_terminal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CLICOLOR_FORCE", raising=False)
    with (tmp_path / "file").open("w") as stream:
        assert coloured("auto", stream) is False
    assert coloured("auto", None) is False


@pytest.mark.parametrize("words", [("-h",), ("capture", "-h"), ("disasm", "--help")])
def test_help_has_examples(bpfq: Run, words: tuple[str, ...]) -> None:
    ran = bpfq(*words)
    assert (ran.code, ran.err) == (0, "")
    assert "examples:\n  bpfq 'port 53 and not host 10.0.0.1'" in ran.out


def test_version(bpfq: Run) -> None:
    assert bpfq("--version") == Ran(0, "bpfq 0.1.0\n", "")


@pytest.mark.parametrize(
    "words",
    [
        (b"-d", b"\xff\xfe"),
        (b"-d", b"host \xe9"),
        (b"-F", b"\xff"),
        (b"\xff",),
        (b"-y", b"\xff", b"ip"),
        (b"--\xff",),
    ],
)
def test_undecodable_bytes_are_a_mistake_not_a_traceback(words: tuple[bytes, ...]) -> None:
    ran = process(*map(os.fsdecode, words))
    assert ran.returncode == 2
    assert ran.stdout == b""
    assert ran.stderr.startswith(b"bpfq: ")
    assert b"Traceback" not in ran.stderr
