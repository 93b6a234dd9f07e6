"""Packets and bytes that matched, in words and as JSON."""

from __future__ import annotations

from typing import Any

from bpfq.cli.figures import grouped
from bpfq.ebpf.counts import Counts


def count_fields(counts: Counts | None) -> dict[str, Any]:
    """Counts as ``--json`` prints them; null where nothing counts."""
    packets, size = (None, None) if counts is None else counts
    return {"packets": packets, "bytes": size}


def in_words(counts: Counts) -> str:
    """17 packets, 1 530 bytes"""
    packets = f"{grouped(counts.packets)} {'packet' if counts.packets == 1 else 'packets'}"
    return packets if counts.bytes is None else f"{packets}, {grouped(counts.bytes)} bytes"
