"""Imports go from higher layers to lower ones, and fenced libraries stay in their fence."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "bpfq"

LAYERS = (
    ("source", "operators", "record", "version", "walk", "closing"),
    ("errors", "intervals", "named_set", "aggregation"),
    ("tables", "isa", "targets"),
    ("query", "graph", "matching"),
    ("headers", "symbolic"),
    ("meaning", "frontend", "simplify"),
    ("lower", "opt"),
    ("backends", "contradiction", "oversize", "settings"),
    ("objfile", "kernel", "graphs"),
    ("output", "capture", "ebpf", "choice"),
    ("compiler",),
    ("hook_compiler",),
    ("analysis",),
    ("superopt",),
    ("export",),
    ("program",),
    ("api",),
    ("counting", "live"),
    ("questions",),
    ("pcap",),
    ("integrations", "cli"),
    ("scapy", "__main__"),
)
LAYER = {name: number for number, names in enumerate(LAYERS) for name in names}

FENCES = {
    "ply": ("frontend/pcap/",),
    "z3": ("simplify/smt", "analysis/"),
    "ctypes": ("kernel/",),
    "rich": ("cli/count_live",),
    "scapy": ("integrations/", "analysis/dissect"),
}


def modules() -> list[Path]:
    return sorted(path for path in ROOT.rglob("*.py") if path.name != "__init__.py")


def imported(path: Path) -> Iterator[str]:
    """Every module that a file imports at run time, at the top or inside a function."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            for inner in ast.walk(node):
                inner.names = [] if hasattr(inner, "names") else None  # type: ignore[attr-defined]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.names:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def package(module: str) -> str:
    return module.split(".")[1]


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_only_from_lower_layers_or_its_own_package(path: Path) -> None:
    own = path.relative_to(ROOT).parts[0].removesuffix(".py")
    wrong = [
        name
        for name in imported(path)
        if name.startswith("bpfq.")
        and package(name) in LAYER
        and package(name) != own
        and LAYER[package(name)] >= LAYER[own]
    ]
    assert wrong == []


@pytest.mark.parametrize("library", FENCES)
def test_a_fenced_library_is_imported_only_in_its_fence(library: str) -> None:
    outside = [
        relative
        for path in modules()
        if any(name.split(".")[0] == library for name in imported(path))
        and not (relative := str(path.relative_to(ROOT))).startswith(FENCES[library])
    ]
    assert outside == []


@pytest.mark.parametrize("first, second", [("pcap", "dsl"), ("dsl", "pcap")])
def test_the_two_front_ends_do_not_know_each_other(first: str, second: str) -> None:
    files = [path for path in (ROOT / "frontend").rglob("*.py") if first in str(path)]
    assert files
    names = [name for path in files for name in imported(path)]
    assert [name for name in names if name.startswith(f"bpfq.frontend.{second}")] == []
