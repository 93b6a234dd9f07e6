"""The public surface: what ``bpfq`` lists, and what the README shows."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import bpfq

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_every_public_name_can_be_imported() -> None:
    assert [name for name in bpfq.__all__ if not hasattr(bpfq, name)] == []


def test_type_checkers_see_the_same_names() -> None:
    tree = ast.parse((ROOT / "bpfq" / "__init__.py").read_text())
    checking = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {
        a.name for node in checking.body if isinstance(node, ast.ImportFrom) for a in node.names
    }
    assert seen | {"__version__"} == set(bpfq.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'bpfq' has no attribute 'tpc'"):
        bpfq.tpc  # noqa: B018


def test_importing_bpfq_imports_no_solver_no_parser_and_no_scapy() -> None:
    code = "import sys, bpfq; print(*sorted({'z3', 'ply', 'scapy', 'ctypes'} & set(sys.modules)))"
    assert subprocess.check_output([sys.executable, "-c", code]).split() == []


def test_compiling_imports_neither_the_solver_nor_scapy() -> None:
    code = (
        "import sys, bpfq; bpfq.compile('tcp port 80 and not vlan').matches(bytes(60));"
        "print(*sorted({'z3', 'scapy', 'ctypes', 'socket'} & set(sys.modules)))"
    )
    assert subprocess.check_output([sys.executable, "-c", code]).split() == []


@pytest.mark.parametrize("block", blocks("python"))
def test_readme_python_runs(block: str, capsys: pytest.CaptureFixture[str]) -> None:
    exec(block, {})
    assert "ret      #262144" in capsys.readouterr().out


def test_readme_shows_what_the_first_command_prints() -> None:
    printed = subprocess.check_output(
        [sys.executable, "-m", "bpfq", "ip and udp", "--dump"], text=True
    )
    assert printed == blocks("text")[0]


def test_readme_shows_the_error_that_is_printed() -> None:
    shown = next(block for block in blocks("text") if "\nbpfq: " in block)
    command, _, expected = shown.partition("\n")
    run = subprocess.run(
        [sys.executable, "-m", *shlex.split(command.removeprefix("$ "))],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.stderr, run.returncode) == (expected, 2)


def test_readme_lists_every_target() -> None:
    from bpfq.targets import TARGETS

    table = README.partition("## Targets")[2].partition("##")[0]
    assert re.findall(r"^\| `([a-z0-9_:-]+)`", table, re.MULTILINE) == list(TARGETS)


def test_the_package_docstring_is_true() -> None:
    import doctest

    assert doctest.testmod(bpfq, optionflags=doctest.NORMALIZE_WHITESPACE) == (0, 2)
