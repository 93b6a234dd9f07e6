"""How much a sweep looks at: a fixed sample, or with BPFQ_FULL_SWEEP=1 everything.

LINES = sampled(filters(), every=3)          filters 0, 3, 6, ...
LINES = sampled(filters(), every=3, first=1)  filters 1, 4, 7, ...
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

FULL = os.environ.get("BPFQ_FULL_SWEEP") == "1"


def sampled(items: Sequence[T], every: int, first: int = 0) -> Sequence[T]:
    """Every so many of the items from the first; all of them in a full sweep."""
    return items if FULL else items[first::every]
