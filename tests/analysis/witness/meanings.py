"""Verdicts about a witness from others than its maker: interpreter and meaning."""

from __future__ import annotations

import bpfq
from bpfq.analysis.subject import machine_of, network_offset
from bpfq.analysis.witness.found import Witness
from bpfq.isa.cbpf.vm import run
from bpfq.meaning import Setting, meaning
from bpfq.meaning.evaluate import Meaning
from bpfq.program.classic import Program
from bpfq.query.nodes import Query

NETMASK = 0xFFFF_FF00
_STARTS = {"udp": "transport", "raw6": "transport"}


def program_of(text: str, link: str = "EN10MB", savefile: str | None = None) -> Program:
    return bpfq.compile(text, link=link, savefile=savefile, netmask=NETMASK, allow_empty=True)  # type: ignore[arg-type]  # from the corpus


def meaning_of(query: Query, program: Program) -> Meaning:
    """The meaning where the program runs."""
    target, settings = program.settings.target, program.settings
    start = _STARTS.get(target.name, "network" if target.layer == 3 else "link")
    if settings.link.name == "COOKED":
        start = "link"  # which has no bytes
    setting = Setting(
        settings.link.name,
        live=target.vlan == "metadata",
        ancillary=target.metadata,
        netmask=settings.options.netmask,
        savefile=settings.savefile,
        start=start,
    )
    return meaning(query, setting)


def means(query: Query, program: Program, witness: Witness) -> bool:
    """Whether the query, read from left to right, accepts the witness."""
    return meaning_of(query, program).accepts(
        witness.octets,
        wire_length=witness.wire_length,
        metadata=witness.metadata if program.settings.target.metadata else None,
        network_header=witness.network_header,
    )


def interpreted(program: Program, witness: Witness) -> bool:
    """What the interpreter makes of the program's words."""
    settings = program.settings
    return bool(
        run(
            program.words,
            witness.octets,
            wire_length=witness.wire_length,
            metadata=witness.metadata if settings.target.metadata else None,
            machine=machine_of(settings.target),
            network_offset=network_offset(settings) or 0,
            network_header=witness.network_header,
        )
    )
