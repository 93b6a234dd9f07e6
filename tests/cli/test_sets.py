"""``--set NAME=FILE`` on every command that takes a filter."""

from __future__ import annotations

from pathlib import Path

import pytest

from .running import Run

BAD = """\
# who is not wanted
192.0.2.0/24      # documentation
198.51.100.7

2001:db8::/32
"""


@pytest.fixture
def bad(tmp_path: Path) -> str:
    path = tmp_path / "bad.txt"
    path.write_text(BAD)
    return f"bad={path}"


def test_a_listing_has_the_entries_compiled_in(bpfq: Run, bad: str) -> None:
    named = bpfq("-d", "--set", bad, "ip src net @bad")
    plain = bpfq("-d", "ip src net 192.0.2.0/24 or ip src host 198.51.100.7")
    assert (named.code, named.out) == (0, plain.out)


def test_explain_says_how_many_there_are(bpfq: Run, bad: str) -> None:
    ran = bpfq("--set", bad, "src net @bad")
    assert ran.code == 0
    assert ran.out.startswith(
        "In full   src in the set bad\n"
        "English   Packets that are IP, ARP or RARP from an address in the set bad (3 entries).\n"
    )


@pytest.mark.parametrize(
    "words, code",
    [
        (("prove",), 0), (("lint",), 0), (("witness", "-n", "3"), 0), (("graph",), 0),
        (("dump", "--stages"), 0), (("-d", "--stats"), 0),
    ],
    ids=lambda words: words[0] if isinstance(words, tuple) else None,
)  # fmt: skip
def test_other_commands_know_it(words: tuple[str, ...], code: int, bpfq: Run, bad: str) -> None:
    assert bpfq(*words, "--set", bad, "src net @bad and not dst net @bad").code == code


def test_why_shows_the_clause(bpfq: Run, bad: str, tmp_path: Path) -> None:
    packets = str(tmp_path / "found.pcap")
    assert bpfq("witness", "-w", packets, "--set", bad, "src net @bad").code == 0
    ran = bpfq("why", "-r", packets, "--set", bad, "tcp and not src net @bad")
    assert ran.code == 1
    assert "✓ src net @bad    ip[12:4] & 0xffffff00 = 3221225984" in ran.out


@pytest.mark.parametrize(
    "given, text, message",
    [
        ("bad", "net @bad", "--set bad names no file"),
        ("bad=/nowhere/bad", "net @bad", "cannot open /nowhere/bad: no such file or directory"),
        ("-=x", "net @bad", "'-' is no name of a set: a letter, then letters, digits and _, 15 in "
         "all"),
    ],
)  # fmt: skip
def test_what_is_no_set_is_told(given: str, text: str, message: str, bpfq: Run) -> None:
    ran = bpfq("-d", f"--set={given}", text)
    assert (ran.code, ran.err.splitlines()[0]) == (2, f"bpfq: {message}")


def test_a_wrong_line_is_told_with_its_file_and_number(bpfq: Run, tmp_path: Path) -> None:
    path = tmp_path / "wrong.txt"
    path.write_text("10.0.0.1\n\n10.0.0.256   # no\n")
    ran = bpfq("-d", "--set", f"wrong={path}", "host @wrong")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == (
        f"bpfq: {path}:3: '10.0.0.256' is no address and no network\n"
        "  host @wrong\n"
        "       ^^^^^^\n"
    )  # fmt: skip


def test_an_empty_file_is_told(bpfq: Run, tmp_path: Path) -> None:
    path = tmp_path / "none.txt"
    path.write_text("# none yet\n")
    ran = bpfq("-d", "--set", f"none={path}", "host @none")
    assert ran.err.splitlines()[0] == f"bpfq: the set 'none' is empty: {path} has no entry"
