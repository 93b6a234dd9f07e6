"""A filter whose faults are only loads past the captured bytes.

    ether[0] / ether[1] = 3    FAULT where byte 1 was not captured, FALSE where it is 0

Both end the filter in the sequential reading, but only the first leaves it open what the filter
says of the whole packet.  The proposition is written again from its end, each part with what
follows where it holds and where it does not, so that a division by zero is FALSE as a whole.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeAlias, assert_never

from bpfq.symbolic.propositions import (
    FALSE,
    FAULT,
    TRUE,
    Accepts,
    Cases,
    Decide,
    Every,
    Opposite,
    Outcome,
    Packet,
    Proposition,
    Reaches,
    Some,
    operands,
)

_Key: TypeAlias = tuple[Proposition, Proposition, Proposition]  # a part, and what may follow it
_Steps: TypeAlias = Generator[_Key, Proposition, Proposition]


def decided(proposition: Proposition, packet: Packet) -> Proposition:
    """TRUE and FALSE as before, FALSE after a division by zero, FAULT where a load was short."""
    if not _divides(proposition):
        return proposition
    made: dict[_Key, Proposition] = {}
    start: _Key = (proposition, TRUE, FALSE)
    work = [(start, _written(*start, packet))]
    result: Proposition | None = None
    while work:
        key, steps = work[-1]
        try:
            wanted = next(steps) if result is None else steps.send(result)
        except StopIteration as done:
            result = made[key] = done.value
            work.pop()
            continue
        result = made.get(wanted)
        if result is None:
            work.append((wanted, _written(*wanted, packet)))
    return made[start]


def _divides(proposition: Proposition) -> bool:
    """Some fault is not that of a load."""
    work, seen = [proposition], {proposition}
    while work:
        part = work.pop()
        if part is FAULT:
            return True
        inner = operands(part)
        if isinstance(part, Decide) and isinstance(part.condition, Reaches):
            inner = tuple(one for one in inner if one is not FAULT)
        work += (one for one in inner if one not in seen)
        seen.update(inner)
    return False


def _written(part: Proposition, yes: Proposition, no: Proposition, packet: Packet) -> _Steps:
    """The part, followed by ``yes`` where it holds and by ``no`` where not; asks for its parts."""
    match part:
        case Outcome():
            return yes if part is TRUE else no if part is FALSE else FALSE
        case Opposite(operand):
            return (yield operand, no, yes)
        case Every(parts):
            rest = yes
            for one in reversed(parts):
                rest = yield one, rest, no
            return rest
        case Some(parts):
            rest = no
            for one in reversed(parts):
                rest = yield one, yes, rest
            return rest
        case Decide(condition, then, otherwise):
            first = yield then, yes, no
            if isinstance(condition, Reaches) and otherwise is FAULT:
                return packet.decide(condition, first, FAULT)
            return packet.decide(condition, first, (yield otherwise, yes, no))
        case Cases(condition, then, otherwise):
            first = yield then, yes, no
            second = yield otherwise, yes, no
            return (yield condition, first, second)
        case Accepts(operand):
            raise AssertionError(f"a verdict inside of a filter: {operand}")
        case _:
            assert_never(part)
