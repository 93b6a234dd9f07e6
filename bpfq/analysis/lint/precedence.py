"""P: what the words seem to group, and what they group.

a and b or c          P01   read from left to right: (a and b) or c
not port 22 and 23    P02   "not" covers the first port only: (not port 22) and port 23
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bpfq.analysis.lint.edits import head_words, holds, spelled
from bpfq.analysis.lint.findings import Edit, Finding, Witness
from bpfq.analysis.lint.subject import Subject, brief
from bpfq.frontend.pcap.written import Group, Heir, Negation, Written
from bpfq.query import build
from bpfq.query.nodes import Query
from bpfq.source import Span

_MIXED = "'and' and 'or' have equal precedence and are read from left to right"
_MOST_JOINED = 500  # operands of one group up to which its parentheses are written out
_MOST_REPAIRED = 20  # findings with a fix and other readings: each reads the whole filter again

# ---------------------------------------------------------------- P01


def mixed(subject: Subject) -> Iterator[Finding]:
    """``and`` and ``or`` on one level of parentheses."""
    written = subject.written
    groups = () if written is None else written.groups
    unclear = (group for group in groups if len({each.word for each in group.joiners}) > 1)
    for number, group in enumerate(unclear):
        assert written is not None
        yield _mixed(subject, written, group, repaired=number < _MOST_REPAIRED)


def _mixed(subject: Subject, written: Written, group: Group, *, repaired: bool) -> Finding:
    if not repaired:
        return Finding("P01", "warning", _MIXED, (group.span,))
    readings = [
        (edits, meant, why)
        for word, why in _likely_first(written, group)
        if (meant := subject.other(edits := _wrapped(written, _runs(group, word)))) is not None
    ]
    witness, shows = _difference(subject, readings[0][1] if readings else None)
    return Finding(
        "P01",
        "warning",
        _MIXED,
        (group.span,),
        subject.fix(_wrapped(written, _left_to_right(group))),
        tuple(subject.suggestion(edits, group.span, why) for edits, _, why in readings),
        witness,
        shows,
    )


def _left_to_right(group: Group) -> list[Span]:
    """What is joined before the word changes, for every change: always from the first operand."""
    return [
        Span(group.operands[0].start, group.operands[at].end)
        for at in range(1, len(group.joiners))
        if group.joiners[at].word != group.joiners[at - 1].word
    ]


def _runs(group: Group, word: str) -> list[Span]:
    """The longest stretches that only this word joins."""
    runs: list[Span] = []
    first = 0
    for at in range(len(group.operands)):
        if at == len(group.joiners) or group.joiners[at].word != word:
            if at > first:
                runs.append(Span(group.operands[first].start, group.operands[at].end))
            first = at + 1
    return runs


def _wrapped(written: Written, spans: Iterable[Span]) -> list[Edit]:
    """Parentheses around each span; ids whose words end up in them are given their own."""
    spans = list(spans)
    if len(spans) > _MOST_JOINED:
        return []
    edits: dict[int, str] = {}
    for span in spans:
        edits[span.start] = edits.get(span.start, "") + "("
        edits[span.end] = edits.get(span.end, "") + ")"
    for heir in written.heirs:
        if any(holds(span, heir.head) and not holds(span, heir.span) for span in spans):
            edits[heir.span.start] = edits.get(heir.span.start, "") + head_words(written, heir)
    return [Edit(Span(at, at), text) for at, text in sorted(edits.items())]


def _likely_first(written: Written, group: Group) -> list[tuple[str, str]]:
    """The words, first the one that was meant to bind: ``and port 80 or 443`` has a list."""
    after_or = {
        operand.start
        for operand, joiner in zip(group.operands[1:], group.joiners, strict=True)
        if joiner.word == "or"
    }
    either = ("or", "the other grouping: 'or' first")
    both = ("and", "the other grouping: 'and' first")
    lists = any(heir.span.start in after_or for heir in written.heirs)
    return [either, both] if lists else [both, either]


def _difference(subject: Subject, meant: Query | None) -> tuple[Witness | None, str]:
    """A packet on which the filter and what was most likely meant differ."""
    if meant is None:
        return None, ""
    for one, other, shows in (
        (subject.query, meant, "matches as written, not as tried"),
        (meant, subject.query, "matches as tried, not as written"),
    ):
        witness = subject.oracle.example(build.all_of(one, build.negate(other)))
        if witness is not None:
            return witness, shows
    return None, ""


# ---------------------------------------------------------------- P02


def inherited_negation(subject: Subject) -> Iterator[Finding]:
    """An id behind ``not A and`` takes over A's words, but not its ``not``."""
    written, found = subject.written, 0
    for negation in written.negations if written is not None else ():
        assert written is not None
        heirs = [
            heir
            for heir in written.heirs
            if holds(negation.operand, heir.head) and not holds(negation.operand, heir.span)
        ]
        if heirs:
            found += 1
            yield _inherited(subject, written, negation, heirs, repaired=found <= _MOST_REPAIRED)


def _inherited(
    subject: Subject, written: Written, negation: Negation, heirs: list[Heir], *, repaired: bool
) -> Finding:
    covered = f"'{brief(subject.words(negation.operand))}'"
    first = f"{head_words(written, heirs[0])}{subject.words(heirs[0].span)}"
    message = f"'not' covers {covered} only; what follows is tested as '{first}'"
    spans = (Span(negation.word.start, negation.operand.end), *(heir.span for heir in heirs))
    if not repaired:
        return Finding("P02", "warning", message, spans)
    edits = _covering(written, negation, heirs)
    meant = subject.other(edits)
    witness, shows = _difference(subject, meant)
    last = heirs[-1].span
    return Finding(
        "P02",
        "warning",
        message,
        spans,
        subject.fix([spelled(written, heir) for heir in heirs]),
        ()
        if meant is None
        else (
            subject.suggestion(edits, Span(negation.word.start, last.end), "'not' for all of them"),
        ),
        witness,
        shows,
    )


def _covering(written: Written, negation: Negation, heirs: list[Heir]) -> list[Edit]:
    """Parentheses from what ``not`` covers to the last heir that follows without a break."""
    starts = {heir.span.start for heir in heirs}
    for group in written.groups:
        at = next((n for n, o in enumerate(group.operands) if o.start == negation.word.start), None)
        if at is None:
            continue
        last = at
        while last + 1 < len(group.operands) and group.operands[last + 1].start in starts:
            last += 1
        if last > at:
            return [
                Edit(Span(negation.operand.start, negation.operand.start), "("),
                *(Edit(joiner.span, "or") for joiner in group.joiners[at:last]),
                Edit(Span(group.operands[last].end, group.operands[last].end), ")"),
            ]
    return []
