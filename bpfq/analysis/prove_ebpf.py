"""Does an eBPF program do what its filter says?  The contract and the way are those of ``prove``.

The program is read again from its slots, and its maps from their entries.  Where packets may lie in
pieces, it is proved for every first piece; a counterexample is run with all of the packet in one
piece, and with less of it there.

A named set that may change is proved for all entries that may be in it: that a set has a key is a
function of the key of which nothing else is known, the same for the filter and for the program.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from bpfq.analysis import any_entries
from bpfq.analysis.prove import Proof, Ran, Subject, decide, metadata_of, require
from bpfq.backends.ebpf.emit import Verdicts
from bpfq.ebpf.simulate import counted, verdict
from bpfq.errors import BpfqError, UnsupportedError
from bpfq.hook_compiler import with_live_sets
from bpfq.isa.ebpf.program import Module
from bpfq.named_set import NamedSet
from bpfq.query.nodes import Query
from bpfq.query.sets import names_sets
from bpfq.record import record, replace
from bpfq.settings import Settings
from bpfq.symbolic.ebpf.encode import encode, packet_at
from bpfq.symbolic.ebpf.sets import NO_COUNTER, Symbols

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
    sets = any_entries.sets_in_maps((query,), module)
    return _Asked(query, module, verdicts, settings, sets).decided()


def prove_counts(
    filters: Mapping[str, tuple[Query, Settings]], module: Module, verdict: int
) -> dict[str, Proof]:
    """By name: whether the module looks up the filter's counter, once, where the filter matches.

    filters: in the order of their counters.  That the module returns the verdict for every packet
    is part of each proof, what is added to a counter is not.  Raises as ``prove`` does.
    """
    same = Verdicts(verdict, verdict)
    sets = any_entries.sets_in_maps([query for query, _ in filters.values()], module)
    proofs = {}
    for number, (name, (query, settings)) in enumerate(filters.items()):
        asked = _Asked(query, module, same, settings, sets, number)
        if number == 0:
            returns = replace(asked, counter=NO_COUNTER).decided()
        proofs[name] = asked.decided() if returns.verdict == "proved" else returns
    return proofs


def require_proof(query: Query, module: Module, verdicts: Verdicts, settings: Settings) -> None:
    """Raise RefutedError or UndecidedError unless the module does what the query says."""
    require(prove(query, module, verdicts, settings))


@record
class _Asked:
    """Whether a module does what a query says, or looks up a counter where it holds.

    sets: the named sets that the module has maps for, by name.
    """

    query: Query
    module: Module
    verdicts: Verdicts
    settings: Settings
    sets: Mapping[str, NamedSet]
    counter: int | None = None

    def decided(self) -> Proof:
        if self.settings.byteorder != "little":
            raise UnsupportedError("programs for big-endian machines are not proved")
        proof: Proof | None = None
        if not self.sets or not any_entries.begin_with(self.module, self.sets):
            proof = decide(self._subject(live=False))
        if self.sets and (proof is None or proof.verdict == "proved"):
            proof = decide(self._subject(live=True))
        assert proof is not None
        return proof

    def _subject(self, *, live: bool) -> Subject:
        """live: what is in the maps of named sets is not known, and counterexamples say it."""
        module, sets = self.module, self.sets
        packet = packet_at(module.hook)
        known = {each.name: each for each in module.maps if each.frozen or each.name in sets}
        names = {each.insn: each.symbol for each in module.function.references}
        symbols = Symbols(names, known, frozenset(sets if live else ()), self.counter)
        accept, reject = self.verdicts.accept, self.verdicts.reject
        words = module.function.instructions
        programs = encode(words, packet, module.hook, accept, reject, symbols)

        def run(sample: Sample, octets: bytes) -> Iterator[Ran]:
            given = any_entries.given(sets, sample.held) if live else {}
            with_entries = any_entries.module_with(module, given)
            yield self._ran(with_entries, sample, octets, None)
            if module.hook in _IN_PIECES:
                for piece in _PIECES[: len(octets)]:
                    yield self._ran(with_entries, sample, octets, piece)

        def asked(sample: Sample) -> Query:
            return any_entries.query_with(self.query, any_entries.given(sets, sample.held))

        about_sets = live and names_sets(self.query)
        return Subject(
            self.query,
            with_live_sets(self.settings) if about_sets else self.settings,
            packet,
            programs,
            run,
            rejects_as_it_accepts=accept == reject and self.counter in (None, NO_COUNTER),
            asked=asked if about_sets else None,
        )

    def _ran(self, module: Module, sample: Sample, octets: bytes, piece: int | None) -> Ran:
        metadata = metadata_of(sample)
        try:
            if self.counter is None or self.counter == NO_COUNTER:
                returned = verdict(module, octets, metadata, piece)
                accepts = returned == self.verdicts.accept
                known = accepts or returned == self.verdicts.reject
            else:
                returned, packets = counted(module, octets, metadata, piece)
                accepts = packets.get(self.counter, 0) == 1
                known = returned == self.verdicts.reject and packets.get(self.counter, 0) < 2
        except BpfqError:
            return Ran(None, None)
        return Ran(returned, accepts if known else None)
