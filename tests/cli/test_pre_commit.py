"""The hooks of .pre-commit-hooks.yaml, as pre-commit runs them and as docs/shell.md uses them."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from .running import ROOT, Run

PAGE = (ROOT / "docs/shell.md").read_text()
HOOKS = (ROOT / ".pre-commit-hooks.yaml").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def field(hook: str, name: str) -> str:
    """What a line of a hook's definition says."""
    found = re.search(rf"^- id: {hook}$.*?^  {name}: '?(.*?)'?$", HOOKS, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def test_the_page_uses_hooks_that_there_are() -> None:
    used = re.findall(r"- id: (\S+)", blocks("yaml")[0])
    assert used == re.findall(r"^- id: (\S+)", HOOKS, re.MULTILINE)
    assert {field(hook, "language") for hook in used} == {"python"}


@pytest.mark.parametrize(
    ("path", "taken"),
    [
        ("web.bpf", True), ("sensors/dns.bpf", True), ("etc/suricata/bpf.conf", True),
        ("bpf.conf", True), ("rules/bpf-nids.conf", True), ("rules/bpf-zeek.conf", True),
        ("web.bpf.c", False), ("ebpf.conf", False), ("src/bpf.c", False), ("bpf.conf.in", False),
    ],
)  # fmt: skip
def test_the_hooks_take_filter_files(path: str, taken: bool) -> None:
    for hook in re.findall(r"^- id: (\S+)", HOOKS, re.MULTILINE):
        assert bool(re.search(field(hook, "files"), path)) is taken


def test_the_hook_of_the_page_finds_what_is_wrong(bpfq: Run, tmp_path: Path) -> None:
    """pre-commit runs the entry, then the arguments of the user, then the names of files."""
    name, *entry = shlex.split(field("bpfq-lint", "entry"))
    arguments = re.search(r"- id: bpfq-lint\n +args: \[(.*?)\]", blocks("yaml")[0])
    assert name == "bpfq" and arguments is not None
    good, bad = tmp_path / "bpf-nids.conf", tmp_path / "-odd name.bpf"
    good.write_text("# what the sensor sees\nnot port 22 and\nnot port 23\n")
    bad.write_text("host 10.0.0.1 and tcp port 80 or 443\n")
    words = (*entry, *arguments[1].split(", "))
    assert bpfq(*words, str(good)) == (0, "no findings\n", "")
    ran = bpfq(*words, str(good), str(bad))
    assert (ran.code, ran.out.split(": ")[0]) == (1, f"warning[P01] {bad}:1:1")
