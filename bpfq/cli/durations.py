"""Times on the command line: 10, 10s, 500ms, 5m, 2h."""

from __future__ import annotations

import re
from typing import Final

from bpfq.errors import BpfqError

_UNITS: Final = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}  # seconds
_TIME: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|[smhd]?)")


def duration(text: str, option: str) -> float:
    """Seconds; raises BpfqError that names the option."""
    found = _TIME.fullmatch(text)
    if found is None or float(found[1]) == 0:
        shown = text.strip() or "''"
        raise BpfqError(f"{option} {shown} is no time; write it as 500ms, 10s, 5m or 2h")
    return float(found[1]) * _UNITS[found[2]]
