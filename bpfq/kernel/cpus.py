"""How many CPUs there may ever be: one value of a per-CPU map for each."""

from __future__ import annotations

from functools import cache
from typing import Final

from bpfq.errors import LoadError
from bpfq.kernel.privileges import read_text

POSSIBLE: Final = "/sys/devices/system/cpu/possible"


@cache
def possible_cpus() -> int:
    """CPUs that may come, by the kernel's own list; they are numbered without gaps.

    Raises LoadError where /sys is not mounted: a wrong count would spoil memory.
    """
    listed = read_text(POSSIBLE)
    if listed is None:
        raise LoadError(f"cannot tell how many CPUs there may be: {POSSIBLE} is not there")
    return count(listed)


def count(text: str) -> int:
    """How many a list of the kernel like "0-3,8" counts."""
    total = 0
    for span in text.strip().split(","):
        first, _, last = span.partition("-")
        total += int(last or first) - int(first) + 1
    return total
