"""``bpfq fmt``: expressions printed, files printed, checked and written back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .running import Run, process

UNFORMATTED = "# lab\nhost 10.0.0.1 ||\n host 10.0.0.2 # backups\n"
FORMATTED = "# lab\nhost (\n    10.0.0.1\n    or 10.0.0.2  # backups\n)\n"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = Path("lab.bpf")
    path.write_text(UNFORMATTED)
    return path


def test_an_expression_is_printed(bpfq: Run) -> None:
    assert bpfq("fmt", "tcp port 80 || tcp port 443 && !ip") == (
        0,
        "tcp port (80 or 443) and not ip\n",
        "",
    )
    assert bpfq("fmt", "tcp", "port", "80", "or", "443", "--width", "10").out == (
        "tcp port (\n    80\n    or 443\n)\n"
    )
    assert bpfq("fmt", "") == (0, "\n", "")


def test_an_expression_is_checked(bpfq: Run) -> None:
    assert bpfq("fmt", "--check", "port (80 or 443)") == (0, "", "")
    assert bpfq("fmt", "--check", "port 80 or 443") == (
        1,
        "--- expression\n+++ expression formatted\n@@ -1 +1 @@\n-port 80 or 443\n"
        "+port (80 or 443)\n",
        "",
    )
    assert (
        "\x1b[32m+port (80 or 443)\x1b[0m"
        in bpfq("fmt", "--check", "--color", "always", "port 80 or 443").out
    )


def test_a_file_is_printed_with_its_comments(bpfq: Run, file: Path) -> None:
    assert bpfq("fmt", "-F", "lab.bpf") == (0, FORMATTED, "")
    assert file.read_text() == UNFORMATTED


def test_a_file_is_checked(bpfq: Run, file: Path) -> None:
    ran = bpfq("fmt", "--check", "-F", "lab.bpf")
    assert ran.code == 1
    assert ran.out.splitlines()[:2] == ["--- lab.bpf", "+++ lab.bpf formatted"]
    assert "+    or 10.0.0.2  # backups" in ran.out.splitlines()
    assert file.read_text() == UNFORMATTED


def test_a_file_is_written_back(bpfq: Run, file: Path) -> None:
    assert bpfq("fmt", "--write", "-F", "lab.bpf") == (0, "", "bpfq: note: 1 of 1 file rewritten\n")
    assert file.read_text() == FORMATTED
    assert bpfq("fmt", "--check", "-F", "lab.bpf") == (0, "", "")
    assert bpfq("fmt", "--write", "-F", "lab.bpf").err == "bpfq: note: 0 of 1 file rewritten\n"


def test_the_end_of_the_last_line_is_checked(bpfq: Run, file: Path) -> None:
    file.write_text("tcp")
    assert bpfq("fmt", "--check", "-F", "lab.bpf") == (
        1,
        "--- lab.bpf\n+++ lab.bpf formatted\nonly the ends of lines differ\n",
        "",
    )
    assert bpfq("fmt", "-q", "--write", "-F", "lab.bpf") == (0, "", "")
    assert file.read_text() == "tcp\n"


def test_a_byte_order_mark_stays(bpfq: Run, file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbftcp&&ip\n")
    bpfq("fmt", "--write", "-F", "lab.bpf")
    assert file.read_bytes() == b"\xef\xbb\xbftcp and ip\n"


def test_several_files_are_formatted_although_one_is_wrong(bpfq: Run, file: Path) -> None:
    Path("wrong.bpf").write_text("tcp prot 80\n")
    ran = bpfq("fmt", "--write", "--files", "wrong.bpf", "lab.bpf", "none.bpf")
    assert ran.code == 2
    assert file.read_text() == FORMATTED
    assert ran.err.startswith("bpfq: wrong.bpf: unknown word 'prot'; did you mean 'port'?\n")
    assert ran.err.endswith(
        "bpfq: cannot open none.bpf: no such file or directory\n"
        "bpfq: note: 1 of 3 files rewritten\n"
    )


def test_json_says_what_was_done(bpfq: Run, file: Path) -> None:
    row = json.loads(bpfq("fmt", "--json", "port 80 or 443").out)
    del row["bpfq"]
    assert row == {
        "filter": "port 80 or 443",
        "file": None,
        "text": "port (80 or 443)",
        "changed": True,
        "proved": True,
    }
    ran = bpfq("fmt", "--json", "--check", "--files", "lab.bpf", "lab.bpf")
    rows = [json.loads(line) for line in ran.out.splitlines()]
    assert ran.code == 1
    assert [(row["file"], row["text"]) for row in rows] == [("lab.bpf", FORMATTED)] * 2


def test_sets_are_written_out_but_keep_their_names_in_a_file(bpfq: Run, file: Path) -> None:
    Path("bad.txt").write_text("192.0.2.1\n192.0.2.7\n")
    file.write_text("src net @bad or dst net @bad\n")
    given = ("--set", "bad=bad.txt", "-F", "lab.bpf")
    assert bpfq("fmt", *given).out == (
        "src host (192.0.2.1 or 192.0.2.7) or dst host (192.0.2.1 or 192.0.2.7)\n"
    )
    assert bpfq("fmt", "--check", *given) == (0, "", "")


def test_a_python_expression_becomes_text(bpfq: Run) -> None:
    assert bpfq("fmt", "--python", "tcp.dport.in_(80, 443) & ~ip.src.in_('10.0.0.0/8')") == (
        0,
        "tcp dst port (80 or 443) and not ip src net 10.0.0.0/8\n",
        "",
    )
    ran = bpfq("fmt", "--python", "rand(0.5)")
    assert (ran.code, ran.err) == (
        2,
        "bpfq: cannot be written as pcap text: rand(), which draws at random\n",
    )
    assert bpfq("fmt", "--python", "tcp.dprt == 1").err.splitlines()[1:] == [
        "  tcp.dprt == 1",
        "  ^^^^^^^^",
    ]


def test_what_nobody_can_decide_is_said(bpfq: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from bpfq.analysis.formatting.formatted import Formatted
    from bpfq.cli import fmt

    monkeypatch.setattr(
        fmt, "formatted_text", lambda *given, **options: Formatted("tcp", proved=False)
    )
    assert bpfq("fmt", "tcp") == (
        5,
        "tcp\n",
        "bpfq: note: not proved to accept the same packets, and so in plain words\n",
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--write", "tcp"), "--write needs a file"),
        (("--write", "-F", "-"), "--write needs a file"),
        (("--write", "--check", "-F", "lab.bpf"), "--write and --check: give one of them"),
        (("--width", "-1", "tcp"), "--width -1 is less than 0"),
        (("-F", "lab.bpf", "tcp"), "an expression and -F: give one of them"),
        (("-F", "lab.bpf", "--files", "lab.bpf"), "-F and --files: give one of them"),
        (("--files",), "no files: --files takes the words as their names"),
        (("--python", "-F", "lab.bpf"), "--python is for an expression: leave out -F"),
        (("--python", "--check", "tcp"), "--python is for an expression: leave out --check"),
        (("--through", "vlan", "tcp"), "cannot be written as pcap text: what --through adds"),
        (("tcp prot 80",), "unknown word 'prot'; did you mean 'port'?"),
    ],
)
def test_a_wrong_command_line_is_refused(
    bpfq: Run, file: Path, words: tuple[str, ...], message: str
) -> None:
    ran = bpfq("fmt", *words)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"bpfq: {message}")


def test_standard_input_is_formatted() -> None:
    ran = process("fmt", "-F", "-", stdin=UNFORMATTED.encode())
    assert (ran.returncode, ran.stdout.decode(), ran.stderr) == (0, FORMATTED, b"")


def test_the_documentation_shows_a_file_as_it_is_formatted(bpfq: Run, file: Path) -> None:
    shown = (Path(__file__).parents[2] / "docs" / "fmt.md").read_text()
    assert f"$ cat lab.bpf\n{UNFORMATTED}$ bpfq fmt -F lab.bpf\n{FORMATTED}```\n" in shown
