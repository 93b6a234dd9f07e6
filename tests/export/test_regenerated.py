"""The command in an output makes the same output again, byte for byte."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from cli.running import BPFQ, Run, bpfq, environment, process
from objfile.tools import output

import bpfq as library
from bpfq.export.comments import go_line, shell_line

from .test_go import needs_go

__all__ = ["bpfq"]

COMMENTED = ["c", "go", "rust", "python", "bpf_asm", "json", "dot", "mermaid", "svg"]
ODD = "ether[0:1] & 7\n = 5 or ether proto \\ip"  # a line end and a backslash in one word


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory in which the shell finds a command ``bpfq`` that prints its words."""
    command = tmp_path / "bpfq"
    command.write_text("#!/bin/sh\nprintf '%s\\0' \"$@\"\n")
    command.chmod(0o755)
    for key, value in environment(PATH=f"{tmp_path}:{os.environ['PATH']}").items():
        monkeypatch.setenv(key, value)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def command_in(format: str, text: str) -> str:
    """The command that the comment of an output quotes, for a shell."""
    if format == "json":
        return str(json.loads(text)["command"])
    if format == "svg":
        said = ElementTree.fromstring(text).findtext("{http://www.w3.org/2000/svg}desc")
        return (said or "").removeprefix("made by: ")
    mark = "go:generate " if format == "go" else "made by: "
    return text.partition(mark)[2].partition("\n")[0]


def again(bpfq: Run, command: str) -> str:
    """What the command prints; its words are those that a shell makes of it."""
    words = output(["bash", "-c", command]).split("\0")
    return bpfq(*words[:-1]).out


@pytest.mark.parametrize("format", COMMENTED)
@pytest.mark.parametrize(
    "words",
    [
        ("udp", "dst", "port", "68"),
        ("-y", "LINUX_SLL", "--through", "vlan", "--opt", "1", "len - 20 < 60 and not ip[0] = -1"),
        ("--", "-1 + len = 59"),
    ],
    ids=["words", "options", "a minus"],
)
def test_the_command_of_a_comment_makes_it_again(
    bpfq: Run, shell: Path, format: str, words: tuple[str, ...]
) -> None:
    text = bpfq("export", format, *words).out
    assert text
    assert again(bpfq, command_in(format, text)) == text


@pytest.mark.parametrize("format", [each for each in COMMENTED if each != "go"])
def test_odd_words_are_quoted(bpfq: Run, shell: Path, format: str) -> None:
    text = bpfq("export", format, ODD).out
    assert text
    assert again(bpfq, command_in(format, text)) == text


@pytest.mark.parametrize("format", COMMENTED)
def test_programs_of_python_say_the_same_command(bpfq: Run, shell: Path, format: str) -> None:
    program = library.compile(
        "tcp port 80 or vlan 3", target="packet", link="IEEE802_11", snaplen=96, level=1,
        through=("mpls",), tcp6=True, strict=True, netmask="255.255.0.0", optimise_for="size",
        protochain=5,
    )  # fmt: skip
    text = program.export(format)
    assert isinstance(text, str)
    assert again(bpfq, command_in(format, text)) == text


@pytest.mark.parametrize("family", [4, 6])
def test_a_family_is_an_option_of_the_command(bpfq: Run, shell: Path, family: int) -> None:
    text = library.compile("udp", target="xt_bpf", family=family).export("bpf_asm")
    assert again(bpfq, command_in("bpf_asm", text)) == text


@pytest.mark.parametrize("format", ["c", "go", "rust"])
def test_several_programs_are_made_again(bpfq: Run, shell: Path, format: str) -> None:
    text = bpfq("export", format, "dns=udp port 53", "-e", "web=tcp port 80").out
    assert text.count("target packet") == 2
    assert again(bpfq, command_in(format, text)) == text


def test_a_filter_in_a_file_is_read_again(bpfq: Run, shell: Path) -> None:
    (shell / "my filter.bpf").write_text("udp  # datagrams\nport 53")
    text = bpfq("export", "c", "-F", "my filter.bpf").out
    assert "made by: bpfq export c -F 'my filter.bpf'\n" in text and "// udp port 53\n" in text
    assert again(bpfq, command_in("c", text)) == text


def test_options_without_a_command_are_admitted() -> None:
    program = library.compile("ip", savefile="swapped", link="PFLOG")
    assert program.export("c").startswith(
        "// made in Python, with options that the command line does not have\n"
    )
    assert "go:generate" not in program.export("go")


@pytest.mark.oracle
@needs_go
def test_go_generate_writes_the_file_again(shell: Path) -> None:
    path = shell / "filters.go"
    (shell / "bpfq").write_text(f'#!/bin/sh\nexec {shell_line([*BPFQ])} "$@"\n')
    words = ("-o", "filters.go", "--package", "x", f"odd={ODD}", "-e", "web=tcp port 80")
    assert process("export", "go", *words).returncode == 0
    before = path.read_text()
    path.write_text(f"{before}// an edit\n")
    output(["go", "generate", "filters.go"])
    assert path.read_text() == before


@pytest.mark.parametrize("word", ["a b", "it's", 'a"b', "$HOME", "a\nb", "\udcff", "\u202eab", ""])
def test_words_come_through_shell_and_comment(word: str) -> None:
    line = shell_line(
        [sys.executable, "-c", "import os, sys; print(os.fsencode(sys.argv[1]))", word]
    )
    assert line.isprintable()
    said = subprocess.run(["bash", "-c", line], capture_output=True, text=True).stdout
    assert said == f"{os.fsencode(word)!r}\n"


@pytest.mark.oracle
@needs_go
@pytest.mark.parametrize(
    "word", ["a b", "it's", 'a"b', "$HOME", "a\nb", "\udcff", "\u202eab", "\\"]
)
def test_words_come_through_go_generate(shell: Path, word: str) -> None:
    told = "import os, sys; open('said', 'wb').write(os.fsencode(sys.argv[1]))"
    (shell / "tell").write_text(f"#!{sys.executable}\n{told}\n")
    (shell / "tell").chmod(0o755)
    (shell / "x.go").write_text(f"package x\n\n//go:generate tell {go_line([word])}\n")
    output(["go", "generate", "x.go"])
    assert (shell / "said").read_bytes() == os.fsencode(word)
