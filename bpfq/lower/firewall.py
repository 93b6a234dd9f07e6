"""The OpenBSD pf log header (struct pfloghdr, as a Linux build of the reference lays it out)."""

from __future__ import annotations

from bpfq.graph.formula import Formula, both
from bpfq.headers.places import Place
from bpfq.lower.context import Context
from bpfq.query import nodes as q

_NAMES = {"ifname": 4, "rset": 20}  # text, compared over the length given
_NUMBERS = {"action": (2, 1), "reason": (3, 1), "rnr": (36, 4), "srnr": (40, 4)}  # offset, size


def log_field(node: q.FirewallLog, c: Context) -> Formula:
    if c.headers.link.name != "PFLOG":
        raise c.refuse(f"'{node.name}' (a pf log record)", node.span)
    packet = Place(None, 0)
    if isinstance(node.value, int):
        offset, size = _NUMBERS[node.name]
        return c.headers.atom(packet, offset, size, node.value)
    return _text(node.value.encode(), _NAMES[node.name], packet, c)


def _text(text: bytes, offset: int, packet: Place, c: Context) -> Formula:
    """The bytes in words from the last, then a halfword, then a byte."""
    tests, end = [], len(text)
    for size in (4, 2, 1):
        while end >= size:
            end -= size
            value = int.from_bytes(text[end : end + size], "big")
            tests.append(c.headers.atom(packet, offset + end, size, value))
    return both(*tests)
