"""Every row of the tables that users meet is on its page: a new row without words fails."""

from __future__ import annotations

import re
import shlex
from inspect import signature
from pathlib import Path

import pytest
from cli.running import Run

import bpfq as package
from bpfq.analysis.lint.rules import RULES
from bpfq.api import compile
from bpfq.cli import arguments
from bpfq.errors import UnsupportedError
from bpfq.export.formats import FORMATS
from bpfq.query.through import THROUGH
from bpfq.tables.linktypes import link_types
from bpfq.targets import TARGETS, Target

from .pages import ROOT, section, text_of

COMMANDS = re.findall(r"^\| `bpfq (.*?)` \| (.*) \|$", text_of("docs/commands.md"), re.MULTILINE)


def test_every_command_has_a_row() -> None:
    shown = {word for row in COMMANDS for word in re.findall(r"[\w-]+", f"{row[0]} {row[1]}")}
    assert [name for name in arguments.VERBS if name not in shown] == []


@pytest.mark.parametrize("command", [command for command, _ in COMMANDS])
def test_the_row_of_a_command_is_a_command_line(command: str) -> None:
    options = arguments.read(shlex.split(command))
    first = command.split()[0]
    assert options.command == first or first not in arguments.VERBS


def test_every_option_of_filters_is_explained() -> None:
    parser = arguments._parser("explain")
    group = next(each for each in parser._action_groups if each.title and "compiled" in each.title)
    table = section("docs/commands.md", "Options of filters")
    options = [name for action in group._group_actions for name in action.option_strings]
    assert len(options) > 20
    assert [name for name in options if not re.search(rf"`{re.escape(name)}\b", table)] == []


def test_every_target_has_a_row() -> None:
    rows = re.findall(
        r"^\| `([a-z0-9_:-]+)`.*? \|.*?\| (\w+).*?\| (\d*) *\| (.*?) \|$",
        text_of("docs/targets.md"), re.MULTILINE,
    )  # fmt: skip
    assert rows == [
        (row.name, row.vlan, str(row.limit or ""), returned(row)) for row in TARGETS.values()
    ]


def returned(row: Target) -> str:
    """What accepts and what rejects, as the table says it."""
    if row.hook not in (None, "socket"):
        return "action"
    if row.accept is None:
        return "snaplen / 0"
    return f"{row.accept if row.accept < 256 else hex(row.accept)} / 0"


@pytest.mark.parametrize("name", [row.name for row in TARGETS.values() if row.vlan == "gone"])
def test_vlan_is_an_error_where_the_tag_is_gone(name: str) -> None:
    with pytest.raises(UnsupportedError):
        compile("vlan", target=name)


@pytest.mark.parametrize("name", FORMATS)
def test_every_export_format_is_named(name: str) -> None:
    page = "docs/exports.md" if (ROOT / "docs/exports.md").exists() else "docs/hooks.md"
    assert re.search(rf"`(bpfq export )?{re.escape(name)}\b", text_of(page))


def test_every_lint_code_has_a_row_with_an_example_that_has_it(bpfq: Run) -> None:
    rows = re.findall(
        r"^\| `([A-Z][0-9]{2})` \| .* \| (?:`(.*?)`)?.*\|$", text_of("docs/lint.md"), re.MULTILINE
    )
    assert [code for code, _ in rows] == list(RULES)
    targets = {"V03": ("--target", "packet")}
    examples = {code: text for code, text in rows if text and not code.startswith("L")}
    shown = {c: bpfq("lint", *targets.get(c, ()), text).out for c, text in examples.items()}
    assert [code for code, out in shown.items() if f"[{code}]" not in out] == []
    assert len(shown) == 13


def test_every_option_of_compile_is_named() -> None:
    text = section("docs/python.md", "The options of compile")
    found = re.search(r"`bpfq\.compile\((.*?)\)`", text, re.DOTALL)
    assert found is not None
    assert re.findall(r"\w+", found[1]) == list(signature(compile).parameters)


def test_every_error_is_named() -> None:
    text = section("docs/python.md", "Errors")
    names = package._PUBLIC["bpfq.errors"]
    assert len(names) >= 7
    assert [name for name in names if f"`{name}`" not in text] == []


def test_every_encapsulation_is_named() -> None:
    found = re.search(r"through=\((.*?)\)", text_of("docs/semantics.md"), re.DOTALL)
    assert found is not None
    assert re.findall(r'"(\w+)"', found[1]) == list(THROUGH)


def test_every_script_that_measures_is_listed() -> None:
    scripts = [
        path.name
        for path in sorted((ROOT / "bench").glob("*.py"))
        if "__main__" in path.read_text(encoding="utf-8")
    ]
    assert scripts
    shown = re.findall(r"`python bench/(\w+\.py)`", text_of("docs/measured.md"))
    assert sorted(shown) == scripts


@pytest.mark.parametrize("page", ["README.md", "docs/semantics.md"])
def test_the_number_of_link_types_is_right(page: str) -> None:
    found = re.search(r"(\d+)\s+link\s+types", text_of(page))
    assert found is not None and int(found[1]) == len(link_types())


def test_links_lead_somewhere() -> None:
    broken = []
    for page in ("README.md", *(f"docs/{path.name}" for path in ROOT.glob("docs/*.md"))):
        for path, anchor in re.findall(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)", text_of(page)):
            if ":" in path:
                continue
            to = (ROOT / page).parent / path if path else ROOT / page
            if not to.exists() or (anchor and anchor not in anchors(to)):
                broken.append(f"{page}: {path}#{anchor}")
    assert broken == []


def anchors(page: Path) -> set[str]:
    """What a link may name, as Markdown viewers make it from headings."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
