"""Loads of the packet machine that only eBPF has: A is 1 where the bytes are in a set, else 0.

    [26:4] in @bad         A = 1 or 0; a packet that is shorter is rejected

They read and write what the loads do that they are made like.
"""

from __future__ import annotations

from bpfq.isa.cbpf.instructions import LoadAbsolute, LoadIndirect
from bpfq.named_set import NamedSet
from bpfq.record import record


@record
class LookAbsolute(LoadAbsolute):
    members: NamedSet


@record
class LookIndirect(LoadIndirect):
    members: NamedSet
