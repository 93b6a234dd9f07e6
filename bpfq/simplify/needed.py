"""Whether tests of a query can say anything of each other that the graph's own facts do not.

    ip and udp                 no: plain fields compared with constants
    tcp port 80 and ip         no
    net 10/8 and host 10.1.1.1 perhaps: two tests of one field
    ip and ether[12] = 8       perhaps: bytes that another test reads as part of a word
    len > ip[2:2]              perhaps: two words of the packet in one test

Reads nothing but the tree, so that ordinary filters pay nothing for the simplifier.
"""

from __future__ import annotations

from bpfq.query import nodes as q
from bpfq.query.walk import leaves

MOST_LEAVES = 200  # of a query; longer ones stay as they are

_PLAIN = (q.Constant, q.Sample, q.Protocol, q.ProtocolNumber, q.Encapsulation)


def may_interact(query: q.Query) -> bool:
    """False where simplifying would find nothing, or takes too long."""
    count = fields = reads = 0
    two_words = False
    for leaf in leaves(query):
        count += 1
        match leaf:
            case q.Compare(left=left, right=right):
                reads += 1
                two_words |= _is_computed(left) or _is_computed(right) or _is_read(right)
            case q.LinkByte():
                reads += 1
            case _ if not isinstance(leaf, _PLAIN):
                fields += 1
        if count > MOST_LEAVES:
            return False
    return two_words or reads + fields > 1 or (reads == 1 and count > 1)


def _is_read(value: q.Value) -> bool:
    return not isinstance(value, q.Number)


def _is_computed(value: q.Value) -> bool:
    """More than a field under a mask."""
    match value:
        case q.Arithmetic(left=left, right=q.Number()) if value.operator.value == "&":
            return isinstance(left, q.Arithmetic)
        case q.Arithmetic() | q.Negative():
            return True
        case _:
            return False
