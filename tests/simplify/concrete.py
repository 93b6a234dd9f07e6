"""What words, conditions and propositions are on one concrete packet, written to be read."""

from __future__ import annotations

from bpfq.operators import DivisionByZero, calculate
from bpfq.simplify.smt import Sample
from bpfq.symbolic import propositions as p
from bpfq.symbolic import words as w
from bpfq.intervals import contains


def byte(base: str, at: int, packet: Sample) -> int:
    octets = packet.octets if base == w.START else packet.network_header
    if at < len(octets):
        return octets[at]
    return packet.beyond.get(at, 0) if base == w.START else 0


def word(item: w.Word, packet: Sample) -> int:
    match item:
        case w.Number(value):
            return value
        case w.Length():
            return packet.wire_length
        case w.Metadata(name):
            return packet.metadata.get(name, 0)
        case w.Draw(identity):
            return packet.draws.get(identity, 0)
        case w.Bytes(base, index, offset, size):
            first = offset + (0 if index is None else word(index, packet))
            return int.from_bytes(bytes(byte(base, first + n, packet) for n in range(size)), "big")
        case w.Operation(operator, left, right):
            try:
                return calculate(operator, word(left, packet), word(right, packet))
            except DivisionByZero:
                return 0xFFFF_FFFF if operator.value == "/" else word(left, packet)  # as z3 has it
        case w.Either(condition, then, otherwise):
            return word(then if outcome(condition, packet) is p.TRUE else otherwise, packet)


def condition(item: p.Condition, packet: Sample) -> bool:
    match item:
        case p.Member(one, bounds):
            return contains(bounds, word(one, packet))
        case p.Order(left, right, outcomes):
            this, that = word(left, packet), word(right, packet)
            return (this > that) - (this < that) in outcomes
        case p.Reaches(_, index, end):
            first = 0 if index is None else word(index, packet)
            return first + end <= len(packet.octets)


def outcome(item: p.Proposition, packet: Sample) -> p.Outcome:
    match item:
        case p.Outcome():
            return item
        case p.Decide(test, then, otherwise):
            return outcome(then if condition(test, packet) else otherwise, packet)
        case p.Opposite(operand):
            inner = outcome(operand, packet)
            return {p.TRUE: p.FALSE, p.FALSE: p.TRUE, p.FAULT: p.FAULT}[inner]
        case p.Every(operands):
            return next(
                (o for one in operands if (o := outcome(one, packet)) is not p.TRUE), p.TRUE
            )
        case p.Some(operands):
            return next(
                (o for one in operands if (o := outcome(one, packet)) is not p.FALSE), p.FALSE
            )
        case p.Accepts(operand):
            return p.TRUE if outcome(operand, packet) is p.TRUE else p.FALSE
        case p.Cases(test, then, otherwise):
            first = outcome(test, packet)
            if first is p.FAULT:
                return first
            return outcome(then if first is p.TRUE else otherwise, packet)
