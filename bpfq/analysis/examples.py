"""Packets on which two sides say what is wanted: real-looking ones first, each of them run.

a template           whole packets of common kinds, as they are
a template, steered  changed where two filters of one target test it
the solver's packet  with the bytes of a template, where it has a choice
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from bpfq.analysis.sides import Runner
from bpfq.analysis.witness.draft import RANDOM, Draft, begun
from bpfq.analysis.witness.found import finished, starts, steered
from bpfq.analysis.witness.templates import templates
from bpfq.errors import BpfqError
from bpfq.graphs import decide
from bpfq.query.build import all_of, negate
from bpfq.query.through import look_through
from bpfq.record import field, record, replace
from bpfq.settings import Settings
from bpfq.symbolic.propositions import FALSE, TRUE, Packet, Proposition, Reaches
from bpfq.symbolic.views import VLAN_WORDS, Sight, is_seen
from bpfq.symbolic.words import START

if TYPE_CHECKING:
    from bpfq.simplify.smt import Sample

Wanted: TypeAlias = tuple[bool, bool]

_MOST_STEPS = 100_000  # instructions run to look at templates
_MOST_WISHES = 128  # bytes
_MOST_BYTES = 1 << 24  # of a packet that is run


@record
class _Ran:
    """A template, what both sides say of it, and how many instructions they ran."""

    draft: Draft
    verdicts: tuple[bool | None, ...]
    steps: tuple[int, ...]


@record(frozen=False)
class Examples:
    """settings: of the packets, which each runner sees in its own view."""

    settings: Settings
    runners: Sequence[Runner]
    _ran: list[_Ran] = field(default_factory=list)

    def __post_init__(self) -> None:
        for draft in self._templates():
            before = [runner.steps for runner in self.runners]
            if sum(before) > _MOST_STEPS:
                break
            verdicts = self._verdicts(draft)
            steps = [runner.steps for runner in self.runners]
            taken = tuple(after - so_far for after, so_far in zip(steps, before, strict=True))
            self._ran.append(_Ran(draft, verdicts, taken))

    def _templates(self) -> list[Draft]:
        settings = self.settings
        made = []
        for template in templates(settings.target, settings.link, settings.savefile):
            draft = begun(template)
            metadata = {**self._unsaid(), **draft.metadata}
            made.append(replace(draft, metadata=metadata))
        return made

    def _unsaid(self) -> dict[str, int]:
        """The kernel's words that the programs read and no frame has in it."""
        names = sorted(set[str]().union(*(runner.metadata() for runner in self.runners)))
        if any(runner.view is not None for runner in self.runners):
            names = [name for name in names if name not in (*VLAN_WORDS, "proto")]
        return dict.fromkeys(names, 0)

    def _verdicts(self, draft: Draft) -> tuple[bool | None, ...]:
        sight = Sight(draft.octets, draft.length, draft.metadata)
        for runner in self.runners:
            if runner.view is not None and not is_seen(runner.view, sight):
                return (None, None)
        return tuple(runner.verdict(draft) for runner in self.runners)

    # ------------------------------------------------------------ three ways to a packet

    def likely(self, wanted: Wanted) -> Draft | None:
        """A template with the two verdicts, or one that steering makes."""
        for ran in self._ran:
            if ran.verdicts == wanted:
                return self._finished(ran.draft, wanted)
        found = self._steered(wanted)
        if found is None or self._verdicts(found) != wanted:
            return None
        return self._finished(found, wanted)

    def _steered(self, wanted: Wanted) -> Draft | None:
        left, right = self.runners
        if left.view is not None or not (left.is_short_filter and right.is_short_filter):
            return None
        settings = replace(left.side.settings, level=1, strict=False)
        parts = [
            runner.side.subject if verdict else negate(runner.side.subject)
            for runner, verdict in zip(self.runners, wanted, strict=True)
            if not isinstance(runner.side.subject, tuple)
        ]
        try:
            graph = decide(look_through(all_of(*parts), settings.through), settings)
        except BpfqError:
            return None
        return steered(graph, settings, starts(graph, settings))

    def wishes(self, packet: Packet) -> list[list[Proposition]]:
        """For some templates what makes a packet look like them, the least typical byte first."""
        made = []
        for template in self._furthest():
            octets = template.octets[:_MOST_WISHES]
            piece = template.template.piece
            wishes = [
                packet.member(packet.words.metadata(name), (value, value + 1))
                for name, value in template.metadata.items()
            ]
            for fixed, kept in ((False, False), (False, True), (True, False)):
                wishes += [
                    packet.member(packet.words.bytes(START, None, at, 1), (octet, octet + 1))
                    for at, octet in enumerate(octets)
                    if (at in piece.fixed, at in piece.kept and at not in piece.fixed)
                    == (fixed, kept)
                ]
                if kept:
                    wishes += _is_long(packet, len(octets))
            made.append(wishes)
        return made

    def solved(self, wanted: Wanted, samples: Sequence[Sample]) -> Draft | None:
        """The nearest of the solver's packets; None where running them shows something else."""
        drafts = []
        likes = self._furthest()
        for sample in samples:
            for like in likes:
                draft = _as_draft(sample, like)
                if draft is not None and self._verdicts(draft) == wanted:
                    drafts.append(draft)
        if not drafts:
            return None
        return self._finished(min(drafts, key=lambda draft: draft.cost), wanted)

    def _furthest(self) -> list[Draft]:
        """The template that keeps each side busy for longest, and both together."""
        keys: list[Callable[[_Ran], int]] = [
            lambda ran: sum(ran.steps),
            lambda ran: ran.steps[0],
            lambda ran: ran.steps[1],
        ]
        chosen = [max(self._ran, key=key).draft for key in keys] if self._ran else []
        return [draft for number, draft in enumerate(chosen) if draft not in chosen[:number]]

    def _finished(self, draft: Draft, wanted: Wanted) -> Draft:
        return finished(draft, lambda changed: self._verdicts(changed) == wanted)


def _is_long(packet: Packet, size: int) -> list[Proposition]:
    """No longer, and no shorter."""
    return [
        packet.decide(Reaches(START, None, size + 1), FALSE, TRUE),
        packet.captured(START, None, size),
    ]


def _as_draft(sample: Sample, like: Draft) -> Draft | None:
    if len(sample.octets) > _MOST_BYTES:
        return None
    metadata = {**like.metadata, **sample.metadata}
    if sample.draws:
        metadata[RANDOM] = next(iter(sample.draws.values()))
    return replace(
        like,
        octets=sample.octets,
        length=sample.wire_length,
        metadata=metadata,
        network_header=sample.network_header or like.network_header,
    )
