"""A filter or a program as a proposition of a symbolic packet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bpfq.backends.cbpf.emit import emit
from bpfq.errors import BpfqError
from bpfq.graph.nodes import Builder
from bpfq.graphs import as_written, formula_of
from bpfq.isa.cbpf.instructions import SockFilter
from bpfq.isa.cbpf.vm import Machine, Trace, trace
from bpfq.query.nodes import Query
from bpfq.query.through import look_through
from bpfq.record import replace
from bpfq.settings import Settings
from bpfq.symbolic import classic, formula
from bpfq.symbolic.propositions import FALSE, Outcome, Packet, Proposition
from bpfq.targets import SKF_NET_OFF, Target


def meaning_of(
    query: Query, settings: Settings, packet: Packet, reading: str, *, join: bool = False
) -> Proposition:
    """What the query says in one reading; raises UnsupportedError, as compiling does.

    join: long lists are read as one test each, at the place of their first member, where no load
    ends the filter that an earlier member did not need; see ``lower.lists``.
    """
    wide = look_through(query, settings.through)
    said = formula_of(wide, settings, Builder(), share=False, join=join)
    return formula.encode(said, packet, reading)


def program_of(
    words: Sequence[SockFilter], settings: Settings, packet: Packet, *, short: Outcome = FALSE
) -> Proposition:
    """What a classic program accepts, run where the settings say.

    short: what a load past the captured bytes comes to.
    """
    return classic.encode(
        words,
        packet,
        machine=machine_of(settings.target),
        metadata=settings.target.metadata,
        network_offset=network_offset(settings),
        short=short,
    )


def reference(query: Query, settings: Settings) -> tuple[SockFilter, ...] | None:
    """The filter exactly as written, for the interpreter; None where it does not fit a program.

    Sets that may change have the entries of the query; each end is looked for in all of them.
    """
    live = settings.options.live_sets
    options = replace(settings.options, live_sets=False)
    plain = replace(settings, level=0, strict=True, options=options)
    wide = look_through(query, plain.through)
    try:
        return emit(as_written(wide, plain, join=live), plain.accept, 0)
    except BpfqError:
        return None


def traced(
    words: Sequence[SockFilter],
    settings: Settings,
    octets: bytes,
    *,
    wire_length: int,
    metadata: Mapping[str, int],
    network_header: bytes = b"",
) -> Trace:
    """A program, run on a packet where the settings say; metadata counts where there is any."""
    return trace(
        words,
        octets,
        wire_length=wire_length,
        metadata=metadata if settings.target.metadata else None,
        machine=machine_of(settings.target),
        network_offset=network_offset(settings) or 0,
        network_header=network_header,
    )


def machine_of(target: Target) -> Machine:
    return Machine.KERNEL if target.metadata else Machine.LIBPCAP


def network_offset(settings: Settings) -> int | None:
    """Where a kernel finds the network header; None where it lies before byte 0."""
    if settings.target.network_at >= SKF_NET_OFF:
        return None
    layout = settings.link.layout
    return 0 if settings.target.layer == 3 or layout is None else layout.payload
