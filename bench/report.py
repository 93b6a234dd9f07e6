"""What bench scripts share: the machine and the versions they print first, means and limits."""

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


class Missed:
    """The limits that were not kept, as they are printed."""

    def __init__(self) -> None:
        self.limits: list[str] = []

    def check(self, name: str, figure: float, limit: float | None) -> str:
        """The limit as it is printed behind the figure."""
        if limit is None:
            return ""
        if figure > limit:
            self.limits.append(f"{name}: {figure:.4g}, limit {limit:g}")
        return f" (limit {limit:g})"

    def report(self) -> None:
        """Ends the script with an error when a limit was missed."""
        if self.limits:
            raise SystemExit("limits missed:\n  " + "\n  ".join(self.limits))
