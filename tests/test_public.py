"""The public surface: what ``bpfq`` lists."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import bpfq

ROOT = Path(__file__).parent.parent

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


def test_the_package_docstring_is_true() -> None:
    import doctest

    assert doctest.testmod(bpfq, optionflags=doctest.NORMALIZE_WHITESPACE) == (0, 2)
