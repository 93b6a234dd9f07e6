"""A list that a filter names: ``src net @bad``."""

from __future__ import annotations

from bpfq.record import record


@record
class NamedSet:
    """kind "address": entries are (4 or 6, address, bits of the prefix); "port": (first, last);
    "mac": (address,).
    """

    name: str
    kind: str
    entries: tuple[tuple[int, ...], ...]
