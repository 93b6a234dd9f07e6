"""``bpfq man``: a page without warnings that has every command and every option."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from bpfq.cli.shell.outline import outline
from bpfq.export.formats import FORMATS

from .running import Run

CHECKERS = {
    "mandoc": ("mandoc", "-T", "lint", "-W", "warning"),
    "groff": ("groff", "-ww", "-man", "-K", "utf8", "-T", "utf8", "-z"),
}


@pytest.fixture
def page(bpfq: Run) -> str:
    ran = bpfq("man")
    assert (ran.code, ran.err) == (0, "")
    return ran.out


@pytest.mark.oracle
@pytest.mark.parametrize("name", CHECKERS)
def test_formatters_have_no_warning(page: str, name: str) -> None:
    if shutil.which(name) is None:
        pytest.skip(f"no {name}: apt-get install mandoc groff-base")
    ran = subprocess.run(CHECKERS[name], input=page, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


@pytest.mark.oracle
@pytest.mark.parametrize("name", CHECKERS)
def test_formatters_warn_of_what_is_wrong(page: str, name: str) -> None:
    if shutil.which(name) is None:
        pytest.skip(f"no {name}: apt-get install mandoc groff-base")
    ran = subprocess.run(
        CHECKERS[name], input=page + ".XX\n\\*[nix]\n", capture_output=True, text=True, check=False
    )
    assert ran.stdout + ran.stderr != ""


@pytest.mark.oracle
def test_the_page_says_what_the_parsers_know(page: str) -> None:
    if shutil.which("mandoc") is None:
        pytest.skip("no mandoc: apt-get install mandoc groff-base")
    command = ("mandoc", "-T", "utf8", "-O", "width=100")
    shown = subprocess.run(command, input=page, capture_output=True, text=True, check=True).stdout
    text = re.sub(r".\x08", "", shown)
    words = " ".join(text.split())
    options = [option for each in outline().values() for option in each.options]
    assert [it.names for it in options if f" {', '.join(it.names)} " not in words] == []
    assert [it.help for it in options if " ".join(it.help.split()) not in words] == []
    assert [row.summary for row in FORMATS.values() if row.summary not in words] == []
    assert [name for name in outline() if f"\n   {name}\n" not in text and name] == []


def test_the_sections_are_those_that_pages_have(page: str) -> None:
    assert re.findall(r'^\.SH "?(.*?)"?$', page, re.MULTILINE) == [
        "NAME", "SYNOPSIS", "DESCRIPTION", "COMMANDS", "OPTIONS", "EXIT STATUS", "ENVIRONMENT",
        "EXAMPLES", "SEE ALSO",
    ]  # fmt: skip


def test_the_page_does_not_depend_on_the_machine(
    page: str, bpfq: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("LANG", "C")
    assert bpfq("man").out == page


def test_man_takes_no_words(bpfq: Run) -> None:
    assert bpfq("man", "lint") == (2, "", "bpfq: man takes no words, not 'lint'\n")
