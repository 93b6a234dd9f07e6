"""The blocks of docs/shell.md that write outside of their directory, in a home of their own."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

from bpfq.cli import arguments

from .pages import Block, blocks
from .sessions import environment, programs

PAGE = "docs/shell.md"
MANUALS = "/usr/local/share/man/man1"


def block_with(words: str) -> Block:
    (found,) = (
        block
        for block in blocks(PAGE)
        if block.run_by == "tests/docs/test_shell.py" and words in block.text
    )
    return found


def shell(script: str, home: Path) -> str:
    return subprocess.run(
        ("bash", "-euo", "pipefail", "-c", script), capture_output=True, text=True, check=True,
        env={**environment(programs(home)), "HOME": str(home)},
    ).stdout  # fmt: skip


def test_completion_is_written_where_shells_look(tmp_path: Path) -> None:
    places = {
        "bash": ".local/share/bash-completion/completions/bpfq",
        "zsh": "zsh/_bpfq",
        "fish": ".config/fish/completions/bpfq.fish",
    }
    for place in places.values():
        (tmp_path / place).parent.mkdir(parents=True)
    counted_from_1_by_zsh = 'fpath=("" "$HOME/zsh")\n'
    shell(counted_from_1_by_zsh + block_with("bpfq completion bash >").text, tmp_path)
    for name, place in places.items():
        assert "bpfq" in (tmp_path / place).read_text(encoding="utf-8"), name


def test_the_manual_page_is_written_and_shown(tmp_path: Path) -> None:
    script = block_with("bpfq man").text
    assert MANUALS in script
    shown = shell("man() { cat; }\n" + script.replace(MANUALS, str(tmp_path)), tmp_path)
    assert shown == (tmp_path / "bpfq.1").read_text(encoding="utf-8")
    assert shown.count("bpfq") > 20


def test_the_lint_step_is_a_command_line() -> None:
    found = re.search(r"^- run: bpfq (.*?) > ", block_with("upload-sarif").text, re.MULTILINE)
    assert found is not None
    options = arguments.read(shlex.split(found[1]))
    assert (options.command, options.format) == ("lint", "sarif")


def test_the_hook_takes_options_of_lint() -> None:
    found = re.search(r"args: \[(.*)\]", block_with("bpfq-lint").text)
    assert found is not None
    options = arguments.read(["lint", *found[1].split(", "), "--files", "x.bpf"])
    assert options.target == "packet"
