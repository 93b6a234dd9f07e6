"""The pages become a book without a warning, and its reference has every public name."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

import bpfq

from .pages import ROOT

needs_sphinx = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("sphinx", "myst_parser")),
    reason="needs sphinx and myst-parser: pip install '.[docs]'",
)


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """Built as README.md says, with every reference checked."""
    built = subprocess.run(
        (sys.executable, "-m", "sphinx", "-W", "-n", "-q", "-E", "-d", str(tmp_path / "trees"),
         str(ROOT / "docs"), str(tmp_path / "html")),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (built.returncode, built.stderr) == (0, "")
    return tmp_path / "html"


def documented(book: Path) -> set[str]:
    """The Python names of the inventory that other books link to."""
    octets = (book / "objects.inv").read_bytes()
    body = zlib.decompress(octets.split(b"\n", 4)[4]).decode()
    rows = (line.split(" ") for line in body.splitlines())
    return {row[0] for row in rows if row[1].startswith("py:")}


@pytest.mark.oracle
@needs_sphinx
def test_every_public_name_is_in_the_reference_and_links_to_what_it_returns(book: Path) -> None:
    found = documented(book)
    names = [name for name in bpfq.__all__ if name != "__version__"]
    assert len(names) > 80
    assert [name for name in names if f"bpfq.{name}" not in found] == []
    assert {"bpfq.analysis.prove.Proof.verdict", "bpfq.Program.matches"} <= found
    page = (book / "api.html").read_text(encoding="utf-8")
    assert 'href="#bpfq.analysis.prove.Proof"' in page


def test_what_is_built_is_not_in_the_repository() -> None:
    tracked = subprocess.run(
        ("git", "ls-files", "docs"), cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    kinds = {Path(path).suffix for path in tracked}
    assert kinds <= {".md", ".py"} and tracked
