"""The map in which programs count: an entry a filter, packets and bytes, a copy for each CPU."""

from __future__ import annotations

from typing import Final

from bpfq.isa.ebpf.program import Field, Layout, MapSpec

MATCHES: Final = "matches"
COUNTER: Final = Layout("counter", (Field("packets", 64), Field("bytes", 64)))


def counter_map(filters: int) -> MapSpec:
    """The map of so many filters."""
    return MapSpec(MATCHES, "percpu_array", 32, COUNTER, filters)
