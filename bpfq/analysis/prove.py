"""Does a program do what its filter says?  On every packet, not on some.

    filter in order, short packets reject  =>  program accepts  =>  filter, whatever was cut off

Both implications are decided over one symbolic packet, where the program is decoded again from its
words.  A strict program equals the left side.  A counterexample is run before it is believed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from bpfq.analysis.decide import Questions, Undecided
from bpfq.analysis.subject import meaning_of, program_of, reference, traced
from bpfq.analysis.witness.wire import on_wire
from bpfq.capture.summary import summary
from bpfq.errors import RefutedError, UndecidedError
from bpfq.isa.cbpf.instructions import SockFilter
from bpfq.query.nodes import Query
from bpfq.query.walk import leaves
from bpfq.record import field, record, replace
from bpfq.settings import Settings
from bpfq.symbolic.formula import SEQUENTIAL, TOTAL
from bpfq.symbolic.propositions import Accepts, Every, Opposite, Packet, Proposition
from bpfq.symbolic.views import is_whole

if TYPE_CHECKING:
    from bpfq.simplify.smt import Sample

Verdict: TypeAlias = Literal["proved", "refuted", "undecided"]

_SHOWN = 64  # bytes of a counterexample in a message
_MANY = 2000  # primitives; of longer lists what is proved is more: they accept more short packets
_SHORT = (34, 64, 128, 256)  # bytes of a packet that one likes to look at
_LONGEST = 1 << 17  # bytes of a packet that is run; a counterexample that needs more stays open


@record
class Counterexample:
    """A packet on which filter and program differ.

    returned: what the program returned for it, None where it is refused when it is run.  completed:
    the packet with bytes that may have followed, where the filter rejects it only when those are
    seen; else None.  summary: a line about it.  sets: of named sets that may change the keys that
    are in them, as bytes of the packet, and no others; none for sets that are what they are.
    """

    octets: bytes
    wire_length: int
    metadata: dict[str, int]
    network_header: bytes
    filter_accepts: bool
    returned: int | None
    completed: bytes | None = None
    summary: str = ""
    sets: Mapping[str, tuple[bytes, ...]] = field(default_factory=dict)


@record
class Proof:
    """verdict: "proved", "refuted" with a counterexample, or "undecided": the budget was spent.

    solved: of the two halves, how many needed the solver.
    """

    verdict: Verdict
    counterexample: Counterexample | None = None
    solved: int = 0


class Ran(NamedTuple):
    """What a program returned, None for an error, and what that says; None: neither verdict."""

    returned: int | None
    accepts: bool | None


@record
class Subject:
    """A program that is to say what a query says.

    programs: TRUE where it accepts, FALSE where it rejects, FAULT where it does neither; each of
    them has to.  run: the program, run on bytes in place of those of the sample, in every way that
    a packet may lie.  rejects_as_it_accepts: it tells no packets apart.  asked: the query with the
    entries that a sample gives to named sets, None where those of the query count.
    """

    query: Query
    settings: Settings
    packet: Packet
    programs: Sequence[Proposition]
    run: Callable[[Sample, bytes], Iterable[Ran]]
    rejects_as_it_accepts: bool = False
    asked: Callable[[Sample], Query] | None = None


def prove(query: Query, words: Sequence[SockFilter], settings: Settings) -> Proof:
    """Decide whether the program does what the query says where the settings say.

    Raises UnsupportedError for a query the target cannot see or a program with a loop, and
    FilterError for one that no machine takes.
    """
    packet = Packet()
    program = Accepts(program_of(words, settings, packet))

    def run(sample: Sample, octets: bytes) -> Iterable[Ran]:
        returned = _run(words, sample, octets, settings)
        return (Ran(returned, bool(returned)),)

    return decide(Subject(query, settings, packet, (program,), run))


def decide(subject: Subject) -> Proof:
    """Decide whether the subject does what its query says."""
    target = subject.settings.target
    questions = Questions(subject.packet, target.metadata or target.hook is not None)
    left_open = False
    for wanted in _wrong(subject):
        try:
            found = questions.find(_arriving(wanted, subject))
        except Undecided:
            left_open = True
            continue
        shown = None if found is None else _shortest(found, subject)
        if shown is not None:
            return Proof("refuted", shown, questions.solved)
        left_open = left_open or found is not None
    return Proof("undecided" if left_open else "proved", solved=questions.solved)


def require_proof(query: Query, words: Sequence[SockFilter], settings: Settings) -> None:
    """Raise RefutedError or UndecidedError unless the program does what the query says."""
    require(prove(query, words, settings))


def require(proof: Proof) -> None:
    """Raise RefutedError or UndecidedError unless it is proved."""
    if proof.verdict == "undecided":
        raise UndecidedError("whether the program does what the filter says was not decided")
    shown = proof.counterexample
    if shown is not None:
        returns = "is refused" if shown.returned is None else f"returns {shown.returned}"
        raise RefutedError(
            f"the program does not do what the filter says: it {returns} for "
            f"{shown.summary}, {len(shown.octets)} bytes: {shown.octets[:_SHOWN].hex()}"
            f"{'...' if len(shown.octets) > _SHOWN else ''}"
        )


def _wrong(subject: Subject) -> Iterable[Proposition]:
    """What holds where the program does not say what the query says."""
    query, settings, packet = subject.query, subject.settings, subject.packet
    join = not settings.strict and sum(1 for _ in leaves(query)) > _MANY
    sequential = most = Accepts(meaning_of(query, settings, packet, SEQUENTIAL, join=join))
    if not settings.strict:
        most = Accepts(meaning_of(query, settings, packet, TOTAL, join=join))
    for program in subject.programs:
        accepts = program if isinstance(program, Accepts) else Accepts(program)
        if not subject.rejects_as_it_accepts:
            yield _only(sequential, accepts)
            yield _only(accepts, most)
        if accepts is not program:
            yield Every((Opposite(accepts), Opposite(Accepts(Opposite(program)))))


def _arriving(wanted: Proposition, subject: Subject) -> Proposition:
    """Of packets that the target shows: no fragments where they are reassembled before."""
    target = subject.settings.target
    if not target.reassembled or target.transport_at is not None:
        return wanted
    return Every((wanted, is_whole(subject.packet, target.network_at)))


def _only(left: Proposition, right: Proposition) -> Proposition:
    """Left accepts and right does not."""
    return Every((left, Opposite(right)))


# ---------------------------------------------------------------- counterexamples are run


def _shortest(sample: Sample, subject: Subject) -> Counterexample | None:
    """A counterexample of few bytes where the first of them are one already."""
    for size in _SHORT:
        if size < len(sample.octets):
            shown = _confirmed(_cut(sample, size), subject)
            if shown is not None:
                return shown
    return _confirmed(sample, subject)


def _cut(sample: Sample, size: int) -> Sample:
    """The packet ends at size; what stood behind may have followed."""
    behind = dict(enumerate(sample.octets[size:], size))
    whole = sample.wire_length == len(sample.octets)
    return replace(
        sample,
        octets=sample.octets[:size],
        beyond={**behind, **sample.beyond},
        wire_length=size if whole else sample.wire_length,
    )


def _confirmed(sample: Sample, subject: Subject) -> Counterexample | None:
    """The sample as a counterexample, when the interpreter agrees that it is one."""
    settings = subject.settings
    query = subject.query if subject.asked is None else subject.asked(sample)
    plain = reference(query, settings)
    if plain is None or len(sample.octets) > _LONGEST:
        return None
    wanted = bool(_run(plain, sample, sample.octets, settings))
    for ran in subject.run(sample, sample.octets):
        if ran.accepts is None or (wanted and not ran.accepts):
            return _counterexample(sample, settings, wanted, ran.returned)
        if wanted or not ran.accepts or subject.rejects_as_it_accepts:
            continue
        if settings.strict:
            return _counterexample(sample, settings, wanted, ran.returned)
        completed = _completed(sample)
        if completed is not None and not _run(plain, sample, completed, settings):
            further = completed if len(completed) > len(sample.octets) else None
            return _counterexample(sample, settings, wanted, ran.returned, further)
    return None


def _completed(sample: Sample) -> bytes | None:
    """The packet and what the sample says about the bytes after it; None where that is too far.

    Nothing is read further than 64 KiB behind what the sample names, in any filter of use.
    """
    end = max(sample.beyond, default=len(sample.octets)) + 1
    if end > _LONGEST:
        return None
    octets = bytearray(sample.octets.ljust(end + _LONGEST, b"\0"))
    for address, value in sample.beyond.items():
        octets[address] = value
    return bytes(octets)


def _run(words: Sequence[SockFilter], sample: Sample, octets: bytes, settings: Settings) -> int:
    return traced(
        words, settings, octets, wire_length=sample.wire_length, metadata=metadata_of(sample),
        network_header=sample.network_header,
    ).verdict  # fmt: skip


def metadata_of(sample: Sample) -> dict[str, int]:
    metadata = dict(sample.metadata)
    if sample.draws:
        metadata["random"] = next(iter(sample.draws.values()))
    return metadata


def _counterexample(
    sample: Sample,
    settings: Settings,
    filter_accepts: bool,
    returned: int | None,
    completed: bytes | None = None,
) -> Counterexample:
    metadata = metadata_of(sample)
    frame = on_wire(settings, sample.octets, sample.wire_length, metadata, sample.network_header)
    return Counterexample(
        sample.octets,
        sample.wire_length,
        metadata,
        sample.network_header,
        filter_accepts,
        returned,
        completed,
        summary(frame.link, frame.octets),
        sample.held,
    )
