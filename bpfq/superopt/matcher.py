"""What a program that no graph was made for accepts: its instructions are run.

The graph of level 2 may accept other packets among those that were cut short in a tested field.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bpfq.analysis.subject import machine_of, network_offset
from bpfq.backends.pyfunc import Matcher
from bpfq.backends.pywords import verdict_function
from bpfq.isa.cbpf.instructions import SockFilter
from bpfq.isa.cbpf.vm import run
from bpfq.settings import Settings


def matcher(words: Sequence[SockFilter], settings: Settings) -> Matcher:
    """The function that decides as the program does where the settings say.

    It raises FilterError where it comes to an instruction that no machine takes.
    """
    machine, has_metadata = machine_of(settings.target), settings.target.metadata
    offset = network_offset(settings) or 0
    verdict = verdict_function(words, machine, offset)

    def match(packet: bytes, wire_length: int, metadata: Mapping[str, int]) -> bool:
        if verdict is not None:
            return verdict(packet, wire_length, metadata) > 0
        returned = run(
            words,
            packet,
            wire_length=wire_length,
            metadata=metadata if has_metadata else None,
            machine=machine,
            network_offset=offset,
        )
        return returned > 0

    return match
