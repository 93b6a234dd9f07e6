"""What a hook shows otherwise than the wire does, as far as a filter asks for it.

    len > 1600 on ebpf:tc     packets that receive offload has merged are one, and longer
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from bpfq.query import nodes as q
from bpfq.query.walk import leaves, value_operands

_MERGED: Final = (
    "lengths are those of merged packets: receive offload (GRO) makes one packet of many before "
    "this hook, XDP sees them as they came"
)
_MERGING: Final = ("socket", "tc", "cgroup_skb", "netfilter")  # hooks behind receive offload


def hook_notes(query: q.Query, hook: str) -> tuple[str, ...]:
    """Notes for the user; none where the hook shows what the wire does."""
    if hook in _MERGING and any(map(_is_length, _values(query))):
        return (_MERGED,)
    return ()


def _values(query: q.Query) -> Iterator[q.Value]:
    work: list[q.Value] = []
    for leaf in leaves(query):
        if isinstance(leaf, q.Compare):
            work += (leaf.left, leaf.right)
    while work:
        value = work.pop()
        yield value
        work += value_operands(value)


def _is_length(value: q.Value) -> bool:
    """``len``, or the total length of IPv4 and the payload length of IPv6."""
    match value:
        case q.Length():
            return True
        case q.Index("ip", q.Number(2), 2) | q.Index("ip6", q.Number(4), 2):
            return True
        case _:
            return False
