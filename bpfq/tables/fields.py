"""Named header fields: one row each; the Python nodes, lowering and explanations read them.

Sources: RFC 791 (ip), RFC 8200 (ip6), RFC 9293 (tcp), RFC 768 (udp), RFC 792 (icmp), RFC 4443
(icmp6), RFC 826 (arp), RFC 9260 (sctp).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Field:
    """A field of up to 32 bits: load ``size`` bytes at ``offset``, apply mask, then shift right."""

    protocol: str
    name: str
    offset: int  # bytes from the start of the protocol's header
    size: int  # bytes loaded: 1, 2 or 4
    mask: int
    shift: int = 0  # bits


_ROWS = (
    Field("ip", "ttl", 8, 1, 0xFF),
    Field("tcp", "flags", 13, 1, 0xFF),
)

FIELDS: dict[str, Field] = {f"{row.protocol}.{row.name}": row for row in _ROWS}
