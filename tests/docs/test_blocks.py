"""Every code block of README.md and docs/ is run, and is true."""

from __future__ import annotations

import contextlib
import doctest
import io
import re
from pathlib import Path

import pytest

from .files import put_files
from .pages import ROOT, Block, all_blocks, blocks, pages, text_of
from .sessions import LONG, Shell, Step, programs, same, steps

# What nothing here can run: another machine, or an account somewhere.
ELSEWHERE = ("a cluster", "GitHub")


def runs(block: Block) -> bool:
    """Whether this file's tests run a block."""
    return block.language in ("python", "pycon") or block.steps or block.printed


def in_page(page: str) -> list[Block]:
    return [block for block in blocks(page) if runs(block) and not block.marked]


@pytest.mark.parametrize("page", pages())
def test_a_block_is_run_here_or_says_where(page: str) -> None:
    assert [block.place for block in blocks(page) if not runs(block) and not block.marked] == []


def test_who_runs_a_block_is_there_and_names_the_page() -> None:
    wrong = [
        block.place
        for block in all_blocks()
        if block.run_by
        and (
            not (ROOT / block.run_by).is_file()
            or block.page not in (ROOT / block.run_by).read_text(encoding="utf-8")
        )
    ]
    assert wrong == []


def test_only_what_needs_another_place_is_not_run() -> None:
    assert [
        block.place
        for block in all_blocks()
        if block.not_run and not any(place in block.reason for place in ELSEWHERE)
    ] == []


def test_every_comment_about_running_belongs_to_a_block() -> None:
    comments = sum(len(re.findall("<!-- (?:run by|not run)", text_of(page))) for page in pages())
    assert comments == sum(block.marked for block in all_blocks())


@pytest.mark.parametrize("page", [page for page in pages() if in_page(page)])
def test_a_page_is_true(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The blocks of a page run in order, in a directory with the captures that it mentions."""
    found = programs(tmp_path)
    directory = tmp_path / "here"
    directory.mkdir()
    put_files(directory, text_of(page))
    monkeypatch.chdir(directory)
    shell = Shell(directory, found)
    names: dict[str, object] = {"__name__": "__main__"}
    printed = ""
    for block in in_page(page):
        if block.steps:
            for step in steps(block.text):
                compare(block, step, shell.run(step))
        elif block.printed:
            assert printed == block.text, block.place
        elif block.language == "pycon":
            doctests(block, names)
        else:
            printed = executed(block, names)


def compare(block: Block, step: Step, printed: str) -> None:
    if not same(step.shown, printed):
        assert f"{block.place} $ {step.command}\n{step.shown}" == printed


def executed(block: Block, names: dict[str, object]) -> str:
    """What a Python block prints."""
    out = io.StringIO()
    code = compile("\n" * block.line + block.text, str(ROOT / block.page), "exec")
    with contextlib.redirect_stdout(out):
        exec(code, names)
    return out.getvalue()


def doctests(block: Block, names: dict[str, object]) -> None:
    parsed = doctest.DocTestParser().get_doctest(
        block.text, names, block.page, block.page, block.line
    )
    said = io.StringIO()
    failed, tried = doctest.DocTestRunner().run(parsed, out=said.write, clear_globs=False)
    names.update(parsed.globs)
    assert (failed, said.getvalue()) == (0, "") and tried > 0


# ---------------------------------------------------------------- the comparison itself


@pytest.mark.parametrize(
    ("shown", "printed", "equal"),
    [
        ("a\n", "a\n", True),
        ("a\n", "a\nb\n", False),
        ("a\n…\nz\n", "a\n" + "m\n" * LONG + "z\n", True),
        ("a\n...\nz\n", "a\n" + "m\n" * LONG + "z\n", True),
        ("a\n…\nz\n", "a\n" + "m\n" * (LONG - 1) + "z\n", False),
        ("a\n…\nz\n", "b\n" + "m\n" * LONG + "z\n", False),
        ("a\n…\nz\n", "a\n" + "m\n" * LONG + "y\n", False),
        ("a\n…\nk\n…\nz\n", "a\n" + "m\n" * LONG + "k\n" + "m\n" * LONG + "z\n", True),
        ("a\n…\nk\n…\nz\n", "a\n" + "m\n" * 3 * LONG + "z\n", False),
    ],
)
def test_an_ellipsis_stands_for_many_lines(shown: str, printed: str, equal: bool) -> None:
    assert same(shown, printed) == equal


def test_a_session_has_commands_and_what_they_print() -> None:
    assert list(steps("$ a\n1\n2\n$ b \\\n  c\n$ d\n3\n")) == [
        Step("a", "1\n2\n"),
        Step("b \\\n  c", ""),
        Step("d", "3\n"),
    ]


def test_a_command_sees_the_exit_code_before(tmp_path: Path) -> None:
    shell = Shell(tmp_path, programs(tmp_path))
    assert shell.run(Step("exit 3", "")) == ""
    assert shell.run(Step("echo $?", "")) == "3\n"


def test_a_file_is_what_the_page_shows_of_it(tmp_path: Path) -> None:
    shell = Shell(tmp_path, programs(tmp_path))
    assert shell.run(Step("cat list.txt", "10.0.0.1\n")) == "10.0.0.1\n"
    assert shell.run(Step("cat list.txt", "10.0.0.2\n")) == "10.0.0.1\n"
