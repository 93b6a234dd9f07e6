"""Level 3: the best program that a search within a budget finds, and proves.

descend    moves, from the program and from others of the query
exhaust    a program of up to ten instructions: all shorter ones of its alphabet
windows    a longer one: a few of its instructions by fewer
"""

from __future__ import annotations

from collections.abc import Sequence

from bpfq.analysis.prove import prove
from bpfq.analysis.subject import reference
from bpfq.errors import BpfqError
from bpfq.isa.cbpf import opcodes
from bpfq.isa.cbpf.check import MAX_INSTRUCTIONS, check
from bpfq.isa.cbpf.instructions import ANCILLARY, SockFilter
from bpfq.query.nodes import Query
from bpfq.settings import Settings
from bpfq.superopt.alphabet import alphabet
from bpfq.superopt.budget import Budget
from bpfq.superopt.descend import Descent
from bpfq.superopt.exhaust import is_shortest
from bpfq.superopt.flow import Flow, flow_of
from bpfq.superopt.gain import Gain
from bpfq.superopt.goal import Goal
from bpfq.superopt.judge import Judge
from bpfq.superopt.packets import packets
from bpfq.superopt.progress import Progress
from bpfq.superopt.starts import starts
from bpfq.superopt.windows import shorten

LONGEST = 64  # instructions of a program that is searched
_EXHAUSTED = 10  # instructions of a program that all shorter ones are tried against
_PACKET = 200  # bytes of the packets that cases are made from
_PLAIN = (bytes(_PACKET), bytes(place * 37 + 11 & 0xFF for place in range(_PACKET)))
_UNKNOWN = frozenset(ANCILLARY[name] for name in ("random", "nla", "nlan", "xor_x"))


def search(
    query: Query, words: tuple[SockFilter, ...], settings: Settings
) -> tuple[tuple[SockFilter, ...], Gain]:
    """A program of the query that is better than the one given, where one is found and proved."""
    flow, plain = flow_of(words), reference(query, settings)
    written = None if plain is None or not _is_known(plain) else flow_of(plain)
    if not flow or not written or len(words) > LONGEST or not settings.search_budget:
        return words, Gain(len(words), len(words), "instructions")
    flows = [flow, *filter(None, map(flow_of, starts(query, settings)))]
    goal = Goal(settings.optimise_for, settings.traffic, settings.accept)
    before = after = goal.figure_of(words)
    budget = Budget(settings.search_budget)
    progress = Progress(Judge(query, settings, written), goal, budget, flow, before)
    _learn(progress, words, [written, *flows])
    shortest = _run(progress, [written, *flows], flows)
    if progress.figure < before and _is_proved(query, goal.words(progress.best), settings):
        words, after = goal.words(progress.best), progress.figure
    return words, Gain(
        goal.told(before), goal.told(after), goal.unit(), budget.candidates, budget.proofs,
        progress.proved, shortest and len(words) == progress.size,
    )  # fmt: skip


def _learn(progress: Progress, words: tuple[SockFilter, ...], written: Sequence[Flow]) -> None:
    """The first cases; the bounds, by the programs that are right for them."""
    judge = progress.judge
    made = packets(written[:2], [judge.case(octets) for octets in _PLAIN])
    progress.learn(map(judge.judged, made))
    right = [progress.goal.words(flow) for flow in written if progress.is_right(flow)]
    progress.bounds = progress.goal.bounds([words, *right])


def _run(progress: Progress, written: Sequence[Flow], flows: Sequence[Flow]) -> bool:
    """Improve the best program; whether no shorter one of its alphabet exists."""
    limit = progress.budget.limit
    descent = Descent(progress)
    descent.run(flows, limit // 2)
    if progress.size <= _EXHAUSTED:
        return is_shortest(progress, alphabet([node for flow in written for node in flow]))
    while shorten(progress):
        descent.run([progress.best], limit // 8)
    return False


def _is_known(words: Sequence[SockFilter]) -> bool:
    """No load of a program gives something that a case does not say."""
    return not any(code in opcodes.ABSOLUTE_LOADS and k in _UNKNOWN for code, _, _, k in words)


def _is_proved(query: Query, words: tuple[SockFilter, ...], settings: Settings) -> bool:
    try:
        check(words, limit=settings.target.limit or MAX_INSTRUCTIONS)
    except BpfqError:
        return False
    return prove(query, words, settings).verdict == "proved"
