"""The examples in docstrings run, and every public function has one."""

from __future__ import annotations

import doctest
import inspect
from importlib import import_module
from pathlib import Path

import pytest

import bpfq

from .pages import ROOT

# What no example can show on any machine: these need a live interface and its privileges.
LIVE = {"open_capture", "open_packet_socket"}
TOLD_ELSEWHERE = {"detach": "attach"}


def with_examples() -> list[str]:
    """The modules of the package with an example."""
    paths = sorted((ROOT / "bpfq").rglob("*.py"))
    return [module(path) for path in paths if ">>> " in path.read_text(encoding="utf-8")]


def module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize("name", with_examples())
def test_examples_in_docstrings_are_true(name: str) -> None:
    """Its own names and ``bpfq`` are there, and for the words of expressions all of those."""
    found = import_module(name)
    names = {each: getattr(bpfq, each) for each in bpfq.__all__} | vars(found) | {"bpfq": bpfq}
    failed, tried = doctest.testmod(
        found, globs=names, optionflags=doctest.NORMALIZE_WHITESPACE, report=True
    )
    assert failed == 0 and tried > 0


def test_every_public_function_has_an_example() -> None:
    functions = {name for name in bpfq.__all__ if inspect.isfunction(getattr(bpfq, name))}
    lacking = {name for name in functions if ">>> " not in (getattr(bpfq, name).__doc__ or "")}
    assert len(functions) > 25
    assert lacking - LIVE - set(TOLD_ELSEWHERE) == set()
    assert all(name in getattr(bpfq, by).__doc__ for name, by in TOLD_ELSEWHERE.items())
