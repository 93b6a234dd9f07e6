"""What every bench script prints first: the machine and the versions."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable
from time import perf_counter

import rival

import bpfq


def heading(question: str) -> None:
    print(question)
    print(
        f"  bpfq {bpfq.__version__} · Python {sys.version.split()[0]} · {rival.version()} · "
        f"Linux {platform.release()} · {os.cpu_count()} cores"
    )


def best_of(runs: int, work: Callable[[], object]) -> float:
    """Seconds of the quickest run."""
    times = []
    for _ in range(runs):
        start = perf_counter()
        work()
        times.append(perf_counter() - start)
    return min(times)
