"""Does an eBPF program do what its filter says?  The contract and the way are those of ``prove``.

The program is read again from its slots, and its maps from their entries.  Where packets may lie in
pieces, it is proved for every first piece; a counterexample is run with all of the packet in one
piece, and with less of it there.

A named set that may change is proved for all entries that may be in it: that a set has a key is a
function of the key of which nothing else is known, the same for the filter and for the program.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from bpfq.analysis import any_entries
from bpfq.analysis.prove import Proof, Ran, Subject, decide, metadata_of, require
from bpfq.backends.ebpf.emit import Verdicts
from bpfq.ebpf.simulate import verdict
from bpfq.errors import BpfqError
from bpfq.hook_compiler import with_live_sets
from bpfq.isa.ebpf.program import Module
from bpfq.query.nodes import Query
from bpfq.record import replace
from bpfq.settings import Settings
from bpfq.symbolic.ebpf.encode import encode, packet_at
from bpfq.symbolic.ebpf.sets import Symbols

if TYPE_CHECKING:
    from bpfq.simplify.smt import Sample

_PIECES: Final = range(128)  # bytes of first pieces that counterexamples are run with
_IN_PIECES: Final = ("tc", "cgroup_skb")


def prove(query: Query, module: Module, verdicts: Verdicts, settings: Settings) -> Proof:
    """Decide whether the module does what the query says at its hook.

    A program that returns the same for all packets is proved to do that.  With maps of named sets
    it is proved twice unless they begin with the sets' own entries: with what they begin with, and
    with whatever comes into them.  Raises UnsupportedError for instructions and helpers that are
    not analysed, and FilterError for a program that no machine takes.
    """
    sets = any_entries.sets_in_maps(query, module)
    proof: Proof | None = None
    if not sets or not any_entries.begin_with(module, sets):
        proof = decide(_subject(query, module, verdicts, settings))
    if sets and (proof is None or proof.verdict == "proved"):
        proof = decide(_for_all_entries(query, module, verdicts, settings))
    assert proof is not None
    return proof


def require_proof(query: Query, module: Module, verdicts: Verdicts, settings: Settings) -> None:
    """Raise RefutedError or UndecidedError unless the module does what the query says."""
    require(prove(query, module, verdicts, settings))


def _subject(
    query: Query, module: Module, verdicts: Verdicts, settings: Settings, *, live: bool = False
) -> Subject:
    """live: what is in the maps of named sets is not known."""
    packet, sets = packet_at(module.hook), any_entries.sets_in_maps(query, module)
    known = {each.name: each for each in module.maps if each.frozen or each.name in sets}
    names = {each.insn: each.symbol for each in module.function.references}
    symbols = Symbols(names, known, frozenset(sets if live else ()))
    words = module.function.instructions
    programs = encode(words, packet, module.hook, verdicts.accept, verdicts.reject, symbols)

    def run(sample: Sample, octets: bytes) -> Iterator[Ran]:
        yield from _ran_in_pieces(module, verdicts, sample, octets)

    return Subject(query, settings, packet, programs, run, verdicts.accept == verdicts.reject)


def _for_all_entries(
    query: Query, module: Module, verdicts: Verdicts, settings: Settings
) -> Subject:
    """The same, run with the entries of a sample in the maps of named sets."""
    sets = any_entries.sets_in_maps(query, module)
    plain = _subject(query, module, verdicts, with_live_sets(settings), live=True)

    def run(sample: Sample, octets: bytes) -> Iterator[Ran]:
        given = any_entries.module_with(module, any_entries.given(sets, sample.held))
        yield from _ran_in_pieces(given, verdicts, sample, octets)

    def asked(sample: Sample) -> Query:
        return any_entries.query_with(query, any_entries.given(sets, sample.held))

    return replace(plain, run=run, asked=asked)


def _ran_in_pieces(
    module: Module, verdicts: Verdicts, sample: Sample, octets: bytes
) -> Iterator[Ran]:
    yield _ran(module, verdicts, sample, octets, None)
    if module.hook in _IN_PIECES:
        for piece in _PIECES[: len(octets)]:
            yield _ran(module, verdicts, sample, octets, piece)


def _ran(
    module: Module, verdicts: Verdicts, sample: Sample, octets: bytes, piece: int | None
) -> Ran:
    try:
        returned = verdict(module, octets, metadata_of(sample), piece)
    except BpfqError:
        return Ran(None, None)
    accepts = returned == verdicts.accept
    return Ran(returned, accepts if accepts or returned == verdicts.reject else None)
