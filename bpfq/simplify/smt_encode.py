"""Words, conditions and propositions as z3 expressions.

A packet is two functions from an address to a byte (one from byte 0, one from the network header
where that lies before byte 0), how many bytes were captured, the length on the wire, and one
32-bit constant for each metadata word and random draw.
"""

from __future__ import annotations

from typing import Any, TypeAlias, assert_never

from bpfq.intervals import Bounds
from bpfq.operators import WORD_BITS, WORD_MASK, Operator
from bpfq.record import field, record
from bpfq.symbolic import propositions as p
from bpfq.symbolic import words as w

Bool: TypeAlias = Any  # z3.BoolRef
Bits: TypeAlias = Any  # z3.BitVecRef
Item: TypeAlias = w.Word | p.Condition | p.Proposition

ADDRESS_BITS = 34  # index + offset, two 32-bit numbers, and the bytes of the load
NETWORK_HEADER = 20  # bytes of the shortest one, IPv4's, which is whole where it is before byte 0
_FLAT_RANGES = 16  # a set of more ranges becomes a search tree


@record
class Outcomes:
    """Where a proposition is TRUE and where it is FALSE; it is a fault elsewhere.

    total: it never is a fault.
    """

    holds: Bool
    fails: Bool
    total: bool


@record(frozen=False)
class Encoder:
    """Expressions of one packet; every object is encoded once, without recursion.

    facts: what is true of every packet.  addresses: what was read, for samples: base, address.
    """

    z3: Any
    wire_is_captured: bool
    facts: list[Bool] = field(default_factory=list)
    addresses: list[tuple[str, Bits]] = field(default_factory=list)
    metadata: dict[str, Bits] = field(default_factory=dict)
    draws: dict[int, Bits] = field(default_factory=dict)
    bases: dict[str, tuple[Any, Bits]] = field(default_factory=dict)
    held: dict[w.Held, Bits] = field(default_factory=dict)
    wire: Bits = None
    _bytes: dict[tuple[str, int], Bits] = field(default_factory=dict)
    _bits: dict[w.Word, Bits] = field(default_factory=dict)
    _conditions: dict[p.Condition, Bool] = field(default_factory=dict)
    _propositions: dict[p.Proposition, Outcomes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        z3 = self.z3
        captured = self.captured(w.START)
        self.facts.append(z3.ULE(captured, p.MOST_CAPTURED))
        self.wire = captured if self.wire_is_captured else z3.BitVec("wire", ADDRESS_BITS)
        if not self.wire_is_captured:
            self.facts += [z3.ULE(captured, self.wire), z3.ULE(self.wire, WORD_MASK)]

    def captured(self, base: str) -> Bits:
        """How many bytes from the base were captured."""
        return self._base(base)[1]

    def _base(self, base: str) -> tuple[Any, Bits]:
        """The bytes from a base as a function, and how many of them were captured."""
        if base not in self.bases:
            z3 = self.z3
            octets = z3.Function(f"{base} byte", _sort(z3, ADDRESS_BITS), _sort(z3, 8))
            captured = z3.BitVec(f"{base} captured", ADDRESS_BITS)
            self.bases[base] = octets, captured
            if base == w.NETWORK:  # the same packet from further ahead
                before = self.captured(w.START) + NETWORK_HEADER
                self.facts.append(z3.ULE(before, captured))
                self.facts.append(z3.ULE(captured, 2 * p.MOST_CAPTURED))
        return self.bases[base]

    # ------------------------------------------------------------ in order of need

    def word(self, word: w.Word) -> Bits:
        self._encode(word)
        return self._bits[word]

    def condition(self, condition: p.Condition) -> Bool:
        self._encode(condition)
        return self._conditions[condition]

    def outcomes(self, proposition: p.Proposition) -> Outcomes:
        self._encode(proposition)
        return self._propositions[proposition]

    def _encode(self, item: Item) -> None:
        work: list[Item] = [item]
        while work:
            current = work[-1]
            if self._is_done(current):
                work.pop()
                continue
            waiting = [part for part in _parts(current) if not self._is_done(part)]
            if waiting:
                work += reversed(waiting)
                continue
            work.pop()
            match current:
                case p.Member() | p.Order() | p.Reaches():
                    self._conditions[current] = self._condition(current)
                case (
                    w.Number() | w.Length() | w.Metadata() | w.Draw() | w.Bytes()
                    | w.Held() | w.Operation() | w.Either()
                ):  # fmt: skip
                    self._bits[current] = self._word(current)
                case _:
                    self._propositions[current] = self._proposition(current)

    def _is_done(self, item: Item) -> bool:
        return item in self._bits or item in self._conditions or item in self._propositions

    # ------------------------------------------------------------ words

    def _word(self, word: w.Word) -> Bits:
        z3 = self.z3
        match word:
            case w.Number(value):
                return z3.BitVecVal(value, WORD_BITS)
            case w.Length():
                return z3.Extract(WORD_BITS - 1, 0, self.wire)
            case w.Metadata(name):
                self.metadata[name] = self._bounded(f"metadata {name}", word.most)
                return self.metadata[name]
            case w.Draw(identity):
                self.draws[identity] = self._bounded(f"draw {identity}", word.most)
                return self.draws[identity]
            case w.Bytes():
                return self._load(word)
            case w.Held():
                self.held[word] = self._is_held(word)
                return self.held[word]
            case w.Operation(operator, left, right):
                return operation(z3, operator, self._bits[left], self._bits[right])
            case w.Either(condition, then, otherwise):
                holds = self._propositions[condition].holds
                return z3.If(holds, self._bits[then], self._bits[otherwise])
            case _:
                assert_never(word)

    def _is_held(self, word: w.Held) -> Bits:
        """A function of the key, the same for every key of its size."""
        z3 = self.z3
        name = f"{word.members} has {word.size}"
        sorts = [_sort(z3, WORD_BITS)] * len(word.key)
        found = z3.Function(name, *sorts, z3.BoolSort())(*map(self._bits.__getitem__, word.key))
        return z3.If(found, z3.BitVecVal(1, WORD_BITS), z3.BitVecVal(0, WORD_BITS))

    def _bounded(self, name: str, most: int) -> Bits:
        constant = self.z3.BitVec(name, WORD_BITS)
        if most < WORD_MASK:
            self.facts.append(self.z3.ULE(constant, most))
        return constant

    def _load(self, word: w.Bytes) -> Bits:
        octets = [self._octet(word, place) for place in range(word.size)]
        joined = octets[0] if word.size == 1 else self.z3.Concat(*octets)
        missing = WORD_BITS - 8 * word.size
        return self.z3.ZeroExt(missing, joined) if missing else joined

    def _octet(self, word: w.Bytes, place: int) -> Bits:
        octets, _ = self._base(word.base)
        if word.index is not None:
            address = self._address(word.index, word.offset + place)
            self.addresses.append((word.base, address))
            return octets(address)
        key = (word.base, word.offset + place)
        if key not in self._bytes:
            address = self.z3.BitVecVal(key[1], ADDRESS_BITS)
            self.addresses.append((word.base, address))
            self._bytes[key] = octets(address)
        return self._bytes[key]

    def _address(self, index: w.Word, offset: int) -> Bits:
        wide = self.z3.ZeroExt(ADDRESS_BITS - WORD_BITS, self._bits[index])
        return wide + self.z3.BitVecVal(offset, ADDRESS_BITS) if offset else wide

    # ------------------------------------------------------------ conditions

    def _condition(self, condition: p.Condition) -> Bool:
        match condition:
            case p.Member(word, bounds):
                return member(self.z3, self._bits[word], bounds)
            case p.Order(left, right, outcomes):
                return order(self.z3, self._bits[left], self._bits[right], outcomes)
            case p.Reaches(base, index, end):
                captured = self.captured(base)
                if end > 2 * p.MOST_CAPTURED:
                    return self.z3.BoolVal(False)
                if index is None:
                    return self.z3.UGE(captured, end)
                return self.z3.UGE(captured, self._address(index, end))
            case _:
                assert_never(condition)

    # ------------------------------------------------------------ propositions

    def _proposition(self, proposition: p.Proposition) -> Outcomes:
        done, z3 = self._propositions, self.z3
        match proposition:
            case p.Outcome():
                holds, fails = proposition is p.TRUE, proposition is p.FALSE
                return Outcomes(z3.BoolVal(holds), z3.BoolVal(fails), holds or fails)
            case p.Decide(condition, then, otherwise):
                return self._decision(self._conditions[condition], done[then], done[otherwise])
            case p.Opposite(operand):
                inner = done[operand]
                return Outcomes(inner.fails, inner.holds, inner.total)
            case p.Every(operands):
                return self._every([done[one] for one in operands])
            case p.Some(operands):
                mirrored = [done[one] for one in operands]
                opposite = self._every([Outcomes(m.fails, m.holds, m.total) for m in mirrored])
                return Outcomes(opposite.fails, opposite.holds, opposite.total)
            case p.Accepts(operand):
                holds = done[operand].holds
                return Outcomes(holds, z3.Not(holds), True)
            case p.Cases(condition, then, otherwise):
                return self._cases(done[condition], done[then], done[otherwise])
            case _:
                assert_never(proposition)

    def _decision(self, test: Bool, then: Outcomes, otherwise: Outcomes) -> Outcomes:
        z3, total = self.z3, then.total and otherwise.total
        holds = _choice(z3, test, then.holds, otherwise.holds)
        fails = z3.Not(holds) if total else _choice(z3, test, then.fails, otherwise.fails)
        return Outcomes(holds, fails, total)

    def _cases(self, condition: Outcomes, then: Outcomes, otherwise: Outcomes) -> Outcomes:
        if condition.total:
            return self._decision(condition.holds, then, otherwise)
        z3 = self.z3
        holds = z3.Or(z3.And(condition.holds, then.holds), z3.And(condition.fails, otherwise.holds))
        fails = z3.Or(z3.And(condition.holds, then.fails), z3.And(condition.fails, otherwise.fails))
        return Outcomes(holds, fails, False)

    def _every(self, operands: list[Outcomes]) -> Outcomes:
        """Fails at the first operand that fails, if all before it hold."""
        z3 = self.z3
        holds = z3.And(*(one.holds for one in operands))
        if all(one.total for one in operands):
            return Outcomes(holds, z3.Not(holds), True)
        fails: list[Bool] = []
        for one in reversed(operands):
            if one.total:
                fails.append(one.fails)
            else:
                later = [z3.And(one.holds, z3.Or(*fails))] if fails else []
                fails = [one.fails, *later]
        return Outcomes(holds, z3.Or(*fails), False)


def _sort(z3: Any, bits: int) -> Any:
    return z3.BitVecSort(bits)


def _parts(item: Item) -> tuple[Item, ...]:
    """What an item is made of."""
    match item:
        case p.Member() | p.Order() | p.Reaches():
            return p.words_of(item)
        case w.Either(condition=condition):
            return (condition, *w.operands(item))
        case p.Decide(condition=condition):
            return (condition, *p.operands(item))
        case p.Opposite() | p.Every() | p.Some() | p.Cases() | p.Accepts() | p.Outcome():
            return p.operands(item)
        case _:
            return w.operands(item)


def _choice(z3: Any, test: Bool, then: Bool, otherwise: Bool) -> Bool:
    """then where the test holds, else otherwise, without an if where one side is fixed."""
    if z3.is_true(then):
        return test if z3.is_false(otherwise) else z3.Or(test, otherwise)
    if z3.is_false(then):
        return z3.Not(test) if z3.is_true(otherwise) else z3.And(z3.Not(test), otherwise)
    if z3.is_false(otherwise):
        return z3.And(test, then)
    if z3.is_true(otherwise):
        return z3.Or(z3.Not(test), then)
    return z3.If(test, then, otherwise)


def operation(z3: Any, operator: Operator, left: Bits, right: Bits) -> Bits:
    """left operator right; shifts of 32 and more give 0, as z3's do."""
    match operator:
        case Operator.ADD:
            return left + right
        case Operator.SUB:
            return left - right
        case Operator.MUL:
            return left * right
        case Operator.DIV:
            return z3.UDiv(left, right)
        case Operator.MOD:
            return z3.URem(left, right)
        case Operator.AND:
            return left & right
        case Operator.OR:
            return left | right
        case Operator.XOR:
            return left ^ right
        case Operator.LSH:
            return left << right
        case Operator.RSH:
            return z3.LShR(left, right)


def member(z3: Any, word: Bits, bounds: Bounds) -> Bool:
    """The word is in the set; many ranges are halved at each step."""
    pairs = list(zip(bounds[::2], bounds[1::2], strict=True))
    if len(pairs) <= _FLAT_RANGES:
        parts = [_within(z3, word, first, end) for first, end in pairs]
        return parts[0] if len(parts) == 1 else z3.Or(*parts)
    middle = len(pairs) // 2
    below = member(z3, word, bounds[: 2 * middle])
    above = member(z3, word, bounds[2 * middle :])
    return z3.If(z3.ULT(word, pairs[middle][0]), below, above)


def _within(z3: Any, word: Bits, first: int, end: int) -> Bool:
    if end == first + 1:
        return word == first
    parts = []
    if first > 0:
        parts.append(z3.UGE(word, first))
    if end <= WORD_MASK:
        parts.append(z3.ULT(word, end))
    return z3.And(*parts) if len(parts) != 1 else parts[0]


def order(z3: Any, left: Bits, right: Bits, outcomes: frozenset[int]) -> Bool:
    """How two words compare, unsigned, is one of the outcomes -1, 0, 1."""
    match tuple(sorted(outcomes)):
        case ():
            return z3.BoolVal(False)
        case (-1,):
            return z3.ULT(left, right)
        case (0,):
            return left == right
        case (1,):
            return z3.UGT(left, right)
        case (-1, 0):
            return z3.ULE(left, right)
        case (-1, 1):
            return left != right
        case (0, 1):
            return z3.UGE(left, right)
        case _:
            return z3.BoolVal(True)
