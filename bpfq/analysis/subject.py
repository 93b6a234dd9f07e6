"""A filter or a program as a proposition of a symbolic packet."""

from __future__ import annotations

from collections.abc import Sequence

from bpfq.compiler import formula_of
from bpfq.graph.nodes import Builder
from bpfq.isa.cbpf.instructions import SockFilter
from bpfq.isa.cbpf.vm import Machine
from bpfq.query.nodes import Query
from bpfq.query.through import look_through
from bpfq.settings import Settings
from bpfq.symbolic import classic, formula
from bpfq.symbolic.propositions import Packet, Proposition
from bpfq.targets import SKF_NET_OFF, Target


def meaning_of(query: Query, settings: Settings, packet: Packet, reading: str) -> Proposition:
    """What the query says in one reading; raises UnsupportedError, as compiling does."""
    wide = look_through(query, settings.through)
    return formula.encode(formula_of(wide, settings, Builder(), share=False), packet, reading)


def program_of(words: Sequence[SockFilter], settings: Settings, packet: Packet) -> Proposition:
    """What a classic program accepts, run where the settings say."""
    return classic.encode(
        words,
        packet,
        machine=machine_of(settings.target),
        metadata=settings.target.metadata,
        network_offset=network_offset(settings),
    )


def machine_of(target: Target) -> Machine:
    return Machine.KERNEL if target.metadata else Machine.LIBPCAP


def network_offset(settings: Settings) -> int | None:
    """Where a kernel finds the network header; None where it lies before byte 0."""
    if settings.target.network_at >= SKF_NET_OFF:
        return None
    layout = settings.link.layout
    return 0 if settings.target.layer == 3 or layout is None else layout.payload
