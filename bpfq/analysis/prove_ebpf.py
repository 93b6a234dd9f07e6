"""Does an eBPF program do what its filter says?  The contract and the way are those of ``prove``.

The program is read again from its slots.  Where packets may lie in pieces, it is proved for every
first piece; a counterexample is run with all of the packet in one piece, and with less of it there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from bpfq.analysis.prove import Proof, Ran, Subject, decide, metadata_of, require
from bpfq.backends.ebpf.emit import Verdicts
from bpfq.ebpf.simulate import verdict
from bpfq.errors import BpfqError
from bpfq.isa.ebpf.program import Module
from bpfq.query.nodes import Query
from bpfq.settings import Settings
from bpfq.symbolic.ebpf.encode import encode, packet_at

if TYPE_CHECKING:
    from bpfq.simplify.smt import Sample

_PIECES: Final = range(128)  # bytes of first pieces that counterexamples are run with
_IN_PIECES: Final = ("tc", "cgroup_skb")


def prove(query: Query, module: Module, verdicts: Verdicts, settings: Settings) -> Proof:
    """Decide whether the module does what the query says at its hook.

    A program that returns the same for all packets is proved to do that.  Raises UnsupportedError
    for instructions and helpers that are not analysed, and FilterError for a program that no
    machine takes.
    """
    packet = packet_at(module.hook)
    words = module.function.instructions
    names = {each.insn: each.symbol for each in module.function.references}
    programs = encode(words, packet, module.hook, verdicts.accept, verdicts.reject, names)

    def run(sample: Sample, octets: bytes) -> Iterator[Ran]:
        yield _ran(module, verdicts, sample, octets, None)
        if module.hook in _IN_PIECES:
            for piece in _PIECES[: len(octets)]:
                yield _ran(module, verdicts, sample, octets, piece)

    same = verdicts.accept == verdicts.reject
    return decide(Subject(query, settings, packet, programs, run, same))


def require_proof(query: Query, module: Module, verdicts: Verdicts, settings: Settings) -> None:
    """Raise RefutedError or UndecidedError unless the module does what the query says."""
    require(prove(query, module, verdicts, settings))


def _ran(
    module: Module, verdicts: Verdicts, sample: Sample, octets: bytes, piece: int | None
) -> Ran:
    try:
        returned = verdict(module, octets, metadata_of(sample), piece)
    except BpfqError:
        return Ran(None, None)
    accepts = returned == verdicts.accept
    return Ran(returned, accepts if accepts or returned == verdicts.reject else None)
