"""Filters and options that might match a packet, and the trial that shows whether they do."""

from __future__ import annotations

from bpfq.analysis.why.clauses import Step, step_text
from bpfq.analysis.why.layers import Layer
from bpfq.analysis.why.trace import Decision, Facts, decide
from bpfq.backends.pyfunc import matcher
from bpfq.compiler import compile_query
from bpfq.errors import BpfqError, FilterError
from bpfq.frontend.pcap.parse import parse
from bpfq.lower.context import Context
from bpfq.lower.lower import lower
from bpfq.query import nodes as q
from bpfq.query.text import to_pcap
from bpfq.query.through import look_through
from bpfq.query.walk import map_leaves
from bpfq.record import record, replace
from bpfq.settings import Settings


@record
class Fix:
    """What matches the packet: another filter, or an option for the same one.

    text: to paste.  why: which other packets it takes in.
    """

    text: str
    why: str = ""


@record
class Case:
    """A packet that a filter rejects, and what is known about it; given: metadata names."""

    query: q.Query
    settings: Settings
    text: str | None
    facts: Facts
    layers: tuple[Layer, ...]
    root: Step
    context: Context
    given: frozenset[str]

    def words(self, step: Step) -> str:
        return step_text(step, self.text)

    @property
    def where(self) -> str:
        """The target or link type, and the family that it carries where there is one."""
        family = {"IPV4": " with IPv4 only", "IPV6": " with IPv6 only"}
        only = family.get(self.settings.link.name, "") if self.settings.target.layer == 3 else ""
        return f"{self.settings.where}{only}"

    @property
    def outer(self) -> tuple[Layer, ...]:
        """The headers that stand in no tunnel."""
        return tuple(layer for layer in self.layers if not layer.inner)

    def would(self, leaf: q.Leaf) -> Decision:
        """What another primitive is on this packet."""
        wide = look_through(leaf, self.settings.through)
        return decide(lower(wide, self.context), self.facts)

    def whole_text(self) -> str | None:
        """The filter as pcap text that stands for it alone, None where there is none."""
        if self.text is not None:
            try:
                if parse(self.text) == self.query:
                    return " ".join(self.text.split())
            except BpfqError:
                pass  # a name that only a resolver knows
        return pcap_text(self.query)

    def instead(self, leaf: q.Leaf, other: q.Query) -> str | None:
        """The filter as text, with another query in the place of one primitive."""
        return pcap_text(map_leaves(self.query, lambda one: other if one is leaf else one))


@record
class Trial:
    """A filter (None: the same) under options that might match."""

    fix: Fix
    settings: Settings
    filter: str | None = None


@record
class Guess:
    """A reason, and what would help; certain: it needs no trial that succeeds.

    otherwise: how the sentence goes on where nothing helps.
    """

    reason: str
    trials: tuple[Trial, ...] = ()
    certain: bool = True
    otherwise: str = ""


def pcap_text(query: q.Query) -> str | None:
    try:
        return to_pcap(query)
    except FilterError:
        return None


def other_filter(case: Case, text: str | None, why: str = "") -> tuple[Trial, ...]:
    """The trial of a filter text; nothing where the text could not be written."""
    return () if text is None else (Trial(Fix(text, why), case.settings, text),)


def option(case: Case, text: str, why: str, settings: Settings) -> tuple[Trial, ...]:
    """The trial of the same filter with one more option."""
    return (Trial(Fix(text, why), settings),) if settings != case.settings else ()


def through(case: Case, words: list[str], why: str) -> tuple[Trial, ...]:
    every = dict.fromkeys((*case.settings.through, *words))
    wanted = tuple(word for word in every if word != "vlan" or "qinq" not in every)
    text = f"--through {','.join(wanted)}"
    return option(case, text, why, replace(case.settings, through=wanted))


def succeeds(trial: Trial, case: Case) -> bool:
    """Compiles, and matches the packet."""
    try:
        query = case.query if trial.filter is None else parse(trial.filter)
        compiled = compile_query(query, replace(trial.settings, allow_empty=True))
    except BpfqError:
        return False
    facts = case.facts
    return matcher(compiled.graph)(facts.packet, facts.length, facts.metadata)
