"""The C programs in bench/c/: each is the filter in its first line, written for XDP by hand.

Every one drops what the filter matches and passes the rest; a packet that ends inside a header is
passed.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from bpfq.isa.ebpf.instructions import BpfInsn
from bpfq.objfile.read import read_object

SOURCES = Path(__file__).with_name("c")
COMPILERS = ("clang-22", "clang", "clang-19", "clang-16", "clang-14")


class Twin(NamedTuple):
    """A filter, and the program that clang makes of the C that says the same."""

    name: str
    text: str
    words: tuple[BpfInsn, ...]


def clang() -> str | None:
    """The compiler's command; None where there is none."""
    return next(filter(None, map(shutil.which, COMPILERS)), None)


def version(command: str) -> str:
    return subprocess.check_output((command, "--version"), text=True).splitlines()[0]


def twins(command: str) -> list[Twin]:
    """Every program of bench/c/, by clang -O2 -mcpu=v3."""
    with TemporaryDirectory() as folder:
        return [_twin(command, path, Path(folder)) for path in sorted(SOURCES.glob("*.c"))]


def _twin(command: str, source: Path, folder: Path) -> Twin:
    made = folder / f"{source.stem}.o"
    subprocess.run(
        (command, "-O2", "-target", "bpf", "-mcpu=v3", "-Wall", "-Werror", *_includes(),
         "-c", str(source), "-o", str(made)),
        check=True,
    )  # fmt: skip
    (only,) = read_object(made.read_bytes()).functions
    text = source.read_text().splitlines()[0].removeprefix("/* ").removesuffix(" */")
    return Twin(source.stem, text, only.function.instructions)


def _includes() -> Sequence[str]:
    """Where Debian has <asm/types.h>, which no other machine's headers come with."""
    return [f"-I{path}" for path in Path("/usr/include").glob("*-linux-gnu")]
