"""A classic program as a query: proposed by a search, believed when it is proved.

program  ->  expressions  ->  text    ->  query  ->  proof
             (proposals)      (text)      (parse)    (analysis.prove)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal as OneOf
from typing import TypeAlias

from bpfq.analysis.decompile.gaps import Gap, gap_of
from bpfq.analysis.decompile.literals import Expression, count, numbered, to_query
from bpfq.analysis.decompile.proposals import expressions
from bpfq.analysis.decompile.reads import with_read
from bpfq.analysis.decompile.space import Exhausted, Space, space_of
from bpfq.analysis.decompile.text import to_text, with_gaps
from bpfq.analysis.prove import Counterexample, prove
from bpfq.errors import BpfqError, UnsupportedError
from bpfq.frontend.pcap.parse import parse
from bpfq.isa.cbpf.instructions import SockFilter
from bpfq.query.nodes import Query
from bpfq.record import record
from bpfq.settings import Settings
from bpfq.symbolic.diagram import TooLarge
from bpfq.symbolic.propositions import Proposition

BUDGET = 1_500_000  # intervals of diagrams, some ten seconds of work
_MOST_PARTS = 400  # of an expression that is proved
_MOST_READS = 6  # loads that are added for their own sake
_BYTES = "ip6["  # what compares bytes of an address may be meant as a network
_CUT_SHORT = "a packet that is cut short may be rejected where the filter would accept it"

Verdict: TypeAlias = OneOf["proved", "partial", "undecided"]


@record
class Decompiled:
    """A query read out of a program.

    text: the filter text; where not all was recovered, ``<0>``, ``<1>``, ... stand for the gaps.
    query: the text's query, None where there are gaps.  verdict: "proved", equal on every packet
    as ``analysis.prove`` has it; "partial", with gaps; "undecided", the budget was spent.
    """

    text: str
    query: Query | None
    verdict: Verdict
    gaps: tuple[Gap, ...] = ()

    @property
    def proved(self) -> bool:
        return self.verdict == "proved"


def decompile(
    words: Sequence[SockFilter], settings: Settings, *, budget: int = BUDGET
) -> Decompiled:
    """The query of a program that runs where the settings say.

    Raises FilterError for a program that no machine takes.
    """
    space = space_of(settings, budget)
    try:
        program = space.program(words)
    except UnsupportedError as error:
        return Decompiled("<0>", None, "partial", (Gap((), error.message),))
    best = _best(words, program, space, ipv6=False)
    if best is not None and _BYTES in best.text:
        other = _best(words, program, space, ipv6=True)
        if other is not None and (other.proved, -len(other.text)) > (best.proved, -len(best.text)):
            return other
    if best is None:
        gap = Gap(tuple(range(len(words))), "more work than the budget allows")
        return Decompiled("<0>", None, "undecided", (gap,))
    return best


def _best(
    words: Sequence[SockFilter], program: Proposition, space: Space, *, ipv6: bool
) -> Decompiled | None:
    """The first attempt that is proved, else the first; None where the budget is spent before."""
    best: Decompiled | None = None
    try:
        for attempt in _attempts(words, program, space, ipv6=ipv6):
            if attempt.proved:
                return attempt
            best = best or attempt
    except (TooLarge, Exhausted):
        pass
    return best


def _attempts(
    words: Sequence[SockFilter], program: Proposition, space: Space, *, ipv6: bool
) -> Iterator[Decompiled]:
    """Every expression as it is, then with the loads that the program makes besides."""
    short: list[tuple[Expression, Counterexample]] = []
    for expression in expressions(program, space, ipv6=ipv6):
        made, found = _checked(expression, words, space.settings, program)
        yield made
        if made.verdict == "undecided":
            return  # another order would be no easier to prove
        if found is not None:
            short.append((expression, found))
    for expression, found in short:
        for _ in range(_MOST_READS):
            longer = with_read(expression, found, words, space)
            if longer is None:
                break
            made, another = _checked(longer, words, space.settings, program)
            yield made
            if another is None:
                break
            expression, found = longer, another


def _checked(
    expression: Expression, words: Sequence[SockFilter], settings: Settings, program: Proposition
) -> tuple[Decompiled, Counterexample | None]:
    """What the expression is worth, and a packet on which it differs from the program."""
    expression, missing = numbered(expression)
    if missing:
        gaps = (gap_of(words, program),) * missing
        return Decompiled(with_gaps(expression), None, "partial", gaps), None
    if count(expression) > _MOST_PARTS:
        raise Exhausted
    try:
        text = to_text(to_query(expression))
        query = parse(text)
    except BpfqError as error:
        return Decompiled("<0>", None, "partial", (Gap((), error.message),)), None
    proof = prove(query, words, settings)
    found = proof.counterexample
    if proof.verdict == "proved":
        return Decompiled(text, query, "proved"), None
    if found is None or not found.filter_accepts:
        return Decompiled(text, query, "undecided", (Gap((), "the proof is not finished"),)), None
    return Decompiled(text, query, "partial", (Gap((), _CUT_SHORT),)), found
