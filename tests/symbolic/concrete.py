"""Words and propositions on one concrete packet, read off their definitions alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import assert_never

from bpfq.operators import Operator
from bpfq.symbolic import propositions as p
from bpfq.symbolic import words as w


@dataclass
class Concrete:
    """captured: the bytes from byte 0; network_header: those from the network header to byte 0.

    fill: the bytes past the captured ones, by address from byte 0.  draws: every random word.  held: keys by set.
    """

    captured: bytes
    length: int
    metadata: Mapping[str, int] = field(default_factory=dict)
    network_header: bytes = b""
    fill: Callable[[int], int] = lambda address: 0
    draws: int = 0
    held: Mapping[str, tuple[bytes, ...]] = field(default_factory=dict)
    _values: dict[w.Word, int] = field(default_factory=dict)
    _outcomes: dict[p.Proposition, p.Outcome] = field(default_factory=dict)

    def value(self, word: w.Word) -> int:
        """The number; it must be within the bounds of all words that it is chosen for."""
        chosen = word
        passed = [word]
        while isinstance(chosen, w.Either) and chosen not in self._values:
            holds = self.outcome(chosen.condition) is p.TRUE
            chosen = chosen.then if holds else chosen.otherwise
            passed.append(chosen)
        value = self._values[chosen] if chosen in self._values else self._value(chosen)
        for each in passed:
            assert 0 <= value <= each.most
            self._values[each] = value
        return value

    def _value(self, word: w.Word) -> int:
        match word:
            case w.Number(value):
                return value
            case w.Length():
                return self.length
            case w.Metadata(name):
                return self.metadata.get(name, 0)
            case w.Draw():
                return self.draws
            case w.Bytes(base, index, offset, size):
                first = offset + (0 if index is None else self.value(index))
                value = 0
                for address in range(first, first + size):
                    value = value << 8 | self._octet(base, address)
                return value
            case w.Held(members, key, size):
                return self._is_held(members, key, size)
            case w.Operation(operator, left, right):
                return _calculated(operator, self.value(left), self.value(right))
            case w.Either():
                return self.value(word)
            case _:
                assert_never(word)

    def _is_held(self, members: str, key: tuple[w.Word, ...], size: int) -> int:
        sizes = [min(w.KEY_WORD, size - at) for at in range(0, size, w.KEY_WORD)]
        octets = b"".join(self.value(one).to_bytes(n, "big") for one, n in zip(key, sizes))
        return int(octets in self.held.get(members, ()))

    def _octets(self, base: str) -> bytes:
        return self.captured if base == w.START else self.network_header + self.captured

    def _octet(self, base: str, address: int) -> int:
        octets = self._octets(base)
        if address < len(octets):
            return octets[address]
        return self.fill(address - len(octets) + len(self.captured))

    def holds(self, condition: p.Condition) -> bool:
        match condition:
            case p.Member(word, bounds):
                value = self.value(word)
                pairs = zip(bounds[::2], bounds[1::2], strict=True)
                return any(first <= value < end for first, end in pairs)
            case p.Order(left, right, outcomes):
                one, other = self.value(left), self.value(right)
                return (one > other) - (one < other) in outcomes
            case p.Reaches(base, index, end):
                needed = end + (0 if index is None else self.value(index))
                return needed <= len(self._octets(base))
            case _:
                assert_never(condition)

    def outcome(self, proposition: p.Proposition) -> p.Outcome:
        """Operands in order, none that is not needed; only conditions nest in Python's stack."""
        passed = []
        current = proposition
        while current not in self._outcomes and not isinstance(current, p.Outcome):
            passed.append(current)
            following = self._following(current)
            if isinstance(following, p.Outcome):
                break
            current = following
        else:
            following = current if isinstance(current, p.Outcome) else self._outcomes[current]
        for each in passed:
            self._outcomes[each] = following
        return following

    def _following(self, proposition: p.Proposition) -> p.Proposition:
        """What a proposition comes to, or another that comes to the same."""
        match proposition:
            case p.Outcome():
                return proposition
            case p.Decide(condition, then, otherwise):
                return then if self.holds(condition) else otherwise
            case p.Cases(condition, then, otherwise):
                outcome = self.outcome(condition)
                if outcome is p.FAULT:
                    return p.FAULT
                return then if outcome is p.TRUE else otherwise
            case p.Opposite(operand):
                opposites = {p.TRUE: p.FALSE, p.FALSE: p.TRUE, p.FAULT: p.FAULT}
                return opposites[self.outcome(operand)]
            case p.Accepts(operand):
                return p.TRUE if self.outcome(operand) is p.TRUE else p.FALSE
            case p.Every(operands):
                return self._first_but(p.TRUE, operands)
            case p.Some(operands):
                return self._first_but(p.FALSE, operands)
            case _:
                assert_never(proposition)

    def _first_but(self, usual: p.Outcome, operands: tuple[p.Proposition, ...]) -> p.Outcome:
        for operand in operands:
            outcome = self.outcome(operand)
            if outcome is not usual:
                return outcome
        return usual


def _calculated(operator: Operator, left: int, right: int) -> int:
    """Division by zero gives some value, here 0."""
    word = 2**32 - 1
    match operator:
        case Operator.ADD:
            return left + right & word
        case Operator.SUB:
            return left - right & word
        case Operator.MUL:
            return left * right & word
        case Operator.DIV:
            return left // right if right else 0
        case Operator.MOD:
            return left % right if right else 0
        case Operator.AND:
            return left & right
        case Operator.OR:
            return left | right
        case Operator.XOR:
            return left ^ right
        case Operator.LSH:
            return left << right & word if right < 32 else 0
        case Operator.RSH:
            return left >> right
        case _:
            assert_never(operator)
