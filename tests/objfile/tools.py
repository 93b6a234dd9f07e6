"""The foreign programs that the tests of object files ask."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence

import pytest


def needs(command: str, package: str) -> pytest.MarkDecorator:
    """Skip without the command; the reason names the Debian package."""
    reason = f"needs {command}: install {package}"
    return pytest.mark.skipif(shutil.which(command) is None, reason=reason)


needs_bpftool = needs("bpftool", "bpftool")
needs_objdump = needs("llvm-objdump-22", "llvm-22")
needs_readelf = needs("llvm-readelf-22", "llvm-22")
needs_assembler = needs("llvm-mc-22", "llvm-22")
needs_gcc = needs("gcc", "gcc and libbpf-dev")


def output(command: Sequence[object]) -> str:
    """What the command prints; a failing one fails the test with both its outputs."""
    ran = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, check=False, timeout=60
    )
    if ran.returncode:
        pytest.fail(f"{command[0]} ended with {ran.returncode}: {ran.stdout}{ran.stderr}")
    return ran.stdout
