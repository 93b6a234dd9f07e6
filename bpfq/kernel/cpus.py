"""How many CPUs there may ever be: one value of a per-CPU map for each."""

from __future__ import annotations

from functools import cache
from typing import Final

POSSIBLE: Final = "/sys/devices/system/cpu/possible"


@cache
def possible_cpus() -> int:
    """CPUs that may come, by the kernel's own list; they are numbered without gaps.

    Raises OSError where /sys is not mounted.
    """
    with open(POSSIBLE, encoding="ascii") as file:
        return count(file.read())


def count(text: str) -> int:
    """How many a list of the kernel like "0-3,8" counts."""
    total = 0
    for span in text.strip().split(","):
        first, _, last = span.partition("-")
        total += int(last or first) - int(first) + 1
    return total
