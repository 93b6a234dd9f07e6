"""Numbers as people read them: 14 022, 1.27 M."""

from __future__ import annotations

from typing import Final

_UNITS: Final = ("", " k", " M", " G", " T", " P")
_STEP: Final = 1000
_LAST: Final = 999.5  # what rounds to four digits


def grouped(number: int) -> str:
    """All digits, in threes."""
    return f"{number:,}".replace(",", " ")


def short(number: float) -> str:
    """Three digits and a unit."""
    unit = 0
    while number >= _LAST and unit + 1 < len(_UNITS):
        number, unit = number / _STEP, unit + 1
    return f"{number:.3g}{_UNITS[unit]}"
