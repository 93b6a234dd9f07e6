"""A process in which libpcap cannot be loaded and no tcpdump is found; scapy runs in there.

python -m integrations.without_libpcap received      prints what the scenario finds, as JSON
"""

from __future__ import annotations

import ctypes.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent


def found(scenario: str, *arguments: str) -> Any:
    """What a scenario prints in a process of its own."""
    path = [str(ROOT), str(ROOT / "tests"), *filter(None, [os.environ.get("PYTHONPATH")])]
    ran = subprocess.run(
        (sys.executable, "-m", "integrations.without_libpcap", scenario, *arguments),
        env={"PATH": "/nonexistent", "PYTHONPATH": ":".join(path)},
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def _block() -> None:
    """Loading libpcap fails, by whatever name."""
    load = ctypes.CDLL.__init__

    def refusing(self: Any, name: Any, *arguments: Any, **options: Any) -> None:
        if "pcap" in str(name):
            raise OSError(f"{name}: cannot open shared object file")
        load(self, name, *arguments, **options)

    ctypes.CDLL.__init__ = refusing  # type: ignore[method-assign]
    find = ctypes.util.find_library
    ctypes.util.find_library = lambda name: None if "pcap" in name else find(name)


def _main(scenario: str, *arguments: str) -> None:
    _block()
    from integrations import scenarios

    scenarios_by_name: dict[str, Callable[..., Any]] = vars(scenarios)
    print(json.dumps(scenarios_by_name[scenario](*arguments)))


if __name__ == "__main__":
    _main(*sys.argv[1:])
