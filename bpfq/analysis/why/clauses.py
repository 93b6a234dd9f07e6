"""A query evaluated clause by clause on one packet: the tree behind ``bpfq why``.

Each primitive is lowered alone and decided in the order of the sequential reading; what a link
type decides without looking is known before anything is read, as in the program.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Final

from bpfq.analysis.phrases import phrase
from bpfq.analysis.why.layers import Layer
from bpfq.analysis.why.readings import Names, Reading
from bpfq.analysis.why.trace import Decision, Facts, decide, holds
from bpfq.errors import FilterError
from bpfq.graph.formula import TRUE, Fixed, Formula, either
from bpfq.headers.linktype import captured_80211
from bpfq.lower.context import Context
from bpfq.lower.lower import lower
from bpfq.query import nodes as q
from bpfq.query.structure import Node
from bpfq.query.text import to_pcap, to_python
from bpfq.query.through import look_through
from bpfq.query.walk import map_unders, operands
from bpfq.record import field, record, replace
from bpfq.source import Span


class Outcome(Enum):
    """What became of a clause."""

    TRUE = "true"
    FALSE = "false"
    SKIPPED = "not evaluated"
    ENDED = "ended the filter"  # a load past the captured bytes, or a division by zero


@record(eq=False, repr=False)
class Clause(Node):
    """A part of the filter and what became of it on the packet.

    text: as written; "and", "or", "not", "when" above other clauses.  role: "if", "then", "else"
    below a "when".  readings: what settled the outcome.  reads: all that was read, in order.  note:
    why nothing was read, where nothing was.  decided: the verdict on the packet fell here.  span:
    in the filter text.
    """

    text: str
    outcome: Outcome
    readings: tuple[Reading, ...] = ()
    reads: tuple[Reading, ...] = ()
    note: str = ""
    decided: bool = False
    role: str = ""
    span: Span | None = None
    operands: tuple[Clause, ...] = ()


@record(frozen=False, eq=False)
class Step:
    """A node of the query on its way to a clause; fixed: known before anything is read."""

    node: q.Query | None  # None: the guard of a link type
    below: list[Step]
    formula: Formula | None = None  # of a primitive
    alternatives: tuple[tuple[Formula, Formula], ...] = ()  # behind tunnels: is one there, and it
    fixed: bool | None = None
    outcome: Outcome = Outcome.SKIPPED
    at: int = 0  # operands that are settled
    decision: Decision = field(default_factory=lambda: Decision(None))
    decided: bool = False

    @property
    def leaf(self) -> q.Leaf | None:
        """The primitive, None above other clauses."""
        if self.node is None or self.below:
            return None
        return self.node  # type: ignore[return-value]  # without operands: a leaf


def evaluated(query: q.Query, context: Context, facts: Facts, through: tuple[str, ...]) -> Step:
    """The query's steps, with their outcomes on the packet."""
    root = _steps(query, context, through)
    guard = captured_80211(context.headers)
    if guard is not TRUE:
        root = Step(None, [Step(None, [], guard), root], fixed=_fixed_and(root))
    _run(root, facts)
    _mark(root)
    return root


def _fixed_and(root: Step) -> bool | None:
    return False if root.fixed is False else None


# ---------------------------------------------------------------- what is known before


def _steps(query: q.Query, context: Context, through: tuple[str, ...]) -> Step:
    done: list[Step] = []
    work: list[tuple[q.Query, bool]] = [(query, False)]
    while work:
        node, ready = work.pop()
        below = operands(node)
        if below and not ready:
            work.append((node, True))
            work.extend((part, False) for part in reversed(below))
        elif below:
            parts = done[-len(below) :]
            del done[-len(below) :]
            done.append(Step(node, parts, fixed=_fixed(node, parts)))
        else:
            done.append(_primitive(node, context, through))
    return done[0]


def _primitive(node: q.Query, context: Context, through: tuple[str, ...]) -> Step:
    """A primitive; ``through`` makes it a choice of places, the first of them before any tunnel."""
    wide = look_through(node, through)
    choices = wide.operands if isinstance(wide, q.Or) else (wide,)
    formulas = [lower(choice, context) for choice in choices]
    formula = either(*formulas)
    tunnels = tuple(
        (lower(choice.operands[0], context), part)
        for choice, part in zip(choices, formulas, strict=True)
        if isinstance(choice, q.And)
    )
    fixed = formula.value if isinstance(formula, Fixed) else None
    return Step(node, [], formula, ((TRUE, formulas[0]), *tunnels), fixed)


def _fixed(node: q.Query, parts: list[Step]) -> bool | None:
    values = [part.fixed for part in parts]
    match node:
        case q.And():
            return False if False in values else None if None in values else True
        case q.Or():
            return True if True in values else None if None in values else False
        case q.Not():
            return None if values[0] is None else not values[0]
        case _:
            return None if values[0] is None else values[1 if values[0] else 2]


# ---------------------------------------------------------------- evaluation


def _run(root: Step, facts: Facts) -> None:
    """Settle every step that the sequential reading comes to."""
    open_steps = [root]
    while open_steps:
        step = open_steps[-1]
        if step.fixed is not None:
            step.outcome = _truth(step.fixed)
            _show_fixed(step)
            open_steps.pop()
            continue
        if step.formula is not None:
            _settle(step, step.formula, facts)
            open_steps.pop()
            if step.outcome is Outcome.ENDED:
                for waiting in open_steps:  # nothing around it matters any more
                    waiting.outcome = Outcome.FALSE
                return
            continue
        following = _following(step)
        if following is None:
            open_steps.pop()
        else:
            open_steps.append(following)


def _truth(value: bool) -> Outcome:
    return Outcome.TRUE if value else Outcome.FALSE


def _show_fixed(step: Step) -> None:
    """Below what is known, show what made it known."""
    work = [step]
    while work:
        item = work.pop()
        for part in item.below:
            if part.fixed is not None:
                part.outcome = _truth(part.fixed)
                work.append(part)


def _settle(step: Step, formula: Formula, facts: Facts) -> None:
    decision = decide(formula, facts)
    if decision.holds is None:
        step.outcome = Outcome.ENDED
    else:
        step.outcome = _truth(decision.holds)
        if not decision.holds and len(step.alternatives) > 1:
            there = [part for guard, part in step.alternatives if holds(guard, facts)]
            decision = replace(decide(there[-1], facts), seen=decision.seen)
    step.decision = decision


def _following(step: Step) -> Step | None:
    """The operand to settle next; None where the step's own outcome is settled now."""
    while step.at:
        last = step.below[step.at - 1]
        match step.node:
            case q.Not():
                step.outcome = _truth(last.outcome is Outcome.FALSE)
                return None
            case q.When():
                if step.at > 1:
                    step.outcome = last.outcome
                    return None
                step.at = 2 if last.outcome is Outcome.TRUE else 3
                return step.below[step.at - 1]
            case q.Or():
                end = Outcome.TRUE
            case _:
                end = Outcome.FALSE
        if last.outcome is end or step.at == len(step.below):
            step.outcome = last.outcome
            return None
        break
    step.at += 1
    return step.below[step.at - 1]


# ---------------------------------------------------------------- where it was decided


def _mark(root: Step) -> None:
    """The one clause that settled the verdict; none where all operands of the root did."""
    for step in every(root):
        if step.outcome is Outcome.ENDED:
            step.decided = True
            return
    step = root
    while (part := _settler(step)) is not None:
        step = part
    step.decided = step is not root or not step.below


def _settler(step: Step) -> Step | None:
    """The operand that alone settled a step, if one did."""
    settled = [part for part in step.below if part.outcome is not Outcome.SKIPPED]
    match step.node:
        case q.Not():
            return settled[0]
        case q.When():
            return settled[-1]
        case q.Or():
            end = Outcome.TRUE
        case _:
            end = Outcome.FALSE
    found = [part for part in settled if part.outcome is end]
    if found:
        return found[0]
    return settled[0] if len(settled) == 1 else None


def every(root: Step) -> Iterator[Step]:
    """All steps, in the order in which they are written."""
    work = [root]
    while work:
        step = work.pop()
        yield step
        work.extend(reversed(step.below))


def to_blame(root: Step) -> Iterator[Step]:
    """The primitives whose outcome made the filter's."""
    work = [root]
    while work:
        step = work.pop()
        if not step.below:
            yield step
            continue
        ended = [part for part in step.below if part.outcome is Outcome.ENDED]
        one = _settler(step)
        settled = [part for part in step.below if part.outcome is not Outcome.SKIPPED]
        work.extend(ended or reversed(settled if one is None else [one]))


# ---------------------------------------------------------------- the tree that is shown


def clause_tree(
    root: Step, text: str | None, facts: Facts, layers: tuple[Layer, ...], where: str
) -> Clause:
    """where: the target or link type, as messages name it."""
    done: list[Clause] = []
    work: list[tuple[Step, str, bool]] = [(root, "", False)]
    while work:
        step, role, ready = work.pop()
        if step.below and not ready:
            work.append((step, role, True))
            roles = _ROLES if isinstance(step.node, q.When) else ("",) * len(step.below)
            pairs = list(zip(step.below, roles, strict=True))
            work.extend((part, its_role, False) for part, its_role in reversed(pairs))
            continue
        below = tuple(done[len(done) - len(step.below) :])
        del done[len(done) - len(step.below) :]
        names = Names(facts, layers, step.leaf or q.Constant(True))
        readings, reads = ((), ()) if below else _readings(step, names)
        span: Span | None = getattr(step.node, "span", None)
        done.append(
            Clause(
                _WORDS.get(type(step.node), "and") if below else step_text(step, text),
                step.outcome, readings, reads, _note(step, where), step.decided, role, span, below,
            )
        )  # fmt: skip
    return done[0]


_ROLES: Final = ("if", "then", "else")
_WORDS: Final[dict[type, str]] = {q.And: "and", q.Or: "or", q.Not: "not", q.When: "when"}


def _note(step: Step, where: str) -> str:
    if step.outcome is Outcome.SKIPPED:
        return "not evaluated"
    if step.below or step.fixed is None or isinstance(step.node, q.Constant):
        return ""
    return f"always on {where}" if step.fixed else f"never on {where}"


def _readings(step: Step, names: Names) -> tuple[tuple[Reading, ...], tuple[Reading, ...]]:
    """What settled a primitive's outcome, and all that it read."""
    reads = names.each(step.decision.seen)
    if step.decision.stopped is None:
        return names.readings(step.decision.because), reads
    end = names.stopped(step.decision.stopped)
    return (end,), (*reads, end)


def step_text(step: Step, text: str | None) -> str:
    if step.leaf is None:
        return "an 802.11 frame in the PPI record"
    return clause_text(step.leaf, text)


def clause_text(leaf: q.Leaf, text: str | None) -> str:
    """The primitive as it was written; a word that inherits its qualifiers, with them."""
    if text is None:
        return to_python(leaf)
    span = leaf.span or Span(0, 0)
    written = " ".join(text[span.start : span.end].split())
    if isinstance(leaf, q.Constant) and not written:
        return phrase(leaf)
    if " " in written:
        return written
    try:
        full = to_pcap(map_unders(leaf, lambda under: ()))
    except FilterError:
        return written
    return full if " " in full else written
