"""What bench scripts share: the machine and the versions they print first, and their means."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Iterable, Mapping
from math import exp, log
from time import perf_counter
from typing import TypeVar

import rival

import bpfq


Row = TypeVar("Row")


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


def mean(ratios: Iterable[float]) -> float:
    """The geometric mean; 1 of nothing."""
    found = list(ratios)
    return exp(sum(map(log, found)) / len(found)) if found else 1.0


def every(groups: Mapping[str, list[Row]]) -> list[Row]:
    """What stands in any of the groups, in order."""
    return [one for several in groups.values() for one in several]
