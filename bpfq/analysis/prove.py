"""Does a program do what its filter says?  On every packet, not on some.

    filter in order, short packets reject  =>  program accepts  =>  filter, whatever was cut off

Both implications are decided over one symbolic packet, where the program is decoded again from its
words.  A strict program equals the left side.  A counterexample is run before it is believed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias

from bpfq.analysis.decide import Questions, Undecided
from bpfq.analysis.subject import meaning_of, program_of, reference, traced
from bpfq.analysis.witness.wire import on_wire
from bpfq.capture.summary import summary
from bpfq.errors import RefutedError, UndecidedError
from bpfq.isa.cbpf.instructions import SockFilter
from bpfq.query.nodes import Query
from bpfq.record import record, replace
from bpfq.settings import Settings
from bpfq.symbolic.formula import SEQUENTIAL, TOTAL
from bpfq.symbolic.propositions import Accepts, Every, Opposite, Packet, Proposition

if TYPE_CHECKING:
    from bpfq.simplify.smt import Sample

Verdict: TypeAlias = Literal["proved", "refuted", "undecided"]

_SHOWN = 64  # bytes of a counterexample in a message
_SHORT = (34, 64, 128, 256)  # bytes of a packet that one likes to look at
_LONGEST = 1 << 17  # bytes of a packet that is run; a counterexample that needs more stays open


@record
class Counterexample:
    """A packet on which filter and program differ.

    returned: what the program returned for it.  completed: the packet with bytes that may have
    followed, where the filter rejects it only when those are seen; else None.  summary: a line
    about it.
    """

    octets: bytes
    wire_length: int
    metadata: dict[str, int]
    network_header: bytes
    filter_accepts: bool
    returned: int
    completed: bytes | None = None
    summary: str = ""


@record
class Proof:
    """verdict: "proved", "refuted" with a counterexample, or "undecided": the budget was spent.

    solved: of the two halves, how many needed the solver.
    """

    verdict: Verdict
    counterexample: Counterexample | None = None
    solved: int = 0


def prove(query: Query, words: Sequence[SockFilter], settings: Settings) -> Proof:
    """Decide whether the program does what the query says where the settings say.

    Raises UnsupportedError for a query the target cannot see or a program with a loop, and
    FilterError for one that no machine takes.
    """
    packet = Packet()
    questions = Questions(packet, wire_is_captured=settings.target.metadata)
    program = Accepts(program_of(words, settings, packet))
    sequential = Accepts(meaning_of(query, settings, packet, SEQUENTIAL))
    most = sequential
    if not settings.strict:
        most = Accepts(meaning_of(query, settings, packet, TOTAL))
    try:
        found = _first(questions, _only(sequential, program), _only(program, most))
    except Undecided:
        return Proof("undecided", solved=questions.solved)
    if found is None:
        return Proof("proved", solved=questions.solved)
    shown = _shortest(found, query, words, settings)
    verdict: Verdict = "undecided" if shown is None else "refuted"
    return Proof(verdict, shown, questions.solved)


def require_proof(query: Query, words: Sequence[SockFilter], settings: Settings) -> None:
    """Raise RefutedError or UndecidedError unless the program does what the query says."""
    proof = prove(query, words, settings)
    if proof.verdict == "undecided":
        raise UndecidedError("whether the program does what the filter says was not decided")
    shown = proof.counterexample
    if shown is not None:
        raise RefutedError(
            f"the program does not do what the filter says: it returns {shown.returned} for "
            f"{shown.summary}, {len(shown.octets)} bytes: {shown.octets[:_SHOWN].hex()}"
            f"{'...' if len(shown.octets) > _SHOWN else ''}"
        )


def _only(left: Proposition, right: Proposition) -> Proposition:
    """Left accepts and right does not."""
    return Every((left, Opposite(right)))


def _first(questions: Questions, *wanted: Proposition) -> Sample | None:
    for one in wanted:
        found = questions.find(one)
        if found is not None:
            return found
    return None


# ---------------------------------------------------------------- counterexamples are run


def _shortest(
    sample: Sample, query: Query, words: Sequence[SockFilter], settings: Settings
) -> Counterexample | None:
    """A counterexample of few bytes where the first of them are one already."""
    for size in _SHORT:
        if size < len(sample.octets):
            shown = _confirmed(_cut(sample, size), query, words, settings)
            if shown is not None:
                return shown
    return _confirmed(sample, query, words, settings)


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


def _confirmed(
    sample: Sample, query: Query, words: Sequence[SockFilter], settings: Settings
) -> Counterexample | None:
    """The sample as a counterexample, when the interpreter agrees that it is one."""
    plain = reference(query, settings)
    if plain is None or len(sample.octets) > _LONGEST:
        return None
    returned = _run(words, sample, sample.octets, settings)
    wanted = bool(_run(plain, sample, sample.octets, settings))
    if wanted and not returned:
        return _counterexample(sample, settings, returned)
    if not returned:
        return None
    if settings.strict:
        return None if wanted else _counterexample(sample, settings, returned)
    completed = _completed(sample)
    if completed is None or _run(plain, sample, completed, settings):
        return None
    further = completed if len(completed) > len(sample.octets) else None
    return _counterexample(sample, settings, returned, further)


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
        words, settings, octets, wire_length=sample.wire_length, metadata=_metadata(sample),
        network_header=sample.network_header,
    ).verdict  # fmt: skip


def _metadata(sample: Sample) -> dict[str, int]:
    metadata = dict(sample.metadata)
    if sample.draws:
        metadata["random"] = next(iter(sample.draws.values()))
    return metadata


def _counterexample(
    sample: Sample, settings: Settings, returned: int, completed: bytes | None = None
) -> Counterexample:
    """The filter says the opposite of what the program returned."""
    metadata = _metadata(sample)
    frame = on_wire(settings, sample.octets, sample.wire_length, metadata, sample.network_header)
    return Counterexample(
        sample.octets,
        sample.wire_length,
        metadata,
        sample.network_header,
        not returned,
        returned,
        completed,
        summary(frame.link, frame.octets),
    )
