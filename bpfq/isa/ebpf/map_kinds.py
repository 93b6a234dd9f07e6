"""Kinds of maps that programs of filters use, by the names that ``MapSpec`` has."""

from __future__ import annotations

from typing import Final

MAP_KINDS: Final[dict[str, int]] = {  # enum bpf_map_type of <linux/bpf.h>, Linux 6.18
    "hash": 1,
    "array": 2,
    "percpu_hash": 5,
    "percpu_array": 6,
    "lru_hash": 9,
    "lru_percpu_hash": 10,
    "lpm_trie": 11,
    "ringbuf": 27,
}
