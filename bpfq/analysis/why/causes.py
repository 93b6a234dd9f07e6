"""The likely cause of a rejection: the first rule that recognises the packet has the word.

Rules go from what ends a filter, over headers in the way, to tests that are just not met; a rule
gives guesses, and of the fixes that a guess names only those are kept that match the packet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from bpfq.analysis.why import encapsulated, headers
from bpfq.analysis.why.clauses import Outcome, every, to_blame
from bpfq.analysis.why.fixes import Case, Fix, Guess, succeeds
from bpfq.graph.terms import Metadata, Term
from bpfq.graph.walk import subterms
from bpfq.query import nodes as q
from bpfq.targets import SKF_NET_OFF

_MOST_FIXES: Final = 3
_Rule = Callable[[Case], Iterator[Guess]]


def cause_and_fixes(case: Case) -> tuple[str | None, tuple[Fix, ...]]:
    """One sentence, or None where the clauses say all, and what would have matched."""
    for rule in _RULES:
        for guess in rule(case):
            fixes = dict.fromkeys(t.fix for t in guess.trials if succeeds(t, case))
            if fixes:
                return f"{guess.reason}.", tuple(fixes)[:_MOST_FIXES]
            if guess.certain:
                return f"{guess.reason}{guess.otherwise}.", ()
    return None, ()


def _ended(case: Case) -> Iterator[Guess]:
    """A read past the captured bytes, or a division by zero."""
    for step in every(case.root):
        stopped = step.decision.stopped
        if step.outcome is not Outcome.ENDED or stopped is None:
            continue
        words, captured, length = case.words(step), len(case.facts.packet), case.facts.length
        below = ", even below `not`" if _is_negated(case) else ""
        if stopped.end is None:
            yield Guess(f"`{words}` divides by zero here, which rejects the packet{below}")
        elif stopped.end.address >= SKF_NET_OFF:
            yield Guess(f"`{words}` reads the network header, which is not among the bytes given")
        elif captured < length:
            yield Guess(
                f"Only {captured} of the packet's {length} bytes were captured; `{words}` reads "
                f"further, which rejects the packet{below}"
            )
        else:
            yield Guess(
                f"The packet ends after {captured} bytes; `{words}` reads further, which rejects "
                f"the packet{below}"
            )


def _is_negated(case: Case) -> bool:
    """A ``not`` stands around the clause that ended the filter."""
    step = case.root
    while step.outcome is not Outcome.ENDED:
        if isinstance(step.node, q.Not):
            return True
        step = next(part for part in reversed(step.below) if part.outcome is not Outcome.SKIPPED)
    return False


def _never(case: Case) -> Iterator[Guess]:
    """What the link type decides without looking."""
    for step in to_blame(case.root):
        if step.node is None and step.outcome is Outcome.FALSE:
            yield Guess("The PPI record holds no 802.11 frame, and filters match no other")
        elif step.fixed is not None and step.decided:
            ever = "always" if step.fixed else "never"
            yield Guess(f"`{case.words(step)}` is {ever} true on {case.where}")


def _metadata(case: Case) -> Iterator[Guess]:
    """A word that the kernel would have supplied."""
    for step in to_blame(case.root):
        for one in step.decision.because:
            for name in _words_in(one.atom.term):
                if name not in case.given:
                    yield Guess(
                        f"The kernel's word {name} was not given with the packet and counts as 0"
                    )


def _words_in(term: Term) -> Iterator[str]:
    return (part.name for part in subterms(term) if isinstance(part, Metadata))


_RULES: Final[tuple[_Rule, ...]] = (
    _ended,
    _never,
    encapsulated.hidden_by_shims,
    _metadata,
    encapsulated.missing_shim,
    headers.later_fragment,
    headers.extension_header,
    encapsulated.in_a_tunnel,
    headers.other_family,
    headers.other_transport,
    headers.other_direction,
)
