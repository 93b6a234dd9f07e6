"""A word that only machines with loops can load, in the place of a classic instruction."""

from __future__ import annotations

from typing import Final

from bpfq.graph.chains import Chain
from bpfq.isa.cbpf.instructions import LoadAbsolute
from bpfq.record import record

_NOWHERE: Final = 0xFFFF_FFFF  # an offset of metadata that no kernel has


@record
class LoadChain(LoadAbsolute):
    """A = the place of the byte that names the header where a walk over headers ends."""

    chain: Chain


def load_chain(chain: Chain) -> LoadChain:
    return LoadChain(_NOWHERE, 1, chain)
