"""The encoder of a query's meaning: its formula, in both readings.

The sequential reading has a fault at every load past the captured bytes; the total one only at a
division by zero.  The formula is what lowering makes of the query without sharing or optimising
anything, one atom after the other.
"""

from __future__ import annotations

from typing import assert_never

from bpfq.graph import formula as f
from bpfq.graph import terms as t
from bpfq.operators import Operator
from bpfq.record import field, record
from bpfq.symbolic.propositions import (
    FALSE,
    TRUE,
    Cases,
    Every,
    Opposite,
    Packet,
    Proposition,
    Some,
    every,
)
from bpfq.symbolic.words import KEY_WORD, NETWORK, START, Word
from bpfq.targets import SKF_NET_OFF
from bpfq.walk import bottom_up

SEQUENTIAL, TOTAL = "sequential", "total"


@record(frozen=False)
class TermEncoder:
    """Terms as words, and what must hold for them to be computed.

    bounded: a load past the captured bytes is a fault.
    """

    packet: Packet
    bounded: bool
    _words: dict[t.Term, Word] = field(default_factory=dict)
    _needs: dict[t.Term, Proposition] = field(default_factory=dict)

    def word(self, term: t.Term) -> Word:
        self._encode(term)
        return self._words[term]

    def needs(self, term: t.Term) -> Proposition:
        """TRUE, or FAULT where a load or a division of the term fails."""
        self._encode(term)
        return self._needs[term]

    def _encode(self, term: t.Term) -> None:
        for part in bottom_up((term,), t.operands, self._words):
            if isinstance(part, t.Load | t.Lookup) and isinstance(part.index, t.Constant):
                self._constant(part.index)
            self._words[part], self._needs[part] = self._one(part)

    def _constant(self, term: t.Constant) -> None:
        self._words[term], self._needs[term] = self.packet.words.number(term.value), TRUE

    def _one(self, term: t.Term) -> tuple[Word, Proposition]:
        """The word and the needs of a term whose operands are done."""
        make = self.packet.words
        match term:
            case t.Constant(value):
                return make.number(value), TRUE
            case t.Members():
                raise AssertionError("tests of sets are encoded whole")
            case t.WireLength():
                return make.length(), TRUE
            case t.Metadata(name):
                return make.metadata(name), TRUE
            case t.Draw(identity):
                return make.draw(identity), TRUE
            case t.Load(index, offset, size):
                return self._load(index, offset, size)
            case t.Lookup(members, index, offset, size):  # nobody knows what is in it
                loads = [
                    self._load(index, offset + at, min(KEY_WORD, size - at))
                    for at in range(0, size, KEY_WORD)
                ]
                _, needs = self._load(index, offset + size - 1, 1)
                return make.held(members.name, tuple(word for word, _ in loads), size), needs
            case t.Binary(operator, left, right):
                return self._binary(operator, left, right)
            case t.Choose():
                return self._choose(term)
            case _:
                assert_never(term)

    def _load(self, index: t.Term | None, offset: int, size: int) -> tuple[Word, Proposition]:
        base = START
        if offset >= SKF_NET_OFF:
            base, offset = NETWORK, offset - SKF_NET_OFF
        place = None if index is None else self._words[index]
        word = self.packet.words.bytes(base, place, offset, size)
        needs = TRUE if index is None else self._needs[index]
        if self.bounded:
            needs = every(needs, self.packet.captured(base, place, offset + size))
        return word, needs

    def _binary(self, operator: Operator, left: t.Term, right: t.Term) -> tuple[Word, Proposition]:
        divisor = self._words[right]
        word = self.packet.words.operation(operator, self._words[left], divisor)
        needs = every(self._needs[left], self._needs[right])
        if operator in (Operator.DIV, Operator.MOD):
            needs = every(needs, self.packet.nonzero(divisor))
        return word, needs

    def _choose(self, term: t.Choose) -> tuple[Word, Proposition]:
        left, right = self._words[term.left], self._words[term.right]
        condition = self.packet.compare(left, term.relation, right)
        then, otherwise = self._words[term.then], self._words[term.otherwise]
        if condition is TRUE or condition is FALSE:
            word = then if condition is TRUE else otherwise
        else:
            word = self.packet.words.either(condition, then, otherwise)
        arms = self.packet.choose(condition, self._needs[term.then], self._needs[term.otherwise])
        return word, every(self._needs[term.left], self._needs[term.right], arms)


def encode(formula: f.Formula, packet: Packet, reading: str) -> Proposition:
    """What the formula says of the packet in one reading; no recursion."""
    terms = TermEncoder(packet, bounded=reading == SEQUENTIAL)
    made: dict[f.Formula, Proposition] = {}
    for part in bottom_up((formula,), f.operands):
        made[part] = _one(part, made, terms)
    return made[formula]


def _one(formula: f.Formula, made: dict[f.Formula, Proposition], terms: TermEncoder) -> Proposition:
    match formula:
        case f.Atom(term, relation, operand):
            test = terms.packet.compare(terms.word(term), relation, terms.word(operand))
            return every(terms.needs(term), terms.needs(operand), test)
        case f.Within(term, bounds):
            return every(terms.needs(term), terms.packet.member(terms.word(term), bounds))
        case f.Switch(term, cases):
            word = terms.word(term)
            arms = (Every((terms.packet.member(word, b), made[part])) for b, part in cases)
            return every(terms.needs(term), Some(tuple(arms)))
        case f.Fixed(value):
            return TRUE if value else FALSE
        case f.Negation(operand):
            return Opposite(made[operand])
        case f.All(parts):
            return Every(tuple(made[part] for part in parts))
        case f.Any(parts):
            return Some(tuple(made[part] for part in parts))
        case f.Cases(condition, then, otherwise):
            return Cases(made[condition], made[then], made[otherwise])
        case _:
            assert_never(formula)
