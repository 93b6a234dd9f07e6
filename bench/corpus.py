"""The filters of bench/filters.txt: (link type, text) pairs."""

from __future__ import annotations

import re
from pathlib import Path

_LINE = re.compile(r"(?:([A-Z0-9_]+): )?(.+)")


def filters() -> list[tuple[str, str]]:
    """Every filter with its link type, in the file's order."""
    lines = Path(__file__).with_name("filters.txt").read_text().splitlines()
    found = (_LINE.fullmatch(line) for line in lines if line and not line.startswith("#"))
    return [(match[1] or "EN10MB", match[2]) for match in found if match]
