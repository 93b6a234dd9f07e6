"""Which packets does one filter accept and another not?

    only left     left accepts and right rejects
    only right    right accepts and left rejects
    both          both accept

Only packets count that both sides decide from their captured bytes.  Where a filter reads past
them it rejects without knowing, and one with the same clauses in another order does so elsewhere.

"There is one" comes with a packet that was run; "there is none" is a proof.  Filters for two
targets are compared over frames that arrive at both, each filter on what its target shows of them.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from bpfq.analysis.decide import Questions, Undecided
from bpfq.analysis.examples import Examples
from bpfq.analysis.sides import Runner, Side, proposition_of
from bpfq.analysis.witness.draft import Draft
from bpfq.analysis.witness.found import Witness, shown
from bpfq.errors import UnsupportedError
from bpfq.record import record, replace
from bpfq.settings import Settings, link_type
from bpfq.symbolic.propositions import (
    FALSE,
    TRUE,
    Accepts,
    Every,
    Opposite,
    Packet,
    Proposition,
)
from bpfq.symbolic.views import View, arrives, seen, view_of
from bpfq.targets import TARGETS

Relation: TypeAlias = Literal["equal", "subset", "superset", "overlapping", "disjoint", "undecided"]

_RELATIONS: dict[tuple[bool, bool, bool], Relation] = {  # only left, only right, both
    (False, False, True): "equal",
    (False, False, False): "equal",
    (False, True, True): "subset",
    (False, True, False): "subset",
    (True, False, True): "superset",
    (True, False, False): "superset",
    (True, True, True): "overlapping",
    (True, True, False): "disjoint",
}


@record
class Comparison:
    """How two filters relate, and a packet of each kind that there is.

    relation: of the packets that the left one accepts to those of the right one: "equal", "subset",
    "superset", "overlapping", "disjoint", or "undecided" when the budget was spent.
    """

    relation: Relation
    only_left: Witness | None
    only_right: Witness | None
    both: Witness | None


@record
class _Pair:
    """What both sides see: a packet, and how each sees it; None where it is theirs as it is."""

    packet: Packet
    settings: Settings
    views: tuple[View | None, View | None]
    arrives: Proposition


def compare(left: Side, right: Side) -> Comparison:
    """Decide how the packets of two sides relate.

    Raises UnsupportedError for a filter that its target cannot see, a program with a loop, or two
    targets that never see the same frame; FilterError for a program that no machine takes.
    """
    pair = _pair(left.settings, right.settings)
    sides = tuple(zip((left, right), pair.views, strict=True))
    propositions = [
        proposition_of(side, pair.packet if view is None else seen(pair.packet, view))
        for side, view in sides
    ]
    examples = Examples(pair.settings, [Runner(side, view) for side, view in sides])
    kernel = left.settings.target.metadata or right.settings.target.metadata
    questions = Questions(pair.packet, wire_is_captured=kernel)
    found: list[Witness | None] = []
    undecided = False
    for wanted in ((True, False), (False, True), (True, True)):
        parts = [
            Accepts(one if verdict else Opposite(one))
            for one, verdict in zip(propositions, wanted, strict=True)
        ]
        try:
            draft = _find(wanted, Every((pair.arrives, *parts)), pair.packet, questions, examples)
        except Undecided:
            draft, undecided = None, True
        found.append(None if draft is None else shown(draft, pair.settings))
    only_left, only_right, both = found
    relation = _RELATIONS[only_left is not None, only_right is not None, both is not None]
    return Comparison("undecided" if undecided else relation, only_left, only_right, both)


def _find(
    wanted: tuple[bool, bool],
    proposition: Proposition,
    packet: Packet,
    questions: Questions,
    examples: Examples,
) -> Draft | None:
    """A packet with the two verdicts, None where there is none; raises Undecided."""
    left = questions.left(proposition)
    if left is FALSE:
        return None
    likely = examples.likely(wanted)
    if likely is not None:
        return likely
    samples = questions.solve(left, examples.wishes(packet))
    if not samples:
        return None
    draft = examples.solved(wanted, samples)
    if draft is None:
        raise Undecided
    return draft


def _pair(left: Settings, right: Settings) -> _Pair:
    packet = Packet()
    if (left.target, left.link) == (right.target, right.link):
        return _Pair(packet, left, (None, None), TRUE)
    views = (view_of(left.target, left.link), view_of(right.target, right.link))
    if views[0].link != views[1].link:
        raise UnsupportedError(
            f"{_place(left)} and {_place(right)} never see the same frame: "
            "compare filters for one link type"
        )
    settings = replace(left, target=TARGETS["file"], link=link_type(views[0].link))
    arrive = Every(tuple(Accepts(arrives(packet, view)) for view in views))
    return _Pair(packet, settings, views, arrive)


def _place(settings: Settings) -> str:
    return f"target '{settings.target.name}' on DLT_{settings.link.name}"
