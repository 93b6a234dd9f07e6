"""What the quick path does not import."""

from __future__ import annotations

import subprocess
import sys

import pytest

from .running import environment

SLOW = (
    *("json", "socket", "ctypes", "dataclasses", "difflib", "shutil", "pathlib", "subprocess"),
    *("scapy", "z3", "rich", "bpfq.kernel", "bpfq.capture", "bpfq.analysis", "bpfq.frontend.dsl"),
    *("bpfq.superopt", "bpfq.simplify.driver", "bpfq.simplify.smt"),
    *("bpfq.symbolic", "bpfq.symbolic.diagram"),
    *("bpfq.backends.pyfunc", "bpfq.contradiction", "bpfq.cli.match", "bpfq.cli.capture"),
    *("bpfq.cli.count", "bpfq.cli.count_arguments", "bpfq.counting"),
    *("bpfq.matching", "bpfq.query.sets", "bpfq.lower.sets", "bpfq.lower.live"),
)


@pytest.mark.parametrize("words", [["ip and udp", "--dump"], ["-ddd", "port", "53"], ["--version"]])
def test_listing_imports_only_what_it_needs(words: list[str]) -> None:
    program = (
        "import sys; before = set(sys.modules)\n"
        "from bpfq.__main__ import main\n"
        f"main({words!r}); print(*sorted(set(sys.modules) - before), file=sys.stderr)"
    )
    ran = subprocess.run(
        (sys.executable, "-c", program), capture_output=True, text=True,
        env=environment(), check=True,
    )  # fmt: skip
    assert set(ran.stderr.split()) & set(SLOW) == set()
